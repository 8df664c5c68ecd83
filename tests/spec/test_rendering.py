"""How problems are shown: to people, to editors, to GitHub, to code scanning."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any

import pytest

from orchestrator.spec import codes
from orchestrator.spec.problems import Problem
from orchestrator.spec.render import FORMATS, as_text, render

TYPO = Problem(
    "error",
    "unknown-key",
    "unknown key `timout` in job `handbook`",
    ("jobs", "handbook", "timout"),
    9,
    5,
    9,
    11,
    "did you mean `timeout`?",
    "jobs.yaml",
    "    timout: 90",
)
WARNING = TYPO._replace(severity="warning", code="duplicate-need", hint="", line=12, end_line=12)
Problems = Callable[..., tuple[Any, tuple[Problem, ...]]]


def test_text_shows_the_line_and_a_caret_span() -> None:
    assert as_text([TYPO]) == (
        "error[unknown-key]: unknown key `timout` in job `handbook`\n"
        "  --> jobs.yaml:9:5\n"
        "   |\n"
        " 9 |     timout: 90\n"
        "   |     ^^^^^^ did you mean `timeout`?"
    )


def test_the_gutter_grows_with_the_line_number() -> None:
    assert as_text([WARNING]).splitlines()[1:4] == ["   --> jobs.yaml:12:5", "    |", " 12 |     timout: 90"]


def test_carets_stand_below_wide_characters_and_tabs() -> None:
    wide = TYPO._replace(snippet="名前: 5", column=5, end_column=6)
    assert as_text([wide]).splitlines()[-1].startswith("   |       ^ did")
    tab = TYPO._replace(snippet="\ta: 5", column=5, end_column=6)
    assert as_text([tab]).splitlines()[3:] == [" 9 |  a: 5", "   |     ^ did you mean `timeout`?"]


def test_a_span_over_several_lines_is_marked_to_the_end_of_its_first() -> None:
    block = TYPO._replace(snippet="    text: |", column=11, end_line=14, end_column=3)
    assert as_text([block]).splitlines()[-1] == "   |           ^ did you mean `timeout`?"


def test_text_has_colours_only_if_asked() -> None:
    assert "\x1b" not in as_text([TYPO])
    coloured = as_text([TYPO], colour=True)
    assert re.sub(r"\x1b\[[0-9;]*m", "", coloured) == as_text([TYPO])


@pytest.mark.parametrize("style", FORMATS)
def test_no_control_character_of_the_file_reaches_the_reader(style: str, bake: Problems) -> None:
    problems = bake("version: 1\n\"na\\u001b[31mme\": 'x'\njobs: {}\n")[1]
    assert problems
    assert "\x1b" not in render(problems, style)


def test_concise_is_one_line_a_problem() -> None:
    assert render([TYPO, WARNING], "concise").splitlines() == [
        "jobs.yaml:9:5: error[unknown-key] unknown key `timout` in job `handbook` (did you mean `timeout`?)",
        "jobs.yaml:12:5: warning[duplicate-need] unknown key `timout` in job `handbook`",
    ]


def test_json_has_every_field_and_a_version() -> None:
    document = json.loads(render([TYPO, WARNING], "json"))
    assert (document["format_version"], document["errors"], document["warnings"]) == (1, 1, 1)
    assert document["problems"][0] == {
        "severity": "error",
        "code": "unknown-key",
        "message": "unknown key `timout` in job `handbook`",
        "path": "jobs.handbook.timout",
        "line": 9,
        "column": 5,
        "end_line": 9,
        "end_column": 11,
        "hint": "did you mean `timeout`?",
        "file": "jobs.yaml",
        "snippet": "    timout: 90",
    }


def test_github_annotations_are_escaped() -> None:
    odd = TYPO._replace(message="50% of\r\nit: a, b", file="a,b:c%.yaml", hint="")
    assert render([odd], "github") == (
        "::error title=unknown-key,file=a%2Cb%3Ac%25.yaml,line=9,col=5,endLine=9,endColumn=11::50%25 of%0D%0Ait: a, b"
    )


def test_github_gets_ten_of_each_errors_first_and_the_rest_in_the_log() -> None:
    problems = [WARNING] * 12 + [TYPO._replace(message=f"::error::{n}") for n in range(13)]
    lines = render(problems, "github").splitlines()
    annotations = [line for line in lines if line.startswith("::")]
    assert [line.split()[0] for line in annotations] == ["::error"] * 10 + ["::warning"] * 10
    assert lines[20].startswith("3 more errors and 2 more warnings")
    assert len(lines) == 21 + 25


def test_sarif_has_what_its_schema_requires() -> None:
    document = json.loads(render([TYPO, WARNING, WARNING], "sarif"))
    assert document["version"] == "2.1.0"
    assert document["$schema"].endswith("sarif-2.1.0.json")
    (run,) = document["runs"]
    driver = run["tool"]["driver"]
    assert driver["name"] == "orchestrate"
    assert [rule["id"] for rule in driver["rules"]] == ["duplicate-need", "unknown-key"]
    assert all(rule["shortDescription"]["text"] for rule in driver["rules"])
    for result in run["results"]:
        assert driver["rules"][result["ruleIndex"]]["id"] == result["ruleId"]
        assert result["level"] in {"error", "warning", "note", "none"}
        assert result["message"]["text"]
        place = result["locations"][0]["physicalLocation"]
        assert place["artifactLocation"]["uri"] == "jobs.yaml"
        assert place["region"]["startLine"] >= 1
    prints = [result["partialFingerprints"]["problem/v1"] for result in run["results"]]
    assert len(set(prints)) == 3


def test_sarif_addresses_are_relative_uris() -> None:
    document = json.loads(render([TYPO._replace(file="./a b/jobs.yaml")], "sarif"))
    (result,) = document["runs"][0]["results"]
    assert result["locations"][0]["physicalLocation"]["artifactLocation"]["uri"] == "a%20b/jobs.yaml"


@pytest.mark.parametrize("style", FORMATS)
def test_no_problems_is_a_complete_document(style: str) -> None:
    text = render([], style)
    assert (json.loads(text) if style in {"json", "sarif"} else {"": text}) != {}


def test_every_code_is_explained() -> None:
    for code, known in codes.CODES.items():
        assert re.fullmatch(r"[a-z][a-z0-9]*(-[a-z0-9]+)*", code)
        assert known.title
        assert len(known.text) > 10, code
        assert not known.wrong or known.right

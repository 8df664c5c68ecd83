"""SARIF output, against a strict schema of the part of SARIF 2.1.0 that is written here, for many broken files."""

from __future__ import annotations

import json
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any, Final

import pytest

HERE: Final = Path(__file__).parent
SCHEMA: Final = json.loads((HERE / "sarif.schema.json").read_text(encoding="utf-8"))
BROKEN: Final = [block.partition("\n")[2] for block in (HERE / "other_tools.txt").read_text(encoding="utf-8").split("=== ")[1:]]
jsonschema: Any = import_module("jsonschema")  # It has no type stubs.


def mistakes(document: Any) -> list[str]:
    return [error.message for error in jsonschema.Draft7Validator(SCHEMA).iter_errors(document)]


@pytest.fixture
def log(verb: Callable[..., Any], tmp_path: Path) -> Any:
    """Return what `validate` writes for a folder of broken files, one of them with a name that a URI can't hold."""
    for number, block in enumerate(BROKEN):
        text = "".join(f"{line}\n" for line in block.splitlines() if not line.startswith("!!! "))
        folder = tmp_path / "with a space & ümlaut"
        folder.mkdir(exist_ok=True)
        (folder / f"{number}.jobs.yaml").write_text(text, encoding="utf-8")
    done = verb("validate", "--format", "sarif", ".", cwd=tmp_path)
    assert done.code == 1, done.stderr
    return done.json()


def test_the_log_of_many_broken_files_follows_the_schema(log: Any) -> None:
    assert mistakes(log) == []
    (run,) = log["runs"]
    rules = [rule["id"] for rule in run["tool"]["driver"]["rules"]]
    assert len(run["results"]) > 100
    assert len(rules) > 15
    for result in run["results"]:
        assert rules[result["ruleIndex"]] == result["ruleId"]
        region = result["locations"][0]["physicalLocation"]["region"]
        assert (region["startLine"], region["startColumn"]) < (region["endLine"], region["endColumn"])
    prints = [result["partialFingerprints"]["problem/v1"] for result in run["results"]]
    assert len(set(prints)) == len(prints)


def test_a_log_without_problems_follows_it_too(verb: Callable[..., Any], project: Callable[..., Path]) -> None:
    spec = "version: 1\njobs: {boards: {kind: scrape, companies: [{board: lever, token: initech}]}}\n"
    done = verb("validate", "--format", "sarif", cwd=project(spec))
    assert (done.code, mistakes(done.json())) == (0, [])


@pytest.mark.parametrize("place", ["runs", "version", "runs/0/tool", "runs/0/results/0/message", "runs/0/results/0/locations"])
def test_the_schema_misses_what_is_left_out(log: Any, place: str) -> None:
    *way, last = place.split("/")
    holder = log
    for part in way:
        holder = holder[int(part) if part.isdecimal() else part]
    del holder[last]
    assert mistakes(log)


def test_the_schema_is_strict() -> None:
    jsonschema.Draft7Validator.check_schema(SCHEMA)
    objects = [part for part in walk(SCHEMA) if part.get("type") == "object"]
    assert len(objects) > 8
    assert all("additionalProperties" in each for each in objects)


def walk(value: Any) -> list[dict[str, Any]]:
    if isinstance(value, dict):
        return [value, *(part for inner in value.values() for part in walk(inner))]
    return [part for inner in value for part in walk(inner)] if isinstance(value, list) else []

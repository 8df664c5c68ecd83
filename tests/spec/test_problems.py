"""What is wrong with values: one problem for each mistake, at the key or value that has to change."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from orchestrator.spec.load import check_spec

Said = Callable[..., list[str]]


@pytest.mark.parametrize(
    ("line", "column", "code", "words", "hint"),
    [
        ("timout: 90", 5, "unknown-key", "unknown key `timout` in job `bread`", "did you mean `timeout`?"),
        ("oven: {heet: 90}", 12, "unknown-key", "unknown key `heet` in `oven` of job `bread`", "`heat`"),
        ("oven: {zzz: 90}", 12, "unknown-key", "unknown key `zzz`", "possible: heat, preheat, door"),
        ("timeout: 181", 14, "out-of-range", "can be at most 180, not the number 181", ""),
        ("timeout: 3m1s", 14, "out-of-range", "can be at most 180 s, not `3m1s`", ""),
        ("timeout: 0", 14, "out-of-range", "has to be more than 0", ""),
        ("timeout: 180.1s", 14, "out-of-range", "can be at most 180 s", ""),
        ("timeout: soon", 14, "not-a-duration", "`soon` is no duration", '"90s"'),
        ("oven: {humidity: 130%}", 22, "out-of-range", "can be at most 100%", ""),
        ("oven: {door: heavy}", 18, "not-a-size", "is no size", "20MB"),
        ("oven: {door: 0B}", 18, "out-of-range", "has to be more than 0 bytes", ""),
        ("attempts: many", 15, "wrong-type", "has to be a whole number, not `many`", ""),
        ("attempts: 1.5", 15, "wrong-type", "has to be a whole number, not the number 1.5", ""),
        ("attempts: '3'", 15, "wrong-type", "has to be a whole number, not text", "remove the quotes"),
        ("attempts:", 5, "wrong-type", "has no value", "a whole number"),
        ("enabled: 1", 14, "wrong-type", "has to be true or false", ""),
        ("oven: hot", 11, "wrong-type", "has to be a mapping, not `hot`", ""),
        ("oven: []", 11, "wrong-type", "has to be a mapping, not a list", ""),
        ("recipe: 12", 13, "wrong-type", "has to be text, not the number 12", 'quote it: "12"'),
        ("recipe: ../out", 13, "path-outside-project", "leads out of the project", "below the folder"),
        ("recipe: ''", 13, "wrong-length", "is empty", "at least 1 character"),
        ("max_failures: some", 19, "not-an-allowance", "neither a count nor a percentage", '"5%"'),
        ("max_failures: 0.5", 19, "not-an-allowance", "neither a count nor a percentage", 'write "50%"'),
        ("starter: 5", 14, "wrong-type", "has to be text, a list or a mapping, not the number 5", ""),
        ("starter: {heat: 20}", 21, "out-of-range", "`heat` in `starter` of job `bread` has to be at least 50", ""),
        ("starter: {heta: 90}", 15, "unknown-key", "unknown key `heta`", "`heat`"),
        ("starter: [a, 5]", 18, "wrong-type", "item 2 of `starter`", "quote it"),
        ("needs: bread", 12, "wrong-type", "has to be a list", "[bread]"),
    ],
)
def test_a_wrong_line_is_one_problem_with_place_words_and_hint(
    bake: Any, text_with: Any, line: str, column: int, code: str, words: str, hint: str
) -> None:
    resolved, problems = bake(text_with(line))
    assert resolved is None
    (problem,) = problems
    assert (problem.line, problem.column, problem.code) == (6, column, code)
    assert words in problem.message
    assert hint in problem.hint
    assert problem.snippet == f"    {line}"


def test_a_misspelled_key_beside_the_right_one_says_where_that_is(bake: Any, text_with: Any) -> None:
    (problem,) = bake(text_with("timeout: 9\ntimout: 9"))[1]
    assert problem.hint == "did you mean `timeout`? it stands on line 6 already"


def test_missing_fields_point_at_the_job_and_show_an_example(bake: Any) -> None:
    (problem,) = bake("version: 1\njobs:\n  bread:\n    kind: bake\n")[1]
    assert (problem.line, problem.column, problem.end_column) == (3, 3, 8)
    assert problem.message == "`loaves` is missing in job `bread`"
    assert problem.hint == "add `loaves: [{name: rye}]`"


def test_a_missing_field_of_an_item_points_at_the_item(bake: Any) -> None:
    (problem,) = bake("version: 1\njobs:\n  b:\n    kind: bake\n    loaves:\n      - {flour: rye}\n")[1]
    assert (problem.line, problem.column, problem.end_column) == (6, 9, 21)
    assert problem.message == "`name` is missing in `loaves[0]` of job `b`"


def test_a_choice_is_suggested_or_listed(bake: Any) -> None:
    spec = "version: 1\njobs:\n  b:\n    kind: bake\n    loaves: [{name: a, flour: %s}]\n"
    (near,) = bake(spec % "weat")[1]
    (far,) = bake(spec % "42x")[1]
    assert (near.code, near.hint) == ("not-allowed", "did you mean `wheat`?")
    assert far.hint == "possible: rye, wheat, spelt"


def test_many_mistakes_are_all_told_in_the_order_of_the_file(problems_of: Said) -> None:
    text = """\
version: 2
nmae: x
max_parallel_jobs: no
defaults: {attempts: x}
jobs:
  Bread:
    kind: bake
    loaves: []
  rolls:
    kind: bakery
  cake: {needs: [rols]}
  pie:
"""
    assert problems_of(text) == [
        "1:10 not-allowed",
        "2:1 unknown-key",
        "3:20 ambiguous-scalar",
        "4:22 wrong-type",
        "6:3 bad-name",
        "8:13 wrong-length",
        "10:11 unknown-kind",
        "11:3 missing-field",
        "11:18 unknown-need",
        "12:3 wrong-type",
    ]


def test_a_refused_word_has_no_follow_up(problems_of: Said, text_with: Any) -> None:
    assert problems_of(text_with("enabled: yes\ntimeout: 1:30\n1: 2")) == [
        "6:14 ambiguous-scalar",
        "7:14 ambiguous-scalar",
        "8:5 key-not-text",
    ]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("- a\n", ["1:1 wrong-type"]),
        ("word\n", ["1:1 wrong-type"]),
        ("version: 1\n", ["1:1 missing-field"]),
        ("jobs: {}\n", ["1:1 missing-field", "1:7 wrong-length"]),
        ("version: 1\njobs: []\n", ["2:7 wrong-type"]),
        ("version: 1\njobs:\n", ["2:1 wrong-type"]),
        ("version: 1\njobs: {a: 5}\n", ["2:8 wrong-type"]),
        ("version: 1\njobs: {a: {kind: 5}}\n", ["2:18 wrong-type"]),
    ],
)
def test_a_file_of_another_shape_is_told_once(problems_of: Said, text: str, expected: list[str]) -> None:
    assert problems_of(text) == expected


@pytest.mark.parametrize("address", ["tcp://h:1", "tls://scheduler.example:8786", "tcp://[::1]:8786", "tcp://10.0.0.1:65535"])
def test_an_engine_may_be_a_schedulers_address(bake: Any, text_with: Any, address: str) -> None:
    spec, problems = bake(text_with("") + f"engine: {{dask: '{address}'}}\n")
    assert list(problems) == []
    assert spec.spec.engine_text.endswith(address.partition("://")[2])
    assert spec.spec.engine_text.startswith("dask+tls://" if address.startswith("tls") else "dask://")


@pytest.mark.parametrize("address", ["h", "tcp://h", "http://h:1", "tcp://h:0", "tcp://h:65536", "udp://h:1", "tcp://h:1/x"])
def test_another_address_of_a_scheduler_is_refused_where_it_stands(bake: Any, text_with: Any, address: str) -> None:
    (problem,) = bake(text_with("") + f"engine: {{dask: '{address}'}}\n")[1]
    assert (problem.line, problem.column, problem.code) == (6, 16, "bad-scheduler")


def test_a_recording_on_a_cluster_is_refused_at_the_recording(tmp_path: Path) -> None:
    text = (
        "version: 1\nengine: {dask: 'tcp://h:1'}\njobs:\n  b:\n    kind: scrape\n    record: new.har\n"
        "    companies: [{name: Acme, board: greenhouse, token: acme}]\n"
    )
    _, problems = check_spec(tmp_path / "jobs.yaml", environment={}, text=text, name="jobs.yaml")
    assert [(problem.line, problem.code) for problem in problems] == [(6, "record-with-dask")]


def test_a_kinds_own_findings_have_places_and_severity(bake: Any) -> None:
    text = (
        "version: 1\njobs:\n  b:\n    kind: bake\n    after: cake\n    loaves: [{name: a}, {name: b}, {name: c}, {name: d}]\n"
    )
    error, warning = bake(text)[1]
    assert (error.line, error.column, error.code, error.severity) == (5, 12, "no-such-job", "error")
    assert (warning.line, warning.column, warning.code, warning.severity) == (6, 54, "too-much", "warning")


def test_a_finding_that_follows_from_a_broken_job_is_left_out(problems_of: Said) -> None:
    text = "version: 1\njobs:\n  b:\n    kind: bake\n    after: cake\n    loaves: [{name: a}]\n  cake: {kind: bake}\n"
    assert problems_of(text) == ["7:3 missing-field"]


def test_thousands_of_wrong_items_are_told_within_bounds(bake: Any) -> None:
    items = "".join("      - {flour: 5}\n" for _ in range(5000))
    problems = bake(f"version: 1\njobs:\n  b:\n    kind: bake\n    loaves:\n{items}")[1]
    assert 100 < len(problems) <= 301

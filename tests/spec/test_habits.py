"""Specs as people write them who know other tools or are in a hurry: the right line, no follow-ups, a useful hint."""

from __future__ import annotations

from pathlib import Path

import pytest

from orchestrator.spec.load import check_spec

INGEST = "version: 1\njobs:\n  handbook:\n    kind: ingest\n    corpus: docs\n    %s\n"
SCRAPE = "version: 1\njobs:\n  boards:\n    kind: scrape\n    %s\n"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "docs").mkdir()
    return tmp_path


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("version: 1\nservices:\n  web: {image: x}\n", [("2:1", "did you mean `jobs`?")]),
        ("version: 1\nsteps:\n  - {name: a}\n", [("2:1", "did you mean `jobs`?")]),
        (INGEST % "depends_on: []", [("6:5", "did you mean `needs`?")]),
        (INGEST % "timeout-minutes: 3", [("6:5", "did you mean `timeout`?")]),
        (INGEST % "cron: '* * * * *'", [("6:5", "orchestrate schedule print")]),
        (INGEST % "maxFailures: 3", [("6:5", "did you mean `max_failures`?")]),
        (INGEST % "Include: ['*.md']", [("6:5", "did you mean `include`?")]),
        (INGEST % "include: **/*.md", [("6:14", 'write it as "**/*.md"')]),
        (INGEST % "include: '*.md'", [("6:14", "[")]),
        (INGEST % "timeout: 3 min", [("6:14", '"1m30s"')]),
        (INGEST % "embedding: openai", [("6:16", "possible: default, none")]),
        (INGEST % "embedding: {provider: openai, model: x}", [("6:27", "openai-compatible")]),
        (INGEST % "chunk: 1200", [("6:12", "")]),
        (INGEST % "needs: boards", [("6:12", "write `[boards]`")]),
        ((INGEST % "x: 1").replace("corpus: docs", "corpus: {posting: a}"), [("5:14", "`postings`"), ("6:5", "")]),
        (SCRAPE % "companies: [acme]", [("5:17", "for example `{name: ")]),
        (SCRAPE % "companies: {acme: {}}", [("5:16", "for example `[{name: ")]),
        (SCRAPE % "companies:\n      -\n", [("6:8", "it takes a mapping")]),
        (SCRAPE % "company: []", [("5:5", "did you mean `companies`?")]),
        ("version: '1'\njobs: {a: {kind: ingest, corpus: docs}}\n", [("1:10", "remove the quotes")]),
        ("version: 3\njobs: {a: {kind: ingest, corpus: docs}}\n", [("1:10", "possible: 1")]),
        ("jobs: {a: {kind: ingest, corpus: docs}}\n", [("1:1", "add `version: 1`")]),
        ("version: 1\njobs:\n  - name: a\n    kind: ingest\n", [("2:1", "each job is a key")]),
        ("version: 1\njobs:\nboards:\n  kind: ingest\n  corpus: docs\n", [("3:1", "indent it below `jobs:`")]),
        ("version: 1\njobs:\n  a:\n  kind: ingest\n  corpus: docs\n", [("3:3", "indent its fields below it")]),
        ("version: 1\njobs:\n  a\n    kind: ingest\n", [("3:3", "write `a:`")]),
        ("version: 1\njobs:\n  a:\n    kind:ingest\n    corpus: docs\n", [("4:5", "write `kind: ...`")]),
        ("version: 1\njobs:\n  a:\n    kind: ingest\n   corpus: docs\n", [("5:4", "indentation")]),
        ("version: 1\nname: batch: nightly\njobs: {}\n", [("2:12", "needs quotes")]),
        ("version: 1\njobs:\n  a: {kind: ingest corpus: docs}\n", [("3:6", "add `}`, or a `,`")]),
        ("version: 1\njobs:\n  a: {kind: Ingest, corpus: docs, timout: 1}\n", [("3:13", "`ingest`"), ("3:35", "`timeout`")]),
        ("version: 1\ndatabase: ${URL}\njobs: {a: {kind: ingest, corpus: docs}}\n", [("2:11", "${env:URL}")]),
        ("version: 1\nname: *batch\njobs: {}\n", [("2:7", 'quote it: "*batch"')]),
    ],
)
def test_a_habit_is_one_problem_at_its_place_with_a_hint(folder: Path, text: str, expected: list[tuple[str, str]]) -> None:
    problems = check_spec(folder / "jobs.yaml", text=text, environment={})[1]
    assert [f"{each.line}:{each.column}" for each in problems] == [place for place, _ in expected], problems
    for each, (_, hint) in zip(problems, expected, strict=True):
        assert hint in each.hint

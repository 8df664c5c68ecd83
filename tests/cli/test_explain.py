"""`orchestrate explain`: fields and problem codes in words."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from orchestrator.spec.codes import CODES
from orchestrator.spec.explain import all_paths, explain
from orchestrator.spec.kinds import built_in

Verb = Callable[..., Any]


def test_a_field_has_meaning_type_bounds_default_and_example(verb: Verb, tmp_path: Path) -> None:
    ended = verb("explain", "jobs.scrape.http.retries", cwd=tmp_path)
    assert ended.code == 0
    assert ended.stdout == (
        "jobs.scrape.http.retries\n"
        "  Further tries after the first one, behind random waits of up to 0.2, 0.8, 3.2, 12.8 and then 20\n"
        "  seconds; up to 1, 4, 16 and 20 seconds after a 429. A `Retry-After` counts instead.\n"
        "\n"
        "  type     a whole number from 0 to 10\n"
        "  default  3\n"
        "  example  retries: 3\n"
    )


@pytest.mark.parametrize(
    ("path", "said"),
    [
        ("jobs.ingest.timeout", "a duration, more than 0 s, up to 180 s"),
        ("jobs.ingest.timeout", "180s"),
        ("defaults.timeout", "a duration, more than 0 s, up to 180 s"),
        ("jobs.scrape.http.max_body", "32MB"),
        ("jobs.scrape.sync.max_drop", "30%"),
        ("jobs.scrape.companies[0].token", "text"),
        ("jobs.scrape.companies.token", "text"),
        ("jobs.ingest.on_bad_document", "`quarantine` or `fail`"),
        ("jobs.ingest.corpus", "required"),
        ("retention.runs", "a whole number from 1 to 100,000"),
        ("jobs", "scrape"),
        ("jobs.scrape", "companies"),
        ("", "max_parallel_jobs"),
        ("unknown-key", "Unknown keys are refused"),
        ("duplicate-key", "timeout: 90s"),
    ],
)
def test_what_is_said_of_a_subject(verb: Verb, tmp_path: Path, path: str, said: str) -> None:
    ended = verb("explain", *([path] if path else []), cwd=tmp_path)
    assert ended.code == 0
    assert said in ended.stdout


@pytest.mark.parametrize(
    ("path", "meant"),
    [
        ("retries", "`jobs.scrape.http.retries`"),
        ("http.retries", "`jobs.scrape.http.retries`"),
        ("jobs.scrape.http.retrys", "`jobs.scrape.http.retries`"),
        ("unknwn-key", "`unknown-key`"),
    ],
)
def test_an_unknown_subject_is_suggested(verb: Verb, tmp_path: Path, path: str, meant: str) -> None:
    ended = verb("explain", path, cwd=tmp_path)
    assert (ended.code, ended.stdout) == (5, "")
    assert meant in ended.stderr


def test_json_has_the_same(verb: Verb, tmp_path: Path) -> None:
    field = verb("explain", "--json", "jobs.scrape.http.retries", cwd=tmp_path).json()
    assert (field["format_version"], field["type"], field["default"]) == (1, "a whole number from 0 to 10", "3")
    assert verb("explain", "--json", "tab", cwd=tmp_path).json()["title"] == CODES["tab"].title


def test_every_field_can_be_explained() -> None:
    kinds = built_in()
    paths = all_paths(kinds)
    assert len(paths) > 80
    for path in paths:
        known = explain(path, kinds)
        assert known is not None, path
        assert known.meaning, path
        assert known.type, path

"""`orchestrate config show`: the resolved spec, and where each value comes from."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

Verb = Callable[..., Any]
SPEC = """\
version: 1
name: ${env:BATCH_NAME}
defaults:
  attempts: 3
jobs:
  boards:
    kind: scrape
    companies:
      - {name: Acme, board: lever, token: acme}
    http: {retries: 5}
"""


@pytest.fixture(autouse=True)
def batch_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BATCH_NAME", "the-name-of-the-batch")


def lines(ended: Any) -> dict[str, str]:
    pairs = (line.split("#", 1) for line in ended.stdout.splitlines() if "#" in line)
    return {value.strip(): origin.strip() for value, origin in pairs}


def test_each_value_says_where_it_comes_from(verb: Verb, project: Verb) -> None:
    ended = verb("config", "show", cwd=project(SPEC))
    assert ended.code == 0
    said = lines(ended)
    assert said["version: 1"] == "jobs.yaml:1"
    assert said["attempts: 3"] == "defaults, jobs.yaml:4"
    assert said["retries: 5"] == "jobs.yaml:10"
    assert said["max_parallel_jobs: 2"] == "default"
    assert "- {board: lever, token: acme, sitemap: false, name: Acme}" in ended.stdout


def test_resolved_values_are_not_shown(verb: Verb, project: Verb) -> None:
    ended = verb("config", "show", cwd=project(SPEC))
    assert "the-name-of-the-batch" not in ended.text
    assert lines(ended)['name: "${env:BATCH_NAME}"'] == "jobs.yaml:2"


def test_json_has_document_digest_and_origins(verb: Verb, project: Verb) -> None:
    document = verb("config", "show", "--json", cwd=project(SPEC)).json()
    assert document["format_version"] == 1
    assert document["spec"]["jobs"]["boards"]["http"]["retries"] == 5
    origins = {each["path"]: (each["source"], each["line"]) for each in document["origins"]}
    assert origins["name"] == ("reference", 2)
    assert origins["jobs.boards.attempts"] == ("defaults", 4)
    assert origins["jobs.boards.http.robots"] == ("default", None)


def test_values_of_included_files_name_their_file(verb: Verb, project: Verb) -> None:
    included = "jobs:\n  more: {kind: scrape, companies: [{board: lever, token: b}], attempts: 7}\n"
    said = lines(verb("config", "show", cwd=project("include: [a.yaml]\n" + SPEC, {"a.yaml": included})))
    assert said["attempts: 7"] == "a.yaml:2"


def test_an_invalid_spec_is_told_as_by_validate(verb: Verb, project: Verb) -> None:
    ended = verb("config", "show", cwd=project("version: 1\n"))
    assert (ended.code, ended.stdout) == (2, "")
    assert "error[missing-field]" in ended.stderr

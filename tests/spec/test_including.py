"""`include:`: jobs of other files are added, and each problem stays in the file where it stands."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from orchestrator.spec.load import check_spec, revive
from orchestrator.spec.render import as_text

MAIN = """\
version: 1
include: [a.jobs.yaml, team/b.jobs.yaml]
defaults: {attempts: 3}
jobs:
  main: {kind: bake, loaves: [{name: x}]}
"""
Check = Callable[..., Any]


@pytest.fixture
def check(kinds: Mapping[str, Any], tmp_path: Path) -> Check:
    """Write the files and check the first one; return the spec and `file:line:column code` of each problem."""

    def checked(main: str, **files: str) -> Any:
        (tmp_path / "team").mkdir()
        (tmp_path / "jobs.yaml").write_text(main)
        for name, text in files.items():
            (tmp_path / f"{name.replace('__', '/')}.jobs.yaml").write_text(text)
        return check_spec(tmp_path / "jobs.yaml", environment={"K": "a-secret-value"}, name="jobs.yaml", kinds=kinds)

    return checked


def said(problems: Any) -> list[str]:
    return [f"{each.file}:{each.line}:{each.column} {each.code}" for each in problems]


def test_jobs_of_included_files_are_added_with_the_defaults(check: Check, kinds: Any) -> None:
    resolved, problems = check(
        MAIN,
        a="jobs:\n  one: {kind: bake, loaves: [{name: '${env:K}'}], needs: [main]}\n",
        team__b="version: 1\nx-l: &l [{name: y}]\njobs:\n  two: {kind: bake, loaves: *l, needs: [one]}\n",
    )
    assert problems == ()
    assert list(resolved.spec.jobs) == ["main", "one", "two"]
    assert {job.attempts for job in resolved.spec.jobs.values()} == {3}
    assert "a-secret-value" not in repr(resolved.document)
    again = revive(resolved.document, resolved.root, resolved.path, {"K": "a-secret-value"}, kinds)
    assert again.spec.jobs == resolved.spec.jobs
    assert again.digest == resolved.digest


def test_splitting_a_file_does_not_change_the_digest(check: Check, bake: Any) -> None:
    split, _ = check("version: 1\ninclude: [a.jobs.yaml]\njobs: {}\n", a="jobs:\n  b: {kind: bake, loaves: [{name: x}]}\n")
    whole, _ = bake("version: 1\njobs:\n  b: {kind: bake, loaves: [{name: x}]}\n")
    assert split.digest == whole.digest


def test_each_problem_stays_in_its_file(check: Check) -> None:
    _, problems = check(
        MAIN.replace("attempts", "attemps"),
        a="jobs:\n  one:\n    kind: bake\n    loaves: []\n    enabled: no\n",
        team__b="# comment\njobs:\n  two: {kind: bake, loaves: [{nam: y}], needs: [oen]}\n  three:\n",
    )
    assert said(problems) == [
        "jobs.yaml:3:12 unknown-key",
        "a.jobs.yaml:4:13 wrong-length",
        "a.jobs.yaml:5:14 ambiguous-scalar",
        "team/b.jobs.yaml:3:31 unknown-key",
        "team/b.jobs.yaml:3:49 unknown-need",
        "team/b.jobs.yaml:4:3 wrong-type",
    ]
    assert " --> team/b.jobs.yaml:3:31\n   |\n 3 |   two: {kind: bake, loaves: [{nam: y}]" in as_text(problems)


def test_a_name_that_two_files_have_is_told_in_the_included_one(check: Check) -> None:
    job = "jobs:\n  main: {kind: bake, loaves: [{name: y}]}\n"
    _, problems = check("version: 1\ninclude: [a.jobs.yaml]\n" + job, a=job)
    assert said(problems) == ["a.jobs.yaml:2:3 duplicate-key"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", "a.jobs.yaml:1:1 empty-file"),
        ("- x\n", "a.jobs.yaml:1:1 wrong-type"),
        ("a: [\n", "a.jobs.yaml:1:5 yaml-syntax"),
        ("version: 1\n", "a.jobs.yaml:1:1 bad-include"),
        ("jobs: {}\ninclude: [b]\n", "a.jobs.yaml:2:1 bad-include"),
        ("jobs: {}\ndatabase: x\n", "a.jobs.yaml:2:1 bad-include"),
    ],
)
def test_what_an_included_file_cannot_be(check: Check, text: str, expected: str) -> None:
    main = "version: 1\ninclude: [a.jobs.yaml]\njobs:\n  main: {kind: bake, loaves: [{name: x}]}\n"
    resolved, problems = check(main, a=text)
    assert resolved is None
    assert said(problems) == [expected]


@pytest.mark.parametrize(
    ("include", "expected"),
    [
        ("[none.yaml]", "jobs.yaml:2:11 unreadable-file"),
        ("[team]", "jobs.yaml:2:11 unreadable-file"),
        ("[../x.yaml]", "jobs.yaml:2:11 path-outside-project"),
        ("[a.jobs.yaml, ./a.jobs.yaml]", "jobs.yaml:2:24 bad-include"),
        ("a.jobs.yaml", "jobs.yaml:2:10 wrong-type"),
        ("[5]", "jobs.yaml:2:11 wrong-type"),
    ],
)
def test_what_cannot_be_included_is_told_where_it_is_named(check: Check, include: str, expected: str) -> None:
    main = f"version: 1\ninclude: {include}\njobs:\n  main: {{kind: bake, loaves: [{{name: x}}]}}\n"
    assert said(check(main, a="jobs: {}\n")[1]) == [expected]


def test_a_secret_in_an_included_file_is_found_and_not_shown(check: Check) -> None:
    text = "jobs:\n  one: {kind: bake, loaves: [{name: x}], oven: {labels: {password: hunter2}}}\n"
    _, problems = check("version: 1\ninclude: [a.jobs.yaml]\njobs: {}\n", a=text)
    assert said(problems) == ["a.jobs.yaml:2:68 secret-in-clear"]
    assert "hunter2" not in repr(problems)

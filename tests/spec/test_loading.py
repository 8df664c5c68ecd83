"""Loading: defaults, the canonical document, its digest, and files that can't be read."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from orchestrator.errors import ExitCode, SpecError
from orchestrator.spec import load
from orchestrator.spec.load import check_spec, load_spec

MINIMAL = "version: 1\njobs: {a: {kind: ingest, corpus: docs}}\n"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "docs").mkdir()
    return tmp_path


def test_a_valid_file_is_loaded_with_its_folder_as_root(folder: Path) -> None:
    (folder / "jobs.yaml").write_text(MINIMAL)
    resolved = load_spec(folder / "jobs.yaml", environment={})
    assert resolved.root == folder
    assert resolved.path == folder / "jobs.yaml"
    assert list(resolved.spec.jobs) == ["a"]
    assert type(resolved.spec.jobs["a"]).__name__ == "IngestSpec"
    assert resolved.warnings == ()


def test_a_relative_path_is_made_absolute(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (folder / "jobs.yaml").write_text(MINIMAL)
    monkeypatch.chdir(folder)
    assert load_spec("jobs.yaml").root == folder


def test_an_invalid_file_raises_every_problem(folder: Path) -> None:
    (folder / "jobs.yaml").write_text("version: 1\nname: 5\njobs: {a: {kind: ingest, corpus: docs, x: 1}}\n")
    with pytest.raises(SpecError, match=r"jobs\.yaml has 2 problems") as raised:
        load_spec(folder / "jobs.yaml")
    assert raised.value.exit_code is ExitCode.USAGE
    assert [each.line for each in raised.value.problems] == [2, 3]  # type: ignore[attr-defined]


@pytest.mark.parametrize("name", ["none.yaml", "docs"])
def test_a_file_that_cannot_be_read_is_a_problem(folder: Path, name: str) -> None:
    resolved, problems = check_spec(folder / name, name=name)
    assert resolved is None
    assert [(each.file, each.line, each.code) for each in problems] == [(name, 1, "unreadable-file")]


def test_a_file_that_is_not_valid_only_warns_is_loaded(tmp_path: Path) -> None:
    resolved = load_spec(tmp_path / "jobs.yaml", text=MINIMAL, environment={})
    assert len(resolved.warnings) == 1
    assert resolved.warnings[0] == "jobs.yaml:2: there is no folder 'docs'"


def test_defaults_reach_jobs_that_do_not_say_otherwise(bake: Any) -> None:
    text = """\
version: 1
defaults: {timeout: 1m, attempts: 3, concurrency: 7, max_failures: 2}
jobs:
  a: {kind: bake, loaves: [{name: x}], attempts: 5}
  b: {kind: bake, loaves: [{name: x}]}
"""
    jobs = bake(text)[0].spec.jobs
    assert (jobs["a"].timeout, jobs["a"].attempts, jobs["a"].concurrency) == (60.0, 5, 7)
    assert (jobs["b"].timeout, jobs["b"].attempts, jobs["b"].max_failures) == (60.0, 3, 2)


def test_a_bad_default_is_told_once_and_where_it_stands(problems_of: Any) -> None:
    text = """\
version: 1
defaults: {timeout: 4m, attemps: 3}
jobs:
  a: {kind: bake, loaves: [{name: x}]}
  b: {kind: bake, loaves: [{name: x}]}
"""
    assert problems_of(text) == ["2:21 out-of-range", "2:25 unknown-key"]


def test_the_digest_ignores_order_comments_spelling_and_secrets(bake: Any) -> None:
    one = bake("version: 1\nname: n\njobs:\n  a: {kind: bake, timeout: 90s, loaves: [{name: '${env:K}'}]}\n", K="first")[0]
    two = bake(
        "# c\njobs:\n  a:\n    loaves: [{name: '${env:K}'}]\n    timeout: 1m30s\n    kind: bake\nname: n\nversion: 1\n", K="x"
    )[0]
    other = bake("version: 1\nname: n\njobs:\n  a: {kind: bake, timeout: 91s, loaves: [{name: '${env:K}'}]}\n", K="first")[0]
    assert one.digest == two.digest
    assert one.digest != other.digest
    assert len(one.digest) == 64


def test_spelled_out_defaults_make_no_difference_to_the_digest(bake: Any) -> None:
    short = bake("version: 1\njobs:\n  a: {kind: bake, loaves: [{name: x}]}\n")[0]
    full = bake(
        "version: 1\nstate_dir: .orchestrate\njobs:\n  a: {kind: bake, loaves: [{name: x}], attempts: 1, oven: {heat: 180}}\n"
    )[0]
    assert short.digest == full.digest
    assert short.document["jobs"]["a"]["oven"]["heat"] == 180


def test_revived_documents_of_both_kinds_are_the_same_spec(folder: Path) -> None:
    text = """\
version: 1
defaults: {max_failures: 5%, timeout: 45s}
jobs:
  boards:
    kind: scrape
    companies: [{name: Acme, board: greenhouse, token: acme}]
    http: {max_body: 5MB, per_host: {min_interval: 250ms}}
    sync: {max_drop: 12.5%}
  handbook:
    kind: ingest
    needs: [{job: boards, when: finished}]
    corpus: [docs]
    embedding: {class: "mine:Model", size: 5}
    checks: {max_removed: 33%, smoke: [{query: q, expect: "*.md"}]}
"""
    resolved = load_spec(folder / "jobs.yaml", text=text, environment={})
    again = load.revive(resolved.document, resolved.root, resolved.path, {})
    assert again.spec == resolved.spec
    assert again.spec.jobs == resolved.spec.jobs
    assert again.digest == resolved.digest


def test_jobs_keep_the_order_of_the_file(bake: Any) -> None:
    text = "version: 1\njobs:\n" + "".join(f"  {name}: {{kind: bake, loaves: [{{name: x}}]}}\n" for name in "zmabq")
    resolved = bake(text)[0]
    assert "".join(resolved.spec.jobs) == "zmabq"
    assert "".join(resolved.document["jobs"]) == "zmabq"


@pytest.mark.parametrize("url", ["sqlite:////var/lib/x.db", "sqlite:///../x.db"])
def test_a_database_file_outside_of_the_project_is_refused(problems_of: Any, text_with: Any, url: str) -> None:
    assert problems_of(text_with("") + f"database: {url}\n") == ["6:11 path-outside-project"]


def test_a_database_has_to_be_a_url(problems_of: Any, text_with: Any) -> None:
    assert problems_of(text_with("") + "database: jobs.db\n") == ["6:11 bad-database"]


def test_a_path_through_a_link_cannot_leave_the_project(bake: Any, text_with: Any, tmp_path: Path) -> None:
    (tmp_path / "out").symlink_to("/tmp")
    (problem,) = bake(text_with("recipe: out/x"))[1]
    assert problem.code == "path-outside-project"
    assert "/tmp" not in problem.message

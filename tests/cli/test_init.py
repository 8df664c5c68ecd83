"""`orchestrate init`: what it writes is valid, and nothing is ever overwritten."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from orchestrator.cli.init import find_documents
from orchestrator.spec.load import check_spec

Verb = Callable[..., Any]


def test_an_empty_folder_gets_a_spec_that_is_valid_and_something_to_index(verb: Verb, tmp_path: Path) -> None:
    ended = verb("init", cwd=tmp_path)
    assert ended.code == 0
    assert ended.stdout.splitlines() == ["wrote docs/welcome.md", "wrote jobs.schema.json", "wrote jobs.yaml"]
    resolved, problems = check_spec(tmp_path / "jobs.yaml")
    assert problems == ()
    assert resolved is not None
    assert [name for name, job in resolved.spec.jobs.items() if job.enabled] == ["handbook"]


def test_both_editors_modelines_name_the_schema_beside_the_file(verb: Verb, tmp_path: Path) -> None:
    verb("init", cwd=tmp_path)
    lines = (tmp_path / "jobs.yaml").read_text().splitlines()
    assert lines[:2] == ["# yaml-language-server: $schema=jobs.schema.json", "# $schema: jobs.schema.json"]
    schema = json.loads((tmp_path / "jobs.schema.json").read_text())
    assert schema["$schema"] == "http://json-schema.org/draft-07/schema#"


def test_a_folder_of_documents_is_found(verb: Verb, tmp_path: Path) -> None:
    (tmp_path / "notes").mkdir()
    (tmp_path / "notes" / "a.md").touch()
    (tmp_path / "notes" / "b.rst").touch()
    (tmp_path / "src").mkdir()
    (tmp_path / "src" / "a.py").touch()
    verb("init", cwd=tmp_path)
    text = (tmp_path / "jobs.yaml").read_text()
    assert "corpus: notes\n" in text
    assert 'include: ["**/*.md", "**/*.rst"]' in text
    assert not (tmp_path / "docs").exists()
    assert check_spec(tmp_path / "jobs.yaml")[1] == ()


def test_a_usual_name_wins_over_a_larger_folder(tmp_path: Path) -> None:
    for name in ("docs/a.md", "big/a.md", "big/b.md", ".git/a.md", "node_modules/a.md"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    assert find_documents(tmp_path) == "docs"


def test_a_name_that_yaml_would_misread_is_quoted(verb: Verb, tmp_path: Path) -> None:
    (tmp_path / "012").mkdir()
    (tmp_path / "012" / "a.md").touch()
    verb("init", cwd=tmp_path)
    resolved, problems = check_spec(tmp_path / "jobs.yaml")
    assert problems == ()
    assert resolved is not None
    assert resolved.document["jobs"]["handbook"]["corpus"] == "012"


def test_an_existing_spec_is_left_alone(verb: Verb, tmp_path: Path) -> None:
    (tmp_path / "jobs.yaml").write_text("mine")
    ended = verb("init", cwd=tmp_path)
    assert ended.code == 2
    assert "exists already" in ended.stderr
    assert (tmp_path / "jobs.yaml").read_text() == "mine"
    assert [path.name for path in tmp_path.iterdir()] == ["jobs.yaml"]


def test_an_existing_schema_is_left_alone(verb: Verb, tmp_path: Path) -> None:
    (tmp_path / "jobs.schema.json").write_text("mine")
    assert verb("init", cwd=tmp_path).code == 0
    assert (tmp_path / "jobs.schema.json").read_text() == "mine"


def test_a_folder_that_does_not_exist_is_made(verb: Verb, tmp_path: Path) -> None:
    ended = verb("init", "a/b", cwd=tmp_path)
    assert ended.code == 0
    assert (tmp_path / "a" / "b" / "jobs.yaml").is_file()
    assert "cd a/b && orchestrate validate" in ended.stderr


def test_a_place_that_cannot_be_written_is_a_sentence(verb: Verb, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    ended = verb("init", "file/below", cwd=tmp_path)
    assert ended.code == 4
    assert "can't write" in ended.stderr
    assert "Traceback" not in ended.stderr

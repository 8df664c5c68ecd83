"""`orchestrate doctor`: what is wrong with a machine or a state directory is told, and nothing is changed."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from orchestrator import disk, extras

Verb = Callable[..., Any]
SCRAPE = "version: 1\njobs: {a: {kind: scrape, companies: [{board: lever, token: acme}]}}\n"
INGEST = "version: 1\njobs: {a: {kind: ingest, corpus: docs}}\n"
DOCS = {"docs/a.md": "# A\n"}


def states(ended: Any) -> dict[str, str]:
    return {each["name"]: each["state"] for each in ended.json()["checks"]}


def test_a_sound_project_is_all_good_and_left_as_it_was(verb: Verb, project: Verb) -> None:
    root = project(INGEST, DOCS)
    before = sorted(root.rglob("*"))
    ended = verb("doctor", cwd=root)
    assert ended.code == 0, ended.text
    assert ended.stderr == "all good\n"
    assert sorted(root.rglob("*")) == before


def test_json_has_every_check_with_its_state(verb: Verb, project: Verb) -> None:
    ended = verb("doctor", "--json", cwd=project(INGEST, DOCS))
    assert ended.json()["format_version"] == 1
    assert {"python", "orchestrate", "clock", "spec", "state directory", "disk", "ingest"} <= set(states(ended))
    assert set(states(ended).values()) == {"ok"}


def test_an_invalid_spec_is_found(verb: Verb, project: Verb) -> None:
    ended = verb("doctor", "--json", cwd=project("version: 1\n"))
    assert ended.code == 1
    assert states(ended)["spec"] == "failed"


def test_without_a_spec_the_rest_is_checked(verb: Verb, tmp_path: Path) -> None:
    ended = verb("doctor", "--json", cwd=tmp_path)
    assert ended.code == 0
    assert states(ended)["spec"] == "warning"


def test_a_state_directory_that_others_can_read_is_a_warning(verb: Verb, project: Verb) -> None:
    root = project(INGEST, DOCS)
    (root / ".orchestrate").mkdir(mode=0o755)
    ended = verb("doctor", "--json", cwd=root)
    assert ended.code == 0
    assert states(ended)["state directory"] == "warning"
    assert states(ended)["locks"] == "ok"
    assert list((root / ".orchestrate").iterdir()) == []


def test_a_file_in_the_place_of_the_state_directory_is_a_failure(verb: Verb, project: Verb) -> None:
    ended = verb("doctor", "--json", cwd=project(INGEST, {**DOCS, ".orchestrate": "a file"}))
    assert ended.code == 4
    assert states(ended)["state directory"] == "failed"


def test_a_full_disk_is_a_failure(verb: Verb, project: Verb, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(disk, "free_bytes", lambda _: 1_000_000)
    ended = verb("doctor", "--json", cwd=project(INGEST, DOCS))
    assert ended.code == 4
    assert states(ended)["disk"] == "failed"


def test_a_network_file_system_is_a_warning(verb: Verb, project: Verb, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(disk, "network_file_system", lambda _: "nfs4")
    root = project(INGEST, DOCS)
    (root / ".orchestrate").mkdir(mode=0o700)
    assert states(verb("doctor", "--json", cwd=root))["file system"] == "warning"


def test_a_sound_database_is_ok_and_a_damaged_one_is_not(verb: Verb, project: Verb) -> None:
    root = project(SCRAPE)
    state = root / ".orchestrate"
    state.mkdir(mode=0o700)
    assert states(verb("doctor", "--json", cwd=root))["database"] == "ok"
    connection = sqlite3.connect(state / "postings.db")
    connection.execute("CREATE TABLE t (a)")
    connection.commit()
    connection.close()
    assert states(verb("doctor", "--json", cwd=root))["database"] == "ok"
    (state / "postings.db").write_bytes(b"no database at all" * 100)
    ended = verb("doctor", "--json", cwd=root)
    assert ended.code == 4
    assert states(ended)["database"] == "failed"


def test_a_database_server_that_is_not_there_is_told_without_the_password(verb: Verb, project: Verb) -> None:
    url = "postgresql+psycopg://me:pa55word@127.0.0.1:1/none"
    ended = verb("doctor", "--json", cwd=project(SCRAPE + f"database: {url}\n"))
    assert ended.code == 4
    assert states(ended)["database"] == "failed"
    assert "pa55word" not in ended.text


def test_a_missing_extra_fails_only_where_a_job_needs_it(verb: Verb, project: Verb, monkeypatch: pytest.MonkeyPatch) -> None:
    real = extras.exists
    monkeypatch.setattr(extras, "exists", lambda name: name != "wordllama" and real(name))
    ended = verb("doctor", "--json", cwd=project(INGEST, DOCS))
    assert ended.code == 1
    assert states(ended)["ingest"] == "failed"
    assert verb("doctor", "--json", cwd=project(SCRAPE)).code == 0


@pytest.mark.parametrize(
    ("fields", "missing"),
    [
        ("", None),
        (", embedding: none", None),
        (", chunk: {splitter: sentence}", "llama_index.core for the splitter `sentence`"),
        (", embedding: {provider: ollama, model: m}", "llama_index.core for the embedding provider"),
        (", readers: {.odt: 'no_such_package:Reader'}", "no_such_package for no_such_package:Reader"),
    ],
)
def test_llama_index_is_asked_for_only_where_a_job_uses_it(
    verb: Verb, project: Verb, monkeypatch: pytest.MonkeyPatch, fields: str, missing: str | None
) -> None:
    exists = extras.exists
    monkeypatch.setattr(extras, "exists", lambda module: not module.startswith("llama_index") and exists(module))
    root = project(INGEST.replace("corpus: docs", f"corpus: docs{fields}"), DOCS)
    checks = {each["name"]: each for each in verb("doctor", "--json", cwd=root).json()["checks"]}
    assert checks["ingest"]["state"] == ("ok" if missing is None else "failed"), checks["ingest"]
    assert (missing or "") in checks["ingest"]["message"]


def test_a_clock_that_was_never_set_is_a_failure(verb: Verb, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(time, "time", lambda: 1000.0)
    assert states(verb("doctor", "--json", cwd=tmp_path))["clock"] == "failed"


def test_online_asks_the_hosts_that_are_named(verb: Verb, project: Verb) -> None:
    spec = "version: 1\njobs: {a: {kind: scrape, companies: [{board: jsonld, url: 'https://acme.invalid/jobs'}]}}\n"
    root = project(spec)
    assert "host" not in states(verb("doctor", "--json", cwd=root))
    ended = verb("doctor", "--json", "--online", cwd=root)
    assert ended.code == 0
    assert states(ended)["host"] == "warning"

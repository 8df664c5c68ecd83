"""What a verb takes from the spec: the database's URL as it is used."""

from __future__ import annotations

from pathlib import Path

import pytest

from orchestrator.cli.project import database_url
from orchestrator.spec.load import check_spec
from orchestrator.status.layout import StateDir


@pytest.mark.parametrize(
    ("written", "used"),
    [
        ("postgres://me@host/db", "postgresql+psycopg://me@host/db"),
        ("postgresql://me@host/db", "postgresql+psycopg://me@host/db"),
        ("postgresql+psycopg://me@host/db", "postgresql+psycopg://me@host/db"),
        ("sqlite:///postings.db", "sqlite:///{root}/postings.db"),
    ],
)
def test_a_database_is_used_with_its_driver_and_an_absolute_path(tmp_path: Path, written: str, used: str) -> None:
    text = f"version: 1\ndatabase: {written}\njobs: {{a: {{kind: scrape, companies: [{{board: lever, token: acme}}]}}}}\n"
    resolved, problems = check_spec(tmp_path / "jobs.yaml", text=text, environment={})
    assert problems == ()
    assert resolved is not None
    assert database_url(resolved, StateDir(tmp_path / ".orchestrate")) == used.format(root=tmp_path)

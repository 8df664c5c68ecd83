"""What a stranger tries first, from the outside: processes, exit codes and files, nothing of the inside."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path
from typing import Any, Final

import pytest

Project = Callable[..., Path]
Run = Callable[..., Any]

SILENT: Final = """
version: 1
jobs:
  boards:
    kind: scrape
    timeout: 2s
    companies: [{{name: Acme Robotics, board: greenhouse, token: acme}}]
    http:
      allow_private_hosts: ["127.0.0.1"]
      base_urls: {{greenhouse: "http://127.0.0.1:{port}"}}
"""
MISTAKES: Final = """
version: 1
nam: sample
max_parallel_jobs: 0
jobs:
  boards:
    kind: scrape
    timeout: 200s
    needs: [nobody]
    companies:
      - {name: Acme, board: greenhose, token: acme}
      - {name: Initech}
  handbook:
    kind: ingest
    corpus: ../outside
"""


@pytest.fixture
def silent_port() -> Iterator[int]:
    """A server that takes connections and never answers."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


def test_a_server_that_never_answers_is_left_at_the_timeout_with_124(
    project: Project, orchestrate: Run, silent_port: int
) -> None:
    root = project(SILENT.format(port=silent_port))
    assert orchestrate("run", "--quiet", cwd=root).code == 124
    document = orchestrate("status", "--json", cwd=root).json()
    [job] = document["jobs"]
    assert (document["state"], job["state"], job["error"]["code"]) == ("timed_out", "timed_out", "timed-out")
    took = datetime.fromisoformat(job["finished_at"]) - datetime.fromisoformat(job["started_at"])
    assert 1.9 <= took.total_seconds() <= 2.6


def test_seven_mistakes_are_seven_problems_and_start_nothing(project: Project, orchestrate: Run) -> None:
    root = project(MISTAKES)
    checked = orchestrate("validate", "--format", "json", cwd=root)
    problems = checked.json()["problems"]
    assert (checked.code, len(problems)) == (1, 7)
    assert all(problem["line"] > 1 and problem["column"] >= 1 for problem in problems)
    assert orchestrate("run", cwd=root).code == 2
    assert not (root / ".orchestrate").exists()

"""What the shell completes: verbs, names of jobs, ids of runs."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Complete = Callable[[str, Path], list[str]]


@pytest.fixture
def complete(orchestrate: Callable[..., Any]) -> Complete:
    def words(line: str, folder: Path) -> list[str]:
        count = str(len(line.split(" ")) - 1)
        asked = {"_ORCHESTRATE_COMPLETE": "complete_bash", "COMP_WORDS": line, "COMP_CWORD": count}
        done = orchestrate(cwd=folder, env=asked)
        return list(filter(None, done.stdout.splitlines()))

    return words


def test_verbs_are_completed(complete: Complete, tmp_path: Path) -> None:
    assert complete("orchestrate sta", tmp_path) == ["status"]
    assert complete("orchestrate re", tmp_path) == ["resume"]


def test_job_names_are_completed_also_of_a_file_that_is_not_valid(complete: Complete, project: Callable[[str], Path]) -> None:
    folder = project("version: 1\njobs:\n  handbook: {kind: nothing}\n  hall: {}\n  boards: {}\n")
    assert complete("orchestrate run --job ha", folder) == ["handbook", "hall"]


def test_run_ids_are_completed(complete: Complete, orchestrate: Callable[..., Any], project: Callable[[str], Path]) -> None:
    folder = project("version: 1\njobs:\n  drill: {kind: drill}\n")
    assert orchestrate("run", cwd=folder).code == 0
    (run,) = (path.name for path in (folder / ".orchestrate" / "runs").iterdir())
    assert complete(f"orchestrate status {run[:4]}", folder) == [run]


@pytest.mark.parametrize("content", ["jobs: [", "just text", "jobs: 7"])
def test_what_cannot_be_read_completes_nothing(complete: Complete, tmp_path: Path, content: str) -> None:
    (tmp_path / "jobs.yaml").write_text(content)
    assert complete("orchestrate run --job h", tmp_path) == []
    assert complete("orchestrate status 2", tmp_path) == []

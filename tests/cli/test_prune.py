"""`orchestrate prune`: old runs go, live ones stay, and a dry run changes nothing."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Maker = Callable[..., Any]
SPEC = "version: 1\njobs: {drill: {kind: drill, items: 2}}\n"


def _names(root: Path) -> list[str]:
    return sorted(path.name for path in (root / ".orchestrate" / "runs").iterdir())


@pytest.fixture
def history(project: Maker, verb: Maker) -> Path:
    root: Path = project(SPEC)
    for _ in range(4):
        assert verb("run", "--quiet", cwd=root).code == 0
    return root


def test_runs_beyond_the_newest_are_removed_with_everything_in_them(history: Path, verb: Maker) -> None:
    before = _names(history)
    done = verb("prune", "--keep", "1", "--json", cwd=history)
    assert (done.code, sorted(done.json()["runs"])) == (0, before[:3])
    assert done.json()["bytes"] > 0
    assert _names(history) == before[3:]
    assert verb("status", cwd=history).code == 0


def test_a_dry_run_tells_the_same_and_removes_nothing(history: Path, verb: Maker) -> None:
    before = {path: path.stat().st_mtime_ns for path in (history / ".orchestrate").rglob("*")}
    done = verb("prune", "--keep", "1", "--dry-run", cwd=history)
    assert done.code == 0
    assert len(done.stdout.split()) == 3
    assert {path: path.stat().st_mtime_ns for path in (history / ".orchestrate").rglob("*")} == before


def test_runs_older_than_an_age_are_removed(history: Path, verb: Maker) -> None:
    old = history / ".orchestrate" / "runs" / "20200101T000000.000Z-00000000"
    (history / ".orchestrate" / "runs" / _names(history)[0]).rename(old)
    done = verb("prune", "--older-than", "90d", "--json", cwd=history)
    assert done.json()["runs"] == [old.name]
    assert len(_names(history)) == 3


def test_what_interrupted_processes_left_is_swept(history: Path, verb: Maker) -> None:
    runs = history / ".orchestrate" / "runs"
    (runs / ".tmp-20200101T000000.000Z-00000000").mkdir()
    (runs / ".trash-20200101T000000.000Z-00000000.1.1").mkdir()
    (runs / "notes").mkdir()
    assert verb("prune", cwd=history).code == 0
    assert [name for name in _names(history) if not name.startswith("2")] == ["notes"]


def test_pruning_beside_a_live_run_is_refused_and_the_run_goes_on(
    history: Path, verb: Maker, start: Maker, wait_until: Maker
) -> None:
    job = {"kind": "drill", "items": 30, "behaviour": "wait", "seconds": 0.2, "concurrency": 2}
    (history / "jobs.yaml").write_text(f"version: 1\njobs: {json.dumps({'drill': job})}\n", encoding="utf-8")
    before = _names(history)
    run = start("run", cwd=history, stderr=subprocess.DEVNULL)
    wait_until(lambda: len([name for name in _names(history) if name.startswith("2")]) == 5, what="the run")
    refused = verb("prune", "--keep", "1", cwd=history)
    assert (refused.code, "is running" in refused.stderr) == (3, True)
    assert set(before) < set(_names(history))
    dry = verb("prune", "--keep", "1", "--dry-run", "--json", cwd=history).json()["runs"]
    assert sorted(dry) == before[:3]
    assert run.wait(30) == 0


def test_a_run_that_is_gone_already_is_no_trouble(verb: Maker, tmp_path: Path) -> None:
    assert verb("prune", cwd=tmp_path).code == 0
    assert list(tmp_path.iterdir()) == []

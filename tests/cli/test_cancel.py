"""`orchestrate cancel`: the request, the wait, and the truth about both."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Maker = Callable[..., Any]


@pytest.fixture
def live(start: Maker, project: Maker, wait_until: Maker) -> Callable[..., tuple[Path, subprocess.Popen[bytes]]]:
    def begin(grace: str = "500ms", **fields: Any) -> tuple[Path, subprocess.Popen[bytes]]:
        job = json.dumps({"kind": "drill", "items": 1, "seconds": 60, **fields})
        root = project(f"version: 1\ngrace: {grace}\njobs:\n  drill: {job}\n")
        process = start("run", cwd=root, stderr=subprocess.DEVNULL)
        wait_until(lambda: b'"phase":"work"' in b"".join(path.read_bytes() for path in _statuses(root)), what="work")
        return root, process

    return begin


def _statuses(root: Path) -> list[Path]:
    return list((root / ".orchestrate" / "runs").glob("2*/status.json"))


def test_a_cancel_that_waits_tells_when_the_run_stopped(live: Maker, verb: Maker) -> None:
    root, process = live(behaviour="wait")
    done = verb("cancel", "--wait", "20s", cwd=root)
    assert done.code == 0
    assert "stopped: cancelled" in done.stderr
    assert process.wait(20) == 130
    status = verb("status", "--json", cwd=root).json()
    assert status["state"] == "cancelled"
    assert status["cancel"]["acknowledged_at"] >= status["cancel"]["requested_at"]


def test_a_cancel_that_waits_too_short_says_that_it_is_still_stopping(live: Maker, verb: Maker) -> None:
    root, process = live(behaviour="block", grace="50s")
    done = verb("cancel", "--wait", "1s", cwd=root)
    assert done.code == 1
    assert "still stopping" in done.stderr
    assert verb("status", "--json", cwd=root).json()["state"] == "stopping"
    assert "stopping" in verb("status", cwd=root).stdout
    assert process.poll() is None
    assert verb("cancel", "--now", "--wait", "20s", cwd=root).code == 0
    assert process.wait(20) == 130


def test_asking_twice_is_the_same_as_once(live: Maker, verb: Maker) -> None:
    root, process = live(behaviour="wait")
    assert [verb("cancel", cwd=root).code for _ in range(2)] == [0, 0]
    assert process.wait(20) == 130
    journal = next((root / ".orchestrate" / "runs").glob("2*/journal.jsonl")).read_text(encoding="utf-8")
    assert journal.count('"event":"cancel_requested"') == 1


def test_cancelling_what_has_ended_changes_nothing_and_says_so(verb: Maker, project: Maker) -> None:
    root = project("version: 1\njobs: {drill: {kind: drill}}\n")
    verb("run", cwd=root)
    before = {path: path.read_bytes() for path in (root / ".orchestrate").rglob("*") if path.is_file()}
    done = verb("cancel", cwd=root)
    assert (done.code, "ended already: succeeded" in done.stderr) == (0, True)
    assert {path: path.read_bytes() for path in (root / ".orchestrate").rglob("*") if path.is_file()} == before


def test_cancelling_nothing_says_so(verb: Maker, tmp_path: Path) -> None:
    done = verb("cancel", cwd=tmp_path)
    assert (done.code, done.stdout) == (5, "")
    assert "no run yet" in done.stderr
    assert not (tmp_path / ".orchestrate").exists()


def test_a_wait_that_is_no_duration_asks_for_nothing(verb: Maker, project: Maker) -> None:
    root = project("version: 1\njobs: {drill: {kind: drill}}\n")
    verb("run", cwd=root)
    assert verb("cancel", "--wait", "soon", cwd=root).code == 2

"""`orchestrate logs`: what went wrong, for one job or all, as it is or as it grows."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Maker = Callable[..., Any]
JOBS = {
    "good": {"kind": "drill", "items": 2},
    "bad": {"kind": "drill", "items": 2, "behaviour": "fail", "unlucky": 1},
    "broken": {"kind": "drill", "items": 1, "behaviour": "crash"},
}


@pytest.fixture
def ended(project: Maker, verb: Maker) -> Path:
    root: Path = project(f"version: 1\njobs: {json.dumps(JOBS)}\n")
    assert verb("run", "--quiet", cwd=root).code == 1
    return root


def test_the_log_tells_each_failure_and_the_traceback_of_a_bug(ended: Path, verb: Maker) -> None:
    done = verb("logs", cwd=ended)
    assert (done.code, done.stderr) == (0, "")
    for words in ("bad", "item-0000000  failed  drill: the drill fails", "internal-error", "Traceback", "the drill crashes"):
        assert words in done.stdout


def test_the_log_of_one_job_has_nothing_of_the_others(ended: Path, verb: Maker) -> None:
    shown = verb("logs", "--job", "bad", cwd=ended).stdout
    assert "the drill fails" in shown
    assert "Traceback" not in shown
    assert "broken" not in shown
    assert "Traceback" in verb("logs", "--job", "broken", cwd=ended).stdout


def test_the_events_are_the_journals_one_a_line(ended: Path, verb: Maker) -> None:
    journal = next((ended / ".orchestrate" / "runs").glob("2*/journal.jsonl")).read_text(encoding="utf-8").splitlines()
    shown = verb("logs", "--events", cwd=ended).stdout.splitlines()
    assert len(shown) == len(journal)
    assert "run_started" in shown[0]
    assert "run_finished" in shown[-1]


def test_following_the_log_of_an_ended_run_ends(ended: Path, verb: Maker) -> None:
    assert verb("logs", "--follow", cwd=ended).code == 0


def test_following_shows_what_is_logged_while_the_run_lives(start: Maker, project: Maker, wait_until: Maker) -> None:
    job = {"kind": "drill", "items": 3, "behaviour": "block", "seconds": 1, "concurrency": 1, "timeout": 2}
    root = project(f"version: 1\njobs: {json.dumps({'drill': job})}\n")
    run = start("run", cwd=root, stderr=subprocess.DEVNULL)
    wait_until(lambda: list((root / ".orchestrate" / "runs").glob("2*/run.log")), what="the log")
    follower = start("logs", "--follow", cwd=root)
    stdout, stderr = follower.communicate(timeout=40)
    assert (follower.returncode, stderr) == (0, b"")
    assert run.wait(10) == 124
    assert b"is timed_out" in stdout


def test_the_log_of_a_run_that_was_resumed_holds_both_attempts(ended: Path, verb: Maker) -> None:
    verb("resume", "--quiet", cwd=ended)
    shown = verb("logs", cwd=ended).stdout
    assert "attempt 1" in shown
    assert "attempt 2" in shown

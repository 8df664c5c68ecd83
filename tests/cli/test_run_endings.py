"""How a process of `orchestrate run` ends: blocked workers, signals, a second signal, and a status that goes on meanwhile."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Maker = Callable[..., Any]


def _drill(*, grace: str = "500ms", **fields: Any) -> str:
    job = {"kind": "drill", "items": 1, "seconds": 60, **fields}
    return f"version: 1\ngrace: {grace}\njobs:\n  drill: {json.dumps(job)}\n"


def _status(root: Path) -> Any:
    return json.loads(next((root / ".orchestrate" / "runs").glob("2*/status.json")).read_bytes())


def _at_work(root: Path) -> bool:
    found = list((root / ".orchestrate" / "runs").glob("2*/status.json"))
    return bool(found) and json.loads(found[0].read_bytes())["jobs"][0]["phase"] == "work"


@pytest.fixture
def at_work(start: Maker, project: Maker, wait_until: Maker) -> Callable[..., tuple[Path, subprocess.Popen[bytes]]]:
    """Start a run and wait until its worker has an item in hand."""

    def begin(spec: str, **options: Any) -> tuple[Path, subprocess.Popen[bytes]]:
        root = project(spec)
        process = start("run", cwd=root, stderr=subprocess.DEVNULL, **options)
        wait_until(lambda: _at_work(root), what="the run's work")
        return root, process

    return begin


def test_a_timeout_ends_a_run_whose_worker_is_blocked_within_its_bound(orchestrate: Maker, project: Maker) -> None:
    root = project(_drill(behaviour="block", timeout=2))
    done = orchestrate("run", cwd=root)
    status = _status(root)
    assert (done.code, status["state"], status["jobs"][0]["error"]["code"]) == (124, "timed_out", "timed-out")
    assert status["jobs"][0]["abandoned_threads"] >= 1
    began, ended = (_seconds(status[field]) for field in ("started_at", "finished_at"))
    assert ended - began <= 2.6


def _seconds(text: str) -> float:
    from orchestrator.status.models import seconds

    return seconds(text)


@pytest.mark.parametrize(
    ("number", "code", "behaviour"),
    [
        (signal.SIGINT, 130, "block"),
        (signal.SIGTERM, 143, "wait"),
        (signal.SIGTERM, 143, "spin"),
        (signal.SIGHUP, 143, "block"),
    ],
)
def test_a_signal_to_the_whole_group_ends_a_run_within_its_grace(
    at_work: Maker, number: signal.Signals, code: int, behaviour: str
) -> None:
    """As a terminal sends it: also to what the run started."""
    root, process = at_work(_drill(behaviour=behaviour), start_new_session=True)
    began = time.monotonic()
    os.killpg(process.pid, number)
    assert process.wait(20) == code
    assert time.monotonic() - began < 0.5 + 0.25 + 1.0  # grace, bar, and the end of an interpreter on a busy machine
    status = _status(root)
    assert (status["state"], status["jobs"][0]["state"]) == ("cancelled", "cancelled")
    assert number.name in status["jobs"][0]["message"]


def test_a_second_signal_ends_a_run_at_once(at_work: Maker, wait_until: Maker) -> None:
    root, process = at_work(_drill(behaviour="block", grace="50s"))
    process.send_signal(signal.SIGINT)
    wait_until(lambda: _status(root)["cancel"], what="the notice of the first signal")
    began = time.monotonic()
    process.send_signal(signal.SIGINT)
    assert process.wait(20) == 130
    assert time.monotonic() - began < 1.5
    assert _status(root)["state"] == "cancelled"


def test_a_run_that_was_told_to_ignore_hangups_goes_on(at_work: Maker) -> None:
    root, process = at_work(_drill(behaviour="wait", seconds=1), preexec_fn=_ignore_hangups)
    process.send_signal(signal.SIGHUP)
    assert process.wait(20) == 0
    assert _status(root)["state"] == "succeeded"


def _ignore_hangups() -> None:
    signal.signal(signal.SIGHUP, signal.SIG_IGN)


def test_the_status_is_refreshed_while_the_only_worker_sits_in_one_call(at_work: Maker, wait_until: Maker) -> None:
    root, process = at_work(_drill(behaviour="block", seconds=10, concurrency=1))
    before = _status(root)["revision"]
    wait_until(lambda: _status(root)["revision"] > before, 3.0, what="a refresh")
    status = _status(root)
    assert (status["state"], status["jobs"][0]["items"]["done"]) == ("running", 0)
    assert process.poll() is None
    process.kill()

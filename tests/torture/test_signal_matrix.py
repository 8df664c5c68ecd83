"""What a worker does against how the run is told to end: it ends within the grace, and the files tell the truth."""

from __future__ import annotations

import json
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from orchestrator.status import journal, read
from orchestrator.status.layout import RunDir, StateDir
from orchestrator.status.states import Shown

Maker = Callable[..., Any]
ITEMS = 8
GRACE = 1.0
SLACK = 0.25
ENDS = 1.5  # An interpreter that ends on a busy machine; the bar is for an idle one.
CODES = {signal.SIGINT: 130, signal.SIGTERM: 143, signal.SIGHUP: 143}


def _spec(behaviour: str) -> str:
    job = {
        "kind": "drill",
        "items": ITEMS,
        "behaviour": behaviour,
        "seconds": 40,
        "unlucky": 1,
        "timeout": 60,
        "begun": "begun",
    }
    return f"version: 1\ngrace: {GRACE}s\njobs: {json.dumps({'drill': job})}\n"


def _finished(directory: RunDir) -> int:
    return sum(entry.event is journal.Event.ITEM_FINISHED for entry in journal.read(directory.journal).entries)


@pytest.fixture
def begin(start: Maker, project: Maker, wait_until: Maker) -> Callable[[str], tuple[RunDir, subprocess.Popen[bytes]]]:
    """Start a run and return it once its first unit is under way."""

    def run(behaviour: str) -> tuple[RunDir, subprocess.Popen[bytes]]:
        root: Path = project(_spec(behaviour))
        process = start("run", "--quiet", cwd=root, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        state = StateDir(root / ".orchestrate")
        wait_until(lambda: read.run_ids(state), what="the run")
        directory = state.run(read.run_ids(state)[0])
        wait_until((root / "begun").exists, what="the first unit")
        if behaviour != "hold":  # The call that holds the interpreter stops the recorder too.
            wait_until(lambda: _finished(directory) == ITEMS - 1, what="the other units")
        return directory, process

    return run


@pytest.mark.alike
@pytest.mark.parametrize("number", CODES, ids=lambda number: signal.Signals(number).name)
@pytest.mark.parametrize("behaviour", ["wait", "block", "spin"])
def test_a_run_ends_within_the_grace_whatever_its_worker_does(
    begin: Maker, tell: Callable[[str], None], behaviour: str, number: signal.Signals
) -> None:
    directory, process = begin(behaviour)
    began = time.monotonic()
    process.send_signal(number)
    code = process.wait(60)
    took = time.monotonic() - began
    tell(f"{took:.2f} s with a grace of {GRACE:g} s")
    assert code == CODES[number]
    assert took <= GRACE + SLACK + ENDS
    seen = read.look(directory)
    assert (seen.state, seen.status.jobs[0].state.value) == (Shown.CANCELLED, "cancelled")
    assert seen.status.jobs[0].items.succeeded == ITEMS - 1


@pytest.mark.alike
@pytest.mark.parametrize("number", CODES, ids=lambda number: signal.Signals(number).name)
def test_a_second_signal_ends_a_run_at_once(begin: Maker, wait_until: Maker, number: signal.Signals) -> None:
    directory, process = begin("block")
    process.send_signal(number)
    wait_until(lambda: read.look(directory).status.cancel, what="the notice of the first")
    began = time.monotonic()
    process.send_signal(number)
    assert process.wait(60) == CODES[number]
    assert time.monotonic() - began <= SLACK + ENDS
    assert read.look(directory).state is Shown.CANCELLED


def test_a_call_that_holds_the_interpreter_is_ended_with_a_traceback_and_reads_as_interrupted(
    begin: Maker, tell: Callable[[str], None]
) -> None:
    directory, process = begin("hold")
    began = time.monotonic()
    process.send_signal(signal.SIGTERM)
    code = process.wait(60)
    took = time.monotonic() - began
    tell(f"{took:.2f} s with a grace of {GRACE:g} s, exit {code}")
    assert took <= GRACE + SLACK + ENDS
    assert code != 0
    assert read.look(directory).state in {Shown.INTERRUPTED, Shown.CANCELLED}
    assert "orchestrate_drill.py" in directory.crash_log.read_text(encoding="utf-8")


def test_beyond_the_deadline_a_call_that_holds_the_interpreter_is_ended_too(
    start: Maker, project: Maker, tell: Callable[[str], None]
) -> None:
    job = {"kind": "drill", "items": 1, "behaviour": "hold", "seconds": 30, "timeout": 1}
    root = project(f"version: 1\ngrace: 500ms\njobs: {json.dumps({'drill': job})}\n")
    began = time.monotonic()
    process = start("run", "--quiet", cwd=root, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    process.wait(60)
    took = time.monotonic() - began
    tell(f"{took:.2f} s with a timeout of 1 s, a grace of 0.5 s and 2 s of patience, start-up included")
    assert process.returncode != 0
    assert took < 3.5 + SLACK + 2 * ENDS
    state = StateDir(root / ".orchestrate")
    assert read.look(state.run(read.run_ids(state)[0])).state is Shown.INTERRUPTED


def test_the_same_drill_notices_a_run_that_ignores_signals(begin: Maker) -> None:
    """The control: a process that is stopped can't end within the grace."""
    _, process = begin("wait")
    process.send_signal(signal.SIGSTOP)
    process.send_signal(signal.SIGTERM)
    with pytest.raises(subprocess.TimeoutExpired):
        process.wait(GRACE + SLACK + ENDS)
    process.send_signal(signal.SIGCONT)
    assert process.wait(30) == CODES[signal.SIGTERM]

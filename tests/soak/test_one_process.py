"""Runs for hours in one process: memory, descriptors, threads and the state directory stay as small as they were."""

from __future__ import annotations

import gc
import json
import os
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Maker = Callable[..., Any]
JOBS = {
    "good": {"kind": "drill", "items": 200, "batch": 4},
    "flaky": {"kind": "drill", "items": 20, "behaviour": "fail", "unlucky": 3, "attempts": 2, "max_failures": 3},
    "broken": {"kind": "drill", "items": 2, "behaviour": "crash"},
    "late": {"kind": "drill", "items": 2, "behaviour": "wait", "seconds": 60, "timeout": 0.3},
    "never": {"kind": "drill", "needs": ["broken"]},
}
SPEC = f"version: 1\nmax_parallel_jobs: 4\nretention: {{runs: 5}}\njobs: {json.dumps(JOBS)}\n"


def _resident() -> int:
    gc.collect()
    return int(Path("/proc/self/statm").read_text(encoding="utf-8").split()[1]) * os.sysconf("SC_PAGE_SIZE")


def test_runs_for_hours_stay_as_small_as_the_first_ones(
    verb: Maker, project: Maker, soak_seconds: float, capsys: pytest.CaptureFixture[str]
) -> None:
    root = project(SPEC)
    for _ in range(20):
        assert verb("run", "--quiet", cwd=root).code == 1
    before, descriptors, threads = _resident(), len(list(Path("/proc/self/fd").iterdir())), threading.active_count()
    end, runs = time.monotonic() + soak_seconds, 0
    while time.monotonic() < end:
        assert verb("run", "--quiet", cwd=root).code == 1
        runs += 1
        if runs % 10 == 0:
            verb("resume", "--quiet", cwd=root)
    grown = _resident() - before
    with capsys.disabled():
        print(f"\n{runs} runs, {grown / max(1, runs):.0f} bytes a run")  # noqa: T201 - the figure is what the run is for
    assert grown < 6_000_000 + 10_000 * runs  # Typer keeps some kilobytes for each command line that this process builds.
    assert len(list(Path("/proc/self/fd").iterdir())) == descriptors
    assert threading.active_count() == threads
    assert len(list((root / ".orchestrate" / "runs").iterdir())) == 5

"""Memory that stays flat: a million progress updates, and two hundred runs in one process. Counts stay exact."""

from __future__ import annotations

import gc
import json
import os
import threading
import tracemalloc
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from orchestrator.cli import launch
from orchestrator.deadline import CancelToken, Deadline, WorkContext
from orchestrator.engine.pool import Slot
from orchestrator.engine.prepare import new_run
from orchestrator.engine.retention import prune
from orchestrator.engine.run import Run
from orchestrator.job import Unit
from orchestrator.spec.load import load_spec
from orchestrator.status.models import seconds

Maker = Callable[..., Any]
PAGE = os.sysconf("SC_PAGE_SIZE")


def _resident() -> int:
    gc.collect()
    return int(Path("/proc/self/statm").read_text(encoding="utf-8").split()[1]) * PAGE


@pytest.fixture
def quick_run(verb: Maker, project: Maker) -> Callable[..., Any]:
    """Return a runner of one drill, again and again in one project."""
    roots: dict[str, Path] = {}

    def run(**fields: Any) -> Any:
        spec = f"version: 1\nretention: {{runs: 2}}\njobs: {json.dumps({'drill': {'kind': 'drill', **fields}})}\n"
        root = roots.setdefault(spec, project(spec) if spec not in roots else Path())
        assert verb("run", "--quiet", cwd=root).code == 0
        return verb("status", "--json", cwd=root).json()

    return run


def test_a_million_progress_updates_leave_one_value_and_no_memory(whole: bool, tell: Callable[[str], None]) -> None:
    count = 1_000_000 if whole else 100_000
    slot = Slot(Unit("a", ("a",)))
    context = WorkContext(Deadline.never(), CancelToken(), progress=slot)
    tracemalloc.start()
    try:
        context.checkpoint(0, count, "first")
        before = tracemalloc.get_traced_memory()[0]
        for done in range(count):
            context.checkpoint(done + 1, count)
        grown = tracemalloc.get_traced_memory()[0] - before
    finally:
        tracemalloc.stop()
    tell(f"{grown} bytes more after {count} updates")
    assert (slot.done, slot.total, slot.note) == (count, count, "first")
    assert grown < 2_000


def test_a_queue_of_updates_would_be_noticed() -> None:
    queued: list[tuple[int | None, int | None, str]] = []
    context = WorkContext(Deadline.never(), CancelToken(), progress=lambda *update: queued.append(update))
    tracemalloc.start()
    try:
        before = tracemalloc.get_traced_memory()[0]
        for done in range(10_000):
            context.checkpoint(done + 1, 10_000)
        grown = tracemalloc.get_traced_memory()[0] - before
    finally:
        tracemalloc.stop()
    assert grown > 2_000


def test_a_run_of_a_million_updates_counts_every_item_and_writes_at_the_cadence(
    quick_run: Callable[..., Any], tell: Callable[[str], None]
) -> None:
    status = quick_run(items=10, behaviour="progress", updates=100_000, concurrency=4)
    took = seconds(status["finished_at"]) - seconds(status["started_at"])
    tell(f"1,000,000 updates in {took:.1f} s, {status['revision']} writes of the status")
    assert status["jobs"][0]["items"]["succeeded"] == 10
    assert status["revision"] <= took / 1.8 + 8  # The cadence, and a write for each change of state or phase.


def test_two_hundred_runs_in_one_process_leave_no_memory_descriptors_or_threads(
    project: Maker, whole: bool, tell: Callable[[str], None]
) -> None:
    most = 200 if whole else 60
    resolved = load_spec(
        project("version: 1\njobs: {drill: {kind: drill, items: 50, behaviour: fail, unlucky: 5}}\n") / "jobs.yaml"
    )

    def run(count: int) -> None:
        for _ in range(count):
            request = launch.request(resolved, None)
            assert Run(request, new_run(request)).execute().exit_code == 1
        prune(request.state, keep=1)

    run(40)
    before, descriptors, threads = _resident(), len(list(Path("/proc/self/fd").iterdir())), threading.active_count()
    run(most)
    grown = _resident() - before
    tell(f"{grown / 1024:.0f} KiB more after {most} runs, {100 * grown / before:.2f} % of {before / 1e6:.0f} MB")
    assert grown < before / 100
    assert len(list(Path("/proc/self/fd").iterdir())) == descriptors
    assert threading.active_count() == threads

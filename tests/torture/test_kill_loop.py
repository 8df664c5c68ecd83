"""Runs killed at random moments and resumed, compared with one that nobody disturbed."""

from __future__ import annotations

import json
import random
import subprocess
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from orchestrator.status import journal, read
from orchestrator.status.layout import RunDir, StateDir
from orchestrator.status.states import Shown

Maker = Callable[..., Any]
ITEMS, WORKERS, BATCH, SECONDS = 160, 2, 2, 0.03
# Within a moment no more than this is applied; the drill has no ledger beside its effects, so what was applied since the
# journal's last group commit is repeated, too, however slow the disk is.
COMMIT_SECONDS = 0.6
AT_MOST_REPEATED = WORKERS * BATCH * (3 + int(COMMIT_SECONDS / SECONDS))
JOB = {"kind": "drill", "items": ITEMS, "batch": BATCH, "behaviour": "wait", "seconds": SECONDS, "concurrency": WORKERS}
EVERY_ITEM = {f"item-{number:07d}" for number in range(ITEMS)}
QUIET = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}


def _lines(root: Path) -> Counter[str]:
    path = root / "out.txt"
    return Counter(path.read_text(encoding="utf-8").splitlines() if path.exists() else [])


def _known(directory: RunDir) -> set[str]:
    return {entry.item for entry in journal.read(directory.journal).entries if entry.item and entry.state == "succeeded"}


class Drill:
    """One run that is killed and resumed until it ends; notes what is wrong on the way."""

    def __init__(self, root: Path, start: Maker, lives: Maker, longest: float) -> None:
        self.root = root
        self.lives = lives(
            root,
            lambda verb: start(verb, "--quiet", cwd=root, **QUIET),
            lambda: len(_lines(root)) == ITEMS,
            longest,
        )
        self._when_known: dict[str, int] = {}

    @property
    def wrong(self) -> list[str]:
        found: list[str] = self.lives.wrong
        return found

    @property
    def repeated(self) -> int:
        return _lines(self.root).total() - ITEMS

    def __call__(self) -> None:
        self.lives(self.check)
        state = StateDir(self.root / ".orchestrate")
        self.check(state.run(read.run_ids(state)[0]))
        self._compare(state.run(read.run_ids(state)[0]))

    def check(self, directory: RunDir) -> None:
        """Note what the journal knows; what it knew before must not have been done again."""
        lines = _lines(self.root)
        again = {key for key, count in self._when_known.items() if lines[key] > count}
        if again:
            self.wrong.append(f"{len(again)} items that the journal knew were repeated")
        known = _known(directory)
        self._when_known |= {key: lines[key] for key in known - self._when_known.keys()}
        done = read.look(directory).status.jobs[0].items.done
        if done > len(known):
            self.wrong.append(f"the status counts {done} items, the journal knows {len(known)}")

    def _compare(self, directory: RunDir) -> None:
        lost = EVERY_ITEM - set(_lines(self.root))
        if lost:
            self.wrong.append(f"{len(lost)} items are lost")
        if self.repeated > self.lives.kills.total() * AT_MOST_REPEATED:
            self.wrong.append(f"{self.repeated} items were repeated, more than were in flight")
        if read.look(directory).status.jobs[0].items.succeeded != ITEMS:
            self.wrong.append("the counts differ from those of an undisturbed run")


@pytest.fixture
def drill(project: Maker, start: Maker, lives: Maker) -> Callable[..., Drill]:
    """Return a maker of drills on threads, or on a cluster, where a run takes a second more until its first unit."""

    def make(address: str | None = None) -> Drill:
        engine = "threads" if address is None else {"dask": address}
        spec = {"version": 1, "engine": engine, "jobs": {"drill": {**JOB, "output": "out.txt"}}}
        return Drill(project(json.dumps(spec)), start, lives, 1.8 if address is None else 3.5)

    return make


@pytest.mark.parametrize("engine", ["threads", "dask"])
def test_killed_and_resumed_runs_end_as_one_that_nobody_disturbed(
    engine: str,
    drill: Callable[..., Drill],
    cluster_of: Callable[..., Any],
    rounds: Callable[[int], Iterator[int]],
    tell: Callable[[str], None],
) -> None:
    address = cluster_of(WORKERS).address if engine == "dask" else None
    repeated = 0
    for _ in rounds(1):
        each = drill(address)
        each()
        assert each.wrong == []
        repeated += each.repeated
    tell(f"0 lost, 0 doubled that the journal knew, {repeated} in flight were repeated")


def test_the_same_drill_notices_a_journal_that_forgets(drill: Callable[..., Drill], wait_until: Callable[..., Any]) -> None:
    """The control: what is known gets lost between two attempts."""
    each = drill()
    process = each.lives.begin("run")
    state = StateDir(each.root / ".orchestrate")
    directory = state.run(wait_until(lambda: read.run_ids(state), 100, what="the run")[0])
    wait_until(lambda: _known(directory), 100, what="an item that the journal knows")
    process.kill()
    process.wait()
    each.check(directory)
    assert each.wrong == []
    directory.journal.write_bytes(b"")
    assert each.lives.begin("resume").wait(100) == 0
    each.check(directory)
    assert any("that the journal knew were repeated" in text for text in each.wrong)


def test_readers_see_a_killed_run_as_interrupted_at_once_and_a_live_one_never(
    project: Maker, start: Maker, chance: random.Random, rounds: Callable[[int], Iterator[int]], tell: Callable[[str], None]
) -> None:
    probes = killed = 0
    pause = threading.Event()
    for _ in rounds(2):
        root = project(f"version: 1\njobs: {json.dumps({'drill': {**JOB, 'seconds': 60}})}\n")
        process = start("run", "--quiet", cwd=root, **QUIET)
        state = StateDir(root / ".orchestrate")
        while not read.run_ids(state):
            assert process.poll() is None
            pause.wait(0.01)
        directory = state.run(read.run_ids(state)[0])
        for _ in range(chance.randrange(1_000, 8_000)):
            assert read.look(directory).state in {Shown.RUNNING, Shown.QUEUED}
            probes += 1
        process.kill()
        process.wait()
        assert read.look(directory).state is Shown.INTERRUPTED
        killed += 1
    tell(f"{killed} of {killed} killed runs as interrupted within one poll, 0 false alarms in {probes} probes")

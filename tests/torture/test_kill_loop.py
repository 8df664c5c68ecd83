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
from orchestrator.status.states import FINAL, Shown

Maker = Callable[..., Any]
ITEMS, WORKERS, BATCH, SECONDS = 60, 2, 2, 0.2
IN_FLIGHT = WORKERS * BATCH * 3  # A worker has a unit in hand, and about two results that wait to be applied.
# The drill has no ledger beside its effects, so it also repeats what was applied since the journal's last group commit.
AT_MOST_REPEATED = IN_FLIGHT + int(0.6 / SECONDS * WORKERS * BATCH)
JOB = {"kind": "drill", "items": ITEMS, "batch": BATCH, "behaviour": "wait", "seconds": SECONDS, "concurrency": WORKERS}
JOBS = {"drill": {**JOB, "output": "out.txt"}}
EVERY_ITEM = {f"item-{number:07d}" for number in range(ITEMS)}


def _lines(root: Path) -> Counter[str]:
    path = root / "out.txt"
    return Counter(path.read_text(encoding="utf-8").splitlines() if path.exists() else [])


def _directory(root: Path) -> RunDir | None:
    state = StateDir(root / ".orchestrate")
    return state.run(read.run_ids(state)[0]) if read.run_ids(state) else None


def _known(directory: RunDir) -> set[str]:
    return {entry.item for entry in journal.read(directory.journal).entries if entry.item and entry.state == "succeeded"}


class Drill:
    """One run that is killed and resumed until it ends; notes what is wrong on the way."""

    def __init__(self, root: Path, start: Maker, chance: random.Random, longest: float) -> None:
        self.root = root
        self._longest = longest
        self.kills = 0
        self.repeated = 0
        self.wrong: list[str] = []
        self._start = start
        self._chance = chance
        self._when_known: dict[str, int] = {}

    def __call__(self, meanwhile: Callable[[RunDir], None] = lambda directory: None) -> None:
        while not self._ended():
            directory = _directory(self.root)
            if directory:
                self._note_known(directory)
                meanwhile(directory)
            self._attempt("resume" if directory else "run")
            lines = _lines(self.root)
            again = {key for key, count in self._when_known.items() if lines[key] > count}
            if again:
                self.wrong.append(f"{len(again)} items that the journal knew were repeated")
        self._compare()

    def _note_known(self, directory: RunDir) -> None:
        lines = _lines(self.root)
        for key in _known(directory) - self._when_known.keys():
            self._when_known[key] = lines[key]

    def _attempt(self, verb: str) -> None:
        process = self._start(verb, "--quiet", cwd=self.root, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            process.wait(self._chance.uniform(0.5, self._longest))
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
            self.kills += 1
            self._check_after_kill()

    def _check_after_kill(self) -> None:
        directory = _directory(self.root)
        if directory is None:
            return
        seen = read.look(directory)
        if seen.status.state not in FINAL and seen.state is not Shown.INTERRUPTED:
            self.wrong.append(f"a killed run reads as {seen.state}")
        done, known = seen.status.jobs[0].items.done, len(_known(directory))
        if done > known:
            self.wrong.append(f"the status counts {done} items, the journal knows {known}")

    def _ended(self) -> bool:
        directory = _directory(self.root)
        return directory is not None and read.look(directory).state is Shown.SUCCEEDED

    def _compare(self) -> None:
        lines = _lines(self.root)
        directory = _directory(self.root)
        assert directory is not None
        if set(lines) != EVERY_ITEM:
            self.wrong.append(f"{len(EVERY_ITEM - set(lines))} items are lost")
        self.repeated = lines.total() - ITEMS
        if self.repeated > self.kills * AT_MOST_REPEATED:
            self.wrong.append(f"{self.repeated} items were repeated, more than were in flight")
        if read.look(directory).status.jobs[0].items.succeeded != ITEMS:
            self.wrong.append("the counts differ from those of an undisturbed run")


@pytest.fixture
def drill(project: Maker, start: Maker, chance: random.Random) -> Callable[..., Drill]:
    """Return a maker of drills on threads, or on a cluster, where a run takes a second more until its first unit."""

    def make(address: str | None = None) -> Drill:
        engine = "threads" if address is None else {"dask": address}
        spec = {"version": 1, "engine": engine, "jobs": JOBS}
        return Drill(project(json.dumps(spec)), start, chance, 4.0 if address is None else 6.0)

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
    kills = repeated = runs = 0
    for _ in rounds(1):
        each = drill(address)
        each()
        assert each.wrong == []
        runs, kills, repeated = runs + 1, kills + each.kills, repeated + each.repeated
    tell(f"{kills} kills of {runs} runs: 0 lost, 0 doubled, {repeated} in flight were repeated")


def test_the_same_drill_notices_a_journal_that_forgets(drill: Callable[..., Drill]) -> None:
    """The control: what is known gets lost between two attempts."""

    forgotten: list[RunDir] = []

    def forget(directory: RunDir) -> None:
        if directory not in forgotten and _known(directory):
            forgotten.append(directory)
            directory.journal.write_bytes(b"")

    wrong: list[str] = []
    for _ in range(10):  # A kill may come before anything was known.
        each = drill()
        each(forget)
        wrong += each.wrong
        if wrong:
            break
    assert any("that the journal knew were repeated" in text for text in wrong)


def test_readers_see_a_killed_run_as_interrupted_at_once_and_a_live_one_never(
    project: Maker, start: Maker, chance: random.Random, rounds: Callable[[int], Iterator[int]], tell: Callable[[str], None]
) -> None:
    probes = killed = 0
    pause = threading.Event()
    for _ in rounds(2):
        root = project(f"version: 1\njobs: {json.dumps({'drill': {**JOB, 'seconds': 60}})}\n")
        process = start("run", "--quiet", cwd=root, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        while (directory := _directory(root)) is None:
            pause.wait(0.01)
        for _ in range(chance.randrange(200, 2_000)):
            assert read.look(directory).state in {Shown.RUNNING, Shown.QUEUED}
            probes += 1
        process.kill()
        process.wait()
        assert read.look(directory).state is Shown.INTERRUPTED
        killed += 1
    tell(f"{killed} of {killed} killed runs as interrupted within one poll, 0 false alarms in {probes} probes")

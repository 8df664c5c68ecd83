"""Every write, sync, open and rename of a run's files fails once, or from then on: no unreadable file, and the truth told."""

from __future__ import annotations

import errno
import os
import random
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from orchestrator import files
from orchestrator.errors import NotFound, UnreadableState
from orchestrator.status import journal, read
from orchestrator.status.layout import StateDir
from orchestrator.status.states import Shown, State

Maker = Callable[..., Any]
SPEC = "version: 1\njobs:\n  drill: {kind: drill, items: 20, batch: 5, progress_every: 200ms}\n"
ERRORS = [errno.ENOSPC, errno.EIO, errno.EDQUOT, errno.EROFS, errno.EACCES, errno.EMFILE]
STEPS = ["open", "write", "fsync", "replace", "rename", "link", "ftruncate", "mkdir"]


class Disk:
    """Fails the nth step of one sort below a folder, or every one from there on; counts the steps."""

    def __init__(self, below: Path) -> None:
        self._below = str(below)
        self.count = 0
        self.failed = 0
        self._step = ""
        self._nth = 0
        self._error = 0
        self._lasting = False
        self._short = False

    def arm(self, step: str, nth: int, error: int, *, lasting: bool, short: bool = False) -> None:
        self._step, self._nth, self._error, self._lasting, self._short = step, nth, error, lasting, short

    @contextmanager
    def installed(self, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
        with monkeypatch.context() as patch:
            for step in STEPS:
                patch.setattr(os, step, self._faulty(step, getattr(os, step)))
            yield

    def _faulty(self, step: str, original: Any) -> Any:
        def call(first: Any, *arguments: Any, **options: Any) -> Any:
            if step == self._step and self._is_ours(first):
                self.count += 1
                if self.count == self._nth or (self._lasting and self.count > self._nth):
                    self.failed += 1
                    if self._short and step == "write":
                        original(first, bytes(arguments[0])[: len(arguments[0]) // 2])
                    raise OSError(self._error, os.strerror(self._error))
            return original(first, *arguments, **options)

        return call

    def _is_ours(self, first: Any) -> bool:
        try:
            path = str(Path(f"/proc/self/fd/{first}").readlink()) if isinstance(first, int) else os.fspath(first)
        except (OSError, TypeError):
            return False
        return str(path).startswith(self._below)


def _judge(root: Path, code: int) -> str:
    """Say what is wrong with what a run left; empty if nothing is."""
    state = StateDir(root / ".orchestrate")
    try:
        runs = read.run_ids(state)
        if not runs:
            return "" if code == 4 else f"there is no run, and exit {code}"
        seen = read.look(state.run(runs[0]))
    except (UnreadableState, NotFound) as error:
        return f"the run can't be read: {error.message}"
    return _judge_ending(seen, journal.read(seen.directory.journal), code)


def _judge_ending(seen: read.Seen, prefix: journal.Prefix, code: int) -> str:
    finished = sum(entry.event == "item_finished" for entry in prefix.entries)
    if seen.status.jobs[0].items.done > finished:
        return f"the status counts {seen.status.jobs[0].items.done} items, the journal {finished}"
    if code == 0:
        return "" if seen.state is Shown.SUCCEEDED and finished == 20 else f"exit 0 and {seen.state}, {finished} items"
    if code != 4:
        return f"exit {code}"
    # The last sync of the last status may be what failed: success is told then if the journal knows it, and so is the fault.
    known = any(entry.event == "run_finished" for entry in prefix.entries)
    return "" if known or seen.status.state is not State.SUCCEEDED else "exit 4 and succeeded"


def _steps(verb: Maker, project: Maker, monkeypatch: pytest.MonkeyPatch, step: str) -> int:
    """Return how many steps of one sort an undisturbed run takes."""
    root = project(SPEC)
    disk = Disk(root / ".orchestrate")
    disk.arm(step, 0, 0, lasting=False)
    with disk.installed(monkeypatch):
        assert verb("run", "--quiet", cwd=root).code == 0
    return disk.count


def _run_with(verb: Maker, root: Path, disk: Disk, monkeypatch: pytest.MonkeyPatch) -> tuple[int, str]:
    """Return the exit code and what was said; an error that nobody caught is a traceback and exit 1."""
    with disk.installed(monkeypatch):
        try:
            done = verb("run", cwd=root)
        except OSError as error:
            steps = traceback.extract_tb(error.__traceback__)
            where = [f"{step.name}:{step.lineno}" for step in steps if "/orchestrator/" in step.filename]
            return 1, f"Traceback: {' '.join(where[-3:])}"
    return done.code, done.text


@pytest.mark.parametrize("step", STEPS)
def test_whatever_step_fails_every_file_is_readable_and_the_end_is_told(
    verb: Maker,
    project: Maker,
    monkeypatch: pytest.MonkeyPatch,
    chance: random.Random,
    rounds: Callable[[int], Iterator[int]],
    tell: Callable[[str], None],
    whole: bool,
    step: str,
) -> None:
    most = max(1, _steps(verb, project, monkeypatch, step))
    steps = chance.sample(range(1, most + 1), most)
    bad: dict[str, int] = {}
    tried = failed = 0
    for number in rounds(most if whole else min(most, 5)):
        root = project(SPEC)
        disk = Disk(root / ".orchestrate")
        nth = steps[number % most]
        error, lasting, short = chance.choice(ERRORS), chance.random() < 0.5, chance.random() < 0.3
        disk.arm(step, nth, error, lasting=lasting, short=short)
        code, said = _run_with(verb, root, disk, monkeypatch)
        tried, failed = tried + 1, failed + bool(disk.failed)
        wrong = said if "Traceback" in said else _judge(root, code)
        if wrong:
            key = f"{step} {nth} of {most}{' and on' if lasting else ''}: {wrong}"
            bad[key] = bad.get(key, 0) + 1
    tell(f"{failed} faults in {tried} runs, {most} steps each: {sum(bad.values())} bad")
    assert bad == {}


def test_the_same_judge_notices_files_that_are_written_in_place(
    verb: Maker, project: Maker, monkeypatch: pytest.MonkeyPatch
) -> None:
    def write_in_place(path: Path, data: bytes, *, durable: bool = True) -> None:
        try:
            descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
            os.write(descriptor, data[:200])
            os.write(descriptor, data[200:])
            os.close(descriptor)
        except OSError as error:
            raise files.storage_error("write", path, error) from error

    monkeypatch.setattr(files, "write_atomic", write_in_place)
    bad = []
    for nth in range(1, 12):
        root = project(SPEC)
        disk = Disk(root / ".orchestrate")
        disk.arm("write", nth, errno.ENOSPC, lasting=True, short=True)
        bad.append(_judge(root, _run_with(verb, root, disk, monkeypatch)[0]))
    assert any("can't be read" in wrong for wrong in bad)

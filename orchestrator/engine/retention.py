"""Retention: old runs are removed by count and age, never a live one, each through a trash name."""

from __future__ import annotations

import calendar
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Final, NamedTuple

from orchestrator import files
from orchestrator.errors import TargetBusy
from orchestrator.status import read
from orchestrator.status.layout import RunDir, StateDir, is_run_id

_GUARD: Final = "prune.lock"


class Pruned(NamedTuple):
    """What was removed, or would be: run ids, and how many bytes they took."""

    run_ids: tuple[str, ...]
    size: int


def prune(state: StateDir, *, keep: int, oldest: float | None = None, dry_run: bool = False) -> Pruned:
    """Remove runs beyond the newest `keep`, and those that began before `oldest` (seconds since the epoch).

    Live runs stay and don't count. One process prunes at a time. Raises TargetBusy if another one does.
    """
    if not state.runs.is_dir():
        return Pruned((), 0)
    doomed = list(_doomed(state, keep, oldest))
    size = sum(_size(run.path) for run in doomed)
    if not dry_run:
        with files.Lock.acquire(files.make_private_dir(state.locks) / _GUARD, "prune"):
            for run in doomed:
                # It may have been resumed meanwhile; with its lease in our hands it can't be.
                with suppress(TargetBusy), files.Lock.acquire(run.lease, "prune", patience=1):
                    files.remove_tree(run.path)
            sweep(state)
    return Pruned(tuple(run.run_id for run in doomed), size)


def refuse_beside_live_runs(state: StateDir) -> None:
    """Raise TargetBusy if a run of this state directory lives: maintenance by hand waits for it."""
    for run_id in read.run_ids(state):
        if files.is_locked(state.run(run_id).lease):
            raise TargetBusy(f"run {run_id} is running", hint="`orchestrate cancel` asks it to stop; then prune again")


def sweep(state: StateDir) -> None:
    """Remove what interrupted processes left among the runs: directories that never got their name, and trash.

    While a run is just being made, its directory can't be told from a leftover; leftovers stay for the next time then.
    """
    leftovers = [RunDir(path) for path in state.runs.glob(f"{files.TEMPORARY_PREFIX}*") if _was_a_run(path)]
    if leftovers:
        with suppress(TargetBusy), files.Lock.acquire(state.births, "prune", patience=1):
            for leftover in leftovers:
                if not files.is_locked(leftover.lease):
                    files.remove_tree(leftover.path)
    for trash in state.runs.glob(f"{files.TRASH_PREFIX}*"):
        files.remove_tree(trash)


def _was_a_run(hidden: Path) -> bool:
    return is_run_id(hidden.name.removeprefix(files.TEMPORARY_PREFIX))


def _doomed(state: StateDir, keep: int, oldest: float | None) -> Iterator[RunDir]:
    kept = 0
    for run_id in read.run_ids(state):
        run = state.run(run_id)
        if files.is_locked(run.lease):
            continue
        kept += 1
        if kept > keep or (oldest is not None and _began(run_id) < oldest):
            yield run


def _began(run_id: str) -> float:
    """Return when a run began, from its name, in seconds since the epoch."""
    return calendar.timegm(time.strptime(run_id[:15], "%Y%m%dT%H%M%S"))


def _size(folder: Path) -> int:
    return sum(path.lstat().st_size for path in folder.rglob("*") if path.is_file())

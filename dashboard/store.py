"""What the dashboard has read: one store per state directory and process, shared by every tab.

A status file is read again only if its time, size or inode changed. The names of the runs are listed again if the
directory's time changed, and every ten seconds whatever it says. Of old runs a small summary stays; whole models are kept
for the few that are on a screen. Opens files for reading only.
"""

from __future__ import annotations

import os
import threading
import time
from collections import Counter, OrderedDict
from collections.abc import Callable, Hashable, Iterator
from dataclasses import dataclass
from operator import attrgetter
from pathlib import Path
from typing import Final

from dashboard.items import Items
from dashboard.summary import Summary, summarize
from orchestrator.errors import NotFound, OrchestrateError, UnreadableState
from orchestrator.status import read
from orchestrator.status.layout import RunDir, StateDir, is_run_id
from orchestrator.status.models import RunStatus
from orchestrator.status.states import FINAL, Shown, shown

RELIST_SECONDS: Final = 10.0
MOST_MODELS: Final = 12
MOST_JOURNALS: Final = 6
MOST_TEXTS: Final = 24
MOST_SEARCHES: Final = 16
LARGEST_STATUS: Final = 16_000_000
Stamp = tuple[int, int, int]


def stamp(path: Path | str) -> Stamp | None:
    """Return what changes when a file changes (time, size, inode); None if there is no such file."""
    try:
        found = os.stat(path)  # noqa: PTH116 - a Path object a poll and row would cost more than the call
    except OSError:
        return None
    return found.st_mtime_ns, found.st_size, found.st_ino


@dataclass(frozen=True, slots=True)
class Look:
    """A run as it is right now: its status and derived state, or the problem that stands in the way.

    With a problem, `status` is the last good version if there was one. `age` is the age of the status file in seconds.
    """

    run_id: str
    state: Shown
    status: RunStatus | None
    age: float
    problem: OrchestrateError | None = None


class Store:
    """Everything read from one state directory. Safe to use from several threads."""

    def __init__(self, state: StateDir, *, clock: Callable[[], float] = time.time) -> None:
        self.state = state
        self.clock = clock
        self._lock = threading.RLock()
        self._names: tuple[str, ...] = ()
        self._known: frozenset[str] = frozenset()
        self._listed: tuple[Stamp | None, float] | None = None
        self._models: OrderedDict[str, tuple[Stamp, RunStatus]] = OrderedDict()
        self._summaries: dict[str, tuple[Stamp, Summary]] = {}
        self._runs = os.fspath(state.runs)
        self._journals: OrderedDict[str, Items] = OrderedDict()
        self._texts: OrderedDict[tuple[Path, int], tuple[Stamp, str]] = OrderedDict()
        self._scanned = 0
        self._version = 0
        self._open: set[str] = set()
        self._matching: OrderedDict[Hashable, tuple[int, int, list[Summary]]] = OrderedDict()
        self._numbers: tuple[tuple[int, int], Counter[Shown]] = ((-1, 0), Counter())

    def names(self) -> tuple[str, ...]:
        """Return the names of all runs, newest first. Raises UnreadableState if the directory can't be listed."""
        with self._lock:
            now, mark = self.clock(), stamp(self.state.runs)
            fresh = self._listed is not None and self._listed[0] == mark and 0 <= now - self._listed[1] < RELIST_SECONDS
            if not fresh:
                self._relist(tuple(read.run_ids(self.state)))
                self._listed = (mark, now)
            return self._names

    def _relist(self, names: tuple[str, ...]) -> None:
        if names == self._names:
            return
        self._names, self._known, self._scanned = names, frozenset(names), 0
        self._version += 1
        for gone in self._summaries.keys() - self._known:
            del self._summaries[gone]
            self._open.discard(gone)

    def has(self, run_id: str) -> bool:
        """Whether there is such a run. What isn't listed is never joined to a path."""
        self.names()
        return is_run_id(run_id) and run_id in self._known

    def look(self, run_id: str) -> Look:
        """Return the run as it is now. Never raises for what a file contains; raises NotFound if it isn't listed."""
        with self._lock:
            if not self.has(run_id):
                raise NotFound(f"there is no run {run_id!r}", hint="it may have been pruned")
            run = self.state.run(run_id)
            mark = stamp(run.status)
            try:
                status = self._load(run, mark)
                living = None if status.state in FINAL else read.alive(run, status)
                if status.state not in FINAL and not living and (later := stamp(run.status)) != mark:
                    # It ended between reading and probing: the file is newer than the answer of the lease.
                    status, mark = self._load(run, later), later
            except OrchestrateError as error:
                return self._unreadable(run, mark, error)
            return Look(run_id, _state(run, status, living=living), status, self._age(mark))

    def _load(self, run: RunDir, mark: Stamp | None) -> RunStatus:
        if mark is None:
            raise UnreadableState("the run has no status file yet", hint="it is being created, or was damaged")
        known = self._models.get(run.run_id)
        if known is not None and known[0] == mark:
            self._models.move_to_end(run.run_id)
            return known[1]
        if mark[1] > LARGEST_STATUS:
            raise UnreadableState("status.json is larger than a status file can be")
        try:
            status = read.parse_status(run.status.read_bytes())
        except OSError as error:
            raise UnreadableState(f"can't read status.json: {error.strerror}") from error
        self._models[run.run_id] = (mark, status)
        while len(self._models) > MOST_MODELS:
            self._models.popitem(last=False)
        return status

    def _unreadable(self, run: RunDir, mark: Stamp | None, error: OrchestrateError) -> Look:
        last = self._models.get(run.run_id)
        return Look(run.run_id, Shown.UNKNOWN, last[1] if last else None, self._age(mark), error)

    def _age(self, mark: Stamp | None) -> float:
        return max(0.0, self.clock() - mark[0] / 1e9) if mark else 0.0

    def summary(self, run_id: str) -> Summary:
        """Return the summary of a listed run; of an ended one the file is looked up, but not read again."""
        with self._lock:
            known = self._summaries.get(run_id)
            mark = stamp(f"{self._runs}/{run_id}/status.json")
            if known is not None and known[1].final and mark == known[0]:
                return known[1]
            if known is None and (ended := self._ended(run_id, mark)):
                return ended
            kept = run_id in self._models
            seen = self.look(run_id)
            found = summarize(run_id, seen.state, seen.status if seen.problem is None else None, seen.problem)
            if not kept:
                self._models.pop(run_id, None)
            if known is not None and known[1] != found and (known[1].final or found.final):
                self._version += 1
            (self._open.discard if found.final else self._open.add)(run_id)
            self._summaries[run_id] = (mark or (0, 0, 0), found)
            return found

    def _ended(self, run_id: str, mark: Stamp | None) -> Summary | None:
        """Return the summary of an old run that is read for the first time; None if it isn't final or can't be read.

        The short way for a search through thousands: no model is kept, no lease probed.
        """
        try:
            with open(f"{self._runs}/{run_id}/status.json", "rb") as file:  # noqa: PTH123 - a Path costs more than the call
                status = read.parse_status(file.read(LARGEST_STATUS))
        except (OSError, OrchestrateError):
            return None
        if status.state not in FINAL or mark is None:
            return None
        found = summarize(run_id, Shown(status.state), status, None)
        self._summaries[run_id] = (mark, found)
        return found

    def scan(self, seconds: float) -> tuple[int, int]:
        """Read summaries that aren't known yet, newest first, for about `seconds` of this thread's CPU time.

        Return how many are known, of how many.
        """
        with self._lock:
            names, until = self.names(), time.thread_time() + seconds
            while self._scanned < len(names) and time.thread_time() < until:
                if names[self._scanned] not in self._summaries:
                    self.summary(names[self._scanned])
                self._scanned += 1
            return self._scanned, len(names)

    def known_summaries(self, first: int = 0) -> Iterator[Summary]:
        """Yield the summaries that were read so far, newest first; without the newest `first` runs."""
        for run_id in self._names[first : self._scanned]:
            if known := self._summaries.get(run_id):
                yield known[1]

    def matching(self, key: Hashable, fits: Callable[[Summary], bool]) -> list[Summary]:
        """Return the known summaries that fit, newest first. `key` names the test.

        What it says of ended runs is kept while none of them changed, and a search that goes on asks only those that were
        read since; runs that go on are asked each time.
        """
        with self._lock:
            version, asked, ended = self._matching.get(key, (-1, 0, []))
            if version != self._version:
                asked, ended = 0, []
            if asked < self._scanned or version != self._version:
                ended = [*ended, *(run for run in self.known_summaries(asked) if run.final and fits(run))]
                self._matching[key] = (self._version, self._scanned, ended)
                while len(self._matching) > MOST_SEARCHES:
                    self._matching.popitem(last=False)
            open_runs = [run for name in self._open if (run := self._summaries[name][1]) and fits(run)]
            return sorted([*ended, *open_runs], key=attrgetter("run_id"), reverse=True) if open_runs else ended

    def numbers(self) -> Counter[Shown]:
        """Return how many of the known runs are in which state."""
        with self._lock:
            mark = (self._version, self._scanned)
            if self._numbers[0] != mark:
                self._numbers = (mark, Counter(run.state for run in self.known_summaries() if run.final))
            return self._numbers[1] + Counter(self._summaries[name][1].state for name in self._open)

    def items(self, run_id: str) -> Items:
        """Return the items of a listed run as its journal tells them, a bounded step further than the last time."""
        with self._lock:
            found = self._journals.setdefault(run_id, Items(self.state.run(run_id).journal))
            self._journals.move_to_end(run_id)
            while len(self._journals) > MOST_JOURNALS:
                self._journals.popitem(last=False)
            found.advance()
            return found

    def text(self, path: Path, most: int) -> str:
        """Return the last `most` bytes of a file as text, from the start of a line; empty if there is no such file."""
        with self._lock:
            mark = stamp(path)
            if mark is None:
                return ""
            known = self._texts.get((path, most))
            if known is None or known[0] != mark:
                known = (mark, _tail(path, most))
                self._texts[path, most] = known
                while len(self._texts) > MOST_TEXTS:
                    self._texts.popitem(last=False)
            return known[1]


def _state(run: RunDir, status: RunStatus, *, living: bool | None) -> Shown:
    if status.state in FINAL:
        return Shown(status.state)
    cancel = status.cancel
    return shown(
        status.state,
        alive=living,
        cancel_requested=cancel is not None or run.cancel.exists(),
        cancel_acknowledged=cancel is not None and cancel.acknowledged_at is not None,
    )


def _tail(path: Path, most: int) -> str:
    try:
        with path.open("rb") as file:
            size = file.seek(0, os.SEEK_END)
            file.seek(max(0, size - most))
            data = file.read(most)
    except OSError as error:
        return f"can't read {path.name}: {error.strerror}"
    if size > most:
        data = data[data.find(b"\n") + 1 :]
    return data.decode(errors="replace")


_stores: dict[Path, Store] = {}
_stores_lock = threading.Lock()


def of(state_dir: Path) -> Store:
    """Return the process's store of a state directory."""
    with _stores_lock:
        return _stores.setdefault(state_dir, Store(StateDir(state_dir)))

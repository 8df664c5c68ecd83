"""Pools: where units run. `threads` uses own daemon threads, `inline` runs one unit after the other; one interface.

A third one, of more machines, stands in `engine/dask`; `open_pool` knows them all.

No ThreadPoolExecutor: its exit hook joins its threads, so one stuck unit would hold the process for ever.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from queue import Empty, SimpleQueue
from typing import Any, Final, NamedTuple, Protocol

from orchestrator.boundary import Interrupted, Raised, Returned, guarded
from orchestrator.deadline import SYSTEM_CLOCK, CancelToken, Deadline, WorkContext
from orchestrator.job import Unit, UnitResult

MOST_WAITING: Final = 32 * 1024 * 1024
"""Bytes of results that wait to be applied. Beyond it no worker begins another unit: a slow target must not fill the memory."""

Answer = Returned[UnitResult] | Raised | Interrupted
Work = Callable[[Unit, WorkContext], UnitResult]


class Slot:
    """A unit that a worker has in hand, with its newest progress: overwritten by the worker, sampled by the recorder."""

    __slots__ = ("done", "note", "started", "total", "unit")

    def __init__(self, unit: Unit) -> None:
        self.unit = unit
        self.started = SYSTEM_CLOCK.time()
        self.done: int | None = None
        self.total: int | None = None
        self.note = ""

    def __call__(self, done: int | None, total: int | None, note: str) -> None:
        """Take the newest numbers; the last ones win and nothing is queued."""
        if done is not None:
            self.done, self.total = done, total
        if note:
            self.note = note


class Done:
    """A unit that came back."""

    __slots__ = ("answer", "seconds", "unit")

    def __init__(self, unit: Unit, answer: Answer, seconds: float) -> None:
        self.unit = unit
        self.answer = answer
        self.seconds = seconds


class Pool(Protocol):
    """Runs units. Each unit that is submitted comes back from `take` once, unless the pool was closed before."""

    def submit(self, unit: Unit) -> None:
        """Hand a unit over; never blocks, never drops."""

    def take(self, seconds: float) -> list[Done]:
        """Return the units that came back; waits up to `seconds` for a first one."""

    def slots(self) -> list[Slot]:
        """Return the units in hand."""

    def close(self, grace: float) -> int:
        """Admit nothing more, wait up to `grace` seconds, and return how many workers didn't come back."""


class _Worker:
    """What a unit needs to run, and running it."""

    def __init__(self, work: Work, context: Callable[[Slot], WorkContext]) -> None:
        self._work = work
        self._context = context

    def run(self, slot: Slot) -> Done:
        started = SYSTEM_CLOCK.monotonic()
        answer = guarded(self._work, slot.unit, self._context(slot))
        return Done(slot.unit, answer, SYSTEM_CLOCK.monotonic() - started)


class ThreadPool:
    """Daemon threads of our own, started as units arrive, up to `size`. A stuck one is left behind when the pool closes."""

    def __init__(self, name: str, size: int, work: Work, context: Callable[[Slot], WorkContext]) -> None:
        self._name = name
        self._size = size
        self._worker = _Worker(work, context)
        self._units: SimpleQueue[Unit | None] = SimpleQueue()
        self._done: SimpleQueue[Done] = SimpleQueue()
        self._slots: list[Slot | None] = []
        self._threads: list[threading.Thread] = []
        self._outstanding = 0
        self._waiting = 0
        self._weighing = threading.Lock()
        self._room = threading.Event()
        self._room.set()

    def submit(self, unit: Unit) -> None:
        """Hand a unit over; starts another thread as long as every one has a unit."""
        self._outstanding += 1
        if len(self._threads) < min(self._size, self._outstanding):
            self._slots.append(None)
            index = len(self._threads)
            thread = threading.Thread(target=self._serve, args=(index,), name=f"{self._name}-{index}", daemon=True)
            self._threads.append(thread)
            thread.start()
        self._units.put(unit)

    def take(self, seconds: float) -> list[Done]:
        """Return the units that came back; waits up to `seconds` for a first one."""
        ready: list[Done] = []
        try:
            ready.append(self._done.get(timeout=seconds) if seconds > 0 else self._done.get_nowait())
            while True:
                ready.append(self._done.get_nowait())
        except Empty:
            pass  # Everything that was ready is in hand.
        self._outstanding -= len(ready)
        self._weigh(-sum(_size(done) for done in ready))
        return ready

    def slots(self) -> list[Slot]:
        """Return the units in hand."""
        return [slot for slot in self._slots if slot is not None]

    def close(self, grace: float) -> int:
        """Ask every thread to end and wait up to `grace` seconds; stuck ones stay behind as daemons."""
        self._drain()
        for _ in self._threads:
            self._units.put(None)
        self._room.set()
        end = SYSTEM_CLOCK.monotonic() + grace
        for thread in self._threads:
            thread.join(max(0.0, end - SYSTEM_CLOCK.monotonic()))
        return sum(thread.is_alive() for thread in self._threads)

    def _drain(self) -> None:
        while not self._units.empty():
            try:
                self._units.get_nowait()
            except Empty:
                return

    def _weigh(self, change: int) -> None:
        """Note what waits to be applied, and let workers go on while it isn't too much."""
        if not change:
            return
        with self._weighing:
            self._waiting += change
            if self._waiting <= MOST_WAITING:
                self._room.set()
            else:
                self._room.clear()

    def _next(self) -> Unit | None:
        self._room.wait()
        return self._units.get()

    def _serve(self, index: int) -> None:
        while (unit := self._next()) is not None:
            slot = Slot(unit)
            self._slots[index] = slot
            done = self._worker.run(slot)
            self._slots[index] = None
            self._weigh(_size(done))
            self._done.put(done)


def _size(done: Done) -> int:
    return done.answer.value.size if isinstance(done.answer, Returned) else 0


class InlinePool:
    """Runs each unit when somebody takes, one after the other, on the taker's thread: for tests and for debugging."""

    def __init__(self, name: str, size: int, work: Work, context: Callable[[Slot], WorkContext]) -> None:
        del name, size
        self._worker = _Worker(work, context)
        self._units: deque[Unit] = deque()
        self._slot: Slot | None = None

    def submit(self, unit: Unit) -> None:
        """Remember the unit for the next take."""
        self._units.append(unit)

    def take(self, seconds: float) -> list[Done]:
        """Run the oldest unit. With none, return nothing at once: nobody else could bring one."""
        del seconds
        if not self._units:
            return []
        self._slot = Slot(self._units.popleft())
        done = self._worker.run(self._slot)
        self._slot = None
        return [done]

    def slots(self) -> list[Slot]:
        """Return the unit in hand."""
        slot = self._slot
        return [] if slot is None else [slot]

    def close(self, grace: float) -> int:
        """Forget what wasn't run; nothing can be left behind."""
        del grace
        self._units.clear()
        return 0


class Assignment(NamedTuple):
    """What a pool is to run, and within what: `size` units at a time, each with the job's world, deadline and cancel."""

    name: str
    size: int
    work: Work
    world: Callable[[], AbstractContextManager[Any]] | None
    deadline: Deadline
    cancel: CancelToken


LOCAL: Final[dict[str, Callable[[str, int, Work, Callable[[Slot], WorkContext]], Pool]]] = {
    "threads": ThreadPool,
    "inline": InlinePool,
}


@contextmanager
def open_pool(engine: str, assignment: Assignment) -> Iterator[Pool]:
    """Yield the pool of an engine (`threads`, `inline`, `dask://host:port`), with the job's world open where units run.

    Whoever opens a pool closes it (`Pool.close`), before this context ends.
    """
    if engine not in LOCAL:
        from orchestrator.engine.dask.pool import DaskPool
        from orchestrator.spec.engines import scheduler_of

        yield DaskPool(scheduler_of(engine), assignment)
        return
    name, size, work, world, deadline, cancel = assignment
    with nullcontext() if world is None else world() as opened:

        def context(slot: Slot) -> WorkContext:
            return WorkContext(deadline, cancel, world=opened, progress=slot)

        yield LOCAL[engine](name, size, work, context)

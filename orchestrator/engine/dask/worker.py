"""The worker's side of the Dask pool: runs units in a worker process, with one world per job and process.

Nothing here raises into Dask, which would log what the unit was given, and nothing outlives the attempt: a session ends
when the run says so, when Dask takes its units back (the run died or was cut off), or when its last deadline has passed.
"""

from __future__ import annotations

import logging
import threading
from collections import deque
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any, Final

from distributed import Worker, WorkerPlugin, get_worker

from orchestrator.boundary import Interrupted, Raised, Returned, guarded
from orchestrator.deadline import SYSTEM_CLOCK, CancelToken, Deadline, WorkContext
from orchestrator.engine.dask import wire
from orchestrator.engine.dask.wire import Brief, Order, Parcel, Report
from orchestrator.errors import Cancelled, Failure

TELL_SECONDS: Final = 0.5  # How often a worker tells what it has in hand.
PLUGIN: Final = "orchestrate"
TOGETHER_SECONDS: Final = 0.25  # When units that travel together took so long, the rest of them goes back.
_MOST_LINES: Final = 20  # Of the log, per unit.
_ENDED: Final = Cancelled("the run ended").failure()
_UNDONE: Final = wire.pack(Report("undone", _ENDED, 0.0))

_sessions: Final[dict[str, Session]] = {}
_over: Final[deque[str]] = deque(maxlen=1000)  # Sessions that ended, for units that waited in this worker's queue.
_registry: Final = threading.RLock()
_lines: Final = threading.local()
_ours: Final = logging.getLogger("orchestrator")


def run_units(parcel: Parcel) -> bytes:
    """Run the units of an order, one after the other, and return a packed report for each; raises nothing."""
    order = wire.opened(parcel)
    if isinstance(order, str):
        message = f"a worker runs orchestrate {wire.VERSION}, this run {order}"
        unfit = Failure("engine-mismatch", message, "install the same version on every worker")
        return wire.pack([wire.pack(Report("unfit", unfit, 0.0))])
    task = Task(order)
    until = SYSTEM_CLOCK.monotonic() + TOGETHER_SECONDS
    reports: list[bytes] = []
    for unit in order.units:
        late = bool(reports) and SYSTEM_CLOCK.monotonic() > until  # Another worker may be idle.
        reports.append(_UNDONE if late else _reported(order, task, unit))
    return wire.pack(reports)


def _reported(order: Order, task: Task, unit: bytes) -> bytes:
    task.begin_next()
    with _captured() as lines:
        report = _run(order, task, unit)
        packed = guarded(wire.pack, report._replace(log=tuple(lines)))
    if isinstance(packed, Returned):
        return packed.value
    hint = "this is a bug of the kind: units and results are plain values"
    failure = Failure("not-picklable", "what the unit returned can't be pickled", hint)
    return wire.pack(Report("raised", failure, report.seconds, tuple(lines)))


def end_session(key: str) -> None:
    """Ask the units of a session to stop, and close its world when the last one is back. Called in every worker process."""
    with _registry:
        _over.append(key)
        session = _sessions.get(key)
        if session is not None:
            session.end()


def _run(order: Order, task: Task, unit: bytes) -> Report:
    if order.session in _over or task.dropped:
        return Report("undone" if task.dropped else "interrupted", _ENDED, 0.0)
    started = SYSTEM_CLOCK.monotonic()
    brief = guarded(wire.unpack, order.brief)
    if not isinstance(brief, Returned):
        return Report("unfit", _cant_load(brief), 0.0)
    with _in_hand(task, order.session) as session:
        world = guarded(session.world, brief.value)
        if not isinstance(world, Returned):
            return Report("unfit", _failure(world), 0.0)
        context = WorkContext(task.deadline, task.cancel, world=world.value, progress=task)
        answer = guarded(_work, brief.value, unit, context)
    seconds = SYSTEM_CLOCK.monotonic() - started
    if isinstance(answer, Returned):
        return Report("returned", answer.value, seconds)
    if isinstance(answer, Raised):
        return Report("raised", answer.failure, seconds)
    return Report("undone" if task.dropped else "interrupted", _failure(answer), seconds)


def _work(brief: Brief, unit: bytes, context: WorkContext) -> Any:
    return brief.work(wire.unpack(unit), context)


def _failure(answer: Raised | Interrupted) -> Failure:
    return answer.failure if isinstance(answer, Raised) else answer.interruption.failure()


def _cant_load(answer: Raised | Interrupted) -> Failure:
    error = answer.error if isinstance(answer, Raised) else answer.interruption
    what = f"no module {error.name}" if isinstance(error, ImportError) and error.name else type(error).__name__
    hint = "install the same packages on every worker as where the run is started"
    return Failure("engine-mismatch", f"a worker can't load the job's code: {what}", hint)


class Task:
    """A task of Dask's that this process works on: which of its units, with the newest progress, and how it is stopped."""

    def __init__(self, order: Order) -> None:
        self.key = order.key
        self.cancel = CancelToken()
        self.deadline = Deadline.after(order.seconds)
        self.dropped = False
        self.index = -1
        self._progress: tuple[int | None, int | None, str] = (None, None, "")

    def begin_next(self) -> None:
        """Begin with the task's next unit."""
        self.index += 1
        self._progress = (None, None, "")

    def __call__(self, done: int | None, total: int | None, note: str) -> None:
        """Take the newest numbers; the last ones win."""
        before = self._progress
        self._progress = (*(before[:2] if done is None else (done, total)), note or before[2])

    def told(self) -> tuple[str, int, int | None, int | None, str]:
        """Return what the run is told of it."""
        return (self.key, self.index, *self._progress)


class Session:
    """One attempt of a job in this process: its world, opened once, and its tasks in hand."""

    def __init__(self, key: str, worker: Worker) -> None:
        self.worker = worker
        self.tasks: dict[str, Task] = {}
        self._key = key
        self._ended = False
        self._opening = threading.Lock()
        self._world: Any = None
        self._is_open = False
        self._closing = ExitStack()
        self._wake = threading.Event()

    def world(self, brief: Brief) -> Any:
        """Return the job's world, which the first unit opens; the others wait for it."""
        with self._opening:
            if not self._is_open:
                self._world = self._closing.enter_context(brief.world()) if brief.world is not None else None
                self._is_open = True
            return self._world

    def end(self) -> None:
        """Ask every task to stop; the watching thread closes the world when the last one is back."""
        self._ended = True
        if _sessions.get(self._key) is self:
            del _sessions[self._key]
        for task in self.tasks.values():
            task.cancel.request("the run ended")
        self._wake.set()

    def leave(self, task: Task) -> None:
        """Note that a task isn't in hand any more."""
        del self.tasks[task.key]
        if self._ended:
            self._wake.set()

    def watch(self, deadline: Deadline) -> None:
        """Tell what is in hand until the session ends, at the latest when no time is left; then close the world."""
        while self.tasks or not self._ended:
            self._wake.wait(TELL_SECONDS)
            self._wake.clear()
            with _registry:
                told = tuple(task.told() for task in self.tasks.values())
                if deadline.passed and not self._ended:
                    self.end()
            if told:
                self.worker.log_event(wire.TOPIC, (self._key, told))
        guarded(self._closing.close)


class Watch(WorkerPlugin):
    """Hears from Dask which units it takes back while they run, and when the worker closes."""

    def setup(self, worker: Worker) -> None:
        """Note whose units these are."""
        self._worker = worker

    def teardown(self, worker: Worker) -> None:
        """End every session of the worker."""
        with _registry:
            for session in [each for each in _sessions.values() if each.worker is worker]:
                session.end()

    def transition(self, key: Any, start: str, finish: str, **_: Any) -> None:
        """Stop a task that was released while it ran: the run died, was cut off, or doesn't wait any longer."""
        if start not in {"executing", "long-running"} or finish != "released":
            return
        with _registry:
            for session in list(_sessions.values()):
                task = session.tasks.get(key)
                if task is None:
                    continue
                task.dropped = True
                task.cancel.request("nobody waits for it any more")
                if all(each.dropped for each in session.tasks.values()):
                    session.end()


@contextmanager
def _in_hand(task: Task, key: str) -> Iterator[Session]:
    """Have a task in hand, in the session of its attempt; the first one begins the session."""
    with _registry:
        session = _sessions.get(key)
        if session is None:
            session = _sessions[key] = _begun(key, task.deadline.at + TELL_SECONDS)
        session.tasks[task.key] = task
    try:
        yield session
    finally:
        with _registry:
            session.leave(task)


def _begun(key: str, until: float) -> Session:
    worker = get_worker()
    if PLUGIN not in worker.plugins:
        worker.loop.add_callback(worker.plugin_add, Watch(), PLUGIN)
    session = Session(key, worker)
    threading.Thread(target=session.watch, args=(Deadline(until),), name=f"orchestrate-{key}", daemon=True).start()
    return session


class _Capture(logging.Handler):
    """Keeps what units log for their reports, so that it reaches the run's redacted log and not Dask's.

    Logging is as it was when no unit of this process is at work: the process is Dask's.
    """

    def __init__(self) -> None:
        super().__init__()
        self._units = 0
        self._found = logging.NOTSET, True

    def emit(self, record: logging.LogRecord) -> None:
        kept: list[tuple[int, str]] | None = getattr(_lines, "kept", None)
        if kept is not None and len(kept) < _MOST_LINES:
            kept.append((record.levelno, record.getMessage()))

    def begin(self) -> None:
        """Listen, from the first unit on."""
        with _registry:
            self._units += 1
            if self._units == 1:
                self._found = _ours.level, _ours.propagate
                _ours.addHandler(self)
                _ours.setLevel(logging.INFO)
                _ours.propagate = False

    def end(self) -> None:
        """Leave logging as it was, with the last unit."""
        with _registry:
            self._units -= 1
            if not self._units:
                _ours.removeHandler(self)
                level, propagate = self._found
                _ours.setLevel(level)
                _ours.propagate = propagate


_capture: Final = _Capture()


@contextmanager
def _captured() -> Iterator[list[tuple[int, str]]]:
    """Collect (level, text) of what this thread logs."""
    _capture.begin()
    kept: list[tuple[int, str]] = []
    _lines.kept = kept
    try:
        yield kept
    finally:
        _lines.kept = None
        _capture.end()

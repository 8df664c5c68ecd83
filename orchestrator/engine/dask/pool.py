"""The run's side of the Dask pool: hands units to a running scheduler and takes their reports, on a thread of its own.

Dask's client is an asyncio one, so the thread runs an event loop; nobody waits for that thread without a bound. The cluster
never has more than `concurrency` units of a job; those that wait, and the results, are kept here.
"""

from __future__ import annotations

import asyncio
import itertools
import logging
import threading
import uuid
from collections import deque
from collections.abc import Awaitable, Sequence
from contextlib import suppress
from queue import Empty, SimpleQueue
from typing import Any, Final

from orchestrator import extras
from orchestrator.boundary import Interrupted, Raised, Returned, guarded
from orchestrator.deadline import SYSTEM_CLOCK
from orchestrator.engine.dask import wire
from orchestrator.engine.dask.wire import Brief, Order, Report
from orchestrator.engine.pool import MOST_WAITING, Answer, Assignment, Done, Slot
from orchestrator.errors import Cancelled, DeadlineExceeded, EngineError, Failure, JobError
from orchestrator.job import Unit, UnitResult

_log: Final = logging.getLogger("orchestrator.engine")
CONNECT_SECONDS: Final = 4.0  # For a machine on the same network this is long; what listens there may take longer to answer.
CHECK_SECONDS: Final = 1.0
ANSWER_SECONDS: Final = 15.0  # A scheduler that doesn't answer so long is hung; a busy one takes a second or two.
WORKERS_SECONDS: Final = 30.0  # How long a cluster may have no worker at all: some start them on demand.
TOGETHER_SECONDS: Final = 0.1  # Units that take less together travel as one task, which costs several ms.
MOST_TOGETHER: Final = 32
PARTING_SECONDS: Final = 0.15  # What disconnecting may take of a cancelled attempt; then it goes on behind our back.
FAREWELL_SECONDS: Final = 1.0  # For workers to hear that they may close the world.
LEISURE_SECONDS: Final = 5.0  # And of any other one.
_PLAIN: Final = "this is a bug of the kind: units and results are plain values, functions stand in a module"
_HINT: Final = "is the scheduler running, and is its address right? `orchestrate resume --engine threads` goes on without it"


class DaskPool:
    """Units on the workers of a cluster. Connecting happens behind `submit`; that it failed is raised by `take`."""

    def __init__(self, address: str, assignment: Assignment) -> None:
        """Begin to connect to `address` (`tcp://host:port`). Raises MissingExtra."""
        extras.require("engine: dask", "dask")
        self._address = address
        self._assignment = assignment
        self._brief = _packed_brief(assignment)
        self._session = f"{assignment.name}-{uuid.uuid4().hex[:12]}"
        self._numbers = itertools.count()
        self._units: deque[Unit] = deque()
        self._done: SimpleQueue[tuple[Done, int] | None] = SimpleQueue()
        self._in_hand: dict[str, list[Slot]] = {}  # By task of Dask's.
        self._alone: set[str] = set()  # Keys of units that were in a task which killed its workers.
        self._pace: float | None = None  # Seconds that a unit takes on a worker, lately.
        self._came = self._went = 0  # Bytes of results: counted on the loop's thread, and on the taker's.
        self._error: EngineError | JobError | None = None
        self._closed = False
        self._all_back = threading.Event()
        self._all_back.set()
        self._client: Any = None
        self._loop = asyncio.new_event_loop()
        self._leave = asyncio.Event()
        self._tasks: set[asyncio.Task[None]] = set()
        self._dismissal: asyncio.Task[Any] | None = None
        self._thread = threading.Thread(target=self._main, name=f"{assignment.name}-dask", daemon=True)
        self._thread.start()

    def submit(self, unit: Unit) -> None:
        """Hand a unit over; it waits here until the cluster has room for it."""
        self._units.append(unit)
        self._call(self._admit)

    def take(self, seconds: float) -> list[Done]:
        """Return the units that came back; waits up to `seconds` for a first one.

        Raises EngineError once the scheduler can't be reached or was lost, JobError if no worker can run such units.
        """
        ready: list[Done] = []
        try:
            entry = self._done.get(timeout=seconds) if seconds > 0 else self._done.get_nowait()
            while True:
                if entry is not None:
                    ready.append(entry[0])
                    self._went += entry[1]
                entry = self._done.get_nowait()
        except Empty:
            pass  # Everything that was ready is in hand.
        if ready:
            self._call(self._admit)
        elif self._error is not None and not self._closed:
            raise self._error
        return ready

    def slots(self) -> list[Slot]:
        """Return the units that the cluster has."""
        return [slot for slots in list(self._in_hand.values()) for slot in slots]

    def close(self, grace: float) -> int:
        """Ask the units in hand to stop, wait up to `grace` seconds for them, disconnect, and return how many didn't come."""
        self._closed = True
        self._units.clear()
        self._call(self._dismiss)
        end = SYSTEM_CLOCK.monotonic() + grace
        self._all_back.wait(grace)
        left = len(self.slots())
        self._call(self._leave.set)
        hurried = self._assignment.cancel.requested or self._assignment.deadline.passed
        self._thread.join(max(end - SYSTEM_CLOCK.monotonic(), PARTING_SECONDS) if hurried else LEISURE_SECONDS)
        return left + self._thread.is_alive()

    def _call(self, function: Any) -> None:
        """Call a function on the loop's thread; once the loop is closed there is nothing to do."""
        with suppress(RuntimeError):
            self._loop.call_soon_threadsafe(function)

    # What follows runs on the loop's thread.

    def _main(self) -> None:
        with asyncio.Runner(loop_factory=lambda: self._loop) as runner:
            answer = guarded(runner.run, self._serve())
        if not isinstance(answer, Returned):
            self._fail(_broken(answer.error if isinstance(answer, Raised) else answer.interruption))
        self._all_back.set()

    async def _serve(self) -> None:
        attending = asyncio.ensure_future(self._attend())
        leaving = asyncio.ensure_future(self._leave.wait())
        await asyncio.wait({attending, leaving}, return_when=asyncio.FIRST_COMPLETED)
        others = [leaving, *self._tasks]
        for task in others:
            task.cancel()
        await asyncio.wait({attending}, timeout=FAREWELL_SECONDS)  # Cancelled while it connects, Dask would lose a socket.
        others += [self._dismissal] if self._dismissal else []
        for task in (attending, *others):
            task.cancel()
        error, *_ = await asyncio.gather(attending, *others, return_exceptions=True)
        if isinstance(error, Exception):
            self._fail(_unreachable(self._address, error) if isinstance(error, OSError) else _broken(error))

    async def _attend(self) -> None:
        from distributed import Client

        from orchestrator.engine.dask.quiet import quieten

        quieten()
        await _reached(self._address)
        connect: Any = Client  # Its annotations are those of a blocking client; an asynchronous one returns coroutines.
        options = {"timeout": ANSWER_SECONDS, "set_as_default": False, "name": "orchestrate"}
        client = connect(self._address, asynchronous=True, **options)
        try:
            await client
            client.subscribe_topic(wire.TOPIC, self._note_progress)
            self._client = client
            self._admit()
            await self._check(client)
            if self._dismissal is not None:
                await asyncio.wait({self._dismissal})
        finally:
            try:
                await client.close()
            finally:  # Even if that was cancelled: its destructor would begin a closing that nobody awaits.
                client.status = "closed"

    async def _check(self, client: Any) -> None:
        """Look after the cluster until it is left, or until the scheduler hangs or has no workers."""
        seen = SYSTEM_CLOCK.monotonic()
        while self._error is None:
            await _settled(asyncio.wait_for(self._leave.wait(), CHECK_SECONDS))
            if self._leave.is_set():
                break
            workers = await _settled(asyncio.wait_for(client.nthreads(), ANSWER_SECONDS))
            now = SYSTEM_CLOCK.monotonic()
            seen = now if workers else seen
            if isinstance(workers, BaseException):
                self._fail(_lost(self._address))
            elif now - seen > WORKERS_SECONDS:
                self._fail(_without_workers(self._address))

    def _admit(self) -> None:
        """Give the cluster as many units as it may have, unless too many results wait to be applied."""
        while (
            self._client is not None
            and self._units
            and len(self._in_hand) < self._assignment.size
            and self._came - self._went <= MOST_WAITING
            and self._error is None
            and not self._closed
        ):
            units = self._bundle()
            if units:
                self._start(self._client, units)

    def _bundle(self) -> list[Unit]:
        """Return the next unit, and those behind it that travel along: short ones do, spread over all that may run."""
        units: list[Unit] = []
        fair = -(-len(self._units) // self._assignment.size)
        most = 1 if self._pace is None else min(fair, MOST_TOGETHER, int(TOGETHER_SECONDS / max(self._pace, 1e-6)))
        with suppress(IndexError):  # Closing clears the units meanwhile.
            while len(units) < max(1, most) and (not units or self._units[0].key not in self._alone):
                units.append(self._units.popleft())
                if units[-1].key in self._alone:
                    break
        return units

    def _start(self, client: Any, units: list[Unit]) -> None:
        key = f"orchestrate-{self._session}-{next(self._numbers)}"
        self._in_hand[key] = [Slot(unit) for unit in units]
        self._all_back.clear()
        task = asyncio.ensure_future(self._carry(client, key, units))
        self._tasks.add(task)
        task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        error = None if task.cancelled() else task.exception()
        if error is not None:
            self._fail(_broken(error))

    async def _carry(self, client: Any, key: str, units: list[Unit]) -> None:
        """Have a task of some units done, and bring their reports."""
        from orchestrator.engine.dask.worker import run_units

        packed = [guarded(wire.pack, unit) for unit in units]
        parts = tuple(each.value for each in packed if isinstance(each, Returned))
        if len(parts) < len(units):
            pairs = list(zip(units, packed, strict=True))
            self._units.extendleft(unit for unit, each in reversed(pairs) if isinstance(each, Returned))
            bad = [(unit, _not_picklable(each), 0.0, 0) for unit, each in pairs if not isinstance(each, Returned)]
            self._back(key, bad)
            return
        order = Order(self._session, key, self._assignment.deadline.remaining(), self._brief, parts)
        future = client.submit(run_units, wire.sealed(order), key=key, pure=False)
        data = await _settled(future.result())
        future.release()
        if isinstance(data, bytes):
            self._reported(key, units, wire.unpack(data))
        else:
            self._failed(key, units, data)

    def _reported(self, key: str, units: list[Unit], packed: list[bytes]) -> None:
        reports: list[Report] = [wire.unpack(each) for each in packed]
        for level, text in (line for report in reports for line in report.log):
            _log.log(level, "%s", text)
        back = []
        for unit, report, size in zip(units, reports, map(len, packed), strict=False):
            if report.word == "unfit":
                assert isinstance(report.value, Failure)
                self._fail(_unfit(report.value))
                return
            if report.word == "undone" and not self._closed:
                self._units.appendleft(unit)
                continue
            self._pace = report.seconds if self._pace is None else 0.8 * self._pace + 0.2 * report.seconds
            back.append((unit, _answer(report), report.seconds, size))
        self._back(key, back)

    def _failed(self, key: str, units: list[Unit], error: BaseException) -> None:
        """Tell units that killed their workers from a cluster that can't run units any more."""
        from distributed import CancelledError, KilledWorker

        _log.warning("dask: %s", str(error).partition("\n")[0][:300])
        if not isinstance(error, KilledWorker):
            gone = isinstance(error, (CancelledError, OSError))  # Also when only the connection tells.
            self._fail(_lost(self._address) if gone else _broken(error))
        elif len(units) > 1:
            self._alone.update(unit.key for unit in units)  # One of them did it; each on its own tells which.
            self._units.extendleft(reversed(units))
            self._back(key, [])
        else:
            failure = Failure(
                "worker-died",
                f"{error.allowed_failures + 1} workers in turn died while they had this unit",
                "a crash in C code, or too little memory on the workers; their own logs tell more",
                retryable=True,
            )
            self._back(key, [(unit, Raised(failure, error), 0.0, 0) for unit in units])

    def _back(self, key: str, answers: Sequence[tuple[Unit, Answer, float, int]]) -> None:
        if self._in_hand.pop(key, None) is None:
            return  # The pool gave up on it meanwhile.
        for unit, answer, seconds, size in answers:
            self._came += size
            self._done.put((Done(unit, answer, seconds), size))
        self._admit()
        if not self._in_hand:
            self._all_back.set()

    def _fail(self, error: EngineError | JobError) -> None:
        self._error = self._error or error
        self._in_hand.clear()
        self._all_back.set()
        self._done.put(None)

    def _dismiss(self) -> None:
        """Tell every worker that the session is over; those that don't hear it notice their deadline, or the lost client."""
        if self._client is not None and self._client.status == "running" and self._dismissal is None:
            from orchestrator.engine.dask.worker import end_session

            self._dismissal = asyncio.ensure_future(self._client.run(end_session, self._session, on_error="ignore"))

    def _note_progress(self, event: tuple[float, Any]) -> None:
        """Take what a worker tells of the units it has."""
        session, told = event[1]
        if session != self._session:
            return
        for key, index, done, total, note in told:
            if key in self._in_hand:
                self._in_hand[key][index](done, total, note)


async def _reached(address: str) -> None:
    """Raise OSError unless something listens at `address`: Dask's client tries again for as long as it would wait."""
    host, _, port = address.rpartition("/")[2].rpartition(":")
    _, writer = await asyncio.wait_for(asyncio.open_connection(host.strip("[]"), int(port)), CONNECT_SECONDS)
    writer.close()


async def _settled(waited: Awaitable[Any]) -> Any:
    """Return what an awaitable yields, or the error that it raises."""
    settled: list[Any] = list(await asyncio.gather(waited, return_exceptions=True))
    return settled[0]


def _packed_brief(assignment: Assignment) -> bytes:
    packed = guarded(wire.pack, Brief(assignment.work, assignment.world))
    if isinstance(packed, Returned):
        return packed.value
    raise JobError("the work of this kind of job can't be sent to another process", code="not-picklable", hint=_PLAIN)


def _answer(report: Report) -> Answer:
    """Return a report as the answer that a pool of threads would give."""
    value = report.value
    if isinstance(value, UnitResult):
        return Returned(value)
    if report.word == "raised":
        return Raised(value, JobError(value.message, code=value.code))
    kind = DeadlineExceeded if value.code == DeadlineExceeded.code else Cancelled
    return Interrupted(kind(value.message))


def _not_picklable(answer: Raised | Interrupted) -> Raised:
    error = answer.error if isinstance(answer, Raised) else answer.interruption
    return Raised(Failure("not-picklable", "the unit can't be sent to another process", _PLAIN), error)


def _unreachable(address: str, error: Exception) -> EngineError:
    _log.warning("dask: %s", str(error).partition("\n")[0][:300])
    return EngineError(f"the scheduler at {address} can't be reached", code="engine-unreachable", hint=_HINT, retryable=True)


def _lost(address: str) -> EngineError:
    hint = "what was applied stays; `orchestrate resume` goes on where it stopped, with --engine threads without the cluster"
    return EngineError(f"the scheduler at {address} was lost", code="engine-lost", hint=hint, retryable=True)


def _without_workers(address: str) -> EngineError:
    message = f"the scheduler at {address} had no worker for {WORKERS_SECONDS:g} s"
    hint = f"`dask worker {address}` starts one"
    return EngineError(message, code="engine-without-workers", hint=hint, retryable=True)


def _broken(error: BaseException) -> EngineError:
    hint = "is the same version of orchestrate installed on the scheduler and on every worker? `orchestrate logs` tells more"
    return EngineError(f"the cluster can't run units ({type(error).__name__})", code="engine-mismatch", hint=hint)


def _unfit(failure: Failure) -> EngineError | JobError:
    """Return what ends the job: the cluster is to blame for another version, the job for a world that can't be opened."""
    kind = EngineError if failure.code in EngineError.codes else JobError
    return kind(failure.message, hint=failure.hint, code=failure.code, retryable=failure.retryable)

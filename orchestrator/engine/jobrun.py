"""One job of a run: its state, counts and errors, written by its coordinator and sampled by the recorder."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Mapping
from typing import Final, NamedTuple

from orchestrator.deadline import CancelToken, Clock, Deadline
from orchestrator.engine.estimate import Estimate
from orchestrator.engine.pool import Slot
from orchestrator.engine.recorder import Recorder
from orchestrator.errors import Cancelled, DeadlineExceeded, Failure
from orchestrator.job import ItemOutcome, ItemState, Unit
from orchestrator.spec.base import JobSpec
from orchestrator.spec.kinds import Kind
from orchestrator.status import models
from orchestrator.status.journal import Event
from orchestrator.status.models import MOST_FAILURES, MOST_IN_FLIGHT, Count, JobStatus, clip, utc
from orchestrator.status.states import FINAL, State, advance

GOOD: Final = frozenset({ItemState.SUCCEEDED, ItemState.UNCHANGED, ItemState.SKIPPED})


_NO_RESULT: Final[Mapping[str, Count]] = {}


class Ending(NamedTuple):
    """How an attempt or a job ended. `retryable` says that another attempt may get further."""

    state: State
    failure: Failure | None = None
    message: str = ""
    result: Mapping[str, Count] = _NO_RESULT
    retryable: bool = False


class JobRun:
    """A job while it runs. The coordinator's thread writes; `sample` may be called from another one at any time."""

    def __init__(self, name: str, spec: JobSpec, kind: Kind, recorder: Recorder, clock: Clock, head: JobStatus) -> None:
        """Take the job's spec; `head` is its status as an earlier attempt of the run left it, or a fresh one."""
        self.name = name
        self.spec = spec
        self.kind = kind
        self.cancel = CancelToken()
        self.deadline = Deadline.never()
        self.status = head
        self.known: dict[str, tuple[ItemState, str]] = {}
        self.counts: Counter[ItemState] = Counter()
        self.retryable_failures = 0
        self.patience = 0.0
        self.slots: Callable[[], list[Slot]] = list
        self.tally: Callable[[], Mapping[str, Count]] = dict
        self._stop_as: Ending | None = None
        self._beyond_commit_point = False
        self._estimate = Estimate()
        self._recorder = recorder
        self._clock = clock
        self._lock = threading.RLock()

    @property
    def final(self) -> bool:
        """Whether the job has its last state."""
        return self.status.state in FINAL

    @property
    def beyond_commit_point(self) -> bool:
        """Whether the job is making its effect visible, so that it can't be ended any more."""
        return self._beyond_commit_point

    def begin(self, deadline: Deadline) -> None:
        """Begin an attempt. Items that an earlier attempt finished count from the start; failed ones are tried again."""
        with self._lock:
            status = self.status
            status.attempt += 1
            status.attempts = max(status.attempts, status.attempt)
            status.state = advance(status.state, State.RUNNING)
            now = self._clock.time()
            status.started_at = status.started_at or utc(now)
            status.deadline_at = utc(now + deadline.remaining())
            status.failures, status.failures_total, status.error = [], 0, None
            status.items = models.Items()
            status.adopted = 0
            status.percent = None
            self.deadline = deadline
            self.cancel = CancelToken()
            if self._stop_as is not None:
                self.cancel.request(self._stop_as.message)
            self.counts = Counter()
            self.retryable_failures = 0
            self._beyond_commit_point = False
            self._estimate = Estimate()
        self._record(Event.JOB_STARTED, state=State.RUNNING)

    def enter(self, phase: str) -> None:
        """Note the phase that begins."""
        if self.status.phase != phase:
            self.status.phase = phase
            self._record(Event.PHASE, detail={"phase": phase})

    def expect(self, total: int, settled: Counter[ItemState], adopted: int) -> None:
        """Note how many items there are, those that need no work, and how many of them an earlier attempt finished."""
        self.counts.update(settled)
        self.status.adopted = adopted
        self.status.items.total = total
        self._estimate.sample(self._clock.monotonic(), self.counts.total())

    def knows(self, unit: Unit) -> bool:
        """Whether an earlier attempt finished every item of this unit, as this unit."""
        good = {(state, unit.key) for state in GOOD}
        return bool(unit.items) and all(self.known.get(key) in good for key in unit.items)

    def finished_before(self, key: str) -> bool:
        """Whether an earlier attempt of this run finished the item."""
        return key in self.known and self.known[key][0] in GOOD

    def item(self, outcome: ItemOutcome, seconds: float, unit: str) -> None:
        """Note that an item is finished and its effect made."""
        self.counts[outcome.state] += 1
        self.known[outcome.key] = (outcome.state, unit)
        detail: dict[str, object] = {"attempts": outcome.attempts}
        if unit != outcome.key:
            detail["unit"] = unit
        if outcome.found is not None:
            detail["found"] = outcome.found
        if outcome.error is not None:
            self._failed_item(outcome.key, outcome.error)
            detail["error"] = outcome.error.as_dict()
        self._recorder.event(
            Event.ITEM_FINISHED,
            job=self.name,
            attempt=self.status.attempt,
            item=outcome.key,
            state=outcome.state.value,
            seconds=round(seconds, 4),
            detail=detail,
        )

    def _failed_item(self, key: str, error: Failure) -> None:
        self.status.failures_total += 1
        self.retryable_failures += error.retryable
        if len(self.status.failures) < MOST_FAILURES:
            failed = models.FailedItem(key=key, code=error.code, message=clip(error.message), hint=clip(error.hint))
            self.status.failures.append(failed)

    def commit_point(self) -> None:
        """Pass the point of no return, unless the job was ended or asked to end before."""
        with self._lock:
            if self.final or self.cancel.requested:
                raise Cancelled(self.cancel.reason or "the job was ended")
            if self.deadline.passed:
                raise DeadlineExceeded("the attempt's time is over")
            self._beyond_commit_point = True

    def stop(self, ending: Ending, patience: float) -> None:
        """Ask the job to end, with the state it shall have then, and how long its workers may take (seconds)."""
        with self._lock:
            self._stop_as = self._stop_as or ending
            self.patience = patience
            self.cancel.request(ending.message or ending.state.value)

    @property
    def stopped_as(self) -> Ending | None:
        """How the job was asked to end; None as long as nobody asked."""
        return self._stop_as

    def finish(self, ending: Ending, *, abandoned: int = 0) -> bool:
        """Give the job its last state; the first call wins. Error and result are complete before the state turns."""
        with self._lock:
            if self.final:
                return False
            status = self.status
            status.abandoned_threads += abandoned
            status.items = self._items()
            status.result = dict(ending.result or self.tally())
            status.message = clip(ending.message)
            if ending.failure is not None:
                f = ending.failure
                status.error = models.JobError(code=f.code, message=clip(f.message), hint=clip(f.hint), ref="run.log")
            status.finished_at = utc(self._clock.time())
            status.in_flight, status.in_flight_total = [], 0
            status.rate = status.eta_seconds = None
            if ending.state is State.SUCCEEDED:
                status.percent, status.phase = 100.0, "done"
            status.state = advance(status.state, ending.state)
        self._record(Event.JOB_FINISHED, state=status.state, detail=status.model_dump(mode="json", exclude={"in_flight"}))
        return True

    def sample(self, now: float) -> JobStatus:
        """Return the job's status as it is at `now` (monotonic seconds): counts, slots, rate, time left."""
        status = self.status
        if self.final or status.state is State.QUEUED:
            return status
        status.items = items = self._items()
        status.percent = _percent(items)
        in_hand = self.slots()
        status.in_flight_total = sum(len(slot.unit.items) for slot in in_hand)
        status.in_flight = [_in_flight(slot, key) for slot in in_hand for key in slot.unit.items][:MOST_IN_FLIGHT]
        status.result = dict(self.tally())
        self._estimate.sample(now, items.done)
        rate, left = self._estimate.rate(), self._estimate.left(None if items.total is None else items.total - items.done)
        status.rate = None if rate is None else round(rate, 2)
        status.eta_seconds = None if left is None else round(left, 1)
        status.message = self._message(left)
        return status

    def _message(self, left: float | None) -> str:
        late = None if left is None else left - self.deadline.remaining()
        if late is not None and late > 1:
            return f"will miss the deadline by {late:.0f} s"
        return ""

    def _items(self) -> models.Items:
        counts = self.counts
        good, failed = counts[ItemState.SUCCEEDED], counts[ItemState.FAILED]
        skipped, unchanged = counts[ItemState.SKIPPED], counts[ItemState.UNCHANGED]
        return models.Items(
            total=self.status.items.total,
            done=good + failed + skipped + unchanged,
            succeeded=good,
            failed=failed,
            skipped=skipped,
            unchanged=unchanged,
        )

    def _record(self, event: Event, state: State | None = None, detail: Mapping[str, object] | None = None) -> None:
        self._recorder.event(event, job=self.name, attempt=self.status.attempt, state=state, detail=detail)
        self._recorder.changed()


def _percent(items: models.Items) -> float | None:
    """Percent comes from items done; 100 is kept for success."""
    if items.total is None:
        return None
    return min(99.9, round(100 * items.done / items.total, 1)) if items.total else 0.0


def _in_flight(slot: Slot, key: str) -> models.InFlight:
    return models.InFlight(key=key, started_at=utc(slot.started), note=clip(slot.note), done=slot.done, total=slot.total)

"""One attempt of a job, on its coordinator's thread: plan, feed units to the pool, apply what comes back, commit."""

from __future__ import annotations

import heapq
import itertools
from collections import Counter, deque
from contextlib import suppress
from typing import Final

from orchestrator.boundary import Interrupted, Raised, Returned, guarded
from orchestrator.deadline import SYSTEM_CLOCK, CancelToken, Deadline, WorkContext
from orchestrator.engine.jobrun import Ending, JobRun
from orchestrator.engine.pool import Assignment, Done, Pool, open_pool
from orchestrator.errors import DeadlineExceeded, Failure, Interruption
from orchestrator.job import Change, ItemOutcome, ItemState, Job, Outcome, Plan, Unit
from orchestrator.status.states import State

AHEAD: Final = 8
"""Units that a job may have for each of its `concurrency`: one in hand, the others wait, or their results do. Enough for half
a second in which nothing is applied (a target that is just being opened, a slow transaction). What a killed run has to do again
is bounded by it, memory by the pool, in bytes."""
TICK_SECONDS: Final = 0.05
SETTLE_SECONDS: Final = 0.25  # What an attempt may take beyond its deadline to take in what was finished before it.


class Attempt:
    """Runs a job's four verbs once, within a deadline."""

    def __init__(self, run: JobRun, job: Job, engine: str) -> None:
        self._run = run
        self._job = job
        self._engine = engine
        self._abandoned = 0
        self._warnings: tuple[str, ...] = ()
        self._outcome = Outcome()
        self._context = WorkContext(run.deadline, run.cancel, enter=run.enter, commit_point=run.commit_point)

    @property
    def abandoned(self) -> int:
        """How many workers didn't come back."""
        return self._abandoned

    def __call__(self) -> Ending:
        """Run the attempt and return how it ended; nothing half-done is left by then."""
        self._run.tally = self._job.tally
        answer = guarded(self._steps)
        match answer:
            case Returned(ending):
                return ending
            case Interrupted(interruption):
                ending = self._stopped(interruption)
            case Raised(failure):
                ending = Ending(State.FAILED, failure, failure.message, retryable=failure.retryable)
        guarded(self._job.abandon)
        return ending

    @property
    def warnings(self) -> tuple[str, ...]:
        """What plan and commit want a person to know."""
        return self._warnings + self._outcome.warnings

    def _steps(self) -> Ending:
        phases = self._run.kind.phases
        self._context.enter(phases.plan)
        plan = self._job.plan(self._context)
        self._warnings = plan.warnings
        units = self._adopt(plan)
        if units:
            self._context.enter(phases.work)
            run = self._run
            size = min(run.spec.concurrency + plan.spare, len(units))
            assignment = Assignment(run.name, size, self._job.work, self._job.world, run.deadline, run.cancel)
            with open_pool(self._engine, assignment) as pool:
                self._work(pool, units, max(size, run.spec.concurrency * AHEAD))
        self._context.enter(phases.commit)
        self._outcome = self._job.commit(self._context)
        return self._judge(self._outcome)

    def _adopt(self, plan: Plan) -> deque[Unit]:
        """Leave out units that an earlier attempt finished, and count what needs no work."""
        run = self._run
        units = deque(unit for unit in plan.units if plan.self_resuming or not run.knows(unit))
        waiting = {key for unit in units for key in unit.items}
        left_out = {key for unit in plan.units for key in unit.items} - waiting
        settled: Counter[ItemState] = Counter()
        total = adopted = 0
        for item in plan.items:
            if item.change is Change.GONE:
                continue
            total += 1
            if item.key in waiting:
                continue
            adopted += run.finished_before(item.key)
            unchanged = item.change is Change.UNCHANGED
            state = ItemState.UNCHANGED if unchanged else ItemState.SUCCEEDED
            settled[run.known[item.key][0] if item.key in left_out else state] += 1
        run.expect(total, settled, adopted)
        return units

    def _work(self, pool: Pool, units: deque[Unit], most: int) -> None:
        run = self._run
        run.slots = pool.slots
        patience, fed = SETTLE_SECONDS, False
        try:
            self._feed(pool, units, most)
            fed = True
        except Interruption as interruption:
            self._wind_up(pool, interruption)
            patience = 0.0  # The workers had their time.
            raise
        finally:
            if not fed:
                run.cancel.request("the attempt failed")  # The other workers have nothing to work for.
            self._abandoned = pool.close(patience)

    def _feed(self, pool: Pool, units: deque[Unit], most: int) -> None:
        """Keep up to `most` units in the pool until none is left. Postponed units wait outside, without a slot."""
        postponed: list[tuple[float, int, Unit]] = []
        order = itertools.count()
        outstanding, prepared = 0, False
        while units or outstanding or postponed:
            self._context.checkpoint()
            now = SYSTEM_CLOCK.monotonic()
            while outstanding < most and (units or (postponed and postponed[0][0] <= now)):
                due = postponed and postponed[0][0] <= now
                pool.submit(heapq.heappop(postponed)[2] if due else units.popleft())
                outstanding += 1
            if not prepared:
                self._job.prepare()
                prepared = True
            if not outstanding:
                self._context.sleep(postponed[0][0] - now)
                continue
            next_due = postponed[0][0] - now if postponed and outstanding < most else TICK_SECONDS
            for done in pool.take(max(0.0, min(TICK_SECONDS, next_due))):
                outstanding -= 1
                again = self._take_in(done, self._context)
                if again is not None:
                    heapq.heappush(postponed, (now + again[0], next(order), again[1]))

    def _take_in(self, done: Done, context: WorkContext) -> tuple[float, Unit] | None:
        """Apply a result and note its items; return a postponed unit with its delay."""
        match done.answer:
            case Returned(result) if result.postponed is not None:
                return result.postponed.delay, result.postponed.unit
            case Returned(result):
                self._job.apply(done.unit, result, context)
                outcomes = result.outcomes
            case Raised(failure):
                outcomes = tuple(ItemOutcome(key, ItemState.FAILED, error=failure) for key in done.unit.items)
            case Interrupted(interruption) if not (self._run.cancel.requested or self._run.deadline.passed):
                failure = interruption.failure()  # Nobody asked: the kind bounded its own work.
                outcomes = tuple(ItemOutcome(key, ItemState.FAILED, error=failure) for key in done.unit.items)
            case Interrupted():
                return None  # The attempt notices for itself, and the unit is done again by the next one.
        seconds = done.seconds / max(1, len(outcomes))
        for outcome in outcomes:
            self._run.item(outcome, seconds, done.unit.key)
        return None

    def _wind_up(self, pool: Pool, interruption: Interruption) -> None:
        """Give workers their time to come back, and take in what they finished."""
        late = isinstance(interruption, DeadlineExceeded)
        patience = SETTLE_SECONDS if late else max(0.0, self._run.patience - TICK_SECONDS)
        pool.close(patience)
        context = WorkContext(Deadline.after(SETTLE_SECONDS), CancelToken())
        with suppress(Interruption):  # What isn't taken in now is done again by the next attempt.
            for done in pool.take(0.0):
                self._take_in(done, context)
                context.checkpoint()

    def _stopped(self, interruption: Interruption) -> Ending:
        if isinstance(interruption, DeadlineExceeded):
            return timed_out(self._run)
        return self._run.stopped_as or Ending(State.CANCELLED, message="cancelled")

    def _judge(self, outcome: Outcome) -> Ending:
        """Derive the state from what the kind said and from the items that failed."""
        counts = self._run.counts
        failed, total = counts[ItemState.FAILED], counts.total()
        retryable = self._run.retryable_failures > 0
        if outcome.error is not None:
            return Ending(State.FAILED, outcome.error, outcome.error.message, outcome.result, outcome.error.retryable)
        if failed and not self._run.spec.allows(failed, total):
            noun = self._run.kind.noun
            if failed == total:
                failure = Failure("all-items-failed", f"all {total} {noun} failed", "see the failures of this job")
                return Ending(State.FAILED, failure, failure.message, outcome.result, retryable)
            message = outcome.message or f"{failed} of {total} {noun} failed"
            return Ending(State.PARTIAL, None, message, outcome.result, retryable)
        state = State.PARTIAL if outcome.partial else State.SUCCEEDED
        return Ending(state, None, outcome.message, outcome.result)


def timed_out(run: JobRun) -> Ending:
    """Return the ending of a job whose attempt had no time left."""
    failure = Failure(
        "timed-out",
        f"the attempt took longer than its timeout of {run.spec.timeout:g} s",
        "what was finished stays; `orchestrate resume` continues, `attempts:` does so by itself",
        retryable=True,
    )
    return Ending(State.TIMED_OUT, failure, failure.message, retryable=True)

"""Attempts: each continues where the last one stopped, each has its own deadline, and only what may pass is tried again."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest

from orchestrator.deadline import WorkContext
from orchestrator.engine.attempt import AHEAD
from orchestrator.errors import Failure
from orchestrator.job import Change, ItemOutcome, ItemState, Outcome, Plan, PlannedItem, Unit, UnitResult
from orchestrator.status.journal import Event
from orchestrator.status.states import State

Maker = Callable[..., Any]
RETRYABLE = Failure("http-503", "the board was busy", retryable=True)
LASTING = Failure("http-404", "there is no such board")


class Items:
    """What was tried and applied over all attempts of a job, and which items fail how often."""

    def __init__(self, function_job: Maker, keys: str = "abcdef", **fails: int) -> None:
        self.tried: Counter[str] = Counter()
        self.jobs: list[Any] = []
        self.failure = RETRYABLE
        self._function_job = function_job
        self._keys = keys
        self._fails = fails

    def make(self) -> Any:
        self.jobs.append(self._function_job(items=tuple(self._keys), work=self.work))
        return self.jobs[-1]

    def work(self, unit: Unit, context: WorkContext) -> UnitResult:
        context.checkpoint()
        self.tried[unit.key] += 1
        if self.tried[unit.key] <= self._fails.get(unit.key, 0):
            return UnitResult((ItemOutcome(unit.key, ItemState.FAILED, error=self.failure),))
        return UnitResult((ItemOutcome(unit.key, ItemState.SUCCEEDED),))


def test_an_attempt_does_what_failed_and_nothing_twice(run_job: Maker, function_job: Maker) -> None:
    items = Items(function_job, b=1, d=2)
    done = run_job(items.make, attempts=5)
    assert items.tried == Counter(a=1, b=2, c=1, d=3, e=1, f=1)
    assert done.job.state is State.SUCCEEDED
    assert (done.job.attempt, done.job.attempts) == (3, 5)
    assert (done.job.items.total, done.job.items.done, done.job.items.succeeded, done.job.items.failed) == (6, 6, 6, 0)
    assert done.job.failures_total == 0
    assert [entry.attempt for entry in done.events(Event.JOB_STARTED)] == [1, 2, 3]
    assert done.exit_code == 0


def test_spare_units_are_in_hand_beyond_the_concurrency(run_job: Maker, function_job: Maker) -> None:
    together = threading.Barrier(3)
    most, now, lock = 0, 0, threading.Lock()

    def work(unit: Unit, context: WorkContext) -> UnitResult:
        nonlocal most, now
        context.checkpoint()
        with lock:
            now += 1
            most = max(most, now)
        together.wait(20)
        with lock:
            now -= 1
        return UnitResult((ItemOutcome(unit.key, ItemState.SUCCEEDED),))

    keys = "abcdef"
    plan = Plan([PlannedItem(key, Change.NEW) for key in keys], [Unit(key, (key,)) for key in keys], spare=2)
    executed = run_job(lambda: function_job(items=tuple(keys), work=work, on_plan=lambda _: plan), concurrency=1)
    assert executed.status.jobs[0].state is State.SUCCEEDED
    assert most == 3


def test_spare_units_let_no_more_results_wait(run_job: Maker, function_job: Maker) -> None:
    begun: list[str] = []
    waiting: list[int] = []

    def work(unit: Unit, context: WorkContext) -> UnitResult:
        context.checkpoint()
        begun.append(unit.key)
        return UnitResult((ItemOutcome(unit.key, ItemState.SUCCEEDED),))

    def apply(_unit: Unit, _context: WorkContext) -> None:
        if not waiting:
            threading.Event().wait(0.3)
            waiting.append(len(begun))

    keys = [f"k{number}" for number in range(40)]
    plan = Plan([PlannedItem(key, Change.NEW) for key in keys], [Unit(key, (key,)) for key in keys], spare=2)
    run_job(lambda: function_job(items=tuple(keys), work=work, on_plan=lambda _: plan, on_apply=apply), concurrency=1)
    assert waiting == [AHEAD]  # As many as without the spare ones: so much a killed run does again at most.
    assert len(begun) == 40


def test_attempts_end_with_the_last_one_whatever_is_left(run_job: Maker, function_job: Maker) -> None:
    items = Items(function_job, b=99)
    done = run_job(items.make, attempts=3)
    assert items.tried["b"] == 3
    assert (done.job.state, done.job.attempt) == (State.PARTIAL, 3)
    assert done.job.failures_total == 1
    assert done.exit_code == 1


def test_what_cant_pass_isnt_tried_again(run_job: Maker, function_job: Maker) -> None:
    items = Items(function_job, b=1)
    items.failure = LASTING
    done = run_job(items.make, attempts=5)
    assert items.tried == Counter("abcdef")
    assert (done.job.state, done.job.attempt) == (State.PARTIAL, 1)


def test_failures_within_the_allowance_need_no_further_attempt(run_job: Maker, function_job: Maker) -> None:
    items = Items(function_job, b=1)
    done = run_job(items.make, attempts=5, max_failures=1)
    assert (done.job.state, done.job.attempt, done.job.items.failed) == (State.SUCCEEDED, 1, 1)


def test_work_longer_than_a_timeout_is_a_chain_of_bounded_attempts(run_job: Maker, function_job: Maker) -> None:
    """Each attempt has time for a few items only; the job gets there nevertheless, and nothing is applied twice."""
    jobs: list[Any] = []

    def work(unit: Unit, context: WorkContext) -> UnitResult:
        context.sleep(0.05)
        return UnitResult((ItemOutcome(unit.key, ItemState.SUCCEEDED),))

    def make() -> Any:
        jobs.append(function_job(items=tuple("abcdefghij"), work=work))
        return jobs[-1]

    done = run_job(make, attempts=20, timeout=0.3, concurrency=1)
    assert done.job.state is State.SUCCEEDED
    assert 2 <= done.job.attempt <= 10
    assert Counter(key for job in jobs for key in job.applied) == Counter("abcdefghij")
    assert all("timed out" in text or "timed_out" in text for text in done.status.warnings)


def test_every_attempt_has_a_deadline_of_its_own(run_job: Maker, function_job: Maker) -> None:
    left: list[float] = []

    def commit(context: WorkContext) -> Outcome:
        left.append(context.remaining())
        return Outcome(error=RETRYABLE)

    run_job(lambda: function_job(on_commit=commit), attempts=3, timeout=5.0)
    assert len(left) == 3
    assert all(4.5 < seconds <= 5.0 for seconds in left)


def test_a_unit_whose_key_changed_is_work_again(run_job: Maker, function_job: Maker) -> None:
    """An ingest puts the digest into the unit's key: a document that changed between two attempts is read again."""
    versions = iter(["v1", "v2"])

    def plan_of(version: str) -> Callable[[WorkContext], Plan]:
        units = [Unit(f"{key}@{version if key == 'a' else 'v1'}", (key,)) for key in "ab"]
        return lambda context: Plan([PlannedItem(key, Change.NEW) for key in "ab"], units)

    tried: list[str] = []

    def work(unit: Unit, context: WorkContext) -> UnitResult:
        context.checkpoint()
        tried.append(unit.key)
        return UnitResult((ItemOutcome(unit.items[0], ItemState.SUCCEEDED),))

    outcomes = iter([Outcome(error=RETRYABLE), Outcome()])
    done = run_job(
        lambda: function_job(work=work, on_plan=plan_of(next(versions)), on_commit=lambda context: next(outcomes)), attempts=2
    )
    assert sorted(tried) == ["a@v1", "a@v2", "b@v1"]
    assert (done.job.state, done.job.items.done) == (State.SUCCEEDED, 2)


@pytest.mark.parametrize("verb", ["on_plan", "on_apply", "on_commit"])
def test_a_verb_that_fails_for_good_ends_the_job_with_its_reason(run_job: Maker, function_job: Maker, verb: str) -> None:
    from orchestrator.errors import JobError

    def fail(*_: Any) -> None:
        raise JobError("the corpus is gone", code="no-corpus", hint="look for it")

    made: list[Any] = []

    def make() -> Any:
        made.append(function_job(**{verb: fail}))
        return made[-1]

    done = run_job(make, attempts=3)
    assert (done.job.state, done.job.attempt) == (State.FAILED, 1)
    assert (done.job.error.code, done.job.error.message, done.job.error.hint) == (
        "no-corpus",
        "the corpus is gone",
        "look for it",
    )
    assert made[0].calls[-1] == "abandon"
    assert done.exit_code == 1


@pytest.mark.parametrize("verb", ["on_plan", "on_apply", "on_commit", "work"])
def test_a_bug_anywhere_in_a_kind_is_an_internal_error_and_its_text_stays_in_the_log(
    run_job: Maker, function_job: Maker, verb: str
) -> None:
    def explode(*_: Any) -> Any:
        raise KeyError("the text of a document")

    done = run_job(function_job(**{verb: explode}))
    assert done.job.state is State.FAILED
    errors = [failure.code for failure in done.job.failures] or [done.job.error.code]
    assert set(errors) == {"internal-error"}
    shown = done.directory.status.read_text(encoding="utf-8") + done.directory.journal.read_text(encoding="utf-8")
    assert "KeyError" in shown
    assert "the text of a document" not in shown
    assert "Traceback" in done.directory.log.read_text(encoding="utf-8")

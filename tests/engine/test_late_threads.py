"""What comes too late: cancels behind the commit point, threads that don't come back, and what they return later."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Any

import pytest

from orchestrator.deadline import SYSTEM_CLOCK, Deadline, WorkContext
from orchestrator.engine.jobrun import Ending, JobRun
from orchestrator.errors import Cancelled
from orchestrator.job import Unit, UnitResult
from orchestrator.spec.base import JobSpec
from orchestrator.status.journal import Event
from orchestrator.status.models import JobStatus
from orchestrator.status.read import look
from orchestrator.status.states import Shown, State

Maker = Callable[..., Any]


def test_a_cancel_is_noticed_in_every_verb(
    prepared: Maker, function_job: Maker, verbs: Maker, later: Maker, every_verb: str, ask: Maker, busy: float
) -> None:
    watched = verbs(every_verb)
    job = watched.job(function_job)
    run = prepared(job, grace=5.0)
    later(ask, run, watched.reached)
    began = time.monotonic()
    run.execute()
    assert time.monotonic() - began < busy
    assert (run.job.state, run.status.state, run.exit_code) == (State.CANCELLED, State.CANCELLED, 130)
    assert job.calls[-1] == "abandon"
    assert not run.result.threads_left
    cancel = run.status.cancel
    assert cancel is not None
    assert cancel.acknowledged_at is not None
    assert not cancel.too_late
    assert [entry.event for entry in run.entries if entry.event is Event.CANCEL_REQUESTED] == [Event.CANCEL_REQUESTED]


def test_a_cancel_behind_the_commit_point_comes_too_late_and_the_work_stays(
    prepared: Maker, function_job: Maker, later: Maker, ask: Maker
) -> None:
    reached, go_on = threading.Event(), threading.Event()

    def commit(context: WorkContext) -> None:
        context.commit_point()
        reached.set()
        assert go_on.wait(10)

    run = prepared(function_job(on_commit=commit), grace=0.2)

    def cancel_it() -> None:
        ask(run, reached)
        assert run.run._jobs[0].cancel.wait(10)
        threading.Event().wait(0.4)  # Longer than the grace.
        go_on.set()

    later(cancel_it)
    run.execute()
    assert (run.job.state, run.status.state, run.exit_code) == (State.SUCCEEDED, State.SUCCEEDED, 0)
    assert run.status.cancel.too_late


def test_a_deadline_behind_the_commit_point_comes_too_late_as_well(prepared: Maker, function_job: Maker) -> None:
    def commit(context: WorkContext) -> None:
        context.commit_point()
        threading.Event().wait(0.9)

    run = prepared(function_job(on_commit=commit), timeout=0.2).execute()
    assert (run.job.state, run.exit_code) == (State.SUCCEEDED, 0)


@pytest.mark.parametrize("where", ["work", "apply"])
def test_what_a_left_thread_returns_later_changes_nothing(
    prepared: Maker, function_job: Maker, verbs: Maker, gate: threading.Event, where: str
) -> None:
    job = verbs(where, deaf=True).job(function_job)
    run = prepared(job, timeout=0.2, concurrency=1).execute()
    left = [thread for thread in threading.enumerate() if thread.name.startswith("job")]
    before = {path: path.read_bytes() for path in run.directory.path.iterdir()}
    applied = list(job.applied)
    assert left
    gate.set()
    for thread in left:
        thread.join(5)
        assert not thread.is_alive()
    assert {path: path.read_bytes() for path in run.directory.path.iterdir()} == before
    assert look(run.directory).state is Shown.TIMED_OUT
    assert (
        job.applied == applied or where == "apply"
    )  # The engine can't take back what a deaf apply does; a kind's own check can.


def test_a_deaf_unit_holds_up_one_slot_and_the_others_finish(
    prepared: Maker, function_job: Maker, gate: threading.Event, all_succeed: Callable[[Unit], UnitResult]
) -> None:
    def work(unit: Unit, context: WorkContext) -> UnitResult:
        if unit.key == "a":
            gate.wait(20)
        context.checkpoint()
        return all_succeed(unit)

    job = function_job(items=tuple("abcdefgh"), work=work)
    run = prepared(job, timeout=0.3, concurrency=2).execute()
    assert sorted(job.applied) == list("bcdefgh")
    assert (run.job.state, run.job.items.succeeded) == (State.TIMED_OUT, 7)
    gate.set()


def test_a_slot_whose_thread_didnt_come_back_is_replaced_in_the_next_attempt(
    run_job: Maker, function_job: Maker, gate: threading.Event, all_succeed: Callable[[Unit], UnitResult]
) -> None:
    tried: list[str] = []

    def work(unit: Unit, context: WorkContext) -> UnitResult:
        tried.append(unit.key)
        if unit.key == "a" and tried.count("a") == 1:
            gate.wait(20)
        context.checkpoint()
        return all_succeed(unit)

    jobs: list[Any] = []

    def make() -> Any:
        jobs.append(function_job(items=("a", "b"), work=work))
        return jobs[-1]

    done = run_job(make, attempts=2, timeout=0.3, concurrency=1)
    assert done.job.state is State.SUCCEEDED
    assert done.job.abandoned_threads == 1
    assert done.result.threads_left
    gate.set()


def test_a_deaf_abandon_doesnt_hold_the_run(prepared: Maker, function_job: Maker, gate: threading.Event, busy: float) -> None:
    job = function_job(work=lambda unit, context: context.sleep(20), on_abandon=lambda: gate.wait(20))
    run = prepared(job, timeout=0.2)
    began = time.monotonic()
    run.execute()
    assert time.monotonic() - began < busy
    assert run.job.state is State.TIMED_OUT
    gate.set()


def test_the_commit_point_isnt_passed_by_a_job_that_was_stopped_or_given_up_meanwhile() -> None:
    """Between the last checkpoint and the commit point anything may happen; whoever comes first wins."""
    ending = Ending(State.CANCELLED, message="stopped")
    hinders: list[Callable[[JobRun], Any]] = [lambda run: run.stop(ending, 1.0), lambda run: run.finish(ending)]
    for hinder in hinders:
        run = _job_run()
        hinder(run)
        with pytest.raises(Cancelled):
            run.commit_point()
        assert not run.beyond_commit_point
    run = _job_run()
    run.commit_point()
    run.stop(ending, 1.0)
    assert run.beyond_commit_point


def _job_run() -> JobRun:
    class Forgets:
        def event(self, *_: Any, **__: Any) -> None:
            """Forget it."""

        def changed(self) -> None:
            """Forget it."""

    forgets: Any = Forgets()
    kind: Any = None
    run = JobRun("job", JobSpec(kind="x"), kind, forgets, SYSTEM_CLOCK, JobStatus(name="job", kind="x"))
    run.begin(Deadline.after(60))
    return run


@pytest.mark.parametrize("how", ["deadline", "cancel"])
def test_a_commit_that_wakes_up_after_the_run_gave_it_up_makes_nothing_visible(
    prepared: Maker, function_job: Maker, later: Maker, gate: threading.Event, how: str, ask: Maker
) -> None:
    reached, ended, visible = threading.Event(), threading.Event(), []

    def commit(context: WorkContext) -> None:
        reached.set()
        gate.wait(20)
        try:
            context.commit_point()
            visible.append("published")
        finally:
            ended.set()

    run = prepared(function_job(on_commit=commit), timeout=0.2 if how == "deadline" else 60, grace=0.2)
    if how == "cancel":
        later(ask, run, reached)
    run.execute()
    gate.set()
    assert ended.wait(5)
    assert visible == []
    assert run.job.state is (State.TIMED_OUT if how == "deadline" else State.CANCELLED)

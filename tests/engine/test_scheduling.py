"""Which job starts when: needs, what follows from how they ended, and the bound on parallel jobs."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import pytest

from orchestrator.deadline import WorkContext
from orchestrator.errors import Failure, JobError
from orchestrator.job import ItemOutcome, ItemState, Outcome, Unit, UnitResult
from orchestrator.spec.base import JobSpec
from orchestrator.status.journal import Event
from orchestrator.status.states import State

Maker = Callable[..., Any]


def _job(name: str, *needs: Any, **fields: Any) -> JobSpec:
    return JobSpec.model_validate({"kind": f"stand-in-{name}", "needs": list(needs), **fields})


def _partial(context: WorkContext) -> Outcome:
    context.checkpoint()
    return Outcome(partial=True, message="a guard held something")


def _fail(context: WorkContext) -> Outcome:
    context.checkpoint()
    raise JobError("no", code="drill")


def test_a_job_starts_when_what_it_needs_succeeded_and_not_before(a_run: Maker, function_job: Maker) -> None:
    jobs = {"last": _job("last", "first", "second"), "second": _job("second", "first"), "first": _job("first")}
    done = a_run(jobs, dict.fromkeys(jobs, function_job)).execute()
    order = [(entry.event, entry.job) for entry in done.entries if entry.event in {Event.JOB_STARTED, Event.JOB_FINISHED}]
    assert order == [(event, name) for name in ("first", "second", "last") for event in (Event.JOB_STARTED, Event.JOB_FINISHED)]
    assert {job.state for job in done.status.jobs} == {State.SUCCEEDED}
    assert done.exit_code == 0


@pytest.mark.parametrize(
    ("ends", "when", "expected"),
    [
        (None, "succeeded", State.SUCCEEDED),
        (None, "finished", State.SUCCEEDED),
        (_partial, "succeeded", State.SKIPPED),
        (_partial, "finished", State.SUCCEEDED),
        (_fail, "succeeded", State.SKIPPED),
        (_fail, "finished", State.SKIPPED),
    ],
)
def test_what_becomes_of_a_job_follows_from_how_its_need_ended(
    a_run: Maker, function_job: Maker, ends: Any, when: str, expected: State
) -> None:
    jobs = {"first": _job("first"), "then": _job("then", {"job": "first", "when": when})}
    first = (lambda: function_job(on_commit=ends)) if ends else function_job
    done = a_run(jobs, {"first": first, "then": function_job}).execute()
    then = done.status.job("then")
    assert then.state is expected
    if expected is State.SKIPPED:
        assert "first" in then.message
        assert then.started_at is None
        assert done.exit_code == 1


def test_a_skip_is_passed_on_to_every_job_behind_it(a_run: Maker, function_job: Maker) -> None:
    jobs = {"a": _job("a"), "b": _job("b", "a"), "c": _job("c", {"job": "b", "when": "finished"}), "other": _job("other")}
    done = a_run(jobs, {**dict.fromkeys(jobs, function_job), "a": lambda: function_job(on_commit=_fail)}).execute()
    states = {job.name: job.state for job in done.status.jobs}
    assert states == {"a": State.FAILED, "b": State.SKIPPED, "c": State.SKIPPED, "other": State.SUCCEEDED}
    assert done.status.state is State.FAILED


@pytest.mark.parametrize("bound", [1, 2, 3])
def test_no_more_jobs_run_at_a_time_than_the_spec_allows(a_run: Maker, function_job: Maker, bound: int) -> None:
    lock, running, most = threading.Lock(), [0], [0]
    full = threading.Event()

    def work(unit: Unit, context: WorkContext) -> UnitResult:
        with lock:
            running[0] += 1
            most[0] = max(most[0], running[0])
            if running[0] == bound:
                full.set()
        assert full.wait(10), "fewer jobs run than could"
        with lock:
            running[0] -= 1
        context.checkpoint()
        return UnitResult(tuple(ItemOutcome(key, ItemState.SUCCEEDED) for key in unit.items))

    jobs = {f"job-{number}": _job(f"job-{number}") for number in range(5)}
    makes = dict.fromkeys(jobs, lambda: function_job(items=("a",), work=work))
    done = a_run(jobs, makes, max_parallel_jobs=bound).execute()
    assert most[0] == bound
    assert done.status.state is State.SUCCEEDED


def test_a_need_that_isnt_part_of_the_run_isnt_waited_for(a_run: Maker, function_job: Maker) -> None:
    jobs = {"only": _job("only", "elsewhere")}
    assert a_run(jobs, {"only": function_job}).execute().exit_code == 0


def test_threads_of_a_run_bear_the_name_of_their_job(a_run: Maker, function_job: Maker) -> None:
    names: list[str] = []

    def work(unit: Unit, context: WorkContext) -> UnitResult:
        context.checkpoint()
        names.append(threading.current_thread().name)
        return UnitResult(tuple(ItemOutcome(key, ItemState.SUCCEEDED) for key in unit.items))

    def commit(context: WorkContext) -> None:
        context.checkpoint()
        names.append(threading.current_thread().name)

    a_run({"boards": _job("boards")}, {"boards": lambda: function_job(work=work, on_commit=commit)}).execute()
    assert names[-1] == "boards"
    assert {name.rpartition("-")[0] for name in names[:-1]} == {"boards"}


def test_the_state_of_a_job_that_cant_be_built_is_failed_with_the_reason(a_run: Maker) -> None:
    def explode() -> Any:
        raise JobError("the corpus is gone", code="no-corpus", hint="look for it")

    done = a_run({"job": _job("job")}, {"job": explode}).execute()
    assert done.job.state is State.FAILED
    assert (done.job.error.code, done.job.error.hint) == ("no-corpus", "look for it")
    assert Failure(done.job.error.code, done.job.error.message).message == "the corpus is gone"

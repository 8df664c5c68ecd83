"""Endings: deadline and cancel in every phase, whether a verb listens or not."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Any

import pytest

from orchestrator.deadline import WorkContext
from orchestrator.job import Unit, UnitResult
from orchestrator.spec.base import JobSpec
from orchestrator.status.read import look
from orchestrator.status.states import Shown, State

Maker = Callable[..., Any]


def test_a_deadline_ends_every_verb_that_listens(
    prepared: Maker, function_job: Maker, verbs: Maker, every_verb: str, busy: float
) -> None:
    job = verbs(every_verb).job(function_job)
    run = prepared(job, timeout=0.2)
    began = time.monotonic()
    run.execute()
    assert time.monotonic() - began < 0.2 + busy
    assert (run.job.state, run.exit_code) == (State.TIMED_OUT, 124)
    assert run.job.error.code == "timed-out"
    assert "0.2 s" in run.job.error.message
    assert job.calls[-1] == "abandon"
    assert run.job.abandoned_threads == 0


@pytest.mark.parametrize("where", ["plan", "work", "commit"])
def test_a_deadline_ends_the_run_also_when_a_verb_is_deaf(
    prepared: Maker, function_job: Maker, verbs: Maker, gate: threading.Event, where: str, busy: float
) -> None:
    run = prepared(verbs(where, deaf=True).job(function_job), timeout=0.2, concurrency=1)
    began = time.monotonic()
    run.execute()
    assert time.monotonic() - began < 0.2 + busy
    assert (run.job.state, run.exit_code) == (State.TIMED_OUT, 124)
    assert run.job.abandoned_threads >= 1
    assert run.result.threads_left
    gate.set()


@pytest.mark.parametrize("where", ["plan", "work"])
def test_a_cancel_ends_the_run_within_the_grace_also_when_a_verb_is_deaf(
    prepared: Maker, function_job: Maker, verbs: Maker, later: Maker, where: str, ask: Maker, busy: float
) -> None:
    watched = verbs(where, deaf=True)
    run = prepared(watched.job(function_job), grace=0.2, concurrency=1)
    asker = later(ask, run, watched.reached)
    began = time.monotonic()
    run.execute()
    asker.join()
    assert 0.2 <= time.monotonic() - began < 0.2 + busy
    assert run.job.state is State.CANCELLED
    assert run.job.abandoned_threads >= 1
    assert any("left behind" in text for text in run.status.warnings)


def test_a_cancel_at_once_doesnt_wait_for_the_grace(
    prepared: Maker, function_job: Maker, verbs: Maker, later: Maker, ask: Maker, busy: float
) -> None:
    watched = verbs("work", deaf=True)
    run = prepared(watched.job(function_job), grace=20.0)
    later(ask, run, watched.reached, "now")
    began = time.monotonic()
    run.execute()
    assert time.monotonic() - began < busy
    assert (run.job.state, run.status.cancel.mode) == (State.CANCELLED, "now")


def test_a_second_cancel_at_once_shortens_the_grace_of_the_first(
    prepared: Maker, function_job: Maker, verbs: Maker, later: Maker, ask: Maker, busy: float
) -> None:
    watched = verbs("work", deaf=True)
    run = prepared(watched.job(function_job), grace=20.0)

    def ask_twice() -> None:
        ask(run, watched.reached)
        assert run.run._jobs[0].cancel.wait(10)
        ask(run, watched.reached, "now")

    later(ask_twice)
    began = time.monotonic()
    run.execute()
    assert time.monotonic() - began < 2 * busy
    assert (run.job.state, run.status.cancel.mode) == (State.CANCELLED, "now")


def test_while_it_stops_a_reader_sees_it_stopping(
    prepared: Maker, function_job: Maker, verbs: Maker, later: Maker, gate: threading.Event, ask: Maker
) -> None:
    watched = verbs("work", deaf=True)
    run = prepared(watched.job(function_job), grace=5.0)
    seen: list[Shown] = []

    def follow() -> None:
        ask(run, watched.reached)
        while Shown.STOPPING not in seen:
            seen.append(look(run.directory).state)
        assert run.run._jobs[0].cancel.wait(10)
        gate.set()

    later(follow)
    run.execute()
    assert seen[-1] is Shown.STOPPING
    assert set(seen[:-1]) <= {Shown.CANCEL_REQUESTED}  # None, if the run was quicker than the first look.
    assert look(run.directory).state is Shown.CANCELLED


def test_what_workers_finish_within_the_grace_is_applied_and_kept(
    prepared: Maker, function_job: Maker, later: Maker, ask: Maker, all_succeed: Callable[[Unit], UnitResult]
) -> None:
    reached, finish = threading.Event(), threading.Event()

    def work(unit: Unit, context: WorkContext) -> UnitResult:
        reached.set()
        assert finish.wait(10)
        return all_succeed(unit)

    job = function_job(items=("a", "b"), work=work)
    run = prepared(job, grace=5.0, concurrency=2)

    def cancel_it() -> None:
        ask(run, reached)
        assert run.run._jobs[0].cancel.wait(10)
        finish.set()

    later(cancel_it)
    run.execute()
    assert run.job.state is State.CANCELLED
    assert sorted(job.applied) == ["a", "b"]
    assert run.job.items.succeeded == 2


def test_jobs_that_are_queued_when_the_cancel_comes_dont_begin(
    a_run: Maker, function_job: Maker, verbs: Maker, later: Maker, ask: Maker
) -> None:
    watched = verbs("work")
    jobs = {"first": JobSpec(kind="stand-in-first"), "then": JobSpec(kind="stand-in-then")}
    then = function_job()
    makes = {"first": lambda: watched.job(function_job), "then": lambda: then}
    run = a_run(jobs, makes, max_parallel_jobs=1, grace=5.0)
    later(ask, run, watched.reached)
    run.execute()
    assert {job.name: job.state for job in run.status.jobs} == {"first": State.CANCELLED, "then": State.CANCELLED}
    assert then.calls == []
    assert run.status.job("then").started_at is None

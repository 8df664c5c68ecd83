"""Endings: deadline, cancel and signals in every phase, threads that don't come back, and what came too late."""

from __future__ import annotations

import json
import os
import signal
import threading
import time
from collections.abc import Callable
from typing import Any, Final

import pytest

from orchestrator.deadline import WorkContext
from orchestrator.job import ItemOutcome, ItemState, Unit, UnitResult
from orchestrator.spec.base import JobSpec
from orchestrator.status.journal import Event
from orchestrator.status.read import look
from orchestrator.status.states import Shown, State

Maker = Callable[..., Any]
BUSY: Final = 2.0  # What a loaded machine may add; the figures of the release bar are measured by torture.


def _done(unit: Unit) -> UnitResult:
    return UnitResult(tuple(ItemOutcome(key, ItemState.SUCCEEDED) for key in unit.items))


class Verbs:
    """Verbs of a job that tell when they were reached and then wait, for the context or for the gate only."""

    def __init__(self, gate: threading.Event, where: str, *, deaf: bool) -> None:
        self.reached = threading.Event()
        self._gate = gate
        self._where = where
        self._deaf = deaf

    def stay(self, verb: str, context: WorkContext) -> None:
        if verb != self._where:
            return
        self.reached.set()
        if self._deaf:
            self._gate.wait(20)
        else:
            context.sleep(20)

    def job(self, function_job: Maker, items: str = "abc") -> Any:
        return function_job(
            items=tuple(items),
            work=self._work,
            on_plan=lambda context: self.stay("plan", context),
            on_apply=lambda unit, context: self.stay("apply", context),
            on_commit=lambda context: self.stay("commit", context),
        )

    def _work(self, unit: Unit, context: WorkContext) -> UnitResult:
        self.stay("work", context)
        return _done(unit)


@pytest.fixture
def verbs(gate: threading.Event) -> Callable[..., Verbs]:
    return lambda where, *, deaf=False: Verbs(gate, where, deaf=deaf)


@pytest.fixture
def prepared(a_run: Maker) -> Callable[..., Any]:
    """Return a run of one job that wasn't executed yet."""
    return lambda job, *, grace=0.3, **spec: a_run(
        {"job": JobSpec(kind="stand-in-job", **spec)}, {"job": lambda: job}, grace=grace
    )


def _ask(run: Any, reached: threading.Event, mode: str = "graceful") -> None:
    assert reached.wait(10)
    run.directory.cancel.write_text(json.dumps({"schema_version": 1, "mode": mode}), encoding="utf-8")


PHASES = ["plan", "work", "apply", "commit"]


@pytest.mark.parametrize("where", PHASES)
def test_a_deadline_ends_every_verb_that_listens(prepared: Maker, function_job: Maker, verbs: Maker, where: str) -> None:
    job = verbs(where).job(function_job)
    run = prepared(job, timeout=0.2)
    began = time.monotonic()
    run.execute()
    assert time.monotonic() - began < 0.2 + BUSY
    assert (run.job.state, run.exit_code) == (State.TIMED_OUT, 124)
    assert run.job.error.code == "timed-out"
    assert "0.2 s" in run.job.error.message
    assert job.calls[-1] == "abandon"
    assert run.job.abandoned_threads == 0


@pytest.mark.parametrize("where", ["plan", "work", "commit"])
def test_a_deadline_ends_the_run_also_when_a_verb_is_deaf(
    prepared: Maker, function_job: Maker, verbs: Maker, gate: threading.Event, where: str
) -> None:
    run = prepared(verbs(where, deaf=True).job(function_job), timeout=0.2, concurrency=1)
    began = time.monotonic()
    run.execute()
    assert time.monotonic() - began < 0.2 + BUSY
    assert (run.job.state, run.exit_code) == (State.TIMED_OUT, 124)
    assert run.job.abandoned_threads >= 1
    assert run.result.threads_left
    gate.set()


@pytest.mark.parametrize("where", PHASES)
def test_a_cancel_is_noticed_in_every_verb(
    prepared: Maker, function_job: Maker, verbs: Maker, later: Maker, where: str
) -> None:
    watched = verbs(where)
    job = watched.job(function_job)
    run = prepared(job, grace=5.0)
    later(_ask, run, watched.reached)
    began = time.monotonic()
    run.execute()
    assert time.monotonic() - began < BUSY
    assert (run.job.state, run.status.state, run.exit_code) == (State.CANCELLED, State.CANCELLED, 130)
    assert job.calls[-1] == "abandon"
    assert not run.result.threads_left
    cancel = run.status.cancel
    assert cancel is not None
    assert cancel.acknowledged_at is not None
    assert not cancel.too_late
    assert [entry.event for entry in run.entries if entry.event is Event.CANCEL_REQUESTED] == [Event.CANCEL_REQUESTED]


@pytest.mark.parametrize("where", ["plan", "work"])
def test_a_cancel_ends_the_run_within_the_grace_also_when_a_verb_is_deaf(
    prepared: Maker, function_job: Maker, verbs: Maker, later: Maker, where: str
) -> None:
    watched = verbs(where, deaf=True)
    run = prepared(watched.job(function_job), grace=0.2, concurrency=1)
    asker = later(_ask, run, watched.reached)
    began = time.monotonic()
    run.execute()
    asker.join()
    assert 0.2 <= time.monotonic() - began < 0.2 + BUSY
    assert run.job.state is State.CANCELLED
    assert run.job.abandoned_threads >= 1
    assert any("left behind" in text for text in run.status.warnings)


def test_a_cancel_at_once_doesnt_wait_for_the_grace(prepared: Maker, function_job: Maker, verbs: Maker, later: Maker) -> None:
    watched = verbs("work", deaf=True)
    run = prepared(watched.job(function_job), grace=20.0)
    later(_ask, run, watched.reached, "now")
    began = time.monotonic()
    run.execute()
    assert time.monotonic() - began < BUSY
    assert (run.job.state, run.status.cancel.mode) == (State.CANCELLED, "now")


def test_a_second_cancel_at_once_shortens_the_grace_of_the_first(
    prepared: Maker, function_job: Maker, verbs: Maker, later: Maker
) -> None:
    watched = verbs("work", deaf=True)
    run = prepared(watched.job(function_job), grace=20.0)

    def ask_twice() -> None:
        _ask(run, watched.reached)
        assert run.run._jobs[0].cancel.wait(10)
        _ask(run, watched.reached, "now")

    later(ask_twice)
    began = time.monotonic()
    run.execute()
    assert time.monotonic() - began < 2.0
    assert (run.job.state, run.status.cancel.mode) == (State.CANCELLED, "now")


def test_while_it_stops_a_reader_sees_it_stopping(
    prepared: Maker, function_job: Maker, verbs: Maker, later: Maker, gate: threading.Event
) -> None:
    watched = verbs("work", deaf=True)
    run = prepared(watched.job(function_job), grace=5.0)
    seen: list[Shown] = []

    def follow() -> None:
        _ask(run, watched.reached)
        while Shown.STOPPING not in seen:
            seen.append(look(run.directory).state)
        assert run.run._jobs[0].cancel.wait(10)
        gate.set()

    later(follow)
    run.execute()
    assert list(dict.fromkeys(seen))[-2:] == [Shown.CANCEL_REQUESTED, Shown.STOPPING]
    assert look(run.directory).state is Shown.CANCELLED


def test_what_workers_finish_within_the_grace_is_applied_and_kept(prepared: Maker, function_job: Maker, later: Maker) -> None:
    reached, finish = threading.Event(), threading.Event()

    def work(unit: Unit, context: WorkContext) -> UnitResult:
        reached.set()
        assert finish.wait(10)
        return _done(unit)

    job = function_job(items=("a", "b"), work=work)
    run = prepared(job, grace=5.0, concurrency=2)

    def ask() -> None:
        _ask(run, reached)
        assert run.run._jobs[0].cancel.wait(10)
        finish.set()

    later(ask)
    run.execute()
    assert run.job.state is State.CANCELLED
    assert sorted(job.applied) == ["a", "b"]
    assert run.job.items.succeeded == 2


def test_a_cancel_behind_the_commit_point_comes_too_late_and_the_work_stays(
    prepared: Maker, function_job: Maker, later: Maker
) -> None:
    reached, go_on = threading.Event(), threading.Event()

    def commit(context: WorkContext) -> None:
        context.commit_point()
        reached.set()
        assert go_on.wait(10)

    run = prepared(function_job(on_commit=commit), grace=0.2)

    def ask() -> None:
        _ask(run, reached)
        assert run.run._jobs[0].cancel.wait(10)
        threading.Event().wait(0.4)  # Longer than the grace.
        go_on.set()

    later(ask)
    run.execute()
    assert (run.job.state, run.status.state, run.exit_code) == (State.SUCCEEDED, State.SUCCEEDED, 0)
    assert run.status.cancel.too_late


def test_a_deadline_behind_the_commit_point_comes_too_late_as_well(prepared: Maker, function_job: Maker) -> None:
    def commit(context: WorkContext) -> None:
        context.commit_point()
        threading.Event().wait(0.9)

    run = prepared(function_job(on_commit=commit), timeout=0.2).execute()
    assert (run.job.state, run.exit_code) == (State.SUCCEEDED, 0)


def test_jobs_that_are_queued_when_the_cancel_comes_dont_begin(
    a_run: Maker, function_job: Maker, verbs: Maker, later: Maker
) -> None:
    watched = verbs("work")
    jobs = {"first": JobSpec(kind="stand-in-first"), "then": JobSpec(kind="stand-in-then")}
    then = function_job()
    makes = {"first": lambda: watched.job(function_job), "then": lambda: then}
    run = a_run(jobs, makes, max_parallel_jobs=1, grace=5.0)
    later(_ask, run, watched.reached)
    run.execute()
    assert {job.name: job.state for job in run.status.jobs} == {"first": State.CANCELLED, "then": State.CANCELLED}
    assert then.calls == []
    assert run.status.job("then").started_at is None


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
    prepared: Maker, function_job: Maker, gate: threading.Event
) -> None:
    def work(unit: Unit, context: WorkContext) -> UnitResult:
        if unit.key == "a":
            gate.wait(20)
        context.checkpoint()
        return _done(unit)

    job = function_job(items=tuple("abcdefgh"), work=work)
    run = prepared(job, timeout=0.3, concurrency=2).execute()
    assert sorted(job.applied) == list("bcdefgh")
    assert (run.job.state, run.job.items.succeeded) == (State.TIMED_OUT, 7)
    gate.set()


def test_a_slot_whose_thread_didnt_come_back_is_replaced_in_the_next_attempt(
    run_job: Maker, function_job: Maker, gate: threading.Event
) -> None:
    tried: list[str] = []

    def work(unit: Unit, context: WorkContext) -> UnitResult:
        tried.append(unit.key)
        if unit.key == "a" and tried.count("a") == 1:
            gate.wait(20)
        context.checkpoint()
        return _done(unit)

    jobs: list[Any] = []

    def make() -> Any:
        jobs.append(function_job(items=("a", "b"), work=work))
        return jobs[-1]

    done = run_job(make, attempts=2, timeout=0.3, concurrency=1)
    assert done.job.state is State.SUCCEEDED
    assert done.job.abandoned_threads == 1
    assert done.result.threads_left
    gate.set()


SIGNALS = [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGHUP, 143)]


@pytest.mark.parametrize(("number", "code"), SIGNALS)
def test_a_signal_ends_the_run_cooperatively_with_its_own_exit_code(
    prepared: Maker, function_job: Maker, verbs: Maker, later: Maker, number: signal.Signals, code: int
) -> None:
    watched = verbs("work")
    handlers = {each: signal.getsignal(each) for each, _ in SIGNALS}
    run = prepared(watched.job(function_job), grace=5.0)

    def send() -> None:
        assert watched.reached.wait(10)
        os.kill(os.getpid(), number)

    later(send)
    run.execute()
    assert (run.job.state, run.exit_code) == (State.CANCELLED, code)
    assert number.name in run.job.message
    assert {each: signal.getsignal(each) for each, _ in SIGNALS} == handlers


def test_a_second_signal_ends_the_run_at_once(prepared: Maker, function_job: Maker, verbs: Maker, later: Maker) -> None:
    watched = verbs("work", deaf=True)
    run = prepared(watched.job(function_job), grace=30.0)

    def send_twice() -> None:
        assert watched.reached.wait(10)
        os.kill(os.getpid(), signal.SIGINT)
        assert run.run._jobs[0].cancel.wait(10)
        os.kill(os.getpid(), signal.SIGINT)

    later(send_twice)
    began = time.monotonic()
    run.execute()
    assert time.monotonic() - began < BUSY
    assert (run.job.state, run.exit_code) == (State.CANCELLED, 130)
    assert run.job.abandoned_threads >= 1


def test_a_deaf_abandon_doesnt_hold_the_run(prepared: Maker, function_job: Maker, gate: threading.Event) -> None:
    job = function_job(work=lambda unit, context: context.sleep(20), on_abandon=lambda: gate.wait(20))
    run = prepared(job, timeout=0.2)
    began = time.monotonic()
    run.execute()
    assert time.monotonic() - began < BUSY
    assert run.job.state is State.TIMED_OUT
    gate.set()

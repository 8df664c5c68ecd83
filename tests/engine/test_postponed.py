"""Postponed units: they come back when they are due, and hold no slot meanwhile."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import pytest

from orchestrator.deadline import WorkContext
from orchestrator.engine.pool import ThreadPool
from orchestrator.job import ItemOutcome, ItemState, Postponement, Unit, UnitResult
from orchestrator.status.states import State

Maker = Callable[..., Any]


def _postpones_once(key: str, delay: float, order: list[str]) -> Callable[[Unit, WorkContext], UnitResult]:
    """Return work that postpones one unit when it sees it first."""

    def work(unit: Unit, context: WorkContext) -> UnitResult:
        context.checkpoint()
        order.append(unit.key)
        if unit.key == key and unit.payload is None:
            return UnitResult(postponed=Postponement(Unit(unit.key, unit.items, "again"), delay, "Retry-After"))
        return UnitResult((ItemOutcome(unit.items[0], ItemState.SUCCEEDED),))

    return work


def test_others_go_on_in_the_only_slot_while_a_unit_is_postponed(run_job: Maker, function_job: Maker) -> None:
    order: list[str] = []
    job = function_job(items=tuple("abcd"), work=_postpones_once("a", 0.15, order))
    done = run_job(job, concurrency=1)
    assert order == ["a", "b", "c", "d", "a"]
    assert (done.job.state, done.job.items.done) == (State.SUCCEEDED, 4)
    assert sorted(job.applied) == list("abcd")


def test_a_unit_that_is_due_waits_for_room_without_spinning(
    run_job: Maker, function_job: Maker, monkeypatch: pytest.MonkeyPatch
) -> None:
    looks = []
    take = ThreadPool.take
    monkeypatch.setattr(ThreadPool, "take", lambda pool, seconds: looks.append(seconds) or take(pool, seconds))
    order: list[str] = []
    postpone = _postpones_once("a", 0.045, order)

    def work(unit: Unit, context: WorkContext) -> UnitResult:
        context.sleep(0.03)
        return postpone(unit, context)

    names = tuple("abcdefghijklmnopqrstuvwxyz")  # More than a pool of one thread holds.
    done = run_job(function_job(items=names, work=work), concurrency=1)
    assert done.job.items.done == len(names)
    assert len(looks) < 150


def test_a_postponed_unit_comes_back_when_it_is_due_and_not_before(run_job: Maker, function_job: Maker) -> None:
    order: list[str] = []
    began = time.monotonic()
    done = run_job(function_job(items=("a",), work=_postpones_once("a", 0.3, order)), concurrency=1)
    took = time.monotonic() - began
    assert order == ["a", "a"]
    assert 0.3 <= took < 1.5
    assert done.job.state is State.SUCCEEDED


def test_the_units_of_an_inline_run_are_postponed_too(run_job: Maker, function_job: Maker) -> None:
    order: list[str] = []
    done = run_job(function_job(items=tuple("ab"), work=_postpones_once("a", 0.1, order)), engine="inline")
    assert order == ["a", "b", "a"]
    assert done.job.items.succeeded == 2


def test_a_unit_postponed_beyond_the_deadline_ends_with_the_attempt(run_job: Maker, function_job: Maker) -> None:
    began = time.monotonic()
    done = run_job(function_job(items=tuple("ab"), work=_postpones_once("a", 60.0, [])), timeout=0.3)
    assert time.monotonic() - began < 1.5
    assert (done.job.state, done.job.items.succeeded) == (State.TIMED_OUT, 1)


def test_a_cancel_ends_the_wait_for_a_postponed_unit_at_once(a_run: Maker, function_job: Maker, later: Maker) -> None:
    from orchestrator.spec.base import JobSpec

    job = function_job(items=("a",), work=_postpones_once("a", 60.0, []))
    run = a_run({"job": JobSpec(kind="stand-in-job")}, {"job": lambda: job})
    later(run.directory.cancel.write_text, "{}")
    began = time.monotonic()
    run.execute()
    assert time.monotonic() - began < 1.5
    assert run.job.state is State.CANCELLED

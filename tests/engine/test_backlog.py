"""What waits to be applied is bounded in bytes, and what `apply` needs is opened while the first units are under way."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

from orchestrator.deadline import CancelToken, Deadline, WorkContext
from orchestrator.engine import pool as pools
from orchestrator.engine.pool import Assignment, open_pool
from orchestrator.errors import StorageError
from orchestrator.job import Change, ItemOutcome, ItemState, Plan, PlannedItem, Unit, UnitResult
from orchestrator.status.states import State

Maker = Callable[..., Any]


def test_workers_begin_nothing_while_the_results_that_wait_are_too_large() -> None:
    begun: list[str] = []
    all_begun = threading.Event()

    def work(unit: Unit, context: WorkContext) -> UnitResult:
        del context
        begun.append(unit.key)
        if len(begun) == 6:
            all_begun.set()
        return UnitResult(size=pools.MOST_WAITING // 2 + 1)

    assignment = Assignment("job", 1, work, None, Deadline.after(20), CancelToken())
    with open_pool("threads", assignment) as pool:
        try:
            for number in range(6):
                pool.submit(Unit(f"u{number}", (f"i{number}",)))
            assert not all_begun.wait(0.3)
            assert begun == ["u0", "u1"]  # The second one made it too much.
            back = 0
            while back < 6:
                back += len(pool.take(5.0))
            assert len(begun) == 6
        finally:
            assert pool.close(5.0) == 0


def test_a_pool_that_is_full_can_be_closed() -> None:
    begun = threading.Semaphore(0)

    def work(unit: Unit, context: WorkContext) -> UnitResult:
        del unit, context
        begun.release()
        return UnitResult(size=pools.MOST_WAITING + 1)

    with open_pool("threads", Assignment("job", 1, work, None, Deadline.after(20), CancelToken())) as pool:
        for number in range(3):
            pool.submit(Unit(f"u{number}", (f"i{number}",)))
        assert begun.acquire(timeout=5)
        assert not begun.acquire(timeout=0.2)
        assert pool.close(5.0) == 0


def test_the_target_is_opened_once_and_before_the_first_result_is_applied(run_job: Maker, function_job: Maker) -> None:
    calls: list[str] = []
    job = function_job(on_apply=lambda unit, context: calls.append("apply"))
    job.prepare = lambda: calls.append("prepare")
    assert run_job(job).status.state is State.SUCCEEDED
    assert calls == ["prepare", "apply", "apply", "apply"]


def test_the_first_units_are_under_way_when_the_target_is_opened(run_job: Maker, function_job: Maker) -> None:
    begun = threading.Event()

    def work(unit: Unit, context: WorkContext) -> UnitResult:
        del context
        begun.set()
        return UnitResult((ItemOutcome(unit.key, ItemState.SUCCEEDED),))

    seen: list[bool] = []
    job = function_job(work=work)
    job.prepare = lambda: seen.append(begun.wait(5))
    assert run_job(job).status.state is State.SUCCEEDED
    assert seen == [True]


def test_nothing_is_opened_where_nothing_is_to_be_done(run_job: Maker, function_job: Maker) -> None:
    calls: list[str] = []
    job = function_job(on_plan=lambda context: Plan([PlannedItem("a", Change.UNCHANGED)], []))
    job.prepare = lambda: calls.append("prepare")
    assert run_job(job).status.state is State.SUCCEEDED
    assert calls == []


def test_a_target_that_cannot_be_opened_ends_the_job(run_job: Maker, function_job: Maker) -> None:
    def refuse() -> None:
        raise StorageError("no space is left")

    job = function_job()
    job.prepare = refuse
    result = run_job(job)
    assert result.status.jobs[0].error.code == StorageError.code
    assert result.exit_code == 4
    assert job.applied == []

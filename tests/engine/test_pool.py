"""One suite for every pool: each unit comes back once, errors come back as data, and closing never hangs."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from orchestrator.deadline import CancelToken, Deadline, WorkContext
from orchestrator.engine.boundary import Interrupted, Raised, Returned
from orchestrator.engine.pool import POOLS, Done, Pool, Slot
from orchestrator.errors import DeadlineExceeded, JobError
from orchestrator.job import ItemOutcome, ItemState, Unit, UnitResult

LOCAL = [name for name in ("threads", "inline") if name in POOLS]
Maker = Callable[..., Pool]


def _unit(number: int) -> Unit:
    return Unit(f"unit-{number}", (f"item-{number}",), number)


def _return(unit: Unit, context: WorkContext) -> UnitResult:
    context.checkpoint(1, 1, "nearly")
    return UnitResult((ItemOutcome(unit.items[0], ItemState.SUCCEEDED, found=unit.payload),))


@pytest.fixture(params=LOCAL)
def pool_of(request: pytest.FixtureRequest) -> Iterator[Maker]:
    """Return a maker of pools of each sort; they are closed when the test ends."""
    pools: list[Pool] = []

    def make(work: Callable[[Unit, WorkContext], UnitResult] = _return, size: int = 4, seconds: float = 30.0) -> Pool:
        deadline = Deadline.after(seconds)
        pools.append(POOLS[request.param]("job", size, work, lambda slot: WorkContext(deadline, CancelToken(), progress=slot)))
        return pools[-1]

    yield make
    for pool in pools:
        pool.close(5.0)


def _all(pool: Pool, count: int) -> list[Done]:
    back: list[Done] = []
    end = time.monotonic() + 10
    while len(back) < count:
        assert time.monotonic() < end, f"{count - len(back)} units didn't come back"
        back += pool.take(0.5)
    return back


def test_each_of_many_units_comes_back_once_with_its_own_result(pool_of: Maker) -> None:
    pool = pool_of()
    for number in range(500):
        pool.submit(_unit(number))
    back = _all(pool, 500)
    assert Counter(done.unit.key for done in back) == Counter(f"unit-{number}" for number in range(500))
    for done in back:
        assert isinstance(done.answer, Returned)
        assert done.answer.value.outcomes[0].found == done.unit.payload
        assert done.seconds >= 0
    assert pool.take(0) == []
    assert pool.slots() == []


ERRORS = [ValueError("x"), JobError("x", code="ours"), KeyboardInterrupt(), SystemExit(3), MemoryError(), RecursionError()]


@pytest.mark.parametrize("error", ERRORS, ids=lambda error: type(error).__name__)
def test_whatever_a_unit_raises_comes_back_as_data_and_the_pool_goes_on(pool_of: Maker, error: BaseException) -> None:
    def work(unit: Unit, context: WorkContext) -> UnitResult:
        if unit.payload == 0:
            raise error
        return _return(unit, context)

    pool = pool_of(work, size=1)
    for number in range(3):
        pool.submit(_unit(number))
    answers = {done.unit.payload: done.answer for done in _all(pool, 3)}
    assert isinstance(answers[0], Raised)
    assert answers[0].failure.code == ("ours" if isinstance(error, JobError) else "internal-error")
    assert all(isinstance(answers[number], Returned) for number in (1, 2))


def test_a_unit_that_notices_its_deadline_comes_back_as_interrupted(pool_of: Maker) -> None:
    pool = pool_of(seconds=0.0)
    pool.submit(_unit(0))
    (done,) = _all(pool, 1)
    assert isinstance(done.answer, Interrupted)
    assert isinstance(done.answer.interruption, DeadlineExceeded)


def test_slots_show_what_is_in_hand_with_its_newest_progress(pool_of: Maker) -> None:
    seen: list[tuple[str, int | None, int | None, str]] = []
    made: list[Pool] = []

    def work(unit: Unit, context: WorkContext) -> UnitResult:
        context.checkpoint(1, 9, "page 1")
        context.checkpoint(3, 9)
        seen.extend((slot.unit.key, slot.done, slot.total, slot.note) for slot in made[0].slots())
        return _return(unit, context)

    made.append(pool_of(work, size=1))
    made[0].submit(_unit(0))
    made[0].submit(_unit(1))
    _all(made[0], 2)
    assert seen == [("unit-0", 3, 9, "page 1"), ("unit-1", 3, 9, "page 1")]
    assert made[0].slots() == []


def test_submitting_never_blocks_and_never_drops(pool_of: Maker) -> None:
    pool = pool_of(size=2)
    began = time.perf_counter()
    for number in range(5_000):
        pool.submit(_unit(number))
    assert time.perf_counter() - began < 5.0
    assert len(_all(pool, 5_000)) == 5_000


def test_a_closed_pool_forgets_what_it_hadnt_begun(pool_of: Maker) -> None:
    began: list[str] = []

    def work(unit: Unit, context: WorkContext) -> UnitResult:
        began.append(unit.key)
        return _return(unit, context)

    pool = pool_of(work, size=1)
    for number in range(1_000):
        pool.submit(_unit(number))
    assert pool.close(5.0) == 0
    count = len(began)
    assert count < 1_000
    assert pool.close(5.0) == 0
    assert len(began) == count


def test_taking_from_an_idle_pool_ends_in_time(pool_of: Maker) -> None:
    began = time.perf_counter()
    assert pool_of().take(0.05) == []
    assert time.perf_counter() - began < 1.0


def test_no_more_than_size_units_are_in_hand_and_their_threads_bear_the_jobs_name(gate: threading.Event) -> None:
    names: list[str] = []
    enough = threading.Semaphore(0)

    def work(unit: Unit, context: WorkContext) -> UnitResult:
        names.append(threading.current_thread().name)
        enough.release()
        gate.wait(20)
        return _return(unit, context)

    pool = _threads(work, 3)
    for number in range(10):
        pool.submit(_unit(number))
    for _ in range(3):
        assert enough.acquire(timeout=5)
    assert not enough.acquire(timeout=0.05)
    assert len(pool.slots()) == 3
    assert sorted(names) == ["boards-0", "boards-1", "boards-2"]
    gate.set()
    assert len(_all(pool, 10)) == 10
    assert pool.close(5.0) == 0


def test_closing_a_pool_with_a_stuck_worker_returns_in_time_and_counts_it(gate: threading.Event) -> None:
    def work(unit: Unit, context: WorkContext) -> UnitResult:
        if unit.payload == 0:
            gate.wait(20)
        return _return(unit, context)

    pool = _threads(work, 2)
    for number in range(3):
        pool.submit(_unit(number))
    _all(pool, 2)
    began = time.perf_counter()
    assert pool.close(0.1) == 1
    assert time.perf_counter() - began < 0.5
    assert [slot.unit.key for slot in pool.slots()] == ["unit-0"]


def test_threads_are_started_as_units_arrive() -> None:
    pool = _threads(_return, 64)
    before = threading.active_count()
    pool.submit(_unit(0))
    assert threading.active_count() <= before + 1
    _all(pool, 1)
    assert pool.close(5.0) == 0


def _threads(work: Any, size: int) -> Pool:
    return POOLS["threads"]("boards", size, work, lambda slot: WorkContext(Deadline.never(), CancelToken(), progress=slot))


def test_a_slot_keeps_the_last_of_many_values_and_nothing_else() -> None:
    slot = Slot(_unit(0))
    for done in range(100_000):
        slot(done, 100_000, "")
    slot(None, None, "the end")
    assert (slot.done, slot.total, slot.note) == (99_999, 100_000, "the end")

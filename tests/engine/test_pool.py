"""One suite for every pool: each unit comes back once, errors come back as data, and closing never hangs."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import Any

import pool_units
import pytest

from orchestrator.boundary import Interrupted, Raised, Returned
from orchestrator.deadline import CancelToken, Deadline, WorkContext
from orchestrator.engine.pool import LOCAL, Assignment, Done, Pool, Slot, open_pool
from orchestrator.errors import DeadlineExceeded, JobError
from orchestrator.job import Unit, UnitResult

Maker = Callable[..., Pool]
Work = Callable[[Unit, WorkContext], UnitResult]


def _unit(number: int, payload: Any = None) -> Unit:
    return Unit(f"unit-{number}", (f"item-{number}",), number if payload is None else payload)


@pytest.fixture(params=[*LOCAL, "dask"])
def engine(request: pytest.FixtureRequest) -> str:
    """Return each engine in turn."""
    text: str = request.getfixturevalue("cluster").engine if request.param == "dask" else request.param
    return text


@pytest.fixture
def pool_of(engine: str) -> Iterator[Maker]:
    """Return a maker of pools of each sort; they are closed when the test ends."""
    with ExitStack() as pools:
        yield partial(_open, pools, engine)


def _open(pools: ExitStack, engine: str, work: Work = pool_units.give_back, size: int = 4, seconds: float = 30.0) -> Pool:
    assignment = Assignment("job", size, work, None, Deadline.after(seconds), CancelToken())
    return _enter(pools, engine, assignment)


def _enter(pools: ExitStack, engine: str, assignment: Assignment) -> Pool:
    pool = pools.enter_context(open_pool(engine, assignment))
    pools.callback(pool.close, 5.0)
    return pool


def _all(pool: Pool, count: int) -> list[Done]:
    back: list[Done] = []
    end = time.monotonic() + 30
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
    pool = pool_of(pool_units.raise_payload, size=1)
    for number in range(3):
        pool.submit(_unit(number, error if number == 0 else None))
    answers = {done.unit.key: done.answer for done in _all(pool, 3)}
    bad = answers["unit-0"]
    assert isinstance(bad, Raised)
    assert bad.failure.code == ("ours" if isinstance(error, JobError) else "internal-error")
    assert all(isinstance(answers[f"unit-{number}"], Returned) for number in (1, 2))


def test_a_unit_that_notices_its_deadline_comes_back_as_interrupted(pool_of: Maker) -> None:
    pool = pool_of(seconds=0.0)
    pool.submit(_unit(0))
    (done,) = _all(pool, 1)
    assert isinstance(done.answer, Interrupted)
    assert isinstance(done.answer.interruption, DeadlineExceeded)


def test_the_world_is_opened_once_in_each_process_and_closed_with_the_pool(
    engine: str, tmp_path: Path, wait_until: Callable[..., Any]
) -> None:
    log = tmp_path / "world"
    world = partial(pool_units.open_world, log)
    with ExitStack() as pools:
        pool = _enter(pools, engine, Assignment("job", 4, pool_units.tell_world, world, Deadline.after(30), CancelToken()))
        for number in range(20):
            pool.submit(_unit(number))
        told = {done.answer.value.data for done in _all(pool, 20) if isinstance(done.answer, Returned)}
        assert log.read_text().splitlines() == [f"open {process}" for process in _processes(log)]
    assert told == {(process, process) for process in _processes(log)}
    closed = sorted(f"close {process}" for process, _ in told)
    wait_until(lambda: sorted(log.read_text().splitlines()[len(told) :]) == closed, what="the closing")


def _processes(log: Path) -> list[int]:
    return list(dict.fromkeys(int(line.split()[1]) for line in log.read_text().splitlines()))


def test_slots_show_what_is_in_hand_with_its_newest_progress(
    tmp_path: Path, pool_of: Maker, later: Callable[..., threading.Thread], wait_until: Callable[..., Any]
) -> None:
    pool = pool_of(pool_units.wait_for_file, size=1)
    back: list[Done] = []
    for number in range(2):
        pool.submit(_unit(number, tmp_path / f"gate-{number}"))
    taker = later(lambda: back.extend(_all(pool, 2)))
    for number in range(2):
        shown = [(f"unit-{number}", 3, 9, "page 1")]
        wait_until(lambda shown=shown: shown == [(s.unit.key, s.done, s.total, s.note) for s in pool.slots()], what=f"{shown}")
        (tmp_path / f"gate-{number}").touch()
    taker.join(10)
    assert len(back) == 2
    assert pool.slots() == []


def test_submitting_never_blocks_and_never_drops(pool_of: Maker) -> None:
    pool = pool_of(size=16)
    began = time.perf_counter()
    for number in range(1_000):
        pool.submit(_unit(number))
    assert time.perf_counter() - began < 5.0
    assert len(_all(pool, 1_000)) == 1_000


def test_a_closed_pool_forgets_what_it_hadnt_begun(pool_of: Maker, tmp_path: Path) -> None:
    log = tmp_path / "begun"
    log.touch()
    pool = pool_of(pool_units.log_beginning, size=1)
    for number in range(1_000):
        pool.submit(_unit(number, log))
    assert pool.close(5.0) == 0
    count = len(log.read_text().splitlines())
    assert count < 1_000
    assert pool.close(5.0) == 0
    assert len(log.read_text().splitlines()) == count


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
        return pool_units.give_back(unit, context)

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
        return pool_units.give_back(unit, context)

    pool = _threads(work, 2)
    for number in range(3):
        pool.submit(_unit(number))
    _all(pool, 2)
    began = time.perf_counter()
    assert pool.close(0.1) == 1
    assert time.perf_counter() - began < 0.5
    assert [slot.unit.key for slot in pool.slots()] == ["unit-0"]


def test_threads_are_started_as_units_arrive() -> None:
    pool = _threads(pool_units.give_back, 64)
    before = threading.active_count()
    pool.submit(_unit(0))
    assert threading.active_count() <= before + 1
    _all(pool, 1)
    assert pool.close(5.0) == 0


def _threads(work: Any, size: int) -> Pool:
    return LOCAL["threads"]("boards", size, work, lambda slot: WorkContext(Deadline.never(), CancelToken(), progress=slot))


def test_a_slot_keeps_the_last_of_many_values_and_nothing_else() -> None:
    slot = Slot(_unit(0))
    for done in range(100_000):
        slot(done, 100_000, "")
    slot(None, None, "the end")
    assert (slot.done, slot.total, slot.note) == (99_999, 100_000, "the end")

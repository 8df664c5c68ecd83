"""What only the Dask pool can get wrong: workers that die, schedulers that don't answer, code and clocks of other machines."""

from __future__ import annotations

import asyncio
import logging
import signal
import socket
import subprocess
import sys
import textwrap
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress
from functools import partial
from pathlib import Path
from typing import Any

import pool_units
import pytest

from orchestrator.boundary import Interrupted, Raised, Returned
from orchestrator.deadline import CancelToken, Deadline, WorkContext
from orchestrator.engine.dask import pool as dask_pool
from orchestrator.engine.dask import wire, worker
from orchestrator.engine.pool import Assignment, Done, Pool, open_pool
from orchestrator.errors import Cancelled, EngineError, JobError, OrchestrateError
from orchestrator.job import Unit, UnitResult

Opener = Callable[..., Pool]
Work = Callable[[Unit, WorkContext], UnitResult]
CANARY = "canary-4711"


@pytest.fixture
def opened() -> Iterator[Opener]:
    """Return a maker of pools on a cluster; they are closed when the test ends."""
    with ExitStack() as pools:

        def make(engine: str, work: Work = pool_units.give_back, size: int = 2, seconds: float = 60.0, **more: Any) -> Pool:
            given = {"world": None, "cancel": CancelToken(), **more}
            pool = pools.enter_context(
                open_pool(engine, Assignment("job", size, work, deadline=Deadline.after(seconds), **given))
            )
            pools.callback(pool.close, 0.2)
            return pool

        yield make


def _unit(number: int, payload: Any = 0) -> Unit:
    return Unit(f"unit-{number}", (f"item-{number}",), payload)


def _all(pool: Pool, count: int, seconds: float = 40.0) -> list[Done]:
    back: list[Done] = []
    end = time.monotonic() + seconds
    while len(back) < count:
        assert time.monotonic() < end, f"{count - len(back)} units didn't come back"
        back += pool.take(0.2)
    return back


def _error(pool: Pool, seconds: float = 20.0) -> OrchestrateError:
    """Return what `take` raises."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        try:
            pool.take(0.2)
        except OrchestrateError as error:
            return error
    pytest.fail("the pool raised nothing")


def _lines(path: Path) -> list[str]:
    return path.read_text(encoding="utf-8").splitlines() if path.exists() else []


def test_a_cancel_reaches_the_units_in_hand_and_those_behind_them_dont_begin(
    cluster: Any, opened: Opener, tmp_path: Path, wait_until: Callable[..., Any]
) -> None:
    log, cancel = tmp_path / "log", CancelToken()
    pool = opened(cluster.engine, pool_units.sleep, 6, cancel=cancel)
    for number in range(12):
        pool.submit(_unit(number, (log, 50)))
    wait_until(lambda: len(_lines(log)) == 2, what="two beginnings")
    cancel.request()
    began = time.monotonic()
    assert pool.close(5.0) == 0
    assert time.monotonic() - began < 4
    back = pool.take(0.0)
    assert len(back) == 6
    assert all(isinstance(each.answer, Interrupted) and isinstance(each.answer.interruption, Cancelled) for each in back)
    assert Counter(line.split()[0] for line in _lines(log)) == Counter(begin=2, end=2)


def test_a_deaf_unit_is_left_behind_in_time_and_counted(cluster: Any, opened: Opener, tmp_path: Path, wait_until: Any) -> None:
    log, cancel = tmp_path / "log", CancelToken()
    pool = opened(cluster.engine, pool_units.block, 1, cancel=cancel)
    pool.submit(_unit(0, (log, 4)))
    wait_until(lambda: _lines(log), what="the beginning")
    cancel.request()
    began = time.monotonic()
    assert pool.close(0.2) >= 1
    assert time.monotonic() - began < 1.5
    assert [slot.unit.key for slot in pool.slots()] == ["unit-0"]


def test_the_deadline_reaches_the_workers_on_their_own_clock(cluster: Any, opened: Opener, tmp_path: Path) -> None:
    pool = opened(cluster.engine, pool_units.sleep, 2, seconds=2.5)
    pool.submit(_unit(0, (tmp_path / "log", 50)))
    began = time.monotonic()
    (done,) = _all(pool, 1)
    assert isinstance(done.answer, Interrupted)
    assert time.monotonic() - began < 6


@pytest.mark.timeout(150)
def test_units_of_a_worker_that_died_are_done_again_once_and_the_one_that_kills_each_worker_fails(
    cluster_of: Any, opened: Opener, tmp_path: Path
) -> None:
    """One test, since each death costs the start of a process. A unit here may kill two workers, then Dask gives it up."""
    cluster = cluster_of(0)
    cluster.add_worker("--nanny")
    pool = opened(cluster.engine, pool_units.kill_or_give_back, 1, seconds=140)
    deaths = {3: (tmp_path / "once", 1), 20: (tmp_path / "always", 99)}
    for number in range(30):
        pool.submit(_unit(number, deaths.get(number, number)))
    answers = {done.unit.key: done.answer for done in _all(pool, 30, 140)}
    bad = answers.pop("unit-20")
    assert isinstance(bad, Raised)
    assert bad.failure.code == "worker-died"
    assert bad.failure.retryable
    assert all(isinstance(answer, Returned) for answer in answers.values())
    assert len(_lines(tmp_path / "once")) >= 2
    assert pool.take(0.3) == []


def test_a_pool_that_still_connects_closes_at_once(opened: Opener) -> None:
    cancel = CancelToken()
    with socket.create_server(("127.0.0.1", 0)) as silent:
        pool = opened(f"dask://127.0.0.1:{silent.getsockname()[1]}", cancel=cancel)
        pool.submit(_unit(0))
        assert pool.take(1.5) == []  # It takes connections, and never says a word.
        cancel.request()
        began = time.monotonic()
        pool.close(5.0)
        assert time.monotonic() - began < 2


@pytest.mark.parametrize("units", [0, 1])
def test_no_connection_is_lost_when_a_pool_closes(
    cluster: Any, opened: Opener, wait_until: Any, monkeypatch: pytest.MonkeyPatch, units: int
) -> None:
    """Dask keeps no hold of a connection whose making is cancelled, which is easily hit if making one takes long."""
    from tornado.tcpclient import TCPClient

    connect = TCPClient.connect
    connections: list[Any] = []

    async def connect_slowly(client: TCPClient, *given: Any, **named: Any) -> Any:
        connections.append(await connect(client, *given, **named))
        with suppress(TimeoutError):
            await asyncio.wait_for(asyncio.Event().wait(), 0.1)
        return connections[-1]

    monkeypatch.setattr(TCPClient, "connect", connect_slowly)
    pool = opened(cluster.engine)
    for number in range(units):
        pool.submit(_unit(number))
    _all(pool, units)
    wait_until(lambda: connections, what="a connection")
    assert pool.close(5.0) == 0
    assert all(each.closed() for each in connections)


def test_a_port_where_nobody_listens_is_told_however_long_an_answer_may_take(
    opened: Opener, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dask_pool, "ANSWER_SECONDS", 1_000.0)
    pool = opened("dask://127.0.0.1:9")
    pool.submit(_unit(0))
    assert _error(pool).failure_code == "engine-unreachable"


@pytest.mark.parametrize("sent", [signal.SIGKILL, signal.SIGSTOP])
def test_a_scheduler_that_is_lost_or_hangs_ends_the_attempt_retryably(
    cluster_of: Any, opened: Opener, tmp_path: Path, wait_until: Any, monkeypatch: pytest.MonkeyPatch, sent: signal.Signals
) -> None:
    monkeypatch.setattr(dask_pool, "ANSWER_SECONDS", 1.0)
    cluster, log = cluster_of(1), tmp_path / "log"
    pool = opened(cluster.engine, pool_units.sleep, 2)
    pool.submit(_unit(0, (log, 50)))
    wait_until(lambda: _lines(log), what="the beginning")
    cluster.scheduler.send_signal(sent)
    error = _error(pool)
    cluster.scheduler.kill()
    assert isinstance(error, EngineError)
    assert (error.failure_code, error.retryable) == ("engine-lost", True)


def test_a_cluster_without_workers_is_told(cluster_of: Any, opened: Opener, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dask_pool, "WORKERS_SECONDS", 0.5)
    pool = opened(cluster_of(0).engine)
    pool.submit(_unit(0))
    error = _error(pool)
    assert error.failure_code == "engine-without-workers"
    assert "dask worker tcp://" in error.hint


def test_workers_of_another_version_are_told_with_both_versions(
    cluster: Any, opened: Opener, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(wire, "VERSION", "9.9.9")
    pool = opened(cluster.engine)
    pool.submit(_unit(0))
    error = _error(pool)
    assert isinstance(error, EngineError)
    assert error.failure_code == "engine-mismatch"
    assert "9.9.9" in error.message


def test_code_that_the_workers_dont_have_is_told_by_name(
    cluster: Any, opened: Opener, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "only_here.py").write_text("def work(unit, context):\n    return None\n", encoding="utf-8")
    monkeypatch.syspath_prepend(tmp_path)
    import only_here  # type: ignore[import-not-found] # it exists nowhere else, which is the point

    pool = opened(cluster.engine, only_here.work)
    pool.submit(_unit(0))
    error = _error(pool)
    assert error.failure_code == "engine-mismatch"
    assert "only_here" in error.message


def test_a_world_that_cant_be_opened_fails_the_job_with_its_own_error(cluster: Any, opened: Opener) -> None:
    pool = opened(cluster.engine, world=pool_units.open_nothing)
    pool.submit(_unit(0))
    error = _error(pool)
    assert isinstance(error, JobError)
    assert (error.failure_code, error.hint) == ("no-world", "make one")


def test_what_cant_travel_is_told_as_the_kinds_bug(cluster: Any, opened: Opener) -> None:
    pool = opened(cluster.engine, pool_units.return_a_lock)
    pool.submit(_unit(0))
    pool.submit(_unit(1, threading.Lock()))
    for done in _all(pool, 2):
        assert isinstance(done.answer, Raised)
        assert done.answer.failure.code == "not-picklable"
    with pytest.raises(JobError, match="can't be sent"):
        opened(cluster.engine, lambda unit, context: None)


def test_what_a_unit_was_given_and_raised_is_in_no_log_of_dasks(
    cluster: Any, opened: Opener, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    world = partial(pool_units.open_world, tmp_path / CANARY)
    with caplog.at_level(logging.INFO, "orchestrator"):
        pool = opened(cluster.engine, pool_units.raise_payload, world=world)
        pool.submit(_unit(0, ValueError(CANARY)))
        pool.submit(_unit(1, CANARY))
        _all(pool, 2)
        pool.close(5.0)
    assert CANARY in caplog.text, "the run's own log has the traceback, where it is redacted"
    for name in ("scheduler", "worker-0", "worker-1"):
        assert "distributed" in cluster.log(name), "this is the log"
        assert CANARY not in cluster.log(name)


def test_a_parcel_shows_its_size_only() -> None:
    """Dask logs the arguments of a task that fails: one that this version of the worker can't open, say."""
    order = wire.Order("job-1", "key", 20.0, CANARY.encode(), (wire.pack(_unit(0, CANARY)),))
    shown = f"{wire.sealed(order)!r} {wire.sealed(order)}"
    assert "bytes" in shown
    assert CANARY not in shown
    assert CANARY.encode() in wire.sealed(order).data, "it travels in it"


def test_units_of_a_run_that_was_killed_stop(
    cluster: Any, tmp_path: Path, clean_environment: dict[str, str], wait_until: Callable[..., Any]
) -> None:
    log = tmp_path / "log"
    script = f"""
        import math, pool_units
        from pathlib import Path
        from orchestrator.deadline import *
        from orchestrator.engine.pool import *
        from orchestrator.job import Unit
        assignment = Assignment("job", 2, pool_units.sleep, None, Deadline.after(100), CancelToken())
        with open_pool("{cluster.engine}", assignment) as pool:
            pool.submit(Unit("unit-0", ("item-0",), (Path({str(log)!r}), 90)))
            pool.take(90)
    """
    path = clean_environment["PYTHONPATH"] + ":" + str(Path(pool_units.__file__).parent)
    environment = {**clean_environment, "PYTHONPATH": path}
    process = subprocess.Popen([sys.executable, "-c", textwrap.dedent(script)], env=environment)
    wait_until(lambda: _lines(log) == ["begin unit-0"], what="the beginning")
    process.kill()
    process.wait()
    wait_until(lambda: _lines(log) == ["begin unit-0", "end unit-0"], 10.0, what="the end")


def test_short_units_travel_together_and_long_ones_alone(cluster: Any, opened: Opener, tmp_path: Path) -> None:
    pool = opened(cluster.engine, size=2)
    most = 0
    for number in range(300):
        pool.submit(_unit(number, number))
    back: list[Done] = []
    while len(back) < 300:
        most = max(most, len(pool.slots()))
        back += pool.take(0.2)
    assert most > 2
    assert {done.unit.key for done in back} == {f"unit-{number}" for number in range(300)}
    alone = opened(cluster.engine, pool_units.block, 2)
    for number in range(8):
        alone.submit(_unit(number, (tmp_path / "log", 0.15)))
    seen: list[Done] = []
    while len(seen) < 8:
        assert len(alone.slots()) <= 2
        seen += alone.take(0.2)


class Alone:
    """As much of a Dask worker as a session asks for."""

    def __init__(self) -> None:
        self.plugins = {worker.PLUGIN: None}

    def log_event(self, topic: str, message: Any) -> None:
        assert topic == wire.TOPIC


@pytest.mark.parametrize(("seconds", "words"), [(0.0, ["returned"] * 3), (0.3, ["returned", "undone", "undone"])])
def test_units_behind_one_that_takes_long_go_back_for_another_worker(
    monkeypatch: pytest.MonkeyPatch, seconds: float, words: list[str]
) -> None:
    monkeypatch.setattr(worker, "get_worker", Alone)
    units = tuple(wire.pack(_unit(number, seconds if number == 0 else 0.0)) for number in range(3))
    brief = wire.pack(wire.Brief(pool_units.tell_process, None))
    logger = logging.getLogger("orchestrator")
    before = logger.level, logger.propagate, list(logger.handlers)
    reports = wire.unpack(worker.run_units(wire.sealed(wire.Order("alone", "key", 20.0, brief, units))))
    worker.end_session("alone")
    worker._over.clear()
    assert (logger.level, logger.propagate, logger.handlers) == before, "the process is Dask's"
    assert [wire.unpack(each).word for each in reports] == words

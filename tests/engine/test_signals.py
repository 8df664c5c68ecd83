"""Signals in this process: cooperative, with their own exit code, and at once for the second."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Callable
from typing import Any

import pytest

from orchestrator.deadline import WorkContext
from orchestrator.job import Outcome
from orchestrator.status.states import State

Maker = Callable[..., Any]


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


def test_a_second_signal_ends_the_run_at_once(
    prepared: Maker, function_job: Maker, verbs: Maker, later: Maker, busy: float
) -> None:
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
    assert time.monotonic() - began < busy
    assert (run.job.state, run.exit_code) == (State.CANCELLED, 130)
    assert run.job.abandoned_threads >= 1


def test_a_second_signal_behind_the_commit_point_lets_the_commit_win(
    prepared: Maker, function_job: Maker, later: Maker, gate: threading.Event
) -> None:
    reached = threading.Event()

    def commit(context: WorkContext) -> Outcome:
        context.commit_point()
        reached.set()
        assert gate.wait(10)
        return Outcome({"published": 1})

    run = prepared(function_job(on_commit=commit), grace=0.3)

    def send_twice() -> None:
        assert reached.wait(10)
        os.kill(os.getpid(), signal.SIGINT)
        assert run.run._jobs[0].cancel.wait(10)
        os.kill(os.getpid(), signal.SIGINT)
        threading.Event().wait(0.5)  # Longer than the grace: neither the second signal nor the grace may end it.
        gate.set()

    later(send_twice)
    run.execute()
    assert (run.job.state, run.exit_code) == (State.SUCCEEDED, 0)
    assert run.job.result == {"published": 1}
    assert run.status.cancel.too_late

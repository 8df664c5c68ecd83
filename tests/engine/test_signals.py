"""Signals in this process: cooperative, with their own exit code, and at once for the second."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable
from typing import Any, Final

import pytest

from orchestrator.status.states import State

Maker = Callable[..., Any]
BUSY: Final = 2.0  # What a loaded machine may add; the figures of the release bar are measured by torture.


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

"""Deadlines, cancel tokens and checkpoints, on a clock that the test moves."""

from __future__ import annotations

import math
import threading
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.deadline import CancelToken, Deadline, WorkContext
from orchestrator.errors import Cancelled, DeadlineExceeded


class Hands:
    """A clock whose hands the test moves."""

    def __init__(self) -> None:
        self.now = 1000.0

    def monotonic(self) -> float:
        return self.now

    def time(self) -> float:
        return self.now


def _context(clock: Hands, seconds: float, **options: Any) -> WorkContext:
    return WorkContext(Deadline.after(seconds, clock), CancelToken(), **options)


def test_remaining_time_runs_out_and_stays_at_zero() -> None:
    clock = Hands()
    deadline = Deadline.after(5.0, clock)
    left = []
    for step in (0.0, 2.0, 3.0, 10.0):
        clock.now += step
        left.append((deadline.remaining(), deadline.passed))
    assert left == [(5.0, False), (3.0, False), (0.0, True), (0.0, True)]


def test_never_doesnt_pass() -> None:
    assert Deadline.never().remaining() == math.inf
    assert not Deadline.never().passed


@given(own=st.floats(0, 1e6), other=st.floats(0, 1e6))
def test_sooner_is_the_earlier_of_the_two(own: float, other: float) -> None:
    deadline = Deadline.after(own, Hands())
    assert deadline.sooner(other).remaining() == pytest.approx(min(own, other))


def test_a_checkpoint_lets_work_go_on_until_the_deadline_and_not_beyond() -> None:
    clock = Hands()
    context = _context(clock, 2.0)
    context.checkpoint()
    clock.now += 1.999
    context.checkpoint()
    clock.now += 0.001
    with pytest.raises(DeadlineExceeded):
        context.checkpoint()


def test_a_cancel_is_told_before_a_deadline_that_passed_too() -> None:
    clock = Hands()
    context = _context(clock, 1.0)
    clock.now += 5
    context.cancel.request("stopped by SIGINT")
    with pytest.raises(Cancelled, match="stopped by SIGINT"):
        context.checkpoint()


def test_asking_twice_is_the_same_as_once_and_the_first_reason_stays() -> None:
    token = CancelToken()
    token.request("first")
    token.request("second")
    assert (token.requested, token.reason, token.wait(0)) == (True, "first", True)


def test_a_checkpoint_reports_before_it_raises_so_that_no_final_value_is_lost() -> None:
    seen: list[tuple[int | None, int | None, str]] = []
    context = _context(Hands(), 1.0, progress=lambda done, total, note: seen.append((done, total, note)))
    context.checkpoint()
    context.cancel.request()
    with pytest.raises(Cancelled):
        context.checkpoint(7, 9, "page 7")
    assert seen == [(7, 9, "page 7")]


def test_a_wait_ends_at_once_when_somebody_cancels(gate: threading.Event) -> None:
    context = WorkContext(Deadline.never(), CancelToken())
    ended: list[type[BaseException]] = []

    def work() -> None:
        gate.set()
        try:
            context.sleep(60)
        except Cancelled as error:
            ended.append(type(error))

    thread = threading.Thread(target=work)
    thread.start()
    assert gate.wait(5)
    context.cancel.request()
    thread.join(1.0)
    assert ended == [Cancelled]


def test_a_wait_ends_at_the_deadline_however_long_it_was_meant_to_be() -> None:
    context = WorkContext(Deadline.after(0.02), CancelToken())
    with pytest.raises(DeadlineExceeded):
        context.sleep(60)


def test_a_wait_of_work_that_has_to_end_doesnt_begin() -> None:
    clock = Hands()
    context = _context(clock, 1.0)
    clock.now += 1
    with pytest.raises(DeadlineExceeded):
        context.sleep(60)


def test_entering_a_phase_names_it_and_notices_a_cancel() -> None:
    phases: list[str] = []
    context = _context(Hands(), 1.0, enter=phases.append)
    context.enter("fetch")
    context.cancel.request()
    with pytest.raises(Cancelled):
        context.enter("sync")
    assert phases == ["fetch", "sync"]


def test_the_commit_point_isnt_passed_by_work_that_was_cancelled_or_is_late() -> None:
    passed: list[str] = []
    clock = Hands()
    late = _context(clock, 1.0, commit_point=lambda: passed.append("late"))
    cancelled = _context(clock, 9.0, commit_point=lambda: passed.append("cancelled"))
    fine = _context(clock, 9.0, commit_point=lambda: passed.append("fine"))
    clock.now += 2
    cancelled.cancel.request()
    for context, error in ((late, DeadlineExceeded), (cancelled, Cancelled)):
        with pytest.raises(error):
            context.commit_point()
    fine.commit_point()
    assert passed == ["fine"]

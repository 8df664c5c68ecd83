"""Deadline, CancelToken and WorkContext: how time and stopping reach running work.

A timeout is a duration in the YAML; a deadline is the point on the monotonic clock that follows from it. Work never looks
at either: it calls `WorkContext.checkpoint`, which reports progress and raises when the work has to end.
"""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable
from typing import Any, Final, NamedTuple, Protocol

from orchestrator.errors import Cancelled, DeadlineExceeded


class Clock(Protocol):
    """Two clocks: `monotonic` for waiting and measuring, `time` for what people read. Both in seconds."""

    def monotonic(self) -> float:
        """Return seconds that never go back."""

    def time(self) -> float:
        """Return seconds since the epoch, UTC."""


class SystemClock:
    """The machine's clocks."""

    def monotonic(self) -> float:
        """Return `time.monotonic()`."""
        return time.monotonic()

    def time(self) -> float:
        """Return `time.time()`."""
        return time.time()


SYSTEM_CLOCK: Final[Clock] = SystemClock()


class Deadline(NamedTuple):
    """A point on the monotonic clock, in seconds; `math.inf` is never."""

    at: float
    clock: Clock = SYSTEM_CLOCK

    @classmethod
    def after(cls, seconds: float, clock: Clock = SYSTEM_CLOCK) -> Deadline:
        """Return the point `seconds` from now."""
        return cls(clock.monotonic() + seconds, clock)

    @classmethod
    def never(cls) -> Deadline:
        """Return the deadline that doesn't pass."""
        return cls(math.inf)

    def remaining(self) -> float:
        """Return the seconds left, 0.0 when it has passed."""
        return max(0.0, self.at - self.clock.monotonic())

    @property
    def passed(self) -> bool:
        """Whether no time is left."""
        return self.clock.monotonic() >= self.at

    def sooner(self, seconds: float) -> Deadline:
        """Return the earlier of this deadline and the point `seconds` from now."""
        return Deadline(min(self.at, self.clock.monotonic() + seconds), self.clock)


class CancelToken:
    """A request to stop, set once and noticed by everything that waits on it. Thread-safe."""

    def __init__(self) -> None:
        self._event = threading.Event()
        self._reason = ""

    @property
    def requested(self) -> bool:
        """Whether somebody asked."""
        return self._event.is_set()

    @property
    def reason(self) -> str:
        """Why, in a few words; empty as long as nobody asked."""
        return self._reason

    def request(self, reason: str = "cancelled") -> None:
        """Ask; asking twice is the same as once, and the first reason stays."""
        if not self._event.is_set():
            self._reason = reason
            self._event.set()

    def wait(self, seconds: float) -> bool:
        """Wait until somebody asks or the time is over; return whether somebody asked."""
        return self._event.wait(seconds)


class Progress(Protocol):
    """Where a checkpoint leaves its numbers: one slot, overwritten, sampled by the recorder."""

    def __call__(self, done: int | None, total: int | None, note: str) -> None:
        """Remember the newest numbers; cheap, never blocks."""


def discard_progress(done: int | None, total: int | None, note: str) -> None:
    """Forget the numbers: for contexts that nobody watches."""


class WorkContext:
    """All that running work may know of the engine.

    `world` is what the kind's own world factory opened in this process (an HTTP client, an embedding model), shared by the
    units of one job. `enter` names the phase that begins; only plan, apply and commit use it.
    """

    __slots__ = ("_commit_point", "_enter", "_progress", "cancel", "deadline", "world")

    def __init__(
        self,
        deadline: Deadline,
        cancel: CancelToken,
        *,
        world: Any = None,
        progress: Progress = discard_progress,
        enter: Callable[[str], None] | None = None,
        commit_point: Callable[[], None] | None = None,
    ) -> None:
        self.deadline = deadline
        self.cancel = cancel
        self.world = world
        self._progress = progress
        self._enter = enter
        self._commit_point = commit_point

    def checkpoint(self, done: int | None = None, total: int | None = None, note: str = "") -> None:
        """Report progress and notice cancel and deadline. Costs less than a microsecond or two.

        Raises Cancelled or DeadlineExceeded; a cancel is told first.
        """
        if done is not None or note:
            self._progress(done, total, note)
        if self.cancel.requested:
            raise Cancelled(self.cancel.reason)
        if self.deadline.passed:
            raise DeadlineExceeded("the attempt's time is over")

    def remaining(self) -> float:
        """Return the seconds left to the deadline."""
        return self.deadline.remaining()

    def sleep(self, seconds: float) -> None:
        """Wait; end at once on cancel or at the deadline, and raise as `checkpoint` does."""
        self.checkpoint()
        self.cancel.wait(min(seconds, self.deadline.remaining()))
        self.checkpoint()

    def enter(self, phase: str) -> None:
        """Say which phase begins (one of the kind's own words), and notice cancel and deadline."""
        if self._enter is not None:
            self._enter(phase)
        self.checkpoint()

    def commit_point(self) -> None:
        """Notice cancel and deadline for the last time; behind this line the verb can't be stopped any more.

        The caller makes its effect visible now, in milliseconds, and returns. A cancel that comes later is reported as
        too late.
        """
        self.checkpoint()
        if self._commit_point is not None:
            self._commit_point()

"""Politeness and caution per host: requests in flight, the time between two, and a breaker for hosts that don't answer."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from queue import Empty, SimpleQueue
from typing import Final

from orchestrator.deadline import SYSTEM_CLOCK, Clock, WorkContext

FAILURES_TO_OPEN: Final = 5
OPEN_SECONDS: Final = 30.0
_LOOK_AGAIN: Final = 0.05


class HostDown(Exception):
    """A host failed so often in a row that it is left alone for a while."""


@dataclass(slots=True)
class _Gate:
    free: threading.Condition = field(default_factory=threading.Condition)
    in_flight: int = 0
    next_start: float = 0.0
    failures: int = 0
    open_until: float = 0.0


class Gates:
    """One gate a host, and `most` places for all of them together, if there is a bound. Thread-safe."""

    def __init__(self, clock: Clock = SYSTEM_CLOCK, *, most: int | None = None) -> None:
        self._clock = clock
        self._places: SimpleQueue[None] | None = None
        """One entry for each place that is free. A semaphore of `threading` is Python around two locks, this is one."""
        if most is not None:
            self._places = SimpleQueue()
            for _ in range(most):
                self._places.put(None)
        self._gates: dict[str, _Gate] = {}
        self._lock = threading.Lock()

    def _gate(self, host: str) -> _Gate:
        found = self._gates.get(host)
        if found is not None:
            return found
        with self._lock:
            return self._gates.setdefault(host, _Gate())

    @contextmanager
    def enter(
        self, host: str, concurrency: int | None, min_interval: float, context: WorkContext, *, backend: str = ""
    ) -> Iterator[None]:
        """Wait for a place at the host, then for one of all, and hold both. Raises HostDown, Cancelled, DeadlineExceeded.

        `backend` names what several hosts have in common: their places and their pace, but no breaker.
        """
        self._check_breaker(self._gate(host), host)
        gate = self._gate(backend or host)
        with gate.free:
            while concurrency is not None and gate.in_flight >= concurrency:
                gate.free.wait(_LOOK_AGAIN)  # Short, since a cancel doesn't wake a condition.
                context.checkpoint()
            gate.in_flight += 1
        try:
            with self._place(context):
                self._wait_for_turn(gate, min_interval, context)
                yield
        finally:
            with gate.free:
                gate.in_flight -= 1
                gate.free.notify()

    @contextmanager
    def _place(self, context: WorkContext) -> Iterator[None]:
        if self._places is None:
            yield
            return
        while True:
            try:
                self._places.get(timeout=_LOOK_AGAIN)
                break
            except Empty:
                context.checkpoint()
        try:
            yield
        finally:
            self._places.put(None)

    def _wait_for_turn(self, gate: _Gate, min_interval: float, context: WorkContext) -> None:
        if min_interval <= 0:
            return
        with gate.free:
            now = self._clock.monotonic()
            start = max(now, gate.next_start)
            gate.next_start = start + min_interval
        if start > now:
            context.sleep(start - now)

    def _check_breaker(self, gate: _Gate, host: str) -> None:
        if gate.open_until > self._clock.monotonic():
            raise HostDown(f"{host} didn't answer {gate.failures} times in a row and is left alone for now")

    def answered(self, host: str) -> None:
        """Remember that the host lives: any HTTP answer counts, also an error of its own."""
        gate = self._gate(host)
        gate.failures = 0
        gate.open_until = 0.0

    def silent(self, host: str) -> None:
        """Remember that the host couldn't be reached; after five times in a row it is left alone for 30 s."""
        gate = self._gate(host)
        with gate.free:
            gate.failures += 1
            if gate.failures >= FAILURES_TO_OPEN:
                gate.open_until = self._clock.monotonic() + OPEN_SECONDS

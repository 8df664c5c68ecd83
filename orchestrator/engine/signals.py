"""Signals as flags: handlers only count, so nothing is ever interrupted in the middle of a write."""

from __future__ import annotations

import signal
import threading
from types import FrameType
from typing import Any, Final, Self

WATCHED: Final = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Signals:
    """Counts the signals that ask a run to end. Used as a context on the main thread; elsewhere it watches nothing."""

    def __init__(self) -> None:
        self.first: signal.Signals | None = None
        self.count = 0
        self._before: dict[signal.Signals, Any] = {}

    def __enter__(self) -> Self:
        if threading.current_thread() is threading.main_thread():
            for number in WATCHED:
                if signal.getsignal(number) is not signal.SIG_IGN:  # nohup and background shells ignore on purpose
                    self._before[number] = signal.signal(number, self._note)
        return self

    def __exit__(self, *_: object) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def _note(self, number: int, frame: FrameType | None) -> None:
        del frame
        self.first = self.first or signal.Signals(number)
        self.count += 1

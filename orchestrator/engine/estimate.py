"""Rate and time left, from the items that were finished within a window. Unknown as long as there is no basis."""

from __future__ import annotations

from collections import deque
from typing import Final

WINDOW_SECONDS: Final = 30.0
_BASIS_SECONDS: Final = 1.0
_BASIS_ITEMS: Final = 2


class Estimate:
    """Samples of how many items were done, and what follows from them."""

    def __init__(self) -> None:
        self._samples: deque[tuple[float, int]] = deque()

    def sample(self, now: float, done: int) -> None:
        """Remember that `done` items were finished at `now` (monotonic seconds)."""
        if self._samples and done < self._samples[-1][1]:
            self._samples.clear()
        self._samples.append((now, done))
        while len(self._samples) > 2 and now - self._samples[1][0] > WINDOW_SECONDS:  # noqa: PLR2004 - two make a span
            self._samples.popleft()

    def rate(self) -> float | None:
        """Return items a second over the window; None without a basis (less than a second, or less than two items)."""
        if not self._samples:
            return None
        (first, before), (last, after) = self._samples[0], self._samples[-1]
        if last - first < _BASIS_SECONDS or after - before < _BASIS_ITEMS:
            return None
        return (after - before) / (last - first)

    def left(self, remaining: int | None) -> float | None:
        """Return the seconds that `remaining` items will take at this rate; None if that can't be told."""
        rate = self.rate()
        if rate is None or remaining is None:
            return None
        return remaining / rate

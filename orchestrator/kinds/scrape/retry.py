"""What is tried again, and when: only what is known to pass, with full jitter, as the server asks, never past the deadline."""

from __future__ import annotations

import random
import re
from email.utils import parsedate_to_datetime
from typing import Final

RETRIED_STATUSES: Final = frozenset({408, 425, 429, 500, 502, 503, 504})
_WITH_RETRY_AFTER: Final = frozenset({429, 503})
_THROTTLED: Final = 429
_FIRST_WAIT: Final = 0.2
_FIRST_WAIT_THROTTLED: Final = 1.0
_GROWTH: Final = 4
_LONGEST_WAIT: Final = 20.0
_SECONDS: Final = re.compile(r"\d{1,9}(?:\.\d+)?")


def backoff(tries: int, status: int | None = None) -> float:
    """Return how long to wait after so many tries, in seconds: anything up to 0.2, 0.8, 3.2, 12.8, 20, at random.

    Full jitter: clients that failed together don't come back together. Most failures pass at once, so the first wait is short;
    for those that don't, the waits grow fast. A server that says there were too many requests (429) is given 1, 4, 16, 20.
    """
    first = _FIRST_WAIT_THROTTLED if status == _THROTTLED else _FIRST_WAIT
    return random.uniform(0, min(_LONGEST_WAIT, first * float(_GROWTH) ** (tries - 1)))  # noqa: S311 - no secret depends on it


def retry_after(status: int, value: str, now: float) -> float | None:
    """Return the seconds that a `Retry-After` asks to wait, `now` in seconds since the epoch.

    Both forms of RFC 9110 are read, seconds and a date. None if there is none, or it is neither, negative or past.
    """
    text = value.strip()
    if status not in _WITH_RETRY_AFTER or not text:
        return None
    if _SECONDS.fullmatch(text):
        return float(text)
    try:
        wait = parsedate_to_datetime(text).timestamp() - now
    except (ValueError, OverflowError, IndexError, TypeError):
        return None
    return wait if wait > 0 else None

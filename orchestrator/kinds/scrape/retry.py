"""What is tried again, and when: only what is known to pass, with full jitter, as the server asks, never past the deadline."""

from __future__ import annotations

import random
import re
from email.utils import parsedate_to_datetime
from typing import Final

RETRIED_STATUSES: Final = frozenset({408, 425, 429, 500, 502, 503, 504})
_WITH_RETRY_AFTER: Final = frozenset({429, 503})
_FIRST_WAIT: Final = 0.5
_LONGEST_WAIT: Final = 20.0
_SECONDS: Final = re.compile(r"\d{1,9}(?:\.\d+)?")


def backoff(tries: int) -> float:
    """Return how long to wait after so many tries, in seconds: anything up to 0.5, 1, 2 ... 20, at random.

    Full jitter: clients that failed together don't come back together.
    """
    return random.uniform(0, min(_LONGEST_WAIT, _FIRST_WAIT * 2.0 ** (tries - 1)))  # noqa: S311 - no secret depends on it


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

"""Dates of boards: whatever form they come in, an instant in UTC, a day, or None; never an invented one."""

from __future__ import annotations

import math
import re
from datetime import UTC, date, datetime, timedelta
from email.utils import parsedate_to_datetime
from functools import lru_cache
from typing import Final

_DAY: Final = re.compile(r"\d{4}-\d{2}-\d{2}")
_ZONE: Final = re.compile(r"\s*(?:UTC|GMT)$")
_MILLISECONDS: Final = 1e11
"""Larger numbers are milliseconds since the epoch: as seconds they would lie behind the year 5000."""
_EARLIEST: Final = datetime(2000, 1, 1, tzinfo=UTC)
_SLACK: Final = timedelta(days=2)
_FARTHEST: Final = timedelta(days=3653)


def instant(value: object) -> datetime | date | None:
    """Return what a board's date means: an aware datetime in UTC, a date if it names a day only, None if it is neither.

    Reads seconds and milliseconds since the epoch, ISO 8601, `2026-08-05 09:41:37 UTC`, and the form of e-mails and RSS.
    A time without zone counts as UTC.
    """
    if isinstance(value, bool):
        return None
    if isinstance(value, (int, float)):
        return _epoch(float(value))
    if not isinstance(value, str) or not value.strip() or len(value) > 64:  # noqa: PLR2004 - no date is longer
        return None
    return _written(value.strip())


@lru_cache(maxsize=4096)
def _written(value: str) -> datetime | date | None:
    text = _ZONE.sub("+00:00", value)
    try:
        if _DAY.fullmatch(text):
            return date.fromisoformat(text)
        return _utc(datetime.fromisoformat(text.replace("  ", " ")))
    except (ValueError, OverflowError):
        return _mail(value)


def _mail(text: str) -> datetime | None:
    try:
        return _utc(parsedate_to_datetime(text))
    except (ValueError, OverflowError, IndexError, TypeError):
        return None


def _epoch(number: float) -> datetime | None:
    if not math.isfinite(number) or number <= 0:
        return None
    try:
        return datetime.fromtimestamp(number / 1000 if number > _MILLISECONDS else number, UTC)
    except (ValueError, OverflowError, OSError):
        return None


def _utc(when: datetime) -> datetime:
    return when.replace(tzinfo=UTC) if when.tzinfo is None else when.astimezone(UTC)


def past(value: object, now: datetime) -> str | None:
    """Return when something happened, as stored; None for a date before 2000 or more than two days ahead."""
    return _stored(value, now + _SLACK)


def future(value: object, now: datetime) -> str | None:
    """Return until when something holds, as stored; None for a date before 2000 or more than ten years ahead."""
    return _stored(value, now + _FARTHEST)


def _stored(value: object, latest: datetime) -> str | None:
    when = None if value is None else instant(value)
    if when is None:
        return None
    if not isinstance(when, datetime):
        return when.isoformat() if _EARLIEST.date() <= when <= latest.date() else None
    return iso(when) if _EARLIEST <= when <= latest else None


def iso(when: datetime) -> str:
    """Return an instant as it is stored: UTC, to the second, with Z."""
    return (when if when.tzinfo is UTC else when.astimezone(UTC)).isoformat()[:19] + "Z"

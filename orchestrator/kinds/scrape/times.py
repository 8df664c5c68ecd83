"""Dates of boards: whatever form they come in, an instant in UTC, a day, or None; never an invented one."""

from __future__ import annotations

import math
import re
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from typing import Final

_DAY: Final = re.compile(r"(\d{4})([-/])(\d{1,2})\2(\d{1,2})")
_DOTTED: Final = re.compile(r"(\d{1,2})\.(\d{1,2})\.(\d{4})")
"""Day, month, year: nobody writes the month first with dots."""
_ZONE: Final = re.compile(r"\s*(?:UTC|GMT|Z)$")
_OFFSET: Final = re.compile(r"\s+(?=[+-]\d\d:?\d\d$)")
_DIGITS: Final = re.compile(r"\d{10}|\d{13}")
_NAMED_MONTH: Final = re.compile(
    r"(?:[a-z]+,?\s+)?"
    r"(?:(?P<d>\d{1,2})(?:st|nd|rd|th)?[ -](?P<m>[a-z]{3,9})\.?|(?P<M>[a-z]{3,9})\.? (?P<D>\d{1,2})(?:st|nd|rd|th)?),?"
    r"[ -](?P<y>\d{4})",
    re.IGNORECASE,
)
_MONTHS: Final = (
    "january", "february", "march", "april", "may", "june",
    "july", "august", "september", "october", "november", "december",
)  # fmt: skip
# NEOGOV's feeds write `Sun, 20 Sep 2026 04:59:00:0`, in UTC.
_FOURTH_PART: Final = re.compile(r"(\d\d:\d\d:\d\d):\d+$")
_MILLISECONDS: Final = 1e11
"""Larger numbers are milliseconds since the epoch: as seconds they would lie behind the year 5000."""
_EARLIEST: Final = datetime(2000, 1, 1, tzinfo=UTC)
_SLACK: Final = timedelta(days=2)
_FARTHEST: Final = timedelta(days=3653)


def instant(value: object) -> datetime | date | None:
    """Return what a board's date means: an aware datetime in UTC, a date if it names a day only, None if it is neither.

    Reads seconds and milliseconds since the epoch, ISO 8601, `2026-08-05 09:41:37 UTC`, the form of e-mails and RSS, and
    days as `16.05.2026` or with the month as an English word. `05/08/2026` isn't read: half of the world means May by it.
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
    try:
        if day := _DAY.fullmatch(value):
            return date(int(day[1]), int(day[3]), int(day[4]))
        if dotted := _DOTTED.fullmatch(value):
            return date(int(dotted[3]), int(dotted[2]), int(dotted[1]))
        if _DIGITS.fullmatch(value):
            return _epoch(float(value))
        return _utc(datetime.fromisoformat(_OFFSET.sub("", _ZONE.sub("+00:00", value).replace("  ", " "))))
    except (ValueError, OverflowError):
        return _worded(value) or _mail(_FOURTH_PART.sub(r"\1", value))


def _worded(text: str) -> date | None:
    """Return a day whose month is an English word, whole or its first three letters: `Aug 5, 2026`, `5 August 2026`."""
    said = _NAMED_MONTH.fullmatch(text)
    if said is None:
        return None
    name = (said["m"] or said["M"]).lower()
    month = next((number for number, whole in enumerate(_MONTHS, 1) if name in {whole, whole[:3], whole[:4]}), 0)
    try:
        return date(int(said["y"]), month, int(said["d"] or said["D"]))
    except ValueError:
        return None


def _mail(text: str) -> datetime | None:
    from email.utils import parsedate_to_datetime  # Most boards never need it: an eighth of what a reader's start takes.

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

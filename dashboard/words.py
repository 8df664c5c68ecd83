"""The words and figures that a person reads: durations, counts, sizes, states. Pure functions of plain values."""

from __future__ import annotations

import math
from datetime import UTC, datetime
from typing import Final

from orchestrator.status.states import Shown

STATE_WORDS: Final = {
    Shown.QUEUED: "Queued",
    Shown.RUNNING: "Running",
    Shown.SUCCEEDED: "Succeeded",
    Shown.PARTIAL: "Partial",
    Shown.FAILED: "Failed",
    Shown.TIMED_OUT: "Timed out",
    Shown.CANCELLED: "Cancelled",
    Shown.SKIPPED: "Skipped",
    Shown.CANCEL_REQUESTED: "Cancel requested",
    Shown.STOPPING: "Stopping",
    Shown.INTERRUPTED: "Interrupted",
    Shown.UNKNOWN: "Unknown",
}

STATE_EXPLAINED: Final = {
    Shown.QUEUED: "Nothing has started yet.",
    Shown.CANCEL_REQUESTED: "Somebody asked the run to stop; it hasn't noticed yet.",
    Shown.STOPPING: "The run noticed the request; work in hand is coming to its next checkpoint.",
    Shown.PARTIAL: "It ended, and a part of it is missing: the reason stands below.",
    Shown.TIMED_OUT: "The time that the spec allows was used up. What was done is kept.",
    Shown.CANCELLED: "It was stopped on request. What was done is kept.",
    Shown.INTERRUPTED: "The process is gone without having ended the run. What was done is kept.",
    Shown.UNKNOWN: "The run's files lie on a network file system or its lease can't be read, so whether it lives can't be told "
    "from here.",
}

_MINUTE: Final = 60
_HOUR: Final = 3600
_DAY: Final = 86400
_KILO: Final = 1000


def duration(seconds: float | None) -> str:
    """Return `0:51`, `12:05`, `1:02:03` or `3 d 4 h`; an empty string if it isn't known, `0:00` if it is negative."""
    if seconds is None or not math.isfinite(seconds):
        return ""
    whole = max(0, int(seconds))
    if whole >= _DAY:
        return f"{whole // _DAY} d {whole % _DAY // _HOUR} h"
    hours, rest = divmod(whole, _HOUR)
    minutes, left = divmod(rest, _MINUTE)
    return f"{hours}:{minutes:02d}:{left:02d}" if hours else f"{minutes}:{left:02d}"


def short_seconds(seconds: float | None) -> str:
    """Return how long an item took: `0.04 s`, `3.1 s`, then as a duration."""
    if seconds is None or not math.isfinite(seconds):
        return ""
    if seconds >= _MINUTE:
        return duration(seconds)
    return f"{seconds:.2f} s" if seconds < 1 else f"{seconds:.1f} s"


def count(number: int) -> str:
    """Return a count with thousands apart: `12,340`."""
    return f"{number:,}"


def counted(number: int, one: str, many: str | None = None) -> str:
    """Return a count with its noun: `1 job`, `3 jobs`."""
    return f"{count(number)} {noun(number, one, many)}"


def noun(number: int, one: str, many: str | None = None) -> str:
    """Return what stands behind a count: `job`, `jobs`."""
    return one if number == 1 else many or f"{one}s"


def size(number: int) -> str:
    """Return a size in bytes as a person reads it: `812 B`, `1.2 MB`."""
    value, unit = float(number), "B"
    for larger in ("kB", "MB", "GB", "TB"):
        if value < _KILO:
            break
        value, unit = value / _KILO, larger
    return f"{int(value)} {unit}" if unit == "B" else f"{value:.1f} {unit}"


def percent(share: float | None) -> str:
    """Return a share of 0 to 1 as `34%`; below one it never says `100%`."""
    if share is None:
        return ""
    return f"{min(99, int(share * 100)) if share < 1 else 100}%"


def seconds_of(time: str | None) -> float | None:
    """Return seconds since the epoch for a time in a file; None if there is none or it is no time."""
    if time is None:
        return None
    try:
        found = datetime.fromisoformat(time)
    except ValueError:
        return None
    return (found if found.tzinfo else found.replace(tzinfo=UTC)).timestamp()


def item_noun(kind: str, number: int) -> str:
    """Return what a job of this kind counts."""
    one, many = {"scrape": ("company", "companies"), "ingest": ("document", "documents")}.get(kind, ("item", "items"))
    return one if number == 1 else many


def joined(names: list[str], most: int = 4) -> str:
    """Return the first names and how many more there are: `Acme, Initech and 7 more`."""
    if len(names) <= most:
        return ", ".join(names)
    return f"{', '.join(names[:most])} and {count(len(names) - most)} more"

"""Failures merged by cause: what went wrong, how often, where, and what to do about it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from orchestrator.status.models import RunStatus

MOST_CAUSES: Final = 8
# What differs between two messages of one cause: hosts, file names, numbers, quoted words.
_DIFFERENT: Final = re.compile(r"\b[\w-]+(\.[\w-]+)+\b|'[^']*'|\"[^\"]*\"|\d+")


@dataclass(frozen=True, slots=True)
class Cause:
    """Failures that have one cause: how many, of which jobs, and what to do."""

    code: str
    message: str
    hint: str
    number: int
    jobs: tuple[str, ...]
    keys: tuple[str, ...] = ()


def causes_of(status: RunStatus) -> tuple[tuple[Cause, ...], int]:
    """Return the failures merged by cause, errors of whole jobs first, and how many failed items aren't told."""
    merged: dict[tuple[str, str], Cause] = {}
    for job in status.jobs:
        if job.error is not None:
            error = job.error
            _merge(merged, Cause(error.code, error.message, error.hint, 0, (job.name,)), shape=f"job {error.message}")
    listed = 0
    for job in status.jobs:
        for item in job.failures:
            listed += 1
            shape = _DIFFERENT.sub("*", item.message.replace(item.key, "*"))
            _merge(merged, Cause(item.code, item.message, item.hint, 1, (job.name,), (item.key,)), shape=shape)
    ordered = sorted(merged.values(), key=lambda cause: (cause.number > 0, -cause.number))
    hidden = sum(job.failures_total for job in status.jobs) - listed
    hidden += sum(cause.number for cause in ordered[MOST_CAUSES:])
    return tuple(ordered[:MOST_CAUSES]), max(0, hidden)


def _merge(merged: dict[tuple[str, str], Cause], cause: Cause, *, shape: str) -> None:
    known = merged.get((cause.code, shape))
    if known is not None:
        jobs = known.jobs if cause.jobs[0] in known.jobs else known.jobs + cause.jobs
        number = known.number + cause.number
        cause = Cause(known.code, known.message, known.hint or cause.hint, number, jobs, known.keys + cause.keys)
    merged[cause.code, shape] = cause

"""The status file, schema version 1: what happened and what is in flight, small enough to poll.

Writers build these models; readers parse them, and ignore fields that a newer minor version added. Times are UTC,
ISO 8601 with milliseconds and Z. The document is bounded: lists are capped and the overflow is counted.
"""

from __future__ import annotations

from datetime import UTC, datetime
from functools import lru_cache
from typing import Annotated, Final, Literal

from pydantic import BaseModel, ConfigDict, Field

from orchestrator.status.states import State

SCHEMA_VERSION: Final = 1
MOST_WARNINGS: Final = 20
MOST_IN_FLIGHT: Final = 20
MOST_FAILURES: Final = 20
MESSAGE_LENGTH: Final = 200

Time = Annotated[str, Field(description="UTC, ISO 8601 with Z", examples=["2026-11-21T16:53:00.123Z"])]
Count = int | str | None


def utc(seconds: float) -> str:
    """Return a point in time, in seconds since the epoch, as it stands in files."""
    return f"{_whole_second(int(seconds))}.{int(seconds % 1 * 1000):03d}Z"


@lru_cache(maxsize=64)
def _whole_second(seconds: int) -> str:
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%dT%H:%M:%S}"


def seconds(time: str) -> float:
    """Return seconds since the epoch for a time as it stands in files."""
    return datetime.fromisoformat(time).timestamp()


def clip(text: str, length: int = MESSAGE_LENGTH) -> str:
    """Return `text` in one line of at most `length` characters."""
    line = " ".join(text.split())
    return line if len(line) <= length else line[: length - 1] + "…"


class _Part(BaseModel):
    model_config = ConfigDict(extra="ignore")


class Items(_Part):
    """Counts of a job's items. `total` is null until it is known; `done` is the sum of the four others."""

    total: int | None = None
    done: int = 0
    succeeded: int = 0
    failed: int = 0
    skipped: int = 0
    unchanged: int = 0


class InFlight(_Part):
    """One item that a worker has in hand."""

    key: str
    started_at: Time
    note: str = ""
    done: int | None = None
    total: int | None = None


class FailedItem(_Part):
    """One item that failed, with what to do about it."""

    key: str
    code: str
    message: str
    hint: str = ""


class JobError(_Part):
    """Why a job failed. `ref` is the line of the log that has more."""

    code: str
    message: str
    hint: str = ""
    ref: str | None = None


class JobStatus(_Part):
    """One job of the run."""

    name: str
    kind: str
    state: State = State.QUEUED
    phase: str | None = None
    attempt: int = 0
    attempts: int = 1
    needs: list[str] = Field(default_factory=list)
    started_at: Time | None = None
    finished_at: Time | None = None
    deadline_at: Time | None = None
    percent: float | None = None
    items: Items = Field(default_factory=Items)
    adopted: int = Field(default=0, description="items that an earlier attempt finished, and that weren't done again")
    rate: float | None = Field(default=None, description="items a second, over the last seconds")
    eta_seconds: float | None = None
    message: str = ""
    in_flight: list[InFlight] = Field(default_factory=list)
    in_flight_total: int = 0
    failures: list[FailedItem] = Field(default_factory=list)
    failures_total: int = 0
    abandoned_threads: int = 0
    error: JobError | None = None
    result: dict[str, Count] = Field(default_factory=dict)


class Cancel(_Part):
    """The request to stop, and when the run noticed it."""

    requested_at: Time
    mode: Literal["graceful", "now"] = "graceful"
    acknowledged_at: Time | None = None
    too_late: bool = False


class RunStatus(_Part):
    """The whole status file."""

    schema_version: int = SCHEMA_VERSION
    revision: int = 0
    run_id: str
    name: str | None = None
    spec_path: str
    spec_digest: str
    state: State = State.QUEUED
    attempt: int = 1
    engine: str = "threads"
    trigger: Literal["cli", "ci", "cron"] = "cli"
    created_at: Time
    started_at: Time | None = None
    updated_at: Time
    finished_at: Time | None = None
    progress_every: float = 2.0
    host: str
    pid: int
    cancel: Cancel | None = None
    warnings: list[str] = Field(default_factory=list)
    warnings_total: int = 0
    jobs: list[JobStatus] = Field(default_factory=list)

    def job(self, name: str) -> JobStatus | None:
        """Return the job of that name, None if the run has none."""
        return next((job for job in self.jobs if job.name == name), None)

"""Where the files of the state directory and of a run lie, and the names of runs. Nothing here opens a file."""

from __future__ import annotations

import re
import secrets
from datetime import UTC, datetime
from pathlib import Path
from typing import Final, NamedTuple

RUN_ID: Final = re.compile(r"\d{8}T\d{6}\.\d{3}Z-[0-9a-f]{8}")
STATE_VERSION: Final = "1"


def new_run_id(now: float) -> str:
    """Return a name for a run: sortable by time, safe as a file name. `now` is seconds since the epoch."""
    at = datetime.fromtimestamp(now, UTC)
    return f"{at:%Y%m%dT%H%M%S}.{at.microsecond // 1000:03d}Z-{secrets.token_hex(4)}"


def is_run_id(text: str) -> bool:
    """Whether `text` is the name of a run; what isn't is never joined to a path."""
    return RUN_ID.fullmatch(text) is not None


class RunDir(NamedTuple):
    """The files of one run."""

    path: Path

    @property
    def run_id(self) -> str:
        """The run's name."""
        return self.path.name

    @property
    def spec(self) -> Path:
        """The resolved spec, secrets as names; written once."""
        return self.path / "spec.json"

    @property
    def lease(self) -> Path:
        """Locked for the run's life; readers probe it."""
        return self.path / "lease.lock"

    @property
    def status(self) -> Path:
        """The view that readers poll."""
        return self.path / "status.json"

    @property
    def journal(self) -> Path:
        """The truth: one line an event."""
        return self.path / "journal.jsonl"

    @property
    def cancel(self) -> Path:
        """The request to stop, created exclusively."""
        return self.path / "cancel.json"

    @property
    def log(self) -> Path:
        """The redacted log."""
        return self.path / "run.log"

    @property
    def crash_log(self) -> Path:
        """Tracebacks of a process that had to be ended."""
        return self.path / "crash.log"


class StateDir(NamedTuple):
    """The files of a state directory (`.orchestrate`)."""

    path: Path

    @property
    def runs(self) -> Path:
        """One directory a run."""
        return self.path / "runs"

    @property
    def locks(self) -> Path:
        """Locks of targets that have no place of their own, such as a database server's."""
        return self.path / "locks"

    @property
    def births(self) -> Path:
        """Shared by a run while its directory is made and has no lease yet, so that nobody takes it for a leftover."""
        return self.locks / "births.lock"

    @property
    def cache(self) -> Path:
        """Embeddings and parsed documents, by content."""
        return self.path / "cache"

    @property
    def snapshots(self) -> Path:
        """The default stores of ingest jobs, one a job."""
        return self.path / "snapshots"

    @property
    def database(self) -> Path:
        """The default database of scrape jobs."""
        return self.path / "postings.db"

    @property
    def version(self) -> Path:
        """The layout's version."""
        return self.path / "VERSION"

    def run(self, run_id: str) -> RunDir:
        """Return the files of one run. Raises ValueError if `run_id` isn't the name of a run."""
        if not is_run_id(run_id):
            raise ValueError(f"{run_id!r} is no run id")
        return RunDir(self.runs / run_id)

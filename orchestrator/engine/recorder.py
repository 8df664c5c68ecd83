"""The recorder: writes the journal (truth) and the status file (view) of one run, and nothing else does.

Events are recorded from any thread and reach the disk in a group commit; the status file is sampled at the cadence. The
journal is flushed before each status, so no status claims what the journal doesn't know.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from typing import Any, Final

from pydantic_core import to_json

from orchestrator import files
from orchestrator.deadline import Clock
from orchestrator.errors import StorageError
from orchestrator.redact import Redactor
from orchestrator.status.journal import Event, JournalWriter
from orchestrator.status.layout import RunDir
from orchestrator.status.models import MOST_IN_FLIGHT, MOST_WARNINGS, RunStatus, clip, utc

_log: Final = logging.getLogger("orchestrator.engine")
MOST_BYTES: Final = 64 * 1024  # Readers poll this file; beyond it, lists get shorter.
RESERVE_BYTES: Final = 256 * 1024  # A last group commit and a last status.
COMMIT_SECONDS: Final = 0.25
_SHORTEST_GAP: Final = 0.1  # Between two writes that a change of phase asked for.


class Recorder:
    """Journal and status of one run. `tick` and `settle` belong to the supervisor; everything else is thread-safe."""

    def __init__(
        self, directory: RunDir, head: RunStatus, clock: Clock, redact: Redactor, on_trouble: Callable[[str], None]
    ) -> None:
        """Open the journal of a run. `head` has what stays the same; `on_trouble` tells the person, once."""
        self.head = head
        self._directory = directory
        self._clock = clock
        self._redact = redact
        self._on_trouble = on_trouble
        self._lock = threading.Lock()
        self._journal = JournalWriter(directory.journal)
        self._reserve = files.Reserve(directory.path / ".reserve", RESERVE_BYTES)
        self._changed = True
        self._written_at = -1e9
        self._flushed_at = clock.monotonic()
        self.failed_writes = 0
        self.journal_error: StorageError | None = None

    def event(self, event: Event, **fields: Any) -> None:
        """Record an event for the next group commit. Strings are redacted."""
        detail = fields.get("detail")
        if detail:
            fields["detail"] = self._redact.tree(detail)
        if fields.get("item"):
            fields["item"] = self._redact(fields["item"])
        with self._lock:
            self._journal.record(utc(self._clock.time()), event, **fields)

    def warn(self, text: str, job: str | None = None) -> None:
        """Record a warning, and show the first of them in the status."""
        line = self._redact(clip(f"{job}: {text}" if job else text, 400))
        with self._lock:
            self.head.warnings_total += 1
            if len(self.head.warnings) < MOST_WARNINGS:
                self.head.warnings.append(line)
            self._changed = True
        _log.warning("%s", line)
        self.event(Event.WARNING, job=job, detail={"message": text})

    def changed(self) -> None:
        """Ask for a status before the next cadence: a state or a phase is another one."""
        self._changed = True

    def tick(self, now: float, sample: Callable[[], RunStatus]) -> None:
        """Flush the journal and write the status when they are due. `now` is monotonic seconds."""
        if now - self._flushed_at >= COMMIT_SECONDS:
            self._flush(now)
        since = now - self._written_at
        if since >= self.head.progress_every - COMMIT_SECONDS / 2 or (self._changed and since >= _SHORTEST_GAP):
            self._write(now, sample())

    def settle(self, status: RunStatus) -> None:
        """Write the last journal entries, then the last status; on a full disk, the reserve makes room for both.

        Raises StorageError if that fails too: the run reads as interrupted then.
        """
        try:
            self._settle(status)
        except StorageError:
            self._reserve.release()
            self._settle(status)

    def _settle(self, status: RunStatus) -> None:
        self._flush(self._clock.monotonic())
        if self.journal_error is not None:
            raise self.journal_error
        files.write_atomic(self._directory.status, self._encode(status))

    def close(self) -> None:
        """Close the journal and give the reserve back."""
        self._journal.close()
        self._reserve.release()

    def _flush(self, now: float) -> None:
        self._flushed_at = now
        with self._lock:
            try:
                self._journal.flush()
                self.journal_error = None
            except StorageError as error:
                if self.journal_error is None:
                    self._on_trouble(f"the journal can't be written: {error.message}")
                self.journal_error = error

    def _write(self, now: float, status: RunStatus) -> None:
        self._flush(now)
        if self.journal_error is not None:
            return  # The view must not know more than the truth.
        self._written_at, self._changed = now, False
        try:
            files.write_atomic(self._directory.status, self._encode(status))
        except StorageError as error:
            if not self.failed_writes:
                self._on_trouble(f"the status file can't be written: {error.message}")
            self.failed_writes += 1

    def _encode(self, status: RunStatus) -> bytes:
        self.head.revision += 1
        status.revision = self.head.revision
        status.updated_at = utc(self._clock.time())
        return encode(self._redact.tree(status.model_dump(mode="json")))


def encode(document: dict[str, Any]) -> bytes:
    """Return a status document as JSON, with its lists cut so that it stays small; the totals count what was cut."""
    for most in (MOST_IN_FLIGHT, 10, 5, 2, 1, 0):
        for job in document["jobs"]:
            job["in_flight"], job["failures"] = job["in_flight"][:most], job["failures"][:most]
        data = to_json(document)
        if len(data) <= MOST_BYTES:
            break
    return data

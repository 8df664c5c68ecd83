"""The status of a run made again from its journal, for a status file that was lost or damaged."""

from __future__ import annotations

import json
import os
from collections import Counter
from contextlib import suppress

from orchestrator import files
from orchestrator.errors import NewerState, NotFound, TargetBusy, UnreadableState
from orchestrator.status import journal, read
from orchestrator.status.journal import Entry, Event
from orchestrator.status.layout import RunDir
from orchestrator.status.models import MOST_FAILURES, MOST_WARNINGS, Cancel, FailedItem, Items, JobStatus, RunStatus, clip
from orchestrator.status.read import Seen
from orchestrator.status.states import State, shown


def look(run: RunDir) -> Seen:
    """Return a run as its status file tells it, or its journal if that file is lost or damaged.

    Raises NotFound if neither exists, NewerState if a newer version wrote them, UnreadableState.
    """
    try:
        return read.look(run)
    except NewerState:
        raise
    except (UnreadableState, NotFound):
        return rebuilt(run)


def restore(run: RunDir) -> Seen:
    """Write a status file that was lost or damaged again, and return the run as its journal tells it.

    A run that lives writes its own at the next cadence. Raises NotFound, NewerState, UnreadableState, or StorageError if the
    file can't be written.
    """
    seen = rebuilt(run)
    try:
        read.look(run)
    except NewerState:
        raise
    except (UnreadableState, NotFound):
        with suppress(TargetBusy), files.Lock.acquire(run.lease, f"status --rebuild, process {os.getpid()}"):
            files.write_atomic(run.status, rebuilt(run).status.model_dump_json().encode())
    return seen


def rebuilt(run: RunDir) -> Seen:
    """Return a run as its journal tells it. Raises NotFound or UnreadableState. Writes nothing."""
    entries = journal.read(run.journal).entries
    if not entries:
        raise NotFound(f"the journal of run {run.run_id} is empty or missing")
    status = _head(run, entries)
    for entry in entries:
        _take(status, entry)
    for job in status.jobs:
        job.items.done = job.items.succeeded + job.items.failed + job.items.skipped + job.items.unchanged
    alive = files.is_locked(run.lease)
    requested = status.cancel is not None or run.cancel.exists()
    state = shown(status.state, alive=alive, cancel_requested=requested, cancel_acknowledged=status.cancel is not None)
    return Seen(status, state, run)


def _head(run: RunDir, entries: tuple[Entry, ...]) -> RunStatus:
    try:
        spec = json.loads(run.spec.read_bytes())
        jobs = {name: spec["spec"]["jobs"][name] for name in spec["jobs"]}
        head = {"spec_path": spec["spec_path"], "spec_digest": spec["spec_digest"], "engine": spec["engine"]}
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise UnreadableState(f"the spec.json of run {run.run_id} can't be read") from error
    status = RunStatus(
        **head,
        run_id=run.run_id,
        state=State.RUNNING,
        attempt=0,
        revision=entries[-1].seq,
        created_at=entries[0].at,
        started_at=entries[0].at,
        updated_at=entries[-1].at,
        host="",
        pid=0,
    )
    status.jobs = [JobStatus(name=name, kind=job["kind"]) for name, job in jobs.items()]
    return status


def _take(status: RunStatus, entry: Entry) -> None:
    detail = dict(entry.detail or {})
    match entry.event:
        case Event.RUN_STARTED:
            status.attempt += 1
            status.state, status.cancel = State.RUNNING, None
        case Event.RUN_FINISHED:
            status.state, status.finished_at = State(entry.state or State.FAILED), entry.at
        case Event.CANCEL_REQUESTED:
            status.cancel = Cancel(requested_at=entry.at, acknowledged_at=entry.at)
        case Event.WARNING:
            status.warnings_total += 1
            status.warnings = [*status.warnings, str(detail.get("message", ""))][:MOST_WARNINGS]
        case _:
            _take_job(status, entry, detail)


def _take_job(status: RunStatus, entry: Entry, detail: dict[str, object]) -> None:
    job = status.job(entry.job or "")
    if job is None:
        return
    match entry.event:
        case Event.JOB_STARTED:
            job.state, job.attempt, job.items = State.RUNNING, entry.attempt or 1, Items()
            job.started_at = job.started_at or entry.at
            job.failures, job.failures_total = [], 0
        case Event.PHASE:
            job.phase = str(detail.get("phase", ""))
        case Event.ITEM_FINISHED:
            _count(job, entry, detail)
        case Event.JOB_FINISHED:
            last = JobStatus.model_validate(detail)
            status.jobs = [last if other.name == last.name else other for other in status.jobs]


def _count(job: JobStatus, entry: Entry, detail: dict[str, object]) -> None:
    counted = Counter({str(entry.state): 1})
    for name in ("succeeded", "failed", "skipped", "unchanged"):
        setattr(job.items, name, getattr(job.items, name) + counted[name])
    error = detail.get("error")
    if isinstance(error, dict):
        job.failures_total += 1
        if len(job.failures) < MOST_FAILURES:
            message, hint = clip(str(error.get("message", ""))), clip(str(error.get("hint", "")))
            failed = FailedItem(key=entry.item or "", code=str(error.get("code", "")), message=message, hint=hint)
            job.failures.append(failed)

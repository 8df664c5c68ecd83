"""Preparing a run: claiming its targets, making its directory visible in one step, or taking an ended run up again."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, Literal, NamedTuple

from pydantic_core import to_json

from orchestrator import disk, files
from orchestrator.deadline import SYSTEM_CLOCK, CancelToken, Clock
from orchestrator.errors import NotResumable, StorageError, TargetBusy
from orchestrator.job import ItemState, Surroundings, Target
from orchestrator.spec.base import JobSpec
from orchestrator.spec.kinds import Kind, find_kind
from orchestrator.spec.resolved import Resolved
from orchestrator.status import journal, read, rebuild
from orchestrator.status.journal import Event
from orchestrator.status.layout import STATE_VERSION, RunDir, StateDir, new_run_id
from orchestrator.status.models import JobStatus, RunStatus, utc
from orchestrator.status.states import FINAL, Shown, State

ENOUGH_BYTES: Final = 1_000_000
_LOCK_POLL: Final = 0.25


class Request(NamedTuple):
    """What a person asked for: which jobs (None: every enabled one), how, and what to do if a target is busy."""

    resolved: Resolved
    state: StateDir
    surroundings: Mapping[str, Surroundings]
    jobs: tuple[str, ...]
    engine: str = "threads"
    trigger: Literal["cli", "ci", "cron"] = "cli"
    wait: float = 0.0


@dataclass(slots=True)
class Prepared:
    """A run that may start: its directory and its status, with the lease and every target's lock held in `holds`."""

    directory: RunDir
    status: RunStatus
    kinds: Mapping[str, Kind]
    known: Mapping[str, dict[str, tuple[ItemState, str]]] = field(default_factory=dict)
    holds: ExitStack = field(default_factory=ExitStack)


def open_state(state: StateDir, *, allow_network: bool = False) -> None:
    """Make the state directory usable: private, with its version, checked for room. Raises StorageError."""
    files.make_private_dir(state.path)
    kind = disk.network_file_system(state.path)
    if kind is not None and not allow_network:
        raise StorageError(
            f"the state directory lies on a network file system ({kind}), where locks may not hold",
            hint="choose a local state_dir, or set allow_network_state: true",
        )
    for folder in (state.runs, state.locks):
        files.make_private_dir(folder)
    if not state.version.exists():
        files.create_exclusive(state.path / ".gitignore", b"*\n")
        files.create_exclusive(state.version, f"{STATE_VERSION}\n".encode())
    free = disk.free_bytes(state.path)
    if free < ENOUGH_BYTES:
        raise StorageError(f"only {free // 1000} kB are free where the state directory lies", hint="make room there")


def new_run(request: Request, clock: Clock = SYSTEM_CLOCK) -> Prepared:
    """Claim every target, then create the run. Raises TargetBusy with nothing touched, or StorageError."""
    kinds = kinds_of(request)
    run_id = next(iter(request.surroundings.values())).run_id if request.surroundings else new_run_id(clock.time())
    open_state(request.state, allow_network=request.resolved.spec.allow_network_state)
    with ExitStack() as undo:
        hold_targets(request, kinds, run_id, undo)
        status = _first_status(request, kinds, run_id, clock)
        directory = _create_directory(request, status, undo)
        return Prepared(directory, status, kinds, holds=undo.pop_all())


def resumed_run(request: Request, directory: RunDir, *, accept_changed_spec: bool, clock: Clock = SYSTEM_CLOCK) -> Prepared:
    """Take up a run that ended without success. Raises NotResumable, TargetBusy or StorageError; nothing is changed then."""
    seen = rebuild.look(directory)
    _check_resumable(seen, request.resolved, accept_changed_spec=accept_changed_spec)
    kinds = kinds_of(request)
    with ExitStack() as undo:
        undo.callback(_hold(directory.lease, directory.run_id).release)
        hold_targets(request, kinds, directory.run_id, undo)
        seen = rebuild.look(directory)  # Now that the lease is ours, nobody else changes it.
        entries = journal.read(directory.journal).entries
        status = _next_status(request, seen.status, kinds, entries, clock)
        directory.cancel.unlink(missing_ok=True)
        return Prepared(directory, status, kinds, _known_items(entries), undo.pop_all())


def kinds_of(request: Request) -> dict[str, Kind]:
    """Return the kind of each job of the request."""
    kinds = {}
    for name in request.jobs:
        kind = find_kind(request.resolved.spec.jobs[name].kind)
        assert kind is not None, "validation found the kind"
        kinds[name] = kind
    return kinds


def hold_targets(request: Request, kinds: Mapping[str, Kind], run_id: str, undo: ExitStack) -> None:
    """Take the lock of every target, in one order for all runs, so that two runs never wait for each other in a circle."""
    jobs = request.resolved.spec.jobs
    targets: dict[Path, Target] = {}
    for name, kind in kinds.items():
        for target in kind.find_targets(jobs[name], request.surroundings[name]):
            targets[target.lock] = target
    end = SYSTEM_CLOCK.monotonic() + request.wait
    for path in sorted(targets):
        undo.callback(_hold_patiently(path, targets[path].name, run_id, end).release)


def _hold_patiently(path: Path, name: str, run_id: str, end: float) -> files.Lock:
    pause = CancelToken()
    while True:
        try:
            return _hold(path, run_id)
        except TargetBusy as busy:
            if SYSTEM_CLOCK.monotonic() >= end:
                raise TargetBusy(
                    f"{name} is in use by another run ({str(busy).partition(': ')[2] or 'unknown'}); nothing was touched",
                    hint="`orchestrate status` shows it; --wait 60s waits for it, --skip-if-running leaves it be",
                ) from None
        pause.wait(_LOCK_POLL)


def _hold(path: Path, run_id: str) -> files.Lock:
    return files.Lock.acquire(path, f"run {run_id}, process {os.getpid()}")


def _first_status(request: Request, kinds: Mapping[str, Kind], run_id: str, clock: Clock) -> RunStatus:
    now = utc(clock.time())
    resolved = request.resolved
    jobs = resolved.spec.jobs
    return RunStatus(
        run_id=run_id,
        name=resolved.spec.name,
        spec_path=resolved.path.name,
        spec_digest=resolved.digest,
        engine=request.engine,
        trigger=request.trigger,
        created_at=now,
        updated_at=now,
        progress_every=min((jobs[name].progress_every for name in request.jobs), default=2.0),
        host=socket.gethostname(),
        pid=os.getpid(),
        jobs=[_fresh(name, jobs[name], kinds[name]) for name in request.jobs],
    )


def _fresh(name: str, spec: JobSpec, kind: Kind) -> JobStatus:
    return JobStatus(name=name, kind=kind.name, attempts=spec.attempts, needs=[need.job for need in spec.needs])


def _create_directory(request: Request, status: RunStatus, undo: ExitStack) -> RunDir:
    """Create the run's directory under a hidden name, with its lease held, and rename it: readers see it whole."""
    final = request.state.run(status.run_id)
    with files.sharing(request.state.births):
        hidden = RunDir(files.make_private_dir(request.state.runs / f"{files.TEMPORARY_PREFIX}{status.run_id}"))
        undo.callback(_hold(hidden.lease, status.run_id).release)
    try:
        files.write_atomic(hidden.spec, spec_document(request, status.run_id), durable=False)
        files.write_atomic(hidden.status, status.model_dump_json().encode(), durable=False)
        files.AppendFile(hidden.journal).close()
        files.publish_dir(hidden.path, final.path)
    except StorageError:
        files.remove_tree(hidden.path)
        raise
    return final


def spec_document(request: Request, run_id: str) -> bytes:
    """Return the content of spec.json: what was wanted, with secrets as names."""
    document: dict[str, Any] = {
        "schema_version": 1,
        "run_id": run_id,
        "spec_path": request.resolved.path.name,
        "spec_digest": request.resolved.digest,
        "jobs": list(request.jobs),
        "engine": request.engine,
        "spec": dict(request.resolved.document),
    }
    return to_json(document, indent=1)


def _check_resumable(seen: read.Seen, resolved: Resolved, *, accept_changed_spec: bool) -> None:
    run_id = seen.directory.run_id
    if seen.state is Shown.SUCCEEDED:
        raise NotResumable(f"run {run_id} succeeded; there is nothing to resume", hint="`orchestrate run` starts a new one")
    if seen.state is Shown.UNKNOWN:
        raise NotResumable(f"whether run {run_id} still lives can't be told from this host")
    if seen.state is not Shown.INTERRUPTED and seen.status.state not in FINAL:
        raise NotResumable(f"run {run_id} is still {seen.state}", hint="`orchestrate cancel` asks it to stop")
    if seen.status.spec_digest != resolved.digest and not accept_changed_spec:
        raise NotResumable(
            f"{resolved.path.name} changed since run {run_id} began",
            hint="`orchestrate run` starts a new run; --accept-changed-spec resumes with the changed one",
        )


def _next_status(
    request: Request, before: RunStatus, kinds: Mapping[str, Kind], entries: Sequence[journal.Entry], clock: Clock
) -> RunStatus:
    """Return the status of the run's next attempt: jobs that succeeded stay as they are, the others are queued again."""
    status = _first_status(request, kinds, before.run_id, clock)
    finished = {entry.job: entry.detail for entry in entries if entry.event is Event.JOB_FINISHED}
    jobs = []
    for fresh in status.jobs:
        detail = finished.get(fresh.name)
        old = JobStatus.model_validate(detail) if detail else before.job(fresh.name)
        if old is not None and old.state is State.SUCCEEDED:
            jobs.append(old)
            continue
        tried = old.attempt if old is not None else 0
        jobs.append(fresh.model_copy(update={"attempt": tried, "attempts": tried + fresh.attempts}))
    attempt = 1 + sum(entry.event is Event.RUN_STARTED for entry in entries)
    kept = {"jobs": jobs, "created_at": before.created_at, "attempt": attempt, "revision": before.revision}
    return status.model_copy(update={**kept, "started_at": before.started_at})


def _known_items(entries: Iterable[journal.Entry]) -> dict[str, dict[str, tuple[ItemState, str]]]:
    """Return how each item of each job ended last, and in which unit, as the journal knows it."""
    known: dict[str, dict[str, tuple[ItemState, str]]] = {}
    for entry in entries:
        if entry.event is Event.ITEM_FINISHED and entry.job and entry.item and entry.state:
            unit = str((entry.detail or {}).get("unit", entry.item))
            known.setdefault(entry.job, {})[entry.item] = (ItemState(entry.state), unit)
    return known

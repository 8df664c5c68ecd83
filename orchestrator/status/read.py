"""Reading runs: status files with the state that follows from lease and cancel request, and the list of runs.

Opens files for reading only, so it works on a read-only mount. Whatever a file contains, the answer is a model or an
UnreadableState with a sentence.
"""

from __future__ import annotations

import os
import socket
from pathlib import Path
from typing import NamedTuple

from pydantic import ValidationError

from orchestrator import disk, files
from orchestrator.errors import NewerState, NotFound, UnreadableState
from orchestrator.status.layout import RunDir, StateDir, is_run_id
from orchestrator.status.models import SCHEMA_VERSION, RunStatus
from orchestrator.status.states import Shown, shown


class Seen(NamedTuple):
    """A run as a reader sees it: what stands in its file, and the state that follows."""

    status: RunStatus
    state: Shown
    directory: RunDir


def parse_status(data: bytes, name: str = "status.json") -> RunStatus:
    """Return the model of a status file. Raises UnreadableState with a sentence."""
    try:
        status = RunStatus.model_validate_json(data)
    except ValidationError as error:
        version = _version(data)
        if version is not None and version > SCHEMA_VERSION:
            raise NewerState(name, version, SCHEMA_VERSION) from None
        first = error.errors(include_url=False, include_input=False)[0]
        where = ".".join(map(str, first["loc"])) or "the document"
        raise UnreadableState(f"{name} is no status file: {where}: {first['msg']}") from None
    if status.schema_version > SCHEMA_VERSION:
        raise NewerState(name, status.schema_version, SCHEMA_VERSION)
    return status


def _version(data: bytes) -> int | None:
    import json

    try:
        document = json.loads(data)
    except (ValueError, RecursionError):
        return None
    version = document.get("schema_version") if isinstance(document, dict) else None
    return version if isinstance(version, int) else None


def alive(run: RunDir, status: RunStatus) -> bool | None:
    """Return whether the run's process lives, from its lease; None if that can't be told from here."""
    if status.host != socket.gethostname() and disk.network_file_system(run.path):
        return None
    return files.is_locked(run.lease)


def look(run: RunDir) -> Seen:
    """Read one run. Raises NotFound if it doesn't exist, UnreadableState if its file can't be read.

    The lease is probed after the file was read and the file is read again if the lease is free, so that a run which
    ended in between is never called interrupted.
    """
    status = _load(run)
    living = alive(run, status)
    if not living:
        status = _load(run)
    requested = status.cancel is not None or run.cancel.exists()
    acknowledged = status.cancel is not None and status.cancel.acknowledged_at is not None
    state = shown(status.state, alive=living, cancel_requested=requested, cancel_acknowledged=acknowledged)
    return Seen(status, state, run)


def _load(run: RunDir) -> RunStatus:
    try:
        data = run.status.read_bytes()
    except (FileNotFoundError, NotADirectoryError):
        raise NotFound(f"there is no run {run.run_id}", hint="`orchestrate runs` lists them") from None
    except OSError as error:
        raise UnreadableState(f"can't read the status of {run.run_id}: {error.strerror}") from error
    return parse_status(data, f"{run.run_id}/status.json")


def run_ids(state: StateDir) -> list[str]:
    """Return the names of all runs, newest first. A state directory that doesn't exist has none."""
    try:
        with os.scandir(state.runs) as entries:
            return sorted((entry.name for entry in entries if is_run_id(entry.name)), reverse=True)
    except (FileNotFoundError, NotADirectoryError):
        return []
    except OSError as error:
        raise UnreadableState(f"can't list the runs: {error.strerror}") from error


def find(state: StateDir, run: str | None = None) -> RunDir:
    """Return a run by its id, a unique part of it, or the latest. Raises NotFound."""
    known = run_ids(state)
    if run is None:
        if not known:
            raise NotFound("there is no run yet", hint="`orchestrate run` starts one")
        return state.run(known[0])
    matching = [run_id for run_id in known if run_id == run] or [run_id for run_id in known if run in run_id]
    if len(matching) == 1:
        return state.run(matching[0])
    reason = f"{len(matching)} runs match {run!r}" if matching else f"there is no run {run!r}"
    raise NotFound(reason, hint="`orchestrate runs` lists them")


def default_state_dir(folder: Path) -> StateDir:
    """Return the state directory that a folder has when no spec says otherwise."""
    return StateDir(folder / ".orchestrate")

"""A snapshot store: published snapshots, the pointer CURRENT, pins, and what retention may remove.

    <store>/CURRENT            {"schema_version": 1, "snapshot_id": "..."}: the only commit point
    <store>/<snapshot_id>/     MANIFEST.json and the files of the index; never changed after its publication
    <store>/.staging/<id>/     a snapshot on its way
    <store>/.held/<id>/        one that failed its checks, kept for inspection until the next run
    <store>/.pending           the snapshot that is being published: removed by the next run unless it became CURRENT
    <store>/.pins/<id>         snapshots that retention keeps
    <store>/.writer.lock       held by the one writer

Readers resolve CURRENT and nothing else: without one there is no snapshot, the newest directory is never guessed.
"""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path
from typing import Any, Final, NamedTuple

from orchestrator import files
from orchestrator.errors import NotFound, StorageError, UnreadableState
from orchestrator.kinds.ingest import verify
from orchestrator.kinds.ingest.manifest import NAME as MANIFEST
from orchestrator.kinds.ingest.manifest import Manifest, is_snapshot_id, new_snapshot_id, read_manifest
from orchestrator.kinds.ingest.targets import WRITER_LOCK

CURRENT: Final = "CURRENT"
POINTER_VERSION: Final = 1


class SnapshotIncomplete(StorageError):
    """A staging differs from its manifest; nothing of it is visible."""

    code = "snapshot-incomplete"


class Store(NamedTuple):
    """The snapshots of one job. Reading needs no lock; whatever changes something is called under the writer's lock."""

    path: Path

    @property
    def lock(self) -> Path:
        """The writer's lock."""
        return self.path / WRITER_LOCK

    @property
    def staging(self) -> Path:
        """Where snapshots are made."""
        return self.path / ".staging"

    @property
    def held(self) -> Path:
        """Where snapshots wait that failed their checks."""
        return self.path / ".held"

    @property
    def _pending(self) -> Path:
        return self.path / ".pending"

    @property
    def _pins(self) -> Path:
        return self.path / ".pins"

    def current_id(self) -> str | None:
        """Return what CURRENT names, None if nothing was published yet. Raises UnreadableState if it is damaged."""
        try:
            data = (self.path / CURRENT).read_bytes()
        except (FileNotFoundError, NotADirectoryError):
            return None
        except OSError as error:
            raise UnreadableState(f"can't read {CURRENT}: {error.strerror}") from error
        return _pointed_at(data)

    def current(self) -> Path | None:
        """Return the directory of the current snapshot, None if nothing was published. Raises UnreadableState."""
        name = self.current_id()
        if name is None:
            return None
        if not (self.path / name).is_dir():
            raise UnreadableState(f"{CURRENT} names {name}, which doesn't exist", hint="`orchestrate snapshots rollback`")
        return self.path / name

    def ids(self) -> list[str]:
        """Return the names of all published snapshots, oldest first."""
        try:
            with os.scandir(self.path) as entries:
                names = [e.name for e in entries if is_snapshot_id(e.name) and e.is_dir(follow_symlinks=False)]
        except (FileNotFoundError, NotADirectoryError):
            return []
        except OSError as error:
            raise UnreadableState(f"can't list the snapshots: {error.strerror}") from error
        return sorted(set(names) - {self._unfinished()})

    def find(self, name: str | None = None) -> Path:
        """Return a snapshot by its id, a unique part of it, or the current one. Raises NotFound."""
        if name is None:
            current = self.current()
            if current is None:
                raise NotFound("there is no published snapshot yet", hint="`orchestrate run` makes one")
            return current
        known = self.ids()
        matching = [each for each in known if each == name] or [each for each in known if name in each]
        if len(matching) == 1 and name:
            return self.path / matching[0]
        reason = f"{len(matching)} snapshots match {name!r}" if matching else f"there is no snapshot {name!r}"
        raise NotFound(reason, hint="`orchestrate snapshots list` shows them")

    def new_id(self, now: float) -> str:
        """Return a name for the next snapshot, behind all others. `now` is seconds since the epoch."""
        known = [*self.ids(), *filter(None, [self._unfinished()])]
        return new_snapshot_id(now, max(known, default=None))

    def sweep(self) -> None:
        """Remove what interrupted runs left: stagings, held snapshots, one that was renamed but never became CURRENT."""
        unfinished = self._unfinished()
        if unfinished is not None:
            files.remove_tree(self.path / unfinished)
        if self._pending.exists():
            self._forget_pending(durable=True)
        for folder in (self.staging, self.held):
            if folder.is_dir():
                shutil.rmtree(folder, ignore_errors=True)
        if self.path.is_dir():
            files.sweep(self.path)

    def new_staging(self, snapshot_id: str) -> Path:
        """Return a fresh directory to make a snapshot in."""
        files.make_private_dir(self.path)
        return files.make_private_dir(self.staging / snapshot_id)

    def drop_staging(self) -> None:
        """Remove every staging."""
        shutil.rmtree(self.staging, ignore_errors=True)

    def hold(self, staging: Path) -> Path:
        """Keep a snapshot that failed its checks, for inspection until the next run."""
        files.make_private_dir(self.held)
        files.publish_dir(staging, self.held / staging.name)
        return self.held / staging.name

    def waiting(self) -> Path | None:
        """Return the snapshot that the last run held back, None if there is none."""
        names = sorted(self.held.iterdir()) if self.held.is_dir() else []
        return names[-1] if names and is_snapshot_id(names[-1].name) else None

    def publish(self, staging: Path) -> Path:
        """Make a finished snapshot current. Readers see the old one or the new one, never a mixture.

        The caller has verified the staging. Raises StorageError; CURRENT is as it was then.
        """
        snapshot = self.path / staging.name
        files.write_atomic(self._pending, staging.name.encode())
        files.publish_dir(staging, snapshot)
        self.point_at(snapshot.name)  # The commit point: before this line nothing happened.
        self._forget_pending(durable=False)
        self.drop_staging()
        return snapshot

    def point_at(self, snapshot_id: str) -> None:
        """Make a published snapshot the current one: for `publish` and rollbacks."""
        pointer = {"schema_version": POINTER_VERSION, "snapshot_id": snapshot_id}
        files.write_atomic(self.path / CURRENT, json.dumps(pointer, separators=(",", ":")).encode())

    def _unfinished(self) -> str | None:
        """Return the snapshot whose publication was interrupted between its rename and the pointer, None if none was."""
        try:
            name = self._pending.read_text(encoding="ascii")
        except (OSError, UnicodeDecodeError):
            return None
        try:
            pointed_at = self.current_id()
        except UnreadableState:
            return None  # Who can't tell what is current removes nothing.
        return name if is_snapshot_id(name) and name != pointed_at else None

    def _forget_pending(self, *, durable: bool) -> None:
        try:
            self._pending.unlink(missing_ok=True)
            if durable:
                files.sync_dir(self.path)
        except OSError as error:
            raise files.storage_error("remove", self._pending, error) from error

    def pins(self) -> set[str]:
        """Return the snapshots that are pinned."""
        if not self._pins.is_dir():
            return set()
        return {entry.name for entry in self._pins.iterdir() if is_snapshot_id(entry.name)}

    def pin(self, snapshot_id: str) -> None:
        """Keep a snapshot from retention."""
        files.make_private_dir(self._pins)
        files.write_atomic(self._pins / snapshot_id, b"")

    def unpin(self, snapshot_id: str) -> bool:
        """Let retention have a snapshot again; return whether it was pinned."""
        pin = self._pins / snapshot_id
        pinned = pin.exists()
        pin.unlink(missing_ok=True)
        return pinned

    def expendable(self, keep: int) -> list[str]:
        """Return what retention may remove: not the newest `keep` (at least 1), nothing current, pinned or held."""
        safe = {self.current_id()} | self.pins()
        surplus = [name for name in self.ids()[:-keep] if name not in safe]
        return [name for name in surplus if not files.is_held(self.path / name / MANIFEST)]

    def prune(self, keep: int) -> list[str]:
        """Remove what retention may remove; return the names."""
        removed = self.expendable(keep)
        for name in removed:
            files.remove_tree(self.path / name)
        return removed

    def manifest(self, snapshot_id: str) -> Manifest:
        """Return a snapshot's manifest. Raises UnreadableState."""
        return read_manifest(self.path / snapshot_id)


def _pointed_at(data: bytes) -> str:
    try:
        document: Any = json.loads(data)
    except ValueError:
        document = None
    version = document.get("schema_version") if isinstance(document, dict) else None
    name = document.get("snapshot_id") if isinstance(document, dict) else None
    if isinstance(version, int) and version > POINTER_VERSION:
        raise UnreadableState(f"{CURRENT} has schema version {version}, this program reads up to {POINTER_VERSION}")
    if version != POINTER_VERSION or not isinstance(name, str) or not is_snapshot_id(name):
        raise UnreadableState(f"{CURRENT} is damaged", hint="`orchestrate snapshots rollback` writes it anew")
    return name


def check_complete(staging: Path) -> None:
    """Raise SnapshotIncomplete if a staging isn't exactly what its manifest says."""
    found = verify.problems(staging)
    if found:
        raise SnapshotIncomplete(f"the new snapshot is not what was written: {found[0]}", hint="see `orchestrate doctor`")

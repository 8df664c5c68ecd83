"""A snapshot as one tar file that another machine can take in and verify. Nothing is unpacked that isn't in its manifest."""

from __future__ import annotations

import os
import tarfile
from pathlib import Path
from typing import IO, Final

from orchestrator import files
from orchestrator.errors import StorageError, UsageError
from orchestrator.kinds.ingest.manifest import NAME, is_plain, is_snapshot_id, read_manifest
from orchestrator.kinds.ingest.store import Store, check_complete

_BLOCK: Final = 1 << 20
_LONGEST_MANIFEST: Final = 64_000_000


def export(snapshot: Path, destination: Path) -> None:
    """Write a snapshot as a tar file, replaced in one step. Raises StorageError."""
    manifest = read_manifest(snapshot)
    temporary = destination.with_name(f"{files.TEMPORARY_PREFIX}{destination.name}.{os.getpid()}")
    try:
        with tarfile.open(temporary, "w", format=tarfile.PAX_FORMAT) as archive:
            for name in (NAME, *(entry.path for entry in manifest.files)):
                member = archive.gettarinfo(snapshot / name, f"{snapshot.name}/{name}")
                member.uid = member.gid = 0
                member.uname = member.gname = ""
                with (snapshot / name).open("rb") as stream:
                    archive.addfile(member, stream)
        files.sync_file(temporary)
        temporary.replace(destination)
    except OSError as error:
        raise files.storage_error("write", destination, error) from error
    finally:
        temporary.unlink(missing_ok=True)


def take_in(store: Store, source: Path) -> Path:
    """Add a snapshot from a tar file to a store, verified; CURRENT stays. Call it under the writer's lock.

    Raises UsageError if the file is no exported snapshot or the store has it already, SnapshotIncomplete if it is damaged.
    """
    try:
        with tarfile.open(source, "r:") as archive:
            return _unpacked(store, archive)
    except (tarfile.TarError, EOFError) as error:
        raise UsageError(f"{source.name} is no exported snapshot: {error}") from error
    except OSError as error:
        raise files.storage_error("read", source, error) from error
    finally:
        store.drop_staging()


def _unpacked(store: Store, archive: tarfile.TarFile) -> Path:
    first = archive.next()
    name, _, rest = (first.name if first is not None else "").partition("/")
    if first is None or rest != NAME or not is_snapshot_id(name) or not first.isreg() or first.size > _LONGEST_MANIFEST:
        raise UsageError("the file is no exported snapshot: it doesn't begin with a manifest")
    if name in store.ids():
        raise UsageError(f"the store has {name} already")
    staging = store.new_staging(name)
    _copy(archive, first, staging / NAME)
    wanted = {f"{name}/{entry.path}": entry for entry in read_manifest(staging).files if is_plain(entry.path)}
    for member in archive:
        entry = wanted.pop(member.name, None)
        if member.name == first.name:
            continue
        if entry is None or not member.isreg() or member.size != entry.size:
            raise UsageError(f"the file holds something that its manifest doesn't list: {member.name[:200]!r}")
        _copy(archive, member, staging / entry.path)
    check_complete(staging)
    files.publish_dir(staging, store.path / name)
    return store.path / name


def _copy(archive: tarfile.TarFile, member: tarfile.TarInfo, destination: Path) -> None:
    files.make_private_dir(destination.parent)
    source: IO[bytes] | None = archive.extractfile(member)
    if source is None:
        raise StorageError(f"can't read {member.name[:200]!r} of the file")
    descriptor = os.open(destination, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC | os.O_NOFOLLOW, files.PRIVATE_FILE)
    try:
        while block := source.read(_BLOCK):
            files.write_all(descriptor, block)
    finally:
        os.close(descriptor)

"""Verifying a snapshot against its manifest, closed-world: whatever differs, is missing or doesn't belong is found."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from pathlib import Path

from orchestrator.errors import UnreadableState
from orchestrator.kinds.ingest.manifest import NAME, FileEntry, Manifest, entry_of, is_plain, is_sealed, read_manifest


def problems(snapshot: Path, expected_id: str | None = None) -> list[str]:
    """Return what is wrong with a snapshot, nothing if it is whole. `expected_id` defaults to the directory's name."""
    try:
        manifest = read_manifest(snapshot)
    except UnreadableState as error:
        return [error.message]
    return list(_differences(snapshot, manifest, expected_id or snapshot.name))


def _differences(snapshot: Path, manifest: Manifest, expected_id: str) -> Iterator[str]:
    if manifest.snapshot_id != expected_id:
        yield f"the manifest is of {manifest.snapshot_id}"
    if not is_sealed((snapshot / NAME).read_bytes()):
        yield "the manifest differs from its own digest"
    listed = {entry.path: entry for entry in manifest.files}
    if len(listed) != len(manifest.files):
        yield "the manifest lists a file twice"
    foreign = [path for path in listed if not is_plain(path) or path == NAME]
    yield from (f"the manifest lists a path that leads elsewhere: {path!r}" for path in foreign)
    found = dict(_entries(snapshot, ""))
    yield from (f"{path}: {problem}" for path, problem in sorted(found.items()) if problem)
    yield from (f"{path}: doesn't belong here" for path in sorted(found.keys() - listed.keys() - {NAME}) if not found[path])
    yield from (f"{path}: is missing" for path in sorted(listed.keys() - found.keys()))
    for path in sorted(listed.keys() & found.keys() - set(foreign)):
        if not found[path]:
            yield from _changes(snapshot / path, listed[path])


def _changes(path: Path, entry: FileEntry) -> Iterator[str]:
    actual = entry_of(path, entry.path)
    if actual.size != entry.size:
        yield f"{entry.path}: has {actual.size} bytes instead of {entry.size}"
    elif actual.sha256 != entry.sha256:
        yield f"{entry.path}: its content differs"


def _entries(folder: Path, prefix: str) -> Iterator[tuple[str, str]]:
    """Yield every entry below a folder with what is wrong about its sort, empty for a plain file."""
    with os.scandir(folder) as entries:
        for entry in entries:
            path = prefix + entry.name
            found = entry.stat(follow_symlinks=False)
            if stat.S_ISDIR(found.st_mode):
                inner = list(_entries(Path(entry.path), f"{path}/"))
                yield from inner
                if not inner:
                    yield path, "an empty folder doesn't belong here"
            elif not stat.S_ISREG(found.st_mode):
                yield path, "is no regular file"
            elif found.st_nlink != 1:
                yield path, "has another name elsewhere, through which it can change"
            else:
                yield path, ""

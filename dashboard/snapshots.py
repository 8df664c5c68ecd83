"""Snapshots as the dashboard reads them: CURRENT, manifests, and the index's list of documents. Opened for reading only."""

from __future__ import annotations

import json
import os
import re
import threading
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from dashboard.database import reading
from dashboard.passages import Hit, check_format, passages
from dashboard.store import Stamp, stamp
from orchestrator.errors import UnreadableState

SNAPSHOT_ID: Final = re.compile(r"\d{8}T\d{6}\.\d{6}Z-[0-9a-f]{4}")
NEWEST_VERSION: Final = 1
LARGEST_MANIFEST: Final = 8_000_000
MOST_DOCUMENTS: Final = 200_000
KEPT: Final = 64


@dataclass(frozen=True, slots=True)
class LeftOut:
    """A document that isn't in a snapshot, and why."""

    document: str
    reason: str


@dataclass(frozen=True, slots=True)
class Snapshot:
    """What a manifest says, as far as a page needs it."""

    snapshot_id: str
    run_id: str
    created_at: str
    documents: int
    nodes: int
    size: int
    embedding: str
    settings: str
    quarantined: tuple[LeftOut, ...]
    quarantined_total: int
    skipped_total: int


@dataclass(frozen=True, slots=True)
class Difference:
    """Which documents came, changed and went between two snapshots."""

    added: tuple[str, ...]
    changed: tuple[str, ...]
    removed: tuple[str, ...]


class Snapshots:
    """The reader of one job's store. Manifests and indexes never change, so each is read once."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._lock = threading.RLock()
        self._ids: tuple[Stamp | None, tuple[str, ...]] = (None, ())
        self._manifests: OrderedDict[str, tuple[Stamp | None, Snapshot]] = OrderedDict()
        self._kept: OrderedDict[object, Any] = OrderedDict()

    def ids(self) -> tuple[str, ...]:
        """Return the published snapshots, newest first."""
        with self._lock:
            mark = stamp(self.path)
            if mark is None:
                return ()
            if self._ids[0] != mark:
                try:
                    with os.scandir(self.path) as entries:
                        names = [one.name for one in entries if SNAPSHOT_ID.fullmatch(one.name)]
                except OSError as error:
                    raise UnreadableState(f"can't list the snapshots: {error.strerror}") from error
                self._ids = (mark, tuple(sorted(names, reverse=True)))
            return self._ids[1]

    def current(self) -> str | None:
        """Return what CURRENT names; None if nothing was published. Raises UnreadableState if it is damaged or newer."""
        document = _json(self.path / "CURRENT", "CURRENT")
        if document is None:
            return None
        _check_version(document, "CURRENT")
        name = document.get("snapshot_id")
        if not isinstance(name, str) or not SNAPSHOT_ID.fullmatch(name):
            raise UnreadableState("CURRENT is damaged", hint="`orchestrate snapshots rollback` writes it anew")
        return name

    def read(self, snapshot_id: str) -> Snapshot:
        """Return a listed snapshot. Raises UnreadableState with a sentence."""
        with self._lock:
            path = self.path / snapshot_id / "MANIFEST.json"
            mark = stamp(path)
            known = self._manifests.get(snapshot_id)
            if known is None or known[0] != mark:
                document = _json(path, f"the manifest of {snapshot_id}")
                if document is None:
                    raise UnreadableState(f"{snapshot_id} has no manifest", hint="`orchestrate snapshots verify` says more")
                _check_version(document, f"the manifest of {snapshot_id}")
                known = (mark, _snapshot(snapshot_id, document))
                self._manifests[snapshot_id] = known
                while len(self._manifests) > KEPT:
                    self._manifests.popitem(last=False)
            return known[1]

    def held(self) -> str | None:
        """Return the snapshot that failed its checks and is kept for inspection, None if there is none."""
        try:
            with os.scandir(self.path / ".held") as entries:
                return max((one.name for one in entries if SNAPSHOT_ID.fullmatch(one.name)), default=None)
        except OSError:
            return None

    def documents(self, snapshot_id: str) -> Mapping[str, bytes]:
        """Return the keys of a snapshot's documents with their digests. Raises UnreadableState."""
        path = self.path / snapshot_id / "index.db"
        found: dict[str, bytes] = self._once(("documents", snapshot_id), lambda: _documents(path), most=3)
        return found

    def difference(self, older: str, newer: str) -> Difference:
        """Return what differs between the documents of two snapshots. Raises UnreadableState."""

        def compare() -> Difference:
            before, after = self.documents(older), self.documents(newer)
            return Difference(
                added=tuple(sorted(after.keys() - before.keys())),
                changed=tuple(sorted(key for key in after.keys() & before.keys() if after[key] != before[key])),
                removed=tuple(sorted(before.keys() - after.keys())),
            )

        found: Difference = self._once(("difference", older, newer), compare, most=KEPT)
        return found

    def search(self, snapshot_id: str, text: str, most: int = 8) -> tuple[Hit, ...]:
        """Return the passages with all of the words, or else with any, best first. Raises UnreadableState."""
        path = self.path / snapshot_id / "index.db"
        found: tuple[Hit, ...] = self._once(("search", snapshot_id, text, most), lambda: passages(path, text, most), most=KEPT)
        return found

    def _once(self, key: tuple[Any, ...], ask: Any, *, most: int) -> Any:
        """Answer from what is kept; of one sort of answers at most `most` are kept."""
        with self._lock:
            if key not in self._kept:
                self._kept[key] = ask()
                same = [other for other in self._kept if isinstance(other, tuple) and other[0] == key[0]]
                for old in same[: max(0, len(same) - most)]:
                    del self._kept[old]
            return self._kept[key]


def _json(path: Path, name: str) -> dict[str, Any] | None:
    try:
        if path.stat().st_size > LARGEST_MANIFEST:
            raise UnreadableState(f"{name} is larger than a page can use")
        document = json.loads(path.read_bytes())
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        raise UnreadableState(f"can't read {name}: {error.strerror}") from error
    except (ValueError, RecursionError):
        raise UnreadableState(f"{name} is damaged: it is no JSON") from None
    if not isinstance(document, dict):
        raise UnreadableState(f"{name} is damaged: it is no JSON object")
    return document


def _check_version(document: dict[str, Any], name: str) -> None:
    version = document.get("schema_version")
    if not isinstance(version, int):
        raise UnreadableState(f"{name} is damaged: it has no schema version")
    if version > NEWEST_VERSION:
        message = f"{name} has schema version {version}; this program reads up to {NEWEST_VERSION}"
        raise UnreadableState(message, hint="update orchestrate")


def _snapshot(snapshot_id: str, document: dict[str, Any]) -> Snapshot:
    files = [one for one in _list(document, "files") if isinstance(one, dict)]
    left_out = [one for one in _list(document, "quarantined") if isinstance(one, dict)]
    return Snapshot(
        snapshot_id=snapshot_id,
        run_id=str(document.get("run_id", "")),
        created_at=str(document.get("created_at", "")),
        documents=_count(document.get("documents")),
        nodes=_count(document.get("nodes")),
        size=sum(_count(one.get("size")) for one in files),
        embedding=_embedding(document.get("embedding")),
        settings=str(document.get("settings_digest", "")),
        quarantined=tuple(LeftOut(str(one.get("document", "")), str(one.get("reason", ""))) for one in left_out[:200]),
        quarantined_total=max(_count(document.get("quarantined_total")), len(left_out)),
        skipped_total=_count(document.get("skipped_total")),
    )


def _embedding(value: object) -> str:
    """Return a manifest's embedding as words; empty for one that isn't told as a name."""
    found = value if isinstance(value, dict) else {}
    name, model, dimensions = (found.get(key) for key in ("name", "model", "dimensions"))
    if not isinstance(name, str) or not name:
        return ""
    if name == "none":
        return "no embedding"
    words = f"embedding {name} {model}" if isinstance(model, str) and model else f"embedding {name}"
    return words[:120] + (f", {dimensions} dimensions" if isinstance(dimensions, int) and dimensions else "")


def _list(document: dict[str, Any], name: str) -> list[Any]:
    value = document.get(name)
    return value if isinstance(value, list) else []


def _count(value: object) -> int:
    return value if isinstance(value, int) and value > 0 else 0


def _documents(path: Path) -> dict[str, bytes]:
    with reading(path) as connection:
        check_format(connection)
        rows = connection.execute("select key, digest from documents limit ?", (MOST_DOCUMENTS,))
        return {str(key): bytes(digest) for key, digest in rows}


_readers: dict[Path, Snapshots] = {}
_readers_lock = threading.Lock()


def of(path: Path) -> Snapshots:
    """Return the process's reader of a store."""
    with _readers_lock:
        return _readers.setdefault(path, Snapshots(path))

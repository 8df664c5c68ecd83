"""Publishing elsewhere: which snapshot has a collection in which vector store, and the steps in their order.

    <store>/.collections/<snapshot_id>     {"schema_version": 1, "collection": ..., "target": ..., "state": ...}

A collection is named after its snapshot. Its entry says `filling` before the collection exists, `filled` once every node was
found in it, `named` once the second name means it. The pointer CURRENT moves in between, behind `filled`: so what CURRENT or
the second name lead to is always whole, and whatever stops a run, the next one finds what is to be removed or to be done.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from orchestrator import files
from orchestrator.deadline import WorkContext
from orchestrator.errors import OrchestrateError
from orchestrator.kinds.ingest.manifest import is_snapshot_id
from orchestrator.kinds.ingest.recipe import canonical, told
from orchestrator.kinds.ingest.spec import VectorStore
from orchestrator.kinds.ingest.store import Store

if TYPE_CHECKING:
    from orchestrator.kinds.ingest.collection import Collection

FOLDER: Final = ".collections"
FILLING: Final = "filling"
FILLED: Final = "filled"
NAMED: Final = "named"


class Publication:
    """The collections of one job in one vector store. Used under the writer's lock."""

    def __init__(self, spec: VectorStore, job: str, store: Store) -> None:
        self._spec = spec
        self._name = spec.name or job.replace("-", "_")[:30]
        self._store = store
        self._ledger = store.path / FOLDER
        identity = [spec.reference, spec.parameter, self._name, told(spec.arguments)]
        self._target = hashlib.sha256(canonical(identity)).hexdigest()

    def collection(self, snapshot_id: str) -> str:
        """Return the name of a snapshot's collection: letters, digits and underscores."""
        return f"{self._name}_{''.join(each if each.isalnum() else '_' for each in snapshot_id).lower()}"

    def is_settled(self, snapshot_id: str) -> bool:
        """Whether nothing is left to do for a snapshot. Imports nothing heavy."""
        return self._state(snapshot_id) == (NAMED if self._spec.alias else FILLED)

    def settle(self, snapshot: Path, context: WorkContext) -> None:
        """Do for a published snapshot what isn't done yet. Raises JobError."""
        if self._state(snapshot.name) not in {FILLED, NAMED}:
            self.fill(snapshot, context)
        self.switch(snapshot.name)

    def fill(self, snapshot: Path, context: WorkContext) -> None:
        """Fill and check a new collection; nobody is led to it yet. Raises JobError; the collection is removed then."""
        self.sweep()
        left_over = self._state(snapshot.name) is not None
        self._note(snapshot.name, FILLING)
        with closing(self._open(snapshot.name)) as collection:
            if left_over:
                collection.remove()
            try:
                collection.fill(snapshot, context)
            except OrchestrateError:
                collection.remove()
                self._forget(snapshot.name)
                raise
        self._note(snapshot.name, FILLED)

    def switch(self, snapshot_id: str) -> None:
        """Let the second name mean a snapshot's collection, and remove the collections that nobody needs. Raises JobError."""
        if self._spec.alias:
            with closing(self._open(snapshot_id)) as collection:
                collection.point(self._spec.alias, self.collection(snapshot_id))
            self._note(snapshot_id, NAMED)
        self.sweep()

    def sweep(self) -> None:
        """Remove collections that were never finished, whose snapshot is gone, or that are older than the newest `keep`.

        Those of other stores and names, which this spec can't open, stay.
        """
        whole = sorted(name for name, state in self._entries() if state != FILLING and name in self._store.ids())
        kept = {*whole[-self._spec.keep :], self._store.current_id()}
        for name, _ in list(self._entries()):
            if name not in kept:
                with closing(self._open(name)) as collection:
                    collection.remove()
                self._forget(name)

    def _open(self, snapshot_id: str) -> Collection:
        from orchestrator.kinds.ingest.collection import Collection

        return Collection(self._spec.reference, {**self._spec.arguments, self._spec.parameter: self.collection(snapshot_id)})

    def _entries(self) -> Iterator[tuple[str, str]]:
        names = sorted(path.name for path in self._ledger.iterdir()) if self._ledger.is_dir() else []
        for name in names:
            state = self._state(name) if is_snapshot_id(name) else None
            if state is not None:
                yield name, state

    def _state(self, snapshot_id: str) -> str | None:
        try:
            entry: Any = json.loads((self._ledger / snapshot_id).read_bytes())
        except (OSError, ValueError):
            return None
        if not isinstance(entry, Mapping) or entry.get("target") != self._target:
            return None
        return str(entry.get("state"))

    def _note(self, snapshot_id: str, state: str) -> None:
        entry = {
            "schema_version": 1,
            "collection": self.collection(snapshot_id),
            "target": self._target,
            "state": state,
        }
        files.write_atomic(files.make_private_dir(self._ledger) / snapshot_id, canonical(entry))

    def _forget(self, snapshot_id: str) -> None:
        (self._ledger / snapshot_id).unlink(missing_ok=True)

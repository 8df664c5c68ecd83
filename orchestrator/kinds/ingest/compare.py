"""Comparing two snapshots: which documents and nodes were added, removed or changed."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import closing
from pathlib import Path
from typing import NamedTuple

from orchestrator.kinds.ingest.database import open_read_only, told
from orchestrator.kinds.ingest.index import DATABASE, read_entries
from orchestrator.kinds.ingest.manifest import read_manifest


class Difference(NamedTuple):
    """What tells one snapshot from another. Nodes are counted: one with another text or place is another node."""

    added: tuple[str, ...]
    removed: tuple[str, ...]
    changed: tuple[str, ...]
    unchanged: int
    nodes_added: int
    nodes_removed: int
    nodes_kept: int
    settings: Mapping[str, tuple[object, object]]


def compare(one: Path, other: Path) -> Difference:
    """Return what changed from one snapshot to another. Raises UnreadableState or StorageError if one can't be read."""
    before, after = read_entries(one), read_entries(other)
    both = before.keys() & after.keys()
    changed = tuple(sorted(key for key in both if before[key].digest != after[key].digest))
    nodes_before, nodes_after = _node_ids(one), _node_ids(other)
    settings_before, settings_after = read_manifest(one).settings, read_manifest(other).settings
    names = sorted(settings_before.keys() | settings_after.keys())
    return Difference(
        added=tuple(sorted(after.keys() - both)),
        removed=tuple(sorted(before.keys() - both)),
        changed=changed,
        unchanged=len(both) - len(changed),
        nodes_added=len(nodes_after - nodes_before),
        nodes_removed=len(nodes_before - nodes_after),
        nodes_kept=len(nodes_before & nodes_after),
        settings={
            name: (settings_before.get(name), settings_after.get(name))
            for name in names
            if settings_before.get(name) != settings_after.get(name)
        },
    )


def _node_ids(snapshot: Path) -> set[bytes]:
    path = snapshot / DATABASE
    with closing(open_read_only(path)) as connection, told("read", path):
        return {row[0] for row in connection.execute("select node_id from nodes")}

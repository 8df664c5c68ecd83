"""Making a snapshot in its staging: documents from the cache or from the snapshot before, then manifest and checks."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, closing
from pathlib import Path
from typing import Any, Final, NamedTuple

from orchestrator import files
from orchestrator.deadline import WorkContext
from orchestrator.errors import JobError
from orchestrator.kinds.ingest import verify
from orchestrator.kinds.ingest.cache import Cache
from orchestrator.kinds.ingest.computed import Computed
from orchestrator.kinds.ingest.document import Skipped
from orchestrator.kinds.ingest.index import DATABASE, VECTORS, VECTORS_HEADER, Entry, IndexReader, IndexWriter
from orchestrator.kinds.ingest.manifest import NAME as MANIFEST
from orchestrator.kinds.ingest.manifest import LeftOut, Manifest, entry_of, rendered, sealed
from orchestrator.kinds.ingest.recipe import Recipe, canonical
from orchestrator.status.models import utc

_MOST_LEFT_OUT: Final = 1000
_SMALL_CHANGE: Final = 5
"""A change of up to a fifth of the documents is small."""
_FEW_EMPTY: Final = 4
"""Up to a quarter of the rows may be empty before an index is written anew."""
_PACKAGES: Final = ("orchestrate", "llama-index-core", "wordllama", "tokenizers", "selectolax", "pypdfium2", "python-docx")


class Previous(NamedTuple):
    """The snapshot that is current while the next one is made."""

    path: Path
    manifest: Manifest
    entries: Mapping[str, Entry]


class Origin(NamedTuple):
    """What a manifest says of where its snapshot comes from. `now` is seconds since the epoch."""

    job: str
    run_id: str
    now: float
    recipe: Recipe
    quarantined: Mapping[str, str]
    skipped: Sequence[Skipped]


def corpus_digest(entries: Mapping[str, Entry]) -> str:
    """Return the digest of keys and contents, whatever order they come in."""
    digest = hashlib.sha256()
    for key in sorted(entries):
        digest.update(key.encode("utf-8", "surrogatepass") + b"\0" + entries[key].digest)
    return digest.hexdigest()


def write_index(
    staging: Path, entries: Mapping[str, Entry], cache: Cache, previous: Previous | None, context: WorkContext
) -> IndexWriter:
    """Write the index of these documents. Raises JobError `incomplete` if one is neither in the cache nor published.

    After a small change it goes on from a copy of the index before; else it is written anew, in the order of keys.
    """
    changed, gone = _changes(entries, previous)
    if previous is None or not _can_go_on(previous, len(changed) + len(gone)):
        with IndexWriter(staging) as writer:
            _fill(writer, sorted(entries), entries, cache, previous, context)
            writer.finish()
        return writer
    with IndexWriter(staging, previous.path) as writer:
        for key in sorted(gone | (changed & previous.entries.keys())):
            context.checkpoint()
            writer.remove(key)
        _fill(writer, sorted(changed), entries, cache, previous, context)
        writer.finish(optimize=False)
    return writer


def _changes(entries: Mapping[str, Entry], previous: Previous | None) -> tuple[set[str], set[str]]:
    before = previous.entries if previous is not None else {}
    return {key for key, entry in entries.items() if before.get(key) != entry}, before.keys() - entries.keys()


def _can_go_on(previous: Previous, changes: int) -> bool:
    """Whether the next index may be a copy of this one: few changes, few empty rows, and not a bit of it damaged."""
    if changes * _SMALL_CHANGE > len(previous.entries):
        return False
    width = int(previous.manifest.embedding.get("dimensions", 0)) * 2
    size = next((entry.size for entry in previous.manifest.files if entry.path == VECTORS), 0)
    rows = (size - VECTORS_HEADER) // width if width else previous.manifest.nodes
    if (rows - previous.manifest.nodes) * _FEW_EMPTY > rows:
        return False
    return not verify.problems(previous.path)


def _fill(
    writer: IndexWriter,
    keys: Sequence[str],
    entries: Mapping[str, Entry],
    cache: Cache,
    previous: Previous | None,
    context: WorkContext,
) -> None:
    for number, computed in enumerate(_computed(keys, entries, cache, previous)):
        context.checkpoint(number, len(keys), "index")
        writer.add(computed)


def _computed(keys: Sequence[str], entries: Mapping[str, Entry], cache: Cache, previous: Previous | None) -> Iterator[Computed]:
    with ExitStack() as stack:
        reader = stack.enter_context(closing(IndexReader(previous.path))) if previous is not None else None
        for key in keys:
            entry = entries[key]
            computed = cache.get(key, entry.digest, entry.cache_key)
            if computed is None and reader is not None and previous is not None:
                known = previous.entries.get(key)
                if known is not None and known.cache_key == entry.cache_key:
                    computed = reader.computed(key, int(previous.manifest.embedding.get("dimensions", 0)))
            if computed is None:
                raise JobError(
                    f"a computed document is in the cache no more: {key}",
                    code="incomplete",
                    hint="run again: it is computed anew",
                    retryable=True,
                )
            yield computed


def write_manifest(staging: Path, writer: IndexWriter, entries: Mapping[str, Entry], origin: Origin) -> Manifest:
    """Write the manifest of a finished index, the last file of a staging."""
    settings = origin.recipe.settings()
    names = [DATABASE, VECTORS] if writer.dimensions else [DATABASE]
    fields: dict[str, Any] = {
        "snapshot_id": staging.name,
        "job": origin.job,
        "run_id": origin.run_id,
        "created_at": utc(origin.now),
        "corpus_digest": corpus_digest(entries),
        "settings_digest": hashlib.sha256(canonical(settings)).hexdigest(),
        "settings": settings,
        "versions": _versions(),
        "documents": writer.documents,
        "nodes": writer.nodes,
        "embedding": dict(origin.recipe.embedding.identity()) | {"dimensions": writer.dimensions},
        "quarantined": _left_out(origin.quarantined.items()),
        "quarantined_total": len(origin.quarantined),
        "skipped": _left_out((each.key, each.reason) for each in origin.skipped),
        "skipped_total": len(origin.skipped),
        "files": [entry_of(staging / name, name).model_dump() for name in names],
    }
    manifest = sealed(fields)
    files.write_atomic(staging / MANIFEST, rendered(manifest.model_dump(mode="json")))
    return manifest


def _left_out(pairs: Iterable[tuple[str, str]]) -> list[dict[str, Any]]:
    return [LeftOut(document=key, reason=reason).model_dump() for key, reason in sorted(pairs)[:_MOST_LEFT_OUT]]


def _versions() -> dict[str, str]:
    from importlib.metadata import PackageNotFoundError, version

    found = {}
    for name in _PACKAGES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found

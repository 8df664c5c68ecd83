"""What a plan says of documents, and the batches that follow from it."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from orchestrator.job import Change, PlannedItem, Unit
from orchestrator.kinds.ingest.build import Previous
from orchestrator.kinds.ingest.document import Corpus, Scan, Seen
from orchestrator.kinds.ingest.index import Entry
from orchestrator.kinds.ingest.pipeline import Batch
from orchestrator.kinds.ingest.recipe import Recipe

_BATCH_BYTES: Final = 500_000
_BATCH_DOCUMENTS: Final = 200


def quarantined_before(previous: Previous | None) -> Mapping[str, str]:
    """Return the documents that the last run couldn't read, with the codes of their failures."""
    return {each.document: each.reason for each in previous.manifest.quarantined} if previous is not None else {}


def planned_item(
    seen: Seen, wanted: Entry | None, previous: Previous | None, recipe: Recipe, quarantined: Mapping[str, str]
) -> PlannedItem:
    """Return what happens to a document, and why."""
    known = previous.entries.get(seen.key) if previous is not None else None
    if wanted is None:
        change = Change.NEW if known is None else Change.CHANGED
        return PlannedItem(seen.key, change, seen.problem.message if seen.problem else "can't be read")
    if known is None:
        failure = quarantined.get(seen.key)
        return PlannedItem(seen.key, Change.NEW, f"tried again: {failure} the last time" if failure else "new document")
    if known == wanted:
        return PlannedItem(seen.key, Change.UNCHANGED)
    if known.digest != wanted.digest:
        return PlannedItem(seen.key, Change.CHANGED, "content changed")
    return PlannedItem(seen.key, Change.CHANGED, _changed_settings(previous, recipe))


def _changed_settings(previous: Previous | None, recipe: Recipe) -> str:
    before = previous.manifest.settings if previous is not None else {}
    changed = [name for name, value in recipe.settings().items() if before.get(name) != value]
    words = {"embedding": "another embedding model", "chunk": "another way to cut", "readers": "other readers"}
    return " and ".join(words.get(name, name) for name in changed) or "other settings"


def batches(documents: Sequence[Seen], corpus: Corpus, recipe: Recipe) -> Iterator[Unit]:
    """Yield units of about half a megabyte. Unreadable documents come last, in units of their own.

    A document that the job's own reader reads is a unit by itself: what it raises then fails no other.
    """
    some: list[Seen] = []
    size = 0
    for seen in documents:
        if seen.problem is not None:
            continue
        if recipe.readers.is_own(seen.key):
            yield _unit([seen], corpus, recipe)
            continue
        if some and (size + seen.size > _BATCH_BYTES or len(some) >= _BATCH_DOCUMENTS):
            yield _unit(some, corpus, recipe)
            some, size = [], 0
        some.append(seen)
        size += seen.size
    if some:
        yield _unit(some, corpus, recipe)
    bad = [seen for seen in documents if seen.problem is not None]
    for start in range(0, len(bad), _BATCH_DOCUMENTS):
        yield _unit(bad[start : start + _BATCH_DOCUMENTS], corpus, recipe)


def _unit(documents: Sequence[Seen], corpus: Corpus, recipe: Recipe) -> Unit:
    """Return the unit of these documents. Its key follows from their contents: the same in each attempt, no other's."""
    digest = hashlib.sha256(recipe.digest())
    for seen in documents:
        digest.update(seen.key.encode("utf-8", "surrogatepass") + b"\0" + (seen.digest or b""))
    keys = tuple(seen.key for seen in documents)
    return Unit(f"batch-{digest.hexdigest()[:16]}", keys, Batch(corpus, recipe, tuple(documents)))


def skipped_warning(scan: Scan) -> str:
    """Return one line on what the walk left out and nobody asked for; empty if there is nothing to say."""
    counts = Counter(each.reason for each in scan.skipped if each.reason not in {"hidden", "in .gitignore"})
    told = ", ".join(f"{count} x {reason}" for reason, count in counts.most_common(5))
    return f"left out: {told}" if told else ""

"""The work of an ingest: read a batch of documents, cut and embed them, without touching any store."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from orchestrator.deadline import WorkContext
from orchestrator.errors import Failure, JobError
from orchestrator.job import ItemOutcome, ItemState, Unit, UnitResult
from orchestrator.kinds.ingest.asking import on_behalf_of
from orchestrator.kinds.ingest.computed import Computed, cache_key
from orchestrator.kinds.ingest.document import Content, Corpus, Parsed, Seen, Unreadable
from orchestrator.kinds.ingest.recipe import DEFAULT, HEADINGS, NONE, Recipe

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from orchestrator.kinds.ingest.parts import Parts

_SLICE: Final = 256
"""Nodes in one call of a model: about 0.05 s of the default one between two looks at cancel and deadline."""

MODEL_FAILURES: Final = frozenset({"embedding-failed", "splitter-failed", "readers-failed", "missing-extra"})
"""Failures that no document is to blame for: they fail the job instead of quarantining documents."""


class Batch(NamedTuple):
    """A unit's payload: which documents, where they come from, what is made of them."""

    corpus: Corpus
    recipe: Recipe
    documents: tuple[Seen, ...]


class Kitchen:
    """The world of `work`: the parts of a recipe, made once a process and only when something has to be computed."""

    def __init__(self, recipe: Recipe) -> None:
        self.recipe = recipe
        self.digest = recipe.digest()
        self._making = threading.Lock()
        self._parts: Parts | None = None

    def parts(self) -> Parts:
        """Return what cuts and embeds. Raises JobError with what to install."""
        with self._making:
            if self._parts is None:
                self._parts = _parts(self.recipe)
            return self._parts

    def close(self) -> None:
        """Close the connections of a model that has any."""
        with self._making:
            if self._parts is not None:
                self._parts.close()
            self._parts = None


def _parts(recipe: Recipe) -> Parts:
    """Return the parts: the default ones by themselves, any other through LlamaIndex, whose import takes seconds."""
    if recipe.splitter == HEADINGS and recipe.embedding.name in {DEFAULT, NONE}:
        from orchestrator.kinds.ingest.parts import OwnParts

        return OwnParts(recipe)
    from orchestrator.kinds.ingest.llama import LlamaParts

    return LlamaParts(recipe)


@contextmanager
def open_kitchen(recipe: Recipe) -> Iterator[Kitchen]:
    """Open the world of `work`; costs nothing until the first batch."""
    kitchen = Kitchen(recipe)
    try:
        yield kitchen
    finally:
        kitchen.close()


def world_of(recipe: Recipe) -> Any:
    """Return the picklable factory that a job names as its world."""
    return partial(open_kitchen, recipe)


def work(unit: Unit, context: WorkContext) -> UnitResult:
    """Read, cut and embed the documents of a batch. One that can't be read is an outcome; the others go on."""
    batch: Batch = unit.payload
    kitchen: Kitchen = context.world
    readable: list[tuple[Content, Parsed]] = []
    outcomes: list[ItemOutcome] = []
    for seen, content in batch.corpus.read(batch.documents):
        context.checkpoint(len(outcomes), len(batch.documents), "read")
        try:
            readable.append(_parsed(batch.recipe, content))
        except Unreadable as error:
            outcomes.append(_failed(seen, error.failure()))
    try:
        computed = list(_computed(kitchen, readable, context)) if readable else []
    except JobError as error:
        # Reported by each document, so that a retry repeats them; `commit` fails the job with it.
        outcomes.extend(_failed(content.seen, error.failure()) for content, _ in readable)
        return UnitResult(tuple(outcomes))
    outcomes.extend(ItemOutcome(each.key, ItemState.SUCCEEDED, found=len(each.nodes)) for each in computed)
    return UnitResult(tuple(outcomes), [each.stored() for each in computed])


def _failed(seen: Seen, failure: Failure) -> ItemOutcome:
    return ItemOutcome(seen.key, ItemState.FAILED, error=failure)


def _parsed(recipe: Recipe, content: Content | Failure) -> tuple[Content, Parsed]:
    if isinstance(content, Failure):
        raise Unreadable(content.message, code=content.code, hint=content.hint, retryable=content.retryable)
    if content.parsed is not None:
        return content, content.parsed
    return content, recipe.readers.read(name_of(content.seen.key), content.data)


def name_of(key: str) -> str:
    """Return a document's file name."""
    return key.rpartition("/")[2]


def title_of(key: str, parsed: Parsed) -> str:
    """Return a document's title, its file name without suffix if it says none."""
    return parsed.title or PurePosixPath(key).stem


def _computed(kitchen: Kitchen, readable: Sequence[tuple[Content, Parsed]], context: WorkContext) -> Iterator[Computed]:
    parts = kitchen.parts()
    titles = [title_of(content.seen.key, parsed) for content, parsed in readable]
    cut = parts.cut([(content.seen.key, parsed, title) for (content, parsed), title in zip(readable, titles, strict=True)])
    context.checkpoint(0, sum(len(each.nodes) for each in cut), "embed")
    asked = [each for one in cut for each in one.asked]
    rows = _rows(parts, asked, context) if kitchen.recipe.embedding.dense and asked else None
    first = 0
    for (content, parsed), title, one in zip(readable, titles, cut, strict=True):
        mine = rows[first : first + len(one.nodes)] if rows is not None else None
        first += len(one.nodes)
        yield Computed(
            key=content.seen.key,
            digest=content.digest,
            cache_key=cache_key(content.digest, kitchen.digest, name_of(content.seen.key)),
            title=title,
            metadata=parsed.metadata,
            nodes=one.nodes,
            dimensions=mine.shape[1] if mine is not None and one.nodes else 0,
            vectors=mine.tobytes() if mine is not None else b"",
        )


def _rows(parts: Parts, asked: Sequence[Any], context: WorkContext) -> NDArray[np.float16]:
    """Return a row a node, at length one as float16: no measurable loss, and half of what is stored and scanned."""
    import numpy as np

    made: list[NDArray[np.float16]] = []
    for start in range(0, len(asked), _SLICE):
        with on_behalf_of(context):
            rows = parts.rows(asked[start : start + _SLICE])
        lengths = np.linalg.norm(rows, axis=1, keepdims=True)
        made.append(np.divide(rows, lengths, out=rows, where=lengths > 0).astype("<f2"))
        context.checkpoint(min(start + _SLICE, len(asked)), len(asked), "embed")
    return np.concatenate(made)

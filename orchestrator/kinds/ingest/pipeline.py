"""The work of an ingest: read a batch of documents and run it through LlamaIndex's pipeline, without touching any store."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any, Final

from orchestrator.deadline import WorkContext
from orchestrator.errors import Failure, JobError
from orchestrator.job import ItemOutcome, ItemState, Unit, UnitResult
from orchestrator.kinds.ingest.asking import Closing, InRows, on_behalf_of
from orchestrator.kinds.ingest.computed import Computed, NodeText, cache_key
from orchestrator.kinds.ingest.document import Content, Corpus, Parsed, Seen, Unreadable
from orchestrator.kinds.ingest.recipe import Recipe

if TYPE_CHECKING:
    import numpy as np
    from llama_index.core.ingestion import IngestionPipeline
    from llama_index.core.schema import BaseNode
    from numpy.typing import NDArray

_SLICE: Final = 256
"""Nodes in one call of LlamaIndex: about 0.15 s of the default model between two looks at cancel and deadline."""

MODEL_FAILURES: Final = frozenset({"embedding-failed", "splitter-failed", "readers-failed", "missing-extra"})
"""Failures that no document is to blame for: they fail the job instead of quarantining documents."""


@dataclass(frozen=True, slots=True)
class Batch:
    """A unit's payload: which documents, where they come from, what is made of them."""

    corpus: Corpus
    recipe: Recipe
    documents: tuple[Seen, ...]


class Kitchen:
    """The world of `work`: the pipelines of a recipe, made once a process and only when something has to be computed."""

    def __init__(self, recipe: Recipe) -> None:
        self.recipe = recipe
        self.digest = recipe.digest()
        self._making = threading.Lock()
        self._pipelines: tuple[IngestionPipeline, IngestionPipeline | None] | None = None

    def pipelines(self) -> tuple[IngestionPipeline, IngestionPipeline | None]:
        """Return the one that parses and the one that embeds (None without an embedding). Imports llama_index.

        Raises JobError with what to install.
        """
        with self._making:
            if self._pipelines is None:
                self._pipelines = _pipelines(self.recipe)
            return self._pipelines

    def close(self) -> None:
        """Close the connections of a model that has any."""
        with self._making:
            for part in self._pipelines[1].transformations if self._pipelines and self._pipelines[1] else ():
                if isinstance(part, Closing):
                    part.close()
            self._pipelines = None


def _pipelines(recipe: Recipe) -> tuple[IngestionPipeline, IngestionPipeline | None]:
    from llama_index.core.ingestion import IngestionPipeline

    from orchestrator.kinds.ingest.models import open_embedding
    from orchestrator.kinds.ingest.splitters import open_splitter

    parse = IngestionPipeline(transformations=[open_splitter(recipe)], disable_cache=True)
    if not recipe.embedding.dense:
        return parse, None
    return parse, IngestionPipeline(transformations=[open_embedding(recipe.embedding)], disable_cache=True)


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
    from orchestrator.kinds.ingest.nodes import document_of

    parse, embed = kitchen.pipelines()
    documents = [document_of(content.seen.key, parsed, title_of(content.seen.key, parsed)) for content, parsed in readable]
    nodes: list[BaseNode] = list(parse.run(documents=documents))
    context.checkpoint(0, len(nodes), "embed")
    vectors: Sequence[bytes] = [b""] * len(nodes)
    dimensions = 0
    if embed is not None and nodes:
        nodes, rows = _embedded(embed, nodes, context)
        dimensions, vectors = rows.shape[1], [row.tobytes() for row in rows]
    by_document: dict[str, tuple[list[BaseNode], list[bytes]]] = {}
    for node, vector in zip(nodes, vectors, strict=True):
        mine = by_document.setdefault(node.ref_doc_id or "", ([], []))
        mine[0].append(node)
        mine[1].append(vector)
    for content, parsed in readable:
        own, packed = by_document.get(content.seen.key, ([], []))
        yield _collected(kitchen, content, parsed, own, dimensions, b"".join(packed))


def _embedded(
    embed: IngestionPipeline, nodes: list[BaseNode], context: WorkContext
) -> tuple[list[BaseNode], NDArray[np.float16]]:
    """Return nodes with a row each, at length one as float16: no measurable loss, and half of what is stored and scanned."""
    import numpy as np

    made: list[BaseNode] = []
    parts: list[NDArray[np.float16]] = []
    for start in range(0, len(nodes), _SLICE):
        some = nodes[start : start + _SLICE]
        with on_behalf_of(context):
            rows = _rows(embed, some)
        lengths = np.linalg.norm(rows, axis=1, keepdims=True)
        parts.append(np.divide(rows, lengths, out=rows, where=lengths > 0).astype("<f2"))
        made.extend(some)
        context.checkpoint(len(made), len(nodes), "embed")
    return made, np.concatenate(parts)


def _rows(embed: IngestionPipeline, nodes: list[BaseNode]) -> NDArray[np.float32]:
    import numpy as np

    (model,) = embed.transformations
    if isinstance(model, InRows):
        return model.rows(nodes)
    nodes[:] = embed.run(nodes=nodes)
    return np.asarray([node.get_embedding() for node in nodes], dtype=np.float32)


def _collected(
    kitchen: Kitchen, content: Content, parsed: Parsed, nodes: Sequence[BaseNode], dimensions: int, vectors: bytes
) -> Computed:
    key = content.seen.key
    return Computed(
        key=key,
        digest=content.digest,
        cache_key=cache_key(content.digest, kitchen.digest, name_of(key)),
        title=title_of(key, parsed),
        metadata=parsed.metadata,
        nodes=[_text_of(node, parsed) for node in nodes],
        dimensions=dimensions if nodes else 0,
        vectors=vectors,
    )


def _text_of(node: BaseNode, parsed: Parsed) -> NodeText:
    text = node.get_content()
    start = getattr(node, "start_char_idx", None) or 0
    line = node.metadata.get("line") or parsed.text.count("\n", 0, start) + 1
    return NodeText(start, start + len(text), int(line), str(node.metadata.get("headings", "")), text)

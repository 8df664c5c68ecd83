"""One collection of a vector store of LlamaIndex: filled from a snapshot, checked node by node, named, removed.

Imports llama_index and the package of the store.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Protocol, runtime_checkable
from uuid import UUID

import numpy as np
from llama_index.core.schema import BaseNode, NodeRelationship, TextNode
from llama_index.core.vector_stores.types import BasePydanticVectorStore

from orchestrator.deadline import WorkContext
from orchestrator.errors import JobError, OrchestrateError
from orchestrator.kinds.ingest.asking import Closing
from orchestrator.kinds.ingest.computed import Computed, node_id
from orchestrator.kinds.ingest.index import IndexReader, read_entries
from orchestrator.kinds.ingest.manifest import read_manifest
from orchestrator.kinds.ingest.models import load_class
from orchestrator.kinds.ingest.nodes import LINE, PATH, TITLE, source_of

CODE: Final = "vector-store-failed"
_AT_ONCE: Final = 256
"""Nodes in one call."""


@runtime_checkable
class _Aliasing(Protocol):
    """A client whose server knows second names of collections: that of Qdrant."""

    def update_collection_aliases(self, change_aliases_operations: Sequence[Any]) -> Any:
        """Change names, all at once."""


class _Blamed:
    """Tells failures of a store as such. Its code is of others and may raise anything; the cause is kept."""

    def __init__(self, action: str) -> None:
        self._action = action

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        if isinstance(error, Exception) and not isinstance(error, OrchestrateError):
            message = f"the vector store can't {self._action}: {type(error).__name__}"
            hint = "see `publish`, and whether the store can be reached; `orchestrate resume` tries again"
            raise JobError(message, code=CODE, hint=hint, retryable=True) from error


class Collection:
    """An open collection. Close it."""

    def __init__(self, reference: str, arguments: Mapping[str, Any]) -> None:
        """Open it with the class that `module:Class` names. Raises JobError with what to install or to correct."""
        make = load_class(reference, "vector_store")
        with _Blamed("be opened"):
            self._store = make(**arguments)
        if not isinstance(self._store, BasePydanticVectorStore):
            raise JobError(f"{reference} is no vector store of LlamaIndex", code=CODE, hint="see `publish.vector_store`")

    def close(self) -> None:
        """Close its connections, if it says how."""
        with _Blamed("be closed"):
            if isinstance(self._store.client, Closing):
                self._store.client.close()

    def fill(self, snapshot: Path, context: WorkContext) -> None:
        """Add every node of a snapshot, then ask for each of them. Raises JobError if the store has others than those."""
        total, done = read_manifest(snapshot).nodes, 0
        for nodes in _batches(snapshot):
            context.checkpoint(done, total, "fill the vector store")
            with _Blamed("take nodes"):
                self._store.add(nodes)
            done += len(nodes)
        found = 0
        for nodes in _batches(snapshot):
            context.checkpoint(found, total, "check the vector store")
            found += self._count([node.node_id for node in nodes])
        if found != total:
            message = f"the vector store has {found} of {total} nodes"
            raise JobError(message, code=CODE, hint="its old collection stays in use; run again", retryable=True)

    def _count(self, ids: list[str]) -> int:
        with _Blamed("return nodes"):
            return len({node.node_id for node in self._store.get_nodes(node_ids=ids)} & set(ids))

    def remove(self) -> None:
        """Remove the collection, or what is in it if the store can't do more; one that doesn't exist is fine."""
        with _Blamed("remove an old collection"):
            self._store.clear()

    def point(self, alias: str, collection: str) -> None:
        """Let a second name mean this collection, in one step. Raises JobError if the store has no such names."""
        client = self._store.client
        if not isinstance(client, _Aliasing):
            raise JobError("this vector store has no second names", code=CODE, hint="remove `publish.alias`")
        with _Blamed("switch the name"):
            from qdrant_client import models

            create = models.CreateAlias(collection_name=collection, alias_name=alias)
            client.update_collection_aliases([models.CreateAliasOperation(create_alias=create)])


def _batches(snapshot: Path) -> Iterator[list[BaseNode]]:
    some: list[BaseNode] = []
    for node in _nodes(snapshot):
        some.append(node)
        if len(some) >= _AT_ONCE:
            yield some
            some = []
    if some:
        yield some


def _nodes(snapshot: Path) -> Iterator[BaseNode]:
    dimensions = int(read_manifest(snapshot).embedding["dimensions"])
    with closing(IndexReader(snapshot)) as reader:
        for key in sorted(read_entries(snapshot)):
            document = reader.computed(key, dimensions)
            if document is not None:
                yield from _nodes_of(document)


def _nodes_of(document: Computed) -> Iterator[BaseNode]:
    """Yield nodes as they are published: their ids are UUIDs, which every store takes, of the bytes that name a node."""
    rows = np.frombuffer(document.vectors, dtype="<f2").reshape(len(document.nodes), -1).astype(np.float32).tolist()
    for node, row in zip(document.nodes, rows, strict=True):
        yield TextNode(
            id_=str(UUID(bytes=node_id(document.key, node))),
            text=node.text,
            start_char_idx=node.start,
            end_char_idx=node.end,
            embedding=row,
            metadata={
                **document.metadata,
                "document": document.key,
                TITLE: document.title,
                PATH: node.headings,
                LINE: node.line,
            },
            relationships={NodeRelationship.SOURCE: source_of(document.key)},
        )

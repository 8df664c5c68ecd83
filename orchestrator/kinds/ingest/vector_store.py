"""A snapshot as a vector store of LlamaIndex: read-only, with texts, in the modes default (dense), text search and hybrid.

Imports llama_index.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from llama_index.core import VectorStoreIndex
from llama_index.core.base.base_retriever import BaseRetriever
from llama_index.core.base.embeddings.base import BaseEmbedding, Embedding
from llama_index.core.callbacks import CallbackManager
from llama_index.core.schema import BaseNode, NodeRelationship, ObjectType, RelatedNodeInfo, TextNode
from llama_index.core.vector_stores.types import (
    BasePydanticVectorStore,
    FilterCondition,
    FilterOperator,
    MetadataFilter,
    MetadataFilters,
    VectorStoreQuery,
    VectorStoreQueryMode,
    VectorStoreQueryResult,
)
from pydantic import PrivateAttr

from orchestrator.errors import UsageError
from orchestrator.kinds.ingest.nodes import HeadingNodeParser
from orchestrator.kinds.ingest.search import Hit, Mode, Snapshot

_MODES: Final[dict[VectorStoreQueryMode, Mode]] = {
    VectorStoreQueryMode.DEFAULT: "dense",
    VectorStoreQueryMode.HYBRID: "hybrid",
    VectorStoreQueryMode.TEXT_SEARCH: "lexical",
    VectorStoreQueryMode.SPARSE: "lexical",
}


class SnapshotVectorStore(BasePydanticVectorStore):
    """Queries one open snapshot. Adding and deleting is refused: a snapshot never changes."""

    stores_text: bool = True
    is_embedding_query: bool = True
    _snapshot: Snapshot = PrivateAttr()

    def __init__(self, snapshot: Snapshot) -> None:
        super().__init__(stores_text=True)
        self._snapshot = snapshot

    @classmethod
    def class_name(cls) -> str:
        """Return the name that LlamaIndex serialises."""
        return "SnapshotVectorStore"

    @property
    def client(self) -> Any:
        """Return the open snapshot."""
        return self._snapshot

    def add(self, nodes: Sequence[BaseNode], **kwargs: Any) -> list[str]:  # noqa: ARG002 - as inherited
        """Refuse: raises UsageError."""
        raise UsageError("a published snapshot can't be changed", hint="`orchestrate run` publishes the next one")

    def delete(self, ref_doc_id: str, **delete_kwargs: Any) -> None:  # noqa: ARG002 - as inherited
        """Refuse: raises UsageError."""
        raise UsageError("a published snapshot can't be changed", hint="`orchestrate run` publishes the next one")

    def query(self, query: VectorStoreQuery, **kwargs: Any) -> VectorStoreQueryResult:  # noqa: ARG002 - as inherited
        """Return the best nodes. Raises UsageError for a mode or a filter that a snapshot doesn't have."""
        mode = _MODES.get(query.mode)
        if mode is None:
            raise UsageError(f"a snapshot has no query mode {query.mode.value}", hint=f"it has {', '.join(_MODES)}")
        path, where = _filters(query.filters)
        top = (query.hybrid_top_k if mode == "hybrid" else None) or query.similarity_top_k
        hits = self._snapshot.search(query.query_str or "", top, mode, path=path, where=where)
        return VectorStoreQueryResult(
            nodes=[node_of(hit) for hit in hits], similarities=[hit.score for hit in hits], ids=[hit.node_id for hit in hits]
        )

    def get_nodes(self, node_ids: list[str] | None = None, filters: MetadataFilters | None = None) -> list[BaseNode]:
        """Return nodes by their ids."""
        if node_ids is None or filters is not None:
            raise UsageError("a snapshot returns nodes by their ids only")
        return [node_of(hit) for hit in self._snapshot.hits([(row, 0.0) for row in self._snapshot.rows_of(node_ids)])]


def _filters(filters: MetadataFilters | None) -> tuple[str | None, dict[str, str]]:
    path, where = None, {}
    for each in filters.filters if filters is not None else ():
        if (
            not isinstance(each, MetadataFilter)
            or each.operator is not FilterOperator.EQ
            or (filters is not None and filters.condition is not FilterCondition.AND)
        ):
            raise UsageError("a snapshot filters by equal values, all of them", hint="`document` takes a path or a glob")
        if each.key == "document":
            path = str(each.value)
        else:
            where[each.key] = str(each.value)
    return path, where


def node_of(hit: Hit) -> TextNode:
    """Return a hit as a node of LlamaIndex."""
    source = RelatedNodeInfo(node_id=hit.document, node_type=ObjectType.DOCUMENT)
    return TextNode(
        id_=hit.node_id,
        text=hit.text,
        start_char_idx=hit.start,
        end_char_idx=hit.end,
        metadata={"document": hit.document, "title": hit.title, "headings": hit.headings, "line": hit.line},
        relationships={NodeRelationship.SOURCE: source},
    )


class _SnapshotEmbedding(BaseEmbedding):
    """Embeds questions with the model that made a snapshot, so that nobody can pair it with another one."""

    model_name: str = "snapshot"
    _snapshot: Snapshot = PrivateAttr()

    def __init__(self, snapshot: Snapshot) -> None:
        super().__init__(model_name=str(snapshot.manifest.embedding.get("name", "none")))
        self._snapshot = snapshot

    def _get_query_embedding(self, query: str) -> Embedding:
        return list(self._snapshot.embed(query)) if self._snapshot.dense else [0.0]

    def _get_text_embedding(self, text: str) -> Embedding:
        return self._get_query_embedding(text)

    async def _aget_query_embedding(self, query: str) -> Embedding:
        return self._get_query_embedding(query)


def index_of(snapshot: Snapshot) -> VectorStoreIndex:
    """Return a snapshot as an index; the global `Settings` are never asked."""
    return VectorStoreIndex.from_vector_store(
        SnapshotVectorStore(snapshot),
        embed_model=_SnapshotEmbedding(snapshot),
        # Whatever isn't given here is looked up in `Settings`, which makes a splitter that needs nltk on the way.
        transformations=[HeadingNodeParser()],
        callback_manager=CallbackManager([]),
    )


def retriever_of(snapshot: Snapshot, **options: Any) -> BaseRetriever:
    """Return a retriever, hybrid unless told otherwise."""
    options.setdefault("vector_store_query_mode", "hybrid" if snapshot.dense else "text_search")
    return index_of(snapshot).as_retriever(**options)

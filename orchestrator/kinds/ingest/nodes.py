"""LlamaIndex on our own parts: a node parser that cuts at headings, and the default model as an embedding of LlamaIndex.

Imports llama_index, so only what computes or retrieves imports this module.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final

from llama_index.core.base.embeddings.base import BaseEmbedding, Embedding
from llama_index.core.node_parser import NodeParser
from llama_index.core.schema import (
    BaseNode,
    Document,
    MetadataMode,
    NodeRelationship,
    ObjectType,
    RelatedNodeInfo,
    TextNode,
)
from pydantic import PrivateAttr

from orchestrator.kinds.ingest.document import Heading, Parsed
from orchestrator.kinds.ingest.pieces import Piece, cut
from orchestrator.kinds.ingest.table import WordTable, load_table

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

TITLE: Final = "title"
PATH: Final = "headings"
LINE: Final = "line"
SHAPE: Final = "orchestrate_shape"
_CONTEXT: Final = "{value}"
"""How title and headings stand before the text that is embedded: without their names, which say nothing."""


def document_of(key: str, parsed: Parsed, title: str) -> Document:
    """Return a document of LlamaIndex; its shape travels as metadata, which the parser takes out again."""
    shape = (parsed.body, [(each.start, each.level, each.title) for each in parsed.headings])
    return Document(id_=key, text=parsed.text, metadata={TITLE: title, SHAPE: shape})


class DocumentParser(NodeParser):
    """A node parser that cuts one document at a time, in order."""

    def get_nodes_from_documents(
        self, documents: Sequence[Document], show_progress: bool = False, **kwargs: Any
    ) -> list[BaseNode]:
        """Return the nodes of the documents, in order.

        LlamaIndex's own version looks for each node's text again to find offsets that are known here.
        """
        return self._parse_nodes(documents, show_progress, **kwargs)

    def _parse_nodes(self, nodes: Sequence[BaseNode], show_progress: bool = False, **kwargs: Any) -> list[BaseNode]:
        del show_progress, kwargs
        return [made for node in nodes for made in self._cut(node)]

    @abstractmethod
    def _cut(self, node: BaseNode) -> list[TextNode]:
        """Return the nodes of one document."""


def parsed_of(node: BaseNode) -> Parsed:
    """Return a document with the title and the headings that its reader found."""
    body, headings = node.metadata.get(SHAPE, (0, []))
    title = str(node.metadata.get(TITLE, ""))
    return Parsed(node.get_content(), title, tuple(Heading(*each) for each in headings), body)


class HeadingNodeParser(DocumentParser):
    """Cuts documents at headings and paragraphs. Nodes know offsets, line, title and the headings above them."""

    size: int = 1200
    overlap: int = 0

    @classmethod
    def class_name(cls) -> str:
        """Return the name that LlamaIndex serialises."""
        return "HeadingNodeParser"

    def _cut(self, node: BaseNode) -> list[TextNode]:
        parsed = parsed_of(node)
        pieces = cut(parsed, self.size, self.overlap)
        source = source_of(node.node_id)
        title = parsed.title or ""
        return [node_of(source, parsed.text[piece.start : piece.end], piece, title) for piece in pieces]


def source_of(document: str) -> RelatedNodeInfo:
    """Return what the nodes of a document say of where they come from."""
    return RelatedNodeInfo(node_id=document, node_type=ObjectType.DOCUMENT)


def node_of(source: RelatedNodeInfo, text: str, piece: Piece, title: str) -> TextNode:
    """Return a piece of a document as a node. Title and headings stand before the text when it is embedded."""
    return TextNode(
        id_=f"{source.node_id}#{piece.start}-{piece.end}",
        text=text,
        start_char_idx=piece.start,
        end_char_idx=piece.end,
        metadata={TITLE: title, PATH: " > ".join(piece.path), LINE: piece.line},
        excluded_embed_metadata_keys=[LINE],
        metadata_template=_CONTEXT,
        relationships={NodeRelationship.SOURCE: source},
    )


class TableEmbedding(BaseEmbedding):
    """The default model: works offline, the same on every machine."""

    model_name: str = "wordllama-l2_supercat-256"
    embed_batch_size: int = 256
    _table: WordTable = PrivateAttr(default_factory=load_table)

    @classmethod
    def class_name(cls) -> str:
        """Return the name that LlamaIndex serialises."""
        return "TableEmbedding"

    def rows(self, nodes: Sequence[BaseNode]) -> NDArray[np.float32]:
        """Return one row for each node, of its text with title and headings."""
        return self._table.embed([node.get_content(MetadataMode.EMBED) for node in nodes])

    def _get_text_embeddings(self, texts: list[str]) -> list[Embedding]:
        rows: list[Embedding] = self._table.embed(texts).tolist()
        return rows

    def _get_text_embedding(self, text: str) -> Embedding:
        return self._get_text_embeddings([text])[0]

    def _get_query_embedding(self, query: str) -> Embedding:
        return self._get_text_embedding(query)

    async def _aget_query_embedding(self, query: str) -> Embedding:
        return self._get_query_embedding(query)

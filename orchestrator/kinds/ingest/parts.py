"""What cuts and embeds: the contract, and the default parts without LlamaIndex, whose import takes longer than a small corpus.

`llama` has the same parts as components of LlamaIndex, and every other one; a test compares what the two make.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

from orchestrator.kinds.ingest.computed import NodeText
from orchestrator.kinds.ingest.document import Parsed
from orchestrator.kinds.ingest.pieces import cut
from orchestrator.kinds.ingest.recipe import Recipe
from orchestrator.kinds.ingest.table import WordTable, load_table

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


class Cut(NamedTuple):
    """The nodes of one document, and what `rows` is asked for each of them."""

    nodes: list[NodeText]
    asked: list[Any]


class Parts(Protocol):
    """What cuts and embeds. Used by several threads at once."""

    def cut(self, documents: Sequence[tuple[str, Parsed, str]]) -> list[Cut]:
        """Return the nodes of documents, given as key, content and title. Raises JobError `splitter-failed`."""

    def rows(self, asked: Sequence[Any]) -> NDArray[np.float32]:
        """Return a row of one length for each. Raises JobError `embedding-failed`."""

    def close(self) -> None:
        """Close connections, if there are any."""


class OwnParts:
    """Cuts at headings, and embeds with the default table."""

    def __init__(self, recipe: Recipe) -> None:
        """Open the table, if the recipe asks for it. Raises MissingExtra, or JobError `embedding-failed`."""
        self._size, self._overlap = recipe.size, recipe.overlap
        self._table: WordTable | None = load_table() if recipe.embedding.dense else None

    def cut(self, documents: Sequence[tuple[str, Parsed, str]]) -> list[Cut]:
        """Return the nodes of documents."""
        return [self._cut(parsed, title) for _, parsed, title in documents]

    def _cut(self, parsed: Parsed, title: str) -> Cut:
        text = parsed.text
        nodes = [
            NodeText(piece.start, piece.end, piece.line, " > ".join(piece.path), text[piece.start : piece.end])
            for piece in cut(parsed, self._size, self._overlap)
        ]
        return Cut(nodes, [embedded_text(title, node) for node in nodes] if self._table else [])

    def rows(self, asked: Sequence[Any]) -> NDArray[np.float32]:
        """Return a row for each text."""
        assert self._table is not None
        return self._table.embed(asked)

    def close(self) -> None:
        """Do nothing: the table belongs to the process."""


def embedded_text(title: str, node: NodeText) -> str:
    """Return what a model is given of a node: title and headings stand before the text, without their names."""
    context = f"{title}\n{node.headings}".strip()
    return f"{context}\n\n{node.text}" if context else node.text

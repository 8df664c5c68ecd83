"""Cutting and embedding through LlamaIndex: its `IngestionPipeline` on small batches, without any store. Imports llama_index.

Everything but the default parts goes this way: LlamaIndex's splitters and the user's, providers, any embedding class.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from llama_index.core.ingestion import IngestionPipeline
from llama_index.core.schema import BaseNode

from orchestrator.kinds.ingest.asking import Closing, InRows
from orchestrator.kinds.ingest.computed import NodeText
from orchestrator.kinds.ingest.document import Parsed
from orchestrator.kinds.ingest.models import open_embedding
from orchestrator.kinds.ingest.nodes import LINE, PATH, document_of
from orchestrator.kinds.ingest.parts import Cut
from orchestrator.kinds.ingest.recipe import Recipe
from orchestrator.kinds.ingest.splitters import open_splitter

if TYPE_CHECKING:
    from numpy.typing import NDArray


class LlamaParts:
    """Cuts and embeds with components of LlamaIndex, one pipeline for each of the two."""

    def __init__(self, recipe: Recipe) -> None:
        """Open the node parser and the model. Raises JobError with what to install."""
        self._parse = IngestionPipeline(transformations=[open_splitter(recipe)], disable_cache=True)
        models = [open_embedding(recipe.embedding)] if recipe.embedding.dense else []
        self._embed = IngestionPipeline(transformations=list(models), disable_cache=True)

    def cut(self, documents: Sequence[tuple[str, Parsed, str]]) -> list[Cut]:
        """Return the nodes of documents."""
        by_document: dict[str, list[BaseNode]] = {key: [] for key, _, _ in documents}
        for node in self._parse.run(documents=[document_of(*each) for each in documents]):
            by_document[node.ref_doc_id or ""].append(node)
        return [
            Cut([_text_of(node, parsed) for node in nodes], nodes)
            for (_, parsed, _), nodes in zip(documents, by_document.values(), strict=True)
        ]

    def rows(self, asked: Sequence[Any]) -> NDArray[np.float32]:
        """Return a row for each node."""
        (model,) = self._embed.transformations
        if isinstance(model, InRows):
            return model.rows(asked)
        return np.asarray([node.get_embedding() for node in self._embed.run(nodes=list(asked))], dtype=np.float32)

    def close(self) -> None:
        """Close the connections of a model that has any."""
        for part in self._embed.transformations:
            if isinstance(part, Closing):
                part.close()


def _text_of(node: BaseNode, parsed: Parsed) -> NodeText:
    text = node.get_content()
    start = getattr(node, "start_char_idx", None) or 0
    line = node.metadata.get(LINE) or parsed.text.count("\n", 0, start) + 1
    return NodeText(start, start + len(text), int(line), str(node.metadata.get(PATH, "")), text)

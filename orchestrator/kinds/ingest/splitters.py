"""Opening the node parser that a recipe names: our own, LlamaIndex's, or the user's. Imports llama_index.

LlamaIndex's splitters ask nltk and tiktoken by default; the one refuses hard-linked files, the other wants to download.
They are given plain functions instead, and sizes count characters everywhere.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from typing import Final

from llama_index.core.node_parser import MarkdownNodeParser, NodeParser, SentenceSplitter, TokenTextSplitter
from llama_index.core.schema import BaseNode, Document, TextNode
from pydantic import ValidationError

from orchestrator.errors import JobError
from orchestrator.kinds.ingest.models import load_class
from orchestrator.kinds.ingest.nodes import DocumentParser, HeadingNodeParser, node_of, parsed_of, source_of
from orchestrator.kinds.ingest.pieces import Piece, sections
from orchestrator.kinds.ingest.recipe import Recipe

_SENTENCE: Final = re.compile(r"(?<=[.!?])\s+(?=[\"'(\[]?[A-Z0-9])")


def sentences(text: str) -> list[str]:
    """Return sentences with the white space behind them: joined, they are the text."""
    ends = [found.end() for found in _SENTENCE.finditer(text)]
    return [text[start:end] for start, end in zip([0, *ends], [*ends, len(text)], strict=True)]


def characters(text: str) -> list[str]:
    """Return the characters of a text: LlamaIndex measures sizes by what this returns."""
    return list(text)


class ShapedNodeParser(DocumentParser):
    """Lets another node parser cut, and gives its nodes what our own know: offsets, line, title, headings."""

    inner: NodeParser

    @classmethod
    def class_name(cls) -> str:
        """Return the name that LlamaIndex serialises."""
        return "ShapedNodeParser"

    def _cut(self, node: BaseNode) -> list[TextNode]:
        parsed = parsed_of(node)
        text, title, body = parsed.text, parsed.title or "", parsed.body
        stretches = list(sections(parsed))
        starts = [start for start, _, _ in stretches]
        made: list[TextNode] = []
        source = source_of(node.node_id)
        position = body
        for each in self.inner.get_nodes_from_documents([Document(id_=node.node_id, text=text[body:])]):
            words = each.get_content()
            if not words.strip():
                continue
            found = text.find(words, position)
            start = found if found >= 0 else position
            position = start + 1 if found >= 0 else position
            path = stretches[max(0, bisect_right(starts, start) - 1)][2]
            piece = Piece(start, start + len(words), text.count("\n", 0, start) + 1, path)
            made.append(node_of(source, words, piece, title))
        return made


def open_splitter(recipe: Recipe) -> NodeParser:
    """Return the node parser. Raises JobError `splitter-failed` with what to install or to correct."""
    match recipe.splitter:
        case "headings":
            return HeadingNodeParser(size=recipe.size, overlap=recipe.overlap)
        case "sentence":
            return ShapedNodeParser(
                inner=SentenceSplitter(
                    chunk_size=recipe.size,
                    chunk_overlap=recipe.overlap,
                    tokenizer=characters,
                    chunking_tokenizer_fn=sentences,
                )
            )
        case "token":
            splitter = TokenTextSplitter(chunk_size=recipe.size, chunk_overlap=recipe.overlap, tokenizer=characters)
            return ShapedNodeParser(inner=splitter)
        case "markdown":
            return ShapedNodeParser(inner=MarkdownNodeParser())
        case reference:
            return ShapedNodeParser(inner=_own(reference))


def _own(reference: str) -> NodeParser:
    kind = load_class(reference, "splitter")
    if not (isinstance(kind, type) and issubclass(kind, NodeParser)):
        raise JobError(f"{reference} is no node parser of LlamaIndex", code="splitter-failed", hint="see `chunk.splitter`")
    try:
        return kind()
    except (ValidationError, TypeError, ValueError, ImportError) as error:
        message = f"the splitter {reference} can't be made: {type(error).__name__}"
        raise JobError(message, code="splitter-failed", hint="it has to work without arguments") from error

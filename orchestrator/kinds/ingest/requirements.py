"""Which modules a job imports when it runs, and what for: `orchestrate doctor` looks whether they are installed."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Final

from orchestrator.job import Surroundings
from orchestrator.kinds.ingest.spec import EmbeddingClass, IngestSpec, Postings, Provider
from orchestrator.kinds.ingest.targets import folders_of
from orchestrator.kinds.ingest.unmatched import names_below

_LLAMA_INDEX: Final = "llama_index.core"
_TABLE: Final = ("wordllama", "tokenizers", "safetensors", "numpy")
_OF_SUFFIX: Final = {
    **dict.fromkeys((".html", ".htm", ".xhtml", ".epub"), "selectolax"),
    ".pdf": "pypdfium2",
    ".docx": "docx",
}
_OWN_SPLITTER: Final = "headings"


def requirements(spec: IngestSpec, surroundings: Surroundings) -> Iterator[tuple[str, str]]:
    """Yield each module with what needs it; nothing is imported, names of files are read. A module may come several times."""
    yield from _of_embedding(spec)
    if spec.chunk.splitter != _OWN_SPLITTER:
        yield _LLAMA_INDEX, f"the splitter `{spec.chunk.splitter}`"
        yield from _of_class(spec.chunk.splitter)
    for suffix, reference in spec.readers.items():
        yield _LLAMA_INDEX, f"the reader of {suffix}"
        yield from _of_class(reference)
    if spec.publish is not None:
        yield _LLAMA_INDEX, "`publish`"
        yield from _of_class(spec.publish.reference)
    if isinstance(spec.corpus, Postings):
        if not surroundings.database.startswith("sqlite"):
            yield "sqlalchemy", "a corpus of postings on a database server"
        return
    suffixes = {Path(name).suffix.lower() for each in folders_of(spec) for name in names_below(surroundings.root / each)}
    yield from ((module, f"{suffix} documents") for suffix, module in _OF_SUFFIX.items() if suffix in suffixes)


def _of_embedding(spec: IngestSpec) -> Iterator[tuple[str, str]]:
    match spec.embedding:
        case "default":
            yield from ((module, "the default embedding") for module in _TABLE)
        case Provider():
            yield from ((module, "the embedding provider") for module in (_LLAMA_INDEX, "httpx", "numpy"))
        case EmbeddingClass() as own:
            yield _LLAMA_INDEX, "the embedding class"
            yield from _of_class(own.reference)


def _of_class(reference: str) -> Iterator[tuple[str, str]]:
    module, colon, _ = reference.partition(":")
    if colon:
        yield module, reference

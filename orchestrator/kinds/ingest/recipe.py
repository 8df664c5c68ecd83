"""What makes nodes out of content: readers, cutting and embedding, as one picklable value with a digest.

Two runs with the same digest make the same nodes of the same content, so the digest is part of every key of the cache.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Final, NamedTuple

from orchestrator import extras
from orchestrator.errors import MissingExtra
from orchestrator.kinds.ingest import pieces, readers
from orchestrator.kinds.ingest.readers import Limits, Readers
from orchestrator.kinds.ingest.spec import EmbeddingClass, IngestSpec, Provider
from orchestrator.redact import public_url

_SECRET: Final = re.compile(r"(?i)key|token|secret|passw|auth|credential")
DEFAULT: Final = "default"
NONE: Final = "none"
_TABLE: Final = "wordllama-l2_supercat-256@"
HEADINGS: Final = "headings"


class EmbeddingChoice(NamedTuple):
    """Which model embeds. `arguments` may hold a key: it is no part of any digest and of no file."""

    name: str
    arguments: Mapping[str, Any] = {}

    @property
    def dense(self) -> bool:
        """Whether there are vectors at all."""
        return self.name != NONE

    def identity(self) -> Mapping[str, Any]:
        """Return what tells this model from others, without secrets. Raises MissingExtra."""
        if self.name == NONE:
            return {"name": NONE}
        if self.name == DEFAULT:
            return {"name": DEFAULT, "model": self.arguments.get("model") or f"{_TABLE}{_installed_wordllama()}"}
        if "model" in self.arguments and ":" not in self.name:
            base_url = self.arguments.get("base_url")
            place = {"base_url": public_url(base_url)} if base_url else {}
            return {"name": self.name, "model": self.arguments["model"], **place}
        return {"name": self.name, "arguments": hashlib.sha256(canonical(told(self.arguments))).hexdigest()[:16]}


def told(arguments: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the arguments of a class without keys and passwords, which another one may replace.

    The values of the others may be secrets, too, whatever their names are: a file holds no more than their digest.
    """
    return {key: value for key, value in arguments.items() if not _SECRET.search(key)}


@cache
def _installed_wordllama() -> str:
    """Return the version as its folder's name says it: to parse its metadata takes as long as to scan 500 files."""
    package = find_spec("wordllama") if extras.exists("wordllama") else None
    if package is None:
        raise MissingExtra("the default embedding", "ingest")
    places = package.submodule_search_locations
    found = list(Path(places[0]).parent.glob("wordllama-*.dist-info")) if places else []
    if len(found) == 1:
        return found[0].stem.partition("-")[2]
    from importlib.metadata import PackageNotFoundError, version

    try:
        return version("wordllama")
    except PackageNotFoundError:
        raise MissingExtra("the default embedding", "ingest") from None


class Recipe(NamedTuple):
    """The recipe of a job."""

    size: int = 1200
    overlap: int = 0
    splitter: str = HEADINGS
    embedding: EmbeddingChoice = EmbeddingChoice(DEFAULT)
    readers: Readers = Readers()

    def settings(self) -> Mapping[str, Any]:
        """Return what the manifest says of the recipe; equal settings make equal nodes."""
        return {
            "chunk": {
                "size": self.size,
                "overlap": self.overlap,
                "splitter": self.splitter,
                "version": pieces.VERSION,
            },
            "embedding": dict(self.embedding.identity()),
            "readers": {"own": dict(sorted(self.readers.own.items())), "version": readers.VERSION},
        }

    def assuming(self, embedding: Mapping[str, Any]) -> Recipe:
        """Return the recipe with the default embedding of a snapshot's manifest in place of one that isn't installed."""
        before = embedding.get("model") if embedding.get("name") == DEFAULT else None
        return self._replace(embedding=EmbeddingChoice(DEFAULT, {"model": before or f"{_TABLE}?"}))

    def digest(self) -> bytes:
        """Return the SHA-256 of the settings in canonical form."""
        return hashlib.sha256(canonical(self.settings())).digest()


def canonical(document: Any) -> bytes:
    """Return JSON that doesn't depend on the order of keys."""
    return json.dumps(document, sort_keys=True, separators=(",", ":"), ensure_ascii=False, default=str).encode()


def recipe_of(spec: IngestSpec) -> Recipe:
    """Return the recipe that a spec asks for."""
    return Recipe(
        size=spec.chunk.size,
        overlap=spec.chunk.overlap,
        splitter=spec.chunk.splitter,
        embedding=_embedding_of(spec),
        readers=Readers(dict(spec.readers), Limits(spec.max_characters, spec.max_pages)),
    )


def _embedding_of(spec: IngestSpec) -> EmbeddingChoice:
    match spec.embedding:
        case Provider() as provider:
            arguments = provider.model_dump(exclude={"provider"}, exclude_none=True)
            return EmbeddingChoice(provider.provider, arguments)
        case EmbeddingClass() as own:
            return EmbeddingChoice(own.reference, dict(own.arguments))
        case word:
            return EmbeddingChoice(str(word))

"""Opening the embedding model that a recipe names. It works, or the job fails and says why: there is no fallback.

Imports llama_index.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any, Final

from llama_index.core.base.embeddings.base import BaseEmbedding
from pydantic import ValidationError

from orchestrator.errors import JobError, MissingExtra
from orchestrator.kinds.ingest.nodes import TableEmbedding
from orchestrator.kinds.ingest.recipe import DEFAULT, EmbeddingChoice

PROVIDERS: Final = frozenset({"openai-compatible", "ollama"})


def open_embedding(choice: EmbeddingChoice) -> BaseEmbedding:
    """Return the model. Raises JobError `embedding-failed` or MissingExtra, with what to install or to correct."""
    if choice.name == DEFAULT:
        return TableEmbedding()
    if choice.name in PROVIDERS:
        try:
            from orchestrator.kinds.ingest.providers import ProviderEmbedding
        except ImportError as error:
            raise MissingExtra("an embedding provider", "ingest") from error
        return ProviderEmbedding(choice.name, choice.arguments)
    return _own(choice)


def _own(choice: EmbeddingChoice) -> BaseEmbedding:
    kind = load_class(choice.name, "embedding")
    if not (isinstance(kind, type) and issubclass(kind, BaseEmbedding)):
        raise JobError(f"{choice.name} is no embedding of LlamaIndex", code="embedding-failed", hint="see `embedding`")
    try:
        return kind(**choice.arguments)
    except (ValidationError, TypeError, ValueError, OSError, ImportError) as error:
        raise JobError(
            f"the embedding {choice.name} can't be made: {type(error).__name__}",
            code="embedding-failed",
            hint="see its arguments below `embedding`",
        ) from error


def load_class(reference: str, what: str) -> Any:
    """Return what `module:Class` names. Raises JobError with what to install."""
    module, _, name = reference.partition(":")
    try:
        return getattr(import_module(module), name)
    except ImportError as error:
        raise JobError(
            f"the {what} {reference} can't be imported: {error.name or module} is missing",
            code=f"{what.replace('_', '-')}-failed",
            hint=f"install the package that has {module}",
        ) from error
    except AttributeError as error:
        raise JobError(f"{module} has no {name}", code=f"{what.replace('_', '-')}-failed", hint=f"see `{what}`") from error

"""The context of the work that asks an embedding model, for models that wait: LlamaIndex passes nothing through."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING, Final, Protocol, runtime_checkable

from orchestrator.deadline import WorkContext

if TYPE_CHECKING:
    import numpy as np
    from llama_index.core.schema import BaseNode
    from numpy.typing import NDArray

asking: Final[ContextVar[WorkContext | None]] = ContextVar("asking", default=None)


@contextmanager
def on_behalf_of(context: WorkContext) -> Iterator[None]:
    """Let models that are called in this block, on this thread, notice the context's cancel and deadline."""
    token = asking.set(context)
    try:
        yield
    finally:
        asking.reset(token)


@runtime_checkable
class Closing(Protocol):
    """A model that holds connections."""

    def close(self) -> None:
        """Close them."""


@runtime_checkable
class InRows(Protocol):
    """A model that can answer in one array, so that no vector is taken apart into a list of numbers and put together again."""

    def rows(self, nodes: Sequence[BaseNode]) -> NDArray[np.float32]:
        """Return one row for each node, of what LlamaIndex gives to a model: text and metadata."""

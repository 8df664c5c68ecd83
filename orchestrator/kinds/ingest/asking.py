"""The context of the work that asks an embedding model, for models that wait: LlamaIndex passes nothing through."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Final, Protocol, runtime_checkable

from orchestrator.deadline import WorkContext

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

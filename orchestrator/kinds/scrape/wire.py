"""The seam between the client and the world: one try of one request. The network, a recording and a replay stand behind it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, NamedTuple, Protocol

from orchestrator.deadline import Deadline, WorkContext

_NO_HEADERS: Final[Mapping[str, str]] = {}


class Call(NamedTuple):
    """One try: everything that goes out. Header names are in lower case."""

    method: str
    url: str
    headers: Mapping[str, str] = _NO_HEADERS
    body: bytes = b""


class Reply(NamedTuple):
    """What came back, whole: the body is inflated. Header names are in lower case; of repeated ones the last counts."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    received: int = 0
    """Bytes of the body as they came over the network."""


class WireError(Exception):
    """A try that brought no whole answer. `retry` says whether another try may pass, `silent` that the host didn't answer."""

    def __init__(self, code: str, message: str, *, retry: bool = True, silent: bool = False) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.retry = retry
        self.silent = silent


class Wire(Protocol):
    """Makes one try. Thread-safe."""

    @property
    def patient(self) -> bool:
        """Whether waiting may help: a replay answers the same at once."""

    def send(self, call: Call, deadline: Deadline, context: WorkContext) -> Reply:
        """Return the answer before `deadline`. Raises WireError; Cancelled and DeadlineExceeded come from the context."""

    def close(self) -> None:
        """Give everything back."""

"""What is said between a run and a process that reads for it: one message for each step of a reading, and one reply.

On the pipe, a message is a head of two lengths (4 bytes each, in network order), the message, pickled, and the body of the
answer as it came; a reply is one length and the reply, pickled. The process says first that it is ready. Both ends are ours:
nothing foreign is ever unpickled.
"""

from __future__ import annotations

import pickle
import struct
from typing import Final, NamedTuple, TypeAlias

from orchestrator.errors import Failure
from orchestrator.kinds.scrape.boards.base import Request
from orchestrator.kinds.scrape.readers.here import Answer, Listed, Task

_HEAD: Final = struct.Struct("!II")
_LENGTH: Final = struct.Struct("!I")
HEAD_SIZE: Final = _HEAD.size
LENGTH_SIZE: Final = _LENGTH.size
READY: Final = b"!"
"""What a process says first, once."""
AT_ONCE: Final = 1 << 20
"""Bytes that a pipe should hold (Linux gives so many to anybody), so that an answer most often needs one step."""


class Missing(NamedTuple):
    """An answer that didn't come; as a reply, the reading ended by it. The fields are those of `Unanswered`."""

    failure: Failure
    status: int | None
    gone: bool


class Message(NamedTuple):
    """One step of a reading. The first one brings its task."""

    reading: int
    answer: Answer | Missing
    """An answer without its body, which stands behind the message."""
    task: Task | None = None
    seconds: float = 180.0
    """What the unit has left: a step that takes longer ends the process, since nobody waits for it any more."""
    dropped: tuple[int, ...] = ()
    """Readings that were given up."""


class Following(NamedTuple):
    """The reading asks on."""

    request: Request


class Unreadable(NamedTuple):
    """The answer can't be decoded; another one may be taken."""

    message: str


class NotAsDocumented(NamedTuple):
    """The answer has another shape than the board's API documents."""

    message: str


class Broken(NamedTuple):
    """The board's code failed: as data, and as text for the run's log."""

    failure: Failure
    log: tuple[str, ...]


Reply: TypeAlias = Following | Listed | Unreadable | NotAsDocumented | Missing | Broken


def packed_message(message: Message, body: bytes) -> bytes:
    """Return what is sent in front of the body."""
    data = pickle.dumps(message, pickle.HIGHEST_PROTOCOL)
    return _HEAD.pack(len(data), len(body)) + data


def sizes(head: bytes) -> tuple[int, int]:
    """Return how many bytes of a message, and of the body behind it, follow a head."""
    message, body = _HEAD.unpack(head)
    return message, body


def unpacked_message(data: bytes) -> Message:
    """Return a message that this program has packed."""
    message: Message = pickle.loads(data)  # noqa: S301 - see the module
    return message


def packed_reply(reply: Reply) -> bytes:
    """Return what is sent as a reply."""
    data = pickle.dumps(reply, pickle.HIGHEST_PROTOCOL)
    return _LENGTH.pack(len(data)) + data


def size(data: memoryview) -> int:
    """Return how many bytes of a reply follow its length, with which the data begin."""
    (found,) = _LENGTH.unpack_from(data)
    return int(found)


def unpacked_reply(data: memoryview) -> Reply:
    """Return a reply that this program has packed."""
    reply: Reply = pickle.loads(data)  # noqa: S301 - see the module
    return reply

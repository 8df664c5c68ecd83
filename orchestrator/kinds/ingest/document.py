"""A document on its way from the corpus to its nodes: seen by the scan, read, and parsed. Plain picklable values."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import ClassVar, NamedTuple, Protocol

from orchestrator.deadline import WorkContext
from orchestrator.errors import Failure, OrchestrateError


class Unreadable(OrchestrateError):
    """One document can't be read. Its code says why; the others go on."""

    code: ClassVar[str] = "unreadable"


class Seen(NamedTuple):
    """What the scan says of a document. `digest` is the SHA-256 of its content, None if a `problem` kept it unread.

    `times` are those of the last change of content and of inode, in nanoseconds: with size and inode, they stand for the
    content.
    """

    key: str
    location: str
    size: int
    times: tuple[int, int] = (0, 0)
    digest: bytes | None = None
    problem: Failure | None = None
    inode: int = 0


class Skipped(NamedTuple):
    """What the scan left out, and why: in a few words, the same for each of a sort."""

    key: str
    reason: str


class Scan(NamedTuple):
    """A corpus as it was seen, sorted by key."""

    documents: Sequence[Seen]
    skipped: Sequence[Skipped] = ()


class Stamp(NamedTuple):
    """What an earlier run knows of a file: if size, times and inode still are these, so is the digest."""

    size: int
    times: tuple[int, int]
    digest: bytes
    inode: int = 0


class Heading(NamedTuple):
    """A heading: the offset of its first character in the text, its level from 1, its words."""

    start: int
    level: int
    title: str


class Parsed(NamedTuple):
    """A document as text. `body` is the offset where the text to index begins, behind front matter for instance."""

    text: str
    title: str | None = None
    headings: tuple[Heading, ...] = ()
    body: int = 0
    metadata: Mapping[str, str] = {}


class Content(NamedTuple):
    """What was read of a document: its bytes and their digest, or the text that a database already had."""

    seen: Seen
    digest: bytes
    data: bytes = b""
    parsed: Parsed | None = None


class Corpus(Protocol):
    """Where documents come from. Picklable, since `work` reads through it on any thread or machine."""

    def scan(self, known: Mapping[str, Stamp], context: WorkContext) -> Scan:
        """Say what is there. Reads content only where `known` can't tell the digest; checkpoints between files.

        Raises JobError if there is no corpus at all.
        """

    def read(self, documents: Iterable[Seen]) -> Iterator[tuple[Seen, Content | Failure]]:
        """Read documents, each as it is now, or say why it can't be read."""

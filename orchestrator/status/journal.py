"""The journal: an append-only record of what happened, one JSON object a line, each with its crc.

A line is `{seq, at, event, job, attempt, item, state, seconds, detail, crc}`; `crc` is the CRC-32 of the line's other fields
in their order, as eight hex digits. The journal is a prefix of history: only its last line may be torn, and a reader takes
the longest valid prefix.
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any, Final, NamedTuple

from pydantic_core import to_json

from orchestrator import files
from orchestrator.errors import UnreadableState


class Event(StrEnum):
    """What a line tells."""

    RUN_STARTED = "run_started"
    JOB_STARTED = "job_started"
    PHASE = "phase"
    ITEM_FINISHED = "item_finished"
    JOB_FINISHED = "job_finished"
    CANCEL_REQUESTED = "cancel_requested"
    WARNING = "warning"
    RUN_FINISHED = "run_finished"


@dataclass(frozen=True, slots=True)
class Entry:
    """One line. `detail` holds the rest: found, attempts, unit, error, result."""

    seq: int
    at: str
    event: Event
    job: str | None = None
    attempt: int | None = None
    item: str | None = None
    state: str | None = None
    seconds: float | None = None
    detail: Mapping[str, Any] | None = None


_FIELDS: Final = ("seq", "at", "event", "job", "attempt", "item", "state", "seconds", "detail")


def encode(entry: Entry) -> bytes:
    """Return the line for an entry, newline included."""
    # pydantic's serialiser takes a fifth of the json module's time, which was a quarter of a run of small items.
    body = to_json({name: value for name in _FIELDS if (value := getattr(entry, name)) is not None})
    return b'%b,"crc":"%08x"}\n' % (body[:-1], zlib.crc32(body))


def decode(line: bytes) -> Entry | None:
    """Return the entry of a line, None if the line is torn or was changed."""
    body, separator, tail = line.rpartition(b',"crc":"')
    if not separator or not line.endswith(b'"}\n') or tail[:8].decode(errors="replace") != f"{zlib.crc32(body + b'}'):08x}":
        return None
    try:
        raw = json.loads(body + b"}")
        return Entry(**{**raw, "event": Event(raw["event"])})
    except (ValueError, TypeError, KeyError):
        return None


class Prefix(NamedTuple):
    """The valid part of a journal: its entries, its length in bytes, and whether anything stood behind it."""

    entries: tuple[Entry, ...]
    size: int
    torn: bool

    @property
    def next_seq(self) -> int:
        """The number that the next entry gets."""
        return self.entries[-1].seq + 1 if self.entries else 1


def scan(data: bytes) -> Iterator[tuple[Entry, int]]:
    """Yield each entry of the longest valid prefix with the offset behind its line."""
    offset, expected = 0, 1
    while (end := data.find(b"\n", offset)) >= 0:
        entry = decode(data[offset : end + 1])
        if entry is None or entry.seq != expected:
            return
        offset, expected = end + 1, expected + 1
        yield entry, offset


def read(path: Path) -> Prefix:
    """Read the longest valid prefix; a journal that doesn't exist is empty. Raises UnreadableState."""
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        return Prefix((), 0, torn=False)
    except OSError as error:
        raise UnreadableState(f"can't read {path.name}: {error.strerror}") from error
    entries, size = [], 0
    for entry, offset in scan(data):
        entries.append(entry)
        size = offset
    return Prefix(tuple(entries), size, torn=size < len(data))


class JournalWriter:
    """Appends entries. `record` only remembers them; `flush` writes and syncs what was recorded (a group commit)."""

    def __init__(self, path: Path) -> None:
        """Open a journal, cut a torn tail off, and go on behind its last entry."""
        prefix = read(path)
        self._file = files.AppendFile(path, keep=prefix.size)
        self._seq = prefix.next_seq
        self._waiting: list[bytes] = []

    def record(self, at: str, event: Event, **fields: Any) -> Entry:
        """Remember an entry for the next flush, and return it. Not thread-safe: one writer."""
        entry = Entry(seq=self._seq, at=at, event=event, **fields)
        self._seq += 1
        self._waiting.append(encode(entry))
        return entry

    @property
    def waiting(self) -> int:
        """How many entries aren't durable yet."""
        return len(self._waiting)

    def flush(self) -> None:
        """Make every recorded entry durable. Raises StorageError; the entries stay recorded then."""
        if self._waiting:
            self._file.append(b"".join(self._waiting), durable=True)
            self._waiting.clear()

    def close(self) -> None:
        """Close the file; what wasn't flushed is lost."""
        self._file.close()

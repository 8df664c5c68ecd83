"""The passages of a snapshot's index that have some words. Opened for reading only.

The index is written by the ingest kind (`orchestrator/kinds/ingest/index.py`, `texts.py`): texts of nodes in a row are joined
and compressed as a block, which is found by its first node.
"""

from __future__ import annotations

import re
import sqlite3
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from backports import zstd

from dashboard.database import reading
from orchestrator.errors import UnreadableState

NEWEST_FORMAT: Final = 3
LONGEST_PASSAGE: Final = 420
LARGEST_BLOCK: Final = 4_000_000  # A text of one node can be that long; what unpacks to more is no index of ours.
MOST_WORDS: Final = 12
_MATCHES: Final = (
    "select n.id, d.key, n.headings, n.line from passages p join nodes n on n.id = p.rowid "
    "join documents d on d.id = n.document where passages match ? order by bm25(passages, 3.0, 2.0, 1.0) limit ?"
)
_BLOCK: Final = "select first_node, packed from texts where first_node <= ? order by first_node desc limit 1"
_BEFORE: Final = "select coalesce(sum(end - start), 0) from nodes where id >= ? and id < ?"
_LENGTH: Final = "select end - start from nodes where id = ?"


@dataclass(frozen=True, slots=True)
class Hit:
    """A passage that has the words."""

    document: str
    headings: str
    line: int
    text: str


def check_format(connection: sqlite3.Connection) -> int:
    """Return the form of an index. Raises UnreadableState if it is newer than this program."""
    version = int(connection.execute("pragma user_version").fetchone()[0])
    if version > NEWEST_FORMAT:
        problem = f"the index has format {version}; this program reads {NEWEST_FORMAT}"
        raise UnreadableState(problem, hint="update orchestrate")
    return version


def passages(index: Path, text: str, most: int) -> tuple[Hit, ...]:
    """Return the passages with all of the words, or else with any, best first. Raises UnreadableState."""
    words = [f'"{word}"' for word in re.findall(r"\w+", text)[:MOST_WORDS]]
    if not words:
        return ()
    with reading(index) as connection:
        if check_format(connection) < NEWEST_FORMAT:
            raise UnreadableState("the index is of an older form", hint="the next run of the job makes a new one")
        return _hits(connection, " ".join(words), most) or _hits(connection, " OR ".join(words), most)


def _hits(connection: sqlite3.Connection, query: str, most: int) -> tuple[Hit, ...]:
    return tuple(
        Hit(str(key), str(headings), line if isinstance(line, int) else 0, _text(connection, node))
        for node, key, headings, line in connection.execute(_MATCHES, (query, most)).fetchall()
    )


def _text(connection: sqlite3.Connection, node: int) -> str:
    """Return the beginning of the text of a node."""
    block = connection.execute(_BLOCK, (node,)).fetchone()
    if block is None:
        raise UnreadableState("a text of the index is missing", hint="`orchestrate snapshots verify` says more")
    (start,) = connection.execute(_BEFORE, (block[0], node)).fetchone()
    (length,) = connection.execute(_LENGTH, (node,)).fetchone()
    return _unpacked(block[1])[start : start + min(length, LONGEST_PASSAGE)]


def _unpacked(packed: bytes) -> str:
    reader = zstd.ZstdDecompressor()
    try:
        text = reader.decompress(packed, LARGEST_BLOCK)
    except (zstd.ZstdError, TypeError) as error:
        raise _damaged() from error
    if not reader.eof and reader.needs_input:  # It ends too early.
        raise _damaged()
    return text.decode(errors="replace")


def _damaged() -> UnreadableState:
    return UnreadableState("a text of the index is damaged", hint="`orchestrate snapshots verify` says more")

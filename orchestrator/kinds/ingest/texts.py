"""Texts of nodes, compressed in blocks: made once where a document is computed, cached and indexed as they are.

A block holds the texts of nodes in a row, up to about 16,000 characters: enough to compress well, and little enough that
the text of one node is there in a fraction of a millisecond.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from typing import Final, NamedTuple

from orchestrator.errors import UnreadableState
from orchestrator.kinds.ingest.packing import pack, unpack

_MOST: Final = 16_000
SCHEMA: Final = "create table texts(first_node integer primary key, nodes integer not null, packed blob not null);"
"""A block is found by its first node. It needs the column `nodes.start` and `nodes.end` to be cut again."""


class Block(NamedTuple):
    """How many nodes a block has, and their texts, joined and compressed."""

    nodes: int
    packed: bytes


def blocks_of(texts: Iterable[str]) -> list[Block]:
    """Return the blocks of the texts of one document, in order."""
    blocks: list[Block] = []
    some: list[str] = []
    size = 0
    for text in texts:
        if some and size + len(text) > _MOST:
            blocks.append(_block(some))
            some, size = [], 0
        some.append(text)
        size += len(text)
    if some:
        blocks.append(_block(some))
    return blocks


def _block(texts: Sequence[str]) -> Block:
    return Block(len(texts), pack("".join(texts).encode()))


def texts_of(blocks: Iterable[Block], lengths: Sequence[int]) -> Iterator[str]:
    """Yield the texts of all nodes; `lengths` are theirs, in characters. Raises UnreadableState if a block is damaged."""
    wanted = iter(lengths)
    for block in blocks:
        text, position = _joined(block.packed), 0
        for _ in range(block.nodes):
            length = next(wanted, 0)
            yield text[position : position + length]
            position += length


def _joined(packed: bytes) -> str:
    try:
        return unpack(packed).decode()
    except ValueError as error:
        raise UnreadableState("a text of the index is damaged", hint="`orchestrate snapshots verify` tells more") from error


def store(connection: sqlite3.Connection, first: int, blocks: Iterable[Block]) -> None:
    """Write the blocks of a document whose first node is `first`."""
    for block in blocks:
        connection.execute("insert into texts values (?, ?, ?)", (first, *block))
        first += block.nodes


def stored(connection: sqlite3.Connection, first: int, last: int) -> list[Block]:
    """Return the blocks of a document by its first and its last node."""
    query = "select nodes, packed from texts where first_node between ? and ? order by first_node"
    return [Block(*row) for row in connection.execute(query, (first, last))]


def forget(connection: sqlite3.Connection, first: int, last: int) -> None:
    """Remove the blocks of a document."""
    connection.execute("delete from texts where first_node between ? and ?", (first, last))


def text_of(connection: sqlite3.Connection, node: int) -> str:
    """Return the text of one node. Raises UnreadableState if its block is damaged."""
    query = "select first_node, packed from texts where first_node <= ? order by first_node desc limit 1"
    first, packed = connection.execute(query, (node,)).fetchone()
    query = "select end - start from nodes where id between ? and ? order by id"
    *before, length = (row[0] for row in connection.execute(query, (first, node)))
    start = sum(before)
    return _joined(packed)[start : start + length]

"""What computing a document yields: its nodes and their vectors, as plain values that travel, are cached and are indexed."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple

from orchestrator.kinds.ingest.packing import pack, unpack
from orchestrator.kinds.ingest.texts import Block, blocks_of, texts_of

_LENGTH: Final = 4
"""Bytes before an entry of the cache that say how long its head is."""


class NodeText(NamedTuple):
    """One node: offsets into the document, the line that it starts in, the headings above it, its text.

    `end` is `start` and as many characters as the text has.
    """

    start: int
    end: int
    line: int
    headings: str
    text: str


class Computed(NamedTuple):
    """A document's nodes. `vectors` are float16 rows of `dimensions`, one a node, as bytes; empty without an embedding.

    `blocks` are the texts once more, compressed, of a document that was cached or indexed before.
    """

    key: str
    digest: bytes
    cache_key: bytes
    title: str
    metadata: Mapping[str, str]
    nodes: Sequence[NodeText]
    dimensions: int = 0
    vectors: bytes = b""
    blocks: Sequence[Block] = ()

    def compressed(self) -> Sequence[Block]:
        """Return the blocks, made now if there are none yet."""
        return self.blocks or blocks_of(node.text for node in self.nodes)

    def stored(self) -> Stored:
        """Return the same as it is cached: the length of a head, the head as JSON, the blocks one behind the other."""
        places = [(node.start, node.end, node.line, node.headings) for node in self.nodes]
        blocks = self.compressed()
        sizes = [(block.nodes, len(block.packed)) for block in blocks]
        head = pack(json.dumps([self.title, dict(self.metadata), places, sizes]).encode())
        packed = b"".join([len(head).to_bytes(_LENGTH), head, *(block.packed for block in blocks)])
        return Stored(self.key, self.digest, self.cache_key, packed, self.dimensions, self.vectors)


class Stored(NamedTuple):
    """A computed document as it travels and is cached. Packed where it was computed, so that the parent only writes."""

    key: str
    digest: bytes
    cache_key: bytes
    packed: bytes
    dimensions: int
    vectors: bytes


def unpacked(key: str, digest: bytes, cache_key: bytes, packed: bytes, dimensions: int, vectors: bytes) -> Computed:
    """Return what `Stored.packed` was made of. Raises ValueError if it is damaged."""
    position = _LENGTH + int.from_bytes(packed[:_LENGTH])
    title, metadata, places, sizes = json.loads(unpack(packed[_LENGTH:position]))
    blocks = []
    for count, size in sizes:
        blocks.append(Block(count, packed[position : position + size]))
        position += size
    texts = texts_of(blocks, [end - start for start, end, _, _ in places])
    nodes = [
        NodeText(start, end, line, headings, text) for (start, end, line, headings), text in zip(places, texts, strict=True)
    ]
    return Computed(key, digest, cache_key, title, metadata, nodes, dimensions, vectors, blocks)


def cache_key(digest: bytes, recipe: bytes, name: str) -> bytes:
    """Return the key of a document in the cache: its content, the recipe, and its file name.

    The name counts since it chooses the reader, and since it is the title of a document that has no other.
    """
    return hashlib.sha256(b"\0".join((b"1", digest.hex().encode(), recipe.hex().encode(), name.encode()))).digest()


def node_id(key: str, node: NodeText) -> bytes:
    """Return the 16 bytes that name a node: the same document, place and text have the same name in every snapshot."""
    place = f"{key}\0{node.start}\0{node.headings}\0".encode()
    return hashlib.sha256(place + node.text.encode("utf-8", "surrogatepass")).digest()[:16]

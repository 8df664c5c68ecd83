"""What computing a document yields: its nodes and their vectors, as plain values that travel, are cached and are indexed."""

from __future__ import annotations

import hashlib
import json
import zlib
from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple

_LEVEL: Final = 2  # Speed: level 6 takes four times as long for a tenth less.


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
    """A document's nodes. `vectors` are float16 rows of `dimensions`, one a node, as bytes; empty without an embedding."""

    key: str
    digest: bytes
    cache_key: bytes
    title: str
    metadata: Mapping[str, str]
    nodes: Sequence[NodeText]
    dimensions: int = 0
    vectors: bytes = b""

    def stored(self) -> Stored:
        """Return the same as it is cached: compressed, a line of JSON with everything but the texts, and the texts."""
        places = [(node.start, node.end, node.line, node.headings) for node in self.nodes]
        head = json.dumps([self.title, dict(self.metadata), places]).encode()
        texts = "".join([node.text for node in self.nodes]).encode()
        packed = zlib.compress(b"\n".join((head, texts)), _LEVEL)
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
    try:
        head, _, texts = zlib.decompress(packed).partition(b"\n")
    except zlib.error as error:
        raise ValueError("damaged entry") from error
    title, metadata, places = json.loads(head)
    text = texts.decode()
    nodes, position = [], 0
    for start, end, line, headings in places:
        nodes.append(NodeText(start, end, line, headings, text[position : position + end - start]))
        position += end - start
    return Computed(key, digest, cache_key, title, metadata, nodes, dimensions, vectors)


def cache_key(digest: bytes, recipe: bytes, name: str) -> bytes:
    """Return the key of a document in the cache: its content, the recipe, and its file name.

    The name counts since it chooses the reader, and since it is the title of a document that has no other.
    """
    return hashlib.sha256(b"\0".join((b"1", digest.hex().encode(), recipe.hex().encode(), name.encode()))).digest()


def node_id(key: str, node: NodeText) -> bytes:
    """Return the 16 bytes that name a node: the same document, place and text have the same name in every snapshot."""
    place = f"{key}\0{node.start}\0{node.headings}\0".encode()
    return hashlib.sha256(place + node.text.encode("utf-8", "surrogatepass")).digest()[:16]

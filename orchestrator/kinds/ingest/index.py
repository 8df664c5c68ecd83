"""The files of an index: `index.db` (documents, nodes, texts, full text) and `vectors.npy`. Written here, read by `search`.

`nodes.id` is the row of `vectors.npy` plus one. The full text has weights of its own at query time, so title, headings and
body are columns.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import sqlite3
from collections.abc import Mapping, Sequence
from contextlib import closing
from pathlib import Path
from typing import Final, NamedTuple, Self

from orchestrator import files
from orchestrator.errors import JobError, StorageError, UnreadableState
from orchestrator.kinds.ingest import texts
from orchestrator.kinds.ingest.computed import Computed, NodeText, node_id
from orchestrator.kinds.ingest.database import open_read_only, open_unshared, told
from orchestrator.kinds.ingest.texts import Block

DATABASE: Final = "index.db"
VECTORS: Final = "vectors.npy"
FORMAT: Final = 3
_GATHERED: Final = 4 << 20
"""Bytes that full text gathers in memory before it writes: saves an eighth of the time that the default of 1 MB takes."""
_SCHEMA: Final = f"""
pragma page_size=16384;
pragma user_version={FORMAT};
create table documents(
    id integer primary key, key text not null unique, digest blob not null, cache_key blob not null, title text not null,
    metadata text not null, first_node integer not null, nodes integer not null);
create table nodes(
    id integer primary key, document integer not null, node_id blob not null, start integer not null, end integer not null,
    line integer not null, headings text not null);
{texts.SCHEMA}
create virtual table passages using fts5(
    title, headings, body, content='', tokenize="porter unicode61 remove_diacritics 2");
"""
VECTORS_HEADER: Final = 128
"""Bytes before the first row of `vectors.npy`: fixed, so that rows can be written before their number is known."""


class Entry(NamedTuple):
    """What an index says of a document: enough to tell whether it is still the same."""

    digest: bytes
    cache_key: bytes


class IndexWriter:
    """Writes an index into a staging directory, one document after the other. Memory doesn't grow with the corpus."""

    def __init__(self, staging: Path, previous: Path | None = None) -> None:
        """Begin an empty index, or one that goes on from a copy of a whole and verified one. Raises StorageError.

        Rows of removed documents stay empty in a copy: `rows` counts them, `nodes` doesn't.
        """
        self._path = staging / DATABASE
        self._vectors_path = staging / VECTORS
        self._vectors = -1
        self.dimensions = 0
        self.documents = self.nodes = self.rows = self._last_document = 0
        if previous is not None:
            _copy(previous / DATABASE, self._path)
        self._connection = open_unshared(self._path)
        try:
            self._begin(previous)
        except StorageError:
            self.close()
            raise

    def _begin(self, previous: Path | None) -> None:
        with told("write", self._path):
            if previous is None:
                self._connection.executescript(_SCHEMA)
                self._connection.execute("insert into passages(passages, rank) values ('hashsize', ?)", (_GATHERED,))
            self._connection.execute("begin")
        if previous is not None:
            self._go_on(previous)

    def _go_on(self, previous: Path) -> None:
        with told("read", self._path):
            counts = "select count(*), coalesce(max(id), 0), coalesce(sum(nodes), 0) from documents"
            self.documents, self._last_document, self.nodes = self._connection.execute(counts).fetchone()
            ends = "select coalesce(max(first_node + nodes - 1), 0) from documents"
            (self.rows,) = self._connection.execute(ends).fetchone()
        if (previous / VECTORS).exists():
            _copy(previous / VECTORS, self._vectors_path)
            with self._vectors_path.open("rb") as stream:
                rows, self.dimensions = _shape(stream.read(VECTORS_HEADER))
            self.rows = max(self.rows, rows)
            self._vectors = os.open(self._vectors_path, os.O_WRONLY | os.O_APPEND | os.O_CLOEXEC | os.O_NOFOLLOW)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def remove(self, key: str) -> None:
        """Take a document out. Its rows of vectors stay and belong to nobody. Raises StorageError."""
        with told("write", self._path):
            query = "select id, title, first_node, nodes from documents where key = ?"
            document, title, first, nodes = self._connection.execute(query, (key,)).fetchone()
            span = (first, first + nodes - 1)
            # A full text without content of its own can't look up what it has to forget, so it is told.
            gone = _nodes(self._connection, *span, texts.stored(self._connection, *span))
            self._connection.executemany(
                "insert into passages(passages, rowid, title, headings, body) values ('delete', ?, ?, ?, ?)",
                ((row, title, each.headings, each.text) for row, each in enumerate(gone, first)),
            )
            self._connection.execute("delete from nodes where id between ? and ?", span)
            texts.forget(self._connection, *span)
            self._connection.execute("delete from documents where id = ?", (document,))
        self.documents -= 1
        self.nodes -= nodes

    def add(self, computed: Computed) -> None:
        """Write one document. Raises JobError if its vectors don't fit those before, StorageError if it can't be written."""
        self._check_vectors(computed)
        first = self.rows + 1
        self._last_document += 1
        document, title, metadata = self._last_document, computed.title, json.dumps(dict(computed.metadata))
        row = (document, computed.key, computed.digest, computed.cache_key, title, metadata, first, len(computed.nodes))
        with told("write", self._path):
            self._connection.execute("insert into documents values (?, ?, ?, ?, ?, ?, ?, ?)", row)
            self._connection.executemany(
                "insert into nodes values (?, ?, ?, ?, ?, ?, ?)",
                (
                    (row, document, node_id(computed.key, each), each.start, each.end, each.line, each.headings)
                    for row, each in enumerate(computed.nodes, first)
                ),
            )
            texts.store(self._connection, first, computed.compressed())
            self._connection.executemany(
                "insert into passages(rowid, title, headings, body) values (?, ?, ?, ?)",
                ((row, title, each.headings, each.text) for row, each in enumerate(computed.nodes, first)),
            )
        self._append(computed.vectors)
        self.documents += 1
        self.nodes += len(computed.nodes)
        self.rows += len(computed.nodes)

    def _check_vectors(self, computed: Computed) -> None:
        if not computed.nodes:
            return
        if self.rows and computed.dimensions != self.dimensions:
            raise JobError(
                f"the embedding made vectors of {computed.dimensions} and of {self.dimensions} dimensions",
                code="embedding-failed",
                hint="see `embedding`",
            )
        self.dimensions = computed.dimensions

    def _append(self, vectors: bytes) -> None:
        if not vectors:
            return
        try:
            if self._vectors < 0:
                flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
                self._vectors = os.open(self._vectors_path, flags, files.PRIVATE_FILE)
                files.write_all(self._vectors, b"\0" * VECTORS_HEADER)
            files.write_all(self._vectors, vectors)
        except OSError as error:
            raise files.storage_error("write", self._vectors_path, error) from error

    def finish(self, *, optimize: bool = True) -> None:
        """Write what is pending and close. The files are complete then, but not durable: publishing syncs them.

        `optimize` merges the full text into one piece, which takes time in proportion to all of it.
        """
        with told("write", self._path):
            if optimize:
                self._connection.execute("insert into passages(passages) values ('optimize')")
            self._connection.execute("commit")
            if optimize:
                self._vacuum()
            self._connection.close()
        if self._vectors >= 0:
            os.close(self._vectors)
            self._vectors = -1
            try:
                with self._vectors_path.open("r+b") as stream:
                    stream.write(_npy_header(self.rows, self.dimensions))
            except OSError as error:
                raise files.storage_error("write", self._vectors_path, error) from error
        self._path.chmod(files.PRIVATE_FILE)

    def _vacuum(self) -> None:
        """Give back what merging left empty, a fifth of the file. In place it would hold the whole file in memory."""
        compact = self._path.with_name(f"{files.TEMPORARY_PREFIX}{DATABASE}")
        self._connection.execute("vacuum into ?", (str(compact),))
        self._connection.close()
        try:
            compact.replace(self._path)
        except OSError as error:
            raise files.storage_error("write", self._path, error) from error

    def close(self) -> None:
        """Close the files, finished or not."""
        self._connection.close()
        if self._vectors >= 0:
            os.close(self._vectors)
            self._vectors = -1


def _npy_header(rows: int, columns: int) -> bytes:
    """Return the header of NumPy's format 1.0 (numpy.lib.format), padded to its fixed length."""
    shape = f"{{'descr': '<f2', 'fortran_order': False, 'shape': ({rows}, {columns}), }}"
    body = shape.ljust(VECTORS_HEADER - 11) + "\n"
    return b"\x93NUMPY\x01\x00" + (VECTORS_HEADER - 10).to_bytes(2, "little") + body.encode("ascii")


def _shape(header: bytes) -> tuple[int, int]:
    """Return rows and columns of a header that `_npy_header` made."""
    found = re.search(rb"'shape': \((\d+), (\d+)\)", header)
    if found is None:
        raise UnreadableState(f"{VECTORS} has no header of ours")
    return int(found[1]), int(found[2])


def _copy(source: Path, destination: Path) -> None:
    try:
        shutil.copyfile(source, destination)  # In the kernel, and without taking space where the file system can.
        destination.chmod(files.PRIVATE_FILE)
    except OSError as error:
        raise files.storage_error("copy", source, error) from error


def read_entries(snapshot: Path) -> Mapping[str, Entry]:
    """Return the documents of a snapshot by key. Raises UnreadableState."""
    try:
        with closing(open_read_only(snapshot / DATABASE)) as connection:
            check_format(connection, snapshot.name)
            rows = connection.execute("select key, digest, cache_key from documents")
            return {key: Entry(digest, cache_key) for key, digest, cache_key in rows}
    except (sqlite3.Error, StorageError) as error:
        raise UnreadableState(f"the index of {snapshot.name} can't be read: {error}") from error


def check_format(connection: sqlite3.Connection, snapshot: str) -> None:
    """Raise UnreadableState if an index has another form than this program's."""
    (version,) = connection.execute("pragma user_version").fetchone()
    if version != FORMAT:
        raise UnreadableState(f"{snapshot} has index format {version}; this program reads {FORMAT}")


def _nodes(connection: sqlite3.Connection, first: int, last: int, blocks: Sequence[Block]) -> list[NodeText]:
    """Return the nodes of a document by its first and its last row."""
    query = "select start, end, line, headings from nodes where id between ? and ? order by id"
    places = connection.execute(query, (first, last)).fetchall()
    found = texts.texts_of(blocks, [end - start for start, end, _, _ in places])
    return [
        NodeText(start, end, line, headings, text) for (start, end, line, headings), text in zip(places, found, strict=True)
    ]


class IndexReader:
    """Takes computed documents back out of a published index, for the next one. Not thread-safe."""

    def __init__(self, snapshot: Path) -> None:
        self._snapshot = snapshot
        self._connection = open_read_only(snapshot / DATABASE)

    def close(self) -> None:
        """Close the file."""
        self._connection.close()

    def computed(self, key: str, dimensions: int) -> Computed | None:
        """Return a document as it was computed, None if it isn't there. Raises StorageError."""
        with told("read", self._snapshot / DATABASE):
            row = self._connection.execute(
                "select digest, cache_key, title, metadata, first_node, nodes from documents where key = ?", (key,)
            ).fetchone()
            if row is None:
                return None
            digest, cache_key, title, metadata, first, count = row
            last = first + count - 1
            blocks = texts.stored(self._connection, first, last)
            nodes = _nodes(self._connection, first, last, blocks)
        vectors = self._vectors(first - 1, count, dimensions) if dimensions and count else b""
        return Computed(key, digest, cache_key, title, json.loads(metadata), nodes, dimensions, vectors, blocks)

    def _vectors(self, row: int, count: int, dimensions: int) -> bytes:
        with (self._snapshot / VECTORS).open("rb") as stream:
            stream.seek(VECTORS_HEADER + row * dimensions * 2)
            return stream.read(count * dimensions * 2)

"""The cache: computed documents by content and recipe, and what earlier runs know of files. Losing it loses time only.

One SQLite file in the state directory for all ingest jobs. Each batch is one transaction: after a kill the batches that
were applied are there, whole.
"""

from __future__ import annotations

import sqlite3
import zlib
from collections.abc import Iterable, Iterator, Mapping
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import Final, NamedTuple, Self

from orchestrator import files
from orchestrator.errors import UnreadableState
from orchestrator.kinds.ingest.computed import Computed, Stored, unpacked
from orchestrator.kinds.ingest.database import told
from orchestrator.kinds.ingest.document import Seen, Stamp

NAME: Final = "ingest.db"
_VERSION: Final = 4
_PATIENCE: Final = 30.0
_OPENING_TRIES: Final = 200  # Each 50 ms.
_KEPT_SECONDS: Final = 30 * 86_400.0
_SCHEMA: Final = """
create table if not exists computed(
    key blob primary key, packed blob not null, dimensions integer not null, vectors blob not null, crc integer not null,
    used_at real not null);
create index if not exists computed_by_use on computed(used_at);
create table if not exists stamps(
    corpus text not null, key text not null, size integer not null, mtime integer not null, ctime integer not null,
    digest blob not null, inode integer not null, primary key (corpus, key)) without rowid;
create table if not exists paces(
    job text not null, recipe blob not null, seconds_a_byte real not null, seconds_a_document real not null,
    primary key (job, recipe)) without rowid;
"""
_MANY: Final = 500


class Pace(NamedTuple):
    """How fast a job is: reading and computing a byte of its documents, and publishing one of them."""

    seconds_a_byte: float
    seconds_a_document: float

    def seconds(self, computed: int, published: int) -> float:
        """Return how long it takes to compute so many bytes and to publish so many documents."""
        return computed * self.seconds_a_byte + published * self.seconds_a_document


class Cache:
    """The open cache. Each thread that uses one opens its own; several processes may."""

    def __init__(self, connection: sqlite3.Connection, path: Path) -> None:
        self._connection = connection
        self._path = path

    @classmethod
    def open(cls, folder: Path) -> Self:
        """Open the cache below `folder`, made if it doesn't exist; one that is damaged is thrown away. Raises StorageError."""
        path = files.make_private_dir(folder) / NAME
        try:
            return cls(_opened(path), path)
        except sqlite3.DatabaseError as error:
            if isinstance(error, sqlite3.OperationalError):
                with told("open", path):
                    raise
        for leftover in (path, path.with_name(f"{NAME}-wal"), path.with_name(f"{NAME}-shm")):
            leftover.unlink(missing_ok=True)
        with told("open", path):
            return cls(_opened(path), path)

    @classmethod
    @contextmanager
    def peek(cls, folder: Path) -> Iterator[Self | None]:
        """Open the cache if there is one, for a plan: changes nothing in it, and makes none."""
        if not (folder / NAME).is_file():
            yield None
            return
        with closing(cls.open(folder)) as cache:
            yield cache

    def close(self) -> None:
        """Close the file."""
        with suppress(sqlite3.Error):
            self._connection.close()

    def put(self, computed: Iterable[Stored], now: float) -> None:
        """Store documents in one transaction."""
        rows = (
            (each.cache_key, each.packed, each.dimensions, each.vectors, zlib.crc32(each.vectors), now) for each in computed
        )
        with told("write", self._path), self._connection:
            self._connection.executemany("insert or replace into computed values (?, ?, ?, ?, ?, ?)", rows)

    def get(self, key: str, digest: bytes, cache_key: bytes) -> Computed | None:
        """Return a document, None if it isn't there or is damaged."""
        with told("read", self._path):
            query = "select packed, dimensions, vectors, crc from computed where key = ?"
            row = self._connection.execute(query, (cache_key,)).fetchone()
        if row is None or zlib.crc32(row[2]) != row[3]:
            return None
        try:
            return unpacked(key, digest, cache_key, row[0], row[1], row[2])
        except (ValueError, TypeError, UnreadableState):
            return None

    def known(self, keys: Iterable[bytes]) -> set[bytes]:
        """Return which of the keys are there."""
        wanted = list(keys)
        found: set[bytes] = set()
        with told("read", self._path):
            for start in range(0, len(wanted), _MANY):
                some = wanted[start : start + _MANY]
                marks = ", ".join("?" * len(some))
                query = f"select key from computed where key in ({marks})"  # noqa: S608 - question marks only
                found.update(row[0] for row in self._connection.execute(query, some))
        return found

    def keep(self, keys: Iterable[bytes], now: float) -> None:
        """Note that these entries are in use, and remove those that weren't for a month. `now` is seconds since the epoch."""
        with told("write", self._path), self._connection:
            self._connection.executemany("update computed set used_at = ? where key = ?", ((now, key) for key in keys))
            self._connection.execute("delete from computed where used_at < ?", (now - _KEPT_SECONDS,))

    def pace(self, job: str, recipe: bytes) -> Pace | None:
        """Return how fast a job was when it last computed a good deal with this recipe."""
        with told("read", self._path):
            query = "select seconds_a_byte, seconds_a_document from paces where job = ? and recipe = ?"
            row = self._connection.execute(query, (job, recipe)).fetchone()
        return None if row is None else Pace(*row)

    def note_pace(self, job: str, recipe: bytes, pace: Pace) -> None:
        """Store how fast a job was."""
        with told("write", self._path), self._connection:
            self._connection.execute("insert or replace into paces values (?, ?, ?, ?)", (job, recipe, *pace))

    def stamps(self, corpus: str) -> Mapping[str, Stamp]:
        """Return what earlier runs know of a corpus's files."""
        with told("read", self._path):
            query = "select key, size, mtime, ctime, digest, inode from stamps where corpus = ?"
            return {
                key: Stamp(size, (mtime, ctime), digest, inode)
                for key, size, mtime, ctime, digest, inode in self._connection.execute(query, (corpus,)).fetchall()
            }

    def remember(self, corpus: str, seen: Iterable[Seen], before: float, known: Mapping[str, Stamp]) -> None:
        """Store what a scan learned of files that last changed before a point in time (seconds since the epoch).

        A file that changed just before it was read may change once more within the same tick of its clock. `known` is
        what `stamps` said; nothing is written if nothing new was learned.
        """
        limit = int(before * 1e9)
        learned = {
            each.key: Stamp(each.size, each.times, each.digest, each.inode)
            for each in seen
            if each.digest is not None and max(each.times) < limit
        }
        if learned == known:
            return
        rows = [(corpus, key, each.size, *each.times, each.digest, each.inode) for key, each in learned.items()]
        with told("write", self._path), self._connection:
            self._connection.execute("delete from stamps where corpus = ?", (corpus,))
            self._connection.executemany("insert or replace into stamps values (?, ?, ?, ?, ?, ?, ?)", rows)


def _opened(path: Path) -> sqlite3.Connection:
    """Open the file and make its tables. One opener at a time: turning a file to WAL heeds no busy timeout."""
    with files.Lock.acquire(path.with_name(f".{NAME}.opening.lock"), patience=_OPENING_TRIES):
        return _opened_alone(path)


def _opened_alone(path: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(path, timeout=_PATIENCE, check_same_thread=False)
    try:
        connection.execute("pragma page_size=1024")  # An entry is a few pages long: half of the last one is lost each time.
        connection.execute("pragma journal_mode=wal").fetchall()
        connection.execute("pragma synchronous=normal")
        (version,) = connection.execute("pragma user_version").fetchone()
        if version not in {0, _VERSION}:
            raise sqlite3.DatabaseError("another version")
        if version != _VERSION:
            connection.executescript(f"begin immediate; {_SCHEMA} pragma user_version={_VERSION}; commit;")
        path.chmod(files.PRIVATE_FILE)
    except sqlite3.Error:
        connection.close()
        raise
    return connection

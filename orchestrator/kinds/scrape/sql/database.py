"""The database that a run writes: a SQLite file by the standard library, or a server by SQLAlchemy. Errors are StorageErrors.

SQLite: WAL, synchronous NORMAL, foreign keys on, a busy timeout, and write transactions that begin IMMEDIATE, so that two
processes wait for each other instead of failing half-way. The file is the owner's alone (0600).
"""

from __future__ import annotations

import json
import os
import sqlite3
import threading
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, ExitStack, contextmanager, suppress
from functools import cache
from pathlib import Path
from typing import Final, Protocol

from orchestrator import files
from orchestrator.deadline import SYSTEM_CLOCK
from orchestrator.errors import StorageError
from orchestrator.kinds.scrape.sql.columns import SCHEMA_VERSION
from orchestrator.kinds.scrape.sql.transaction import Prepared, Transaction
from orchestrator.kinds.scrape.targets import sqlite_file

BUSY_SECONDS: Final = 20
_PAUSE_SECONDS: Final = 0.005
PRAGMAS: Final = ("synchronous=NORMAL", "foreign_keys=ON", "cache_size=-16000")
# Python 3.11 asks an empty value and its type how they want to be stored, in vain: half a microsecond each, a dozen a row.
sqlite3.register_adapter(type(None), dict[None, None]().get)
COMPILED: Final = Path(__file__).with_name("sqlite.json")


class Database(Protocol):
    """What a run needs of a database; used by one thread at a time."""

    name: str

    def exists(self) -> bool:
        """Whether the tables are there; nothing is created by asking. Raises StorageError."""

    def prepare(self) -> None:
        """Create the tables, if they aren't there. Raises StorageError."""

    def reading(self) -> AbstractContextManager[Transaction]:
        """Give a transaction for reading. Raises StorageError."""

    def writing(self) -> AbstractContextManager[Transaction]:
        """Give a transaction: all of it happens, or nothing. Creates the tables. Raises StorageError."""

    def close(self) -> None:
        """Close every connection."""


def open_database(url: str, root: Path) -> Database:
    """Return the database of a URL; relative files lie below `root`. Raises StorageError, and MissingExtra for a server."""
    file = sqlite_file(url, root)
    if file is not None:
        return SqliteFile(file)
    from orchestrator.kinds.scrape.sql.server import Server

    return Server(url, root)


class SqliteFile:
    """A SQLite file; see the module. Implements `Database`."""

    def __init__(self, file: Path) -> None:
        self.file = file
        self.name = file.name
        self._connection: sqlite3.Connection | None = None
        self._ready = False

    def exists(self) -> bool:
        """Whether the tables are there; nothing is created by asking. Raises StorageError."""
        if not self.file.exists():
            return False
        with self._errors():
            found = self._opened().execute("SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = 'about'").fetchone()
            return found is not None

    def prepare(self) -> None:
        """Create the tables, if they aren't there. Raises StorageError."""
        if self._ready:
            return
        files.make_private_dir(self.file.parent)
        _create_private(self.file)
        with self._errors():
            connection = self._opened()
            _use_wal(connection)
            with self._transaction("BEGIN IMMEDIATE") as transaction:
                for statement in _compiled()[0]:
                    connection.execute(statement)
                if not transaction.fetch("schema_version"):
                    transaction.insert("insert_about", [("schema_version", str(SCHEMA_VERSION))])
                check_version(transaction, self.name)
        self._ready = True

    @contextmanager
    def reading(self) -> Iterator[Transaction]:
        """Give a transaction for reading. Raises StorageError."""
        with self._errors(), self._transaction("BEGIN") as transaction:
            check_version(transaction, self.name)
            yield transaction

    @contextmanager
    def writing(self) -> Iterator[Transaction]:
        """Give a transaction: all of it happens, or nothing. Creates the tables. Raises StorageError."""
        self.prepare()
        with self._errors(), self._transaction("BEGIN IMMEDIATE") as transaction:
            yield transaction

    @contextmanager
    def _transaction(self, begin: str) -> Iterator[Transaction]:
        connection = self._opened()
        connection.execute(begin)
        with ExitStack() as undo:
            undo.callback(_roll_back, connection)
            transaction = Transaction(connection, _compiled()[1])
            yield transaction
            transaction.close()
            connection.execute("COMMIT")
            undo.pop_all()

    def _opened(self) -> sqlite3.Connection:
        if self._connection is None:
            connection = sqlite3.connect(
                f"{self.file.absolute().as_uri()}?mode=rw",
                uri=True,
                timeout=BUSY_SECONDS,
                isolation_level=None,  # BEGIN is ours: the driver's own one would be DEFERRED.
                check_same_thread=False,
            )
            with ExitStack() as undo:
                undo.callback(connection.close)
                for pragma in PRAGMAS:  # The first thing that a damaged file refuses.
                    connection.execute(f"PRAGMA {pragma}")
                undo.pop_all()
            self._connection = connection
        return self._connection

    @contextmanager
    def _errors(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.Error as error:
            raise storage_error(self.name, error) from error

    def close(self) -> None:
        """Close every connection."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None


def _use_wal(connection: sqlite3.Connection) -> None:
    """Turn the write-ahead log on: a property of the file, so whoever only reads doesn't.

    SQLite doesn't wait for others here, whatever the busy timeout is, so two that open a new file at once would fail.
    """
    end = SYSTEM_CLOCK.monotonic() + BUSY_SECONDS
    pause = threading.Event()
    while True:
        try:
            connection.execute("PRAGMA journal_mode=WAL")
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY or SYSTEM_CLOCK.monotonic() > end:
                raise
            pause.wait(_PAUSE_SECONDS)
        else:
            return


def _roll_back(connection: sqlite3.Connection) -> None:
    with suppress(sqlite3.Error):  # The error that led here is told; a transaction that SQLite itself ended is no second one.
        connection.execute("ROLLBACK")


def storage_error(name: str, error: Exception) -> StorageError:
    """Return what a driver's error means to a person: its words in one line, without the statement and its values."""
    said = " ".join(str(error).split())[:200] or type(error).__name__
    return StorageError(f"the database {name} failed: {said}", hint="see `orchestrate doctor`")


def check_version(transaction: Transaction, name: str) -> None:
    """Raise StorageError if the tables are those of another version of this program."""
    found = transaction.fetch("schema_version")
    version = found[0].value if found else None
    if version is None or int(version) != SCHEMA_VERSION:
        raise StorageError(
            f"{name} has schema version {version}; this program reads {SCHEMA_VERSION}", hint="update orchestrate"
        )


def _create_private(file: Path) -> None:
    try:
        os.close(os.open(file, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, files.PRIVATE_FILE))
    except OSError as error:
        raise files.storage_error("open", file, error) from error


@cache
def _compiled() -> tuple[tuple[str, ...], Mapping[str, Prepared]]:
    """Return what creates the tables, and the statements, as they were compiled ahead."""
    document = json.loads(COMPILED.read_bytes())
    statements = {
        name: Prepared(
            one["text"],
            None if one["order"] is None else tuple(one["order"]),
            one["constants"],
            tuple(one["columns"]),
            tuple(one["names"]),
            one["packed"],
        )
        for name, one in document["statements"].items()
    }
    return tuple(document["schema"]), statements

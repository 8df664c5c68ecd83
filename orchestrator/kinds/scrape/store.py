"""The database of postings: opened, created, written in transactions. Its errors become StorageError.

SQLite: WAL, synchronous NORMAL, foreign keys on, a busy timeout, and write transactions that begin IMMEDIATE, so that two
processes wait for each other instead of failing half-way. The file is the owner's alone (0600).
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from typing import Any, Final

from sqlalchemy import Connection, Engine, create_engine, event, inspect, select
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError, NoSuchModuleError, SQLAlchemyError

from orchestrator import files
from orchestrator.errors import MissingExtra, StorageError
from orchestrator.kinds.scrape import tables
from orchestrator.kinds.scrape.targets import sqlite_file

_BUSY_SECONDS: Final = 20
_PAGE: Final = 16_384
"""A posting with its description takes about half a page: with the default of 4,096 it is a chain of pages, and slower."""
_WAL: Final = 32 * 1024 * 1024
"""Bytes of the write-ahead log before it is copied into the file, which waits for the disk twice."""


class Store:
    """One database. `read` and `write` give connections; use it from one thread at a time."""

    def __init__(self, url: str, root: Path) -> None:
        self.file = sqlite_file(url, root)
        self.name = self.file.name if self.file is not None else "the database server"
        self._engine = _engine(url, self.file)
        self._driver_error: type[Exception] = self._engine.dialect.loaded_dbapi.Error
        self._ready = False
        self._writer: Connection | None = None

    @property
    def is_sqlite(self) -> bool:
        """Whether the database is a SQLite file."""
        return self.file is not None

    def exists(self) -> bool:
        """Whether the tables are there; nothing is created by asking. Raises StorageError."""
        if self.file is not None and not self.file.exists():
            return False
        with self._errors():
            return inspect(self._engine).has_table(tables.about.name)

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """Give a connection for reading. Raises StorageError."""
        with self._errors(), self._engine.connect() as connection:
            _check_version(connection, self.name)
            yield connection

    @contextmanager
    def write(self) -> Iterator[Connection]:
        """Give a connection in one transaction: all of it happens, or nothing. Creates the tables. Raises StorageError."""
        self._prepare()
        with self._errors(), self._writing() as connection, connection.begin():
            yield connection

    @contextmanager
    def _writing(self) -> Iterator[Connection]:
        """Give a connection for writing. SQLite's is kept for the next transaction; a server may have closed it by then."""
        if self.file is None:
            with self._engine.connect() as connection:
                yield connection
            return
        with ExitStack() as undo:
            connection = self._writer or self._engine.connect().execution_options(writing=True)
            self._writer = None
            undo.callback(connection.close)
            yield connection
            undo.pop_all()
            self._writer = connection

    def _prepare(self) -> None:
        if self._ready:
            return
        if self.file is not None:
            files.make_private_dir(self.file.parent)
            _create_private(self.file)
            self._use_wal()
        with self._errors(), self._writing() as connection, connection.begin():
            tables.metadata.create_all(connection)
            known = connection.execute(select(tables.about.c.value)).first()
            if known is None:
                row = {"key": "schema_version", "value": str(tables.SCHEMA_VERSION)}
                connection.execute(tables.about.insert().values(row))
            _check_version(connection, self.name)
        self._ready = True

    def _use_wal(self) -> None:
        """Let readers read while somebody writes. A property of the file, so whoever only reads doesn't set it."""
        with self._errors(), closing(self._engine.raw_connection()) as raw:
            cursor = raw.cursor()
            cursor.execute(f"PRAGMA page_size={_PAGE}")  # Heeded by a new file only.
            cursor.execute("PRAGMA journal_mode=WAL")
            cursor.close()

    @contextmanager
    def _errors(self) -> Iterator[None]:
        try:
            yield
        except (SQLAlchemyError, self._driver_error) as error:
            raise StorageError(f"the database {self.name} failed: {_reason(error)}", hint="see `orchestrate doctor`") from error

    def close(self) -> None:
        """Close every connection."""
        if self._writer is not None:
            self._writer.close()
            self._writer = None
        self._engine.dispose()


def _engine(url: str, file: Path | None) -> Engine:
    try:
        if file is not None:
            engine = create_engine(f"sqlite:///{file}", connect_args={"timeout": _BUSY_SECONDS, "check_same_thread": False})
            event.listen(engine, "connect", _on_sqlite_connect)
            event.listen(engine, "begin", _on_sqlite_begin)
            return engine
        return create_engine(_with_driver(url), pool_pre_ping=True)
    except (ArgumentError, NoSuchModuleError) as error:
        raise StorageError(
            "the database's URL can't be used", hint="write sqlite:///file.db or postgresql+psycopg://..."
        ) from error
    except ModuleNotFoundError as error:
        raise MissingExtra("a PostgreSQL database", "postgres") from error


def _with_driver(url: str) -> str:
    """Return the URL with the driver that the extra `postgres` brings."""
    parsed = make_url(url)
    if parsed.drivername in {"postgresql", "postgres"}:
        parsed = parsed.set(drivername="postgresql+psycopg")
    return parsed.render_as_string(hide_password=False)


def _on_sqlite_connect(connection: Any, _record: object) -> None:
    connection.isolation_level = None  # BEGIN is ours: the driver's own one would be DEFERRED.
    cursor = connection.cursor()
    for pragma in ("synchronous=NORMAL", "foreign_keys=ON", "cache_size=-16000", f"wal_autocheckpoint={_WAL // _PAGE}"):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


def _on_sqlite_begin(connection: Connection) -> None:
    writing = connection.get_execution_options().get("writing", False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writing else "BEGIN")


def _create_private(file: Path) -> None:
    try:
        os.close(os.open(file, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, files.PRIVATE_FILE))
    except OSError as error:
        raise files.storage_error("open", file, error) from error


def _check_version(connection: Connection, name: str) -> None:
    found = connection.execute(select(tables.about.c.value).where(tables.about.c.key == "schema_version")).scalar()
    if found is None or int(found) != tables.SCHEMA_VERSION:
        raise StorageError(
            f"{name} has schema version {found}; this program reads {tables.SCHEMA_VERSION}", hint="update orchestrate"
        )


def _reason(error: Exception) -> str:
    """Return what the driver said in one line, without the statement and its values."""
    said = getattr(error, "orig", None) or type(error).__name__ if isinstance(error, SQLAlchemyError) else error
    return " ".join(str(said).split())[:200]

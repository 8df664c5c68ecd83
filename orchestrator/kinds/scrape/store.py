"""The database of postings as SQLAlchemy sees it: what verbs read and people write, and servers. Errors become StorageError.

A run writes SQLite without it (`sql.database`, which also says how the file is kept).
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, event, inspect, select
from sqlalchemy.engine import make_url
from sqlalchemy.engine.interfaces import Dialect
from sqlalchemy.exc import ArgumentError, NoSuchModuleError, SQLAlchemyError

from orchestrator.errors import MissingExtra, StorageError
from orchestrator.kinds.scrape import tables
from orchestrator.kinds.scrape.sql.columns import SCHEMA_VERSION
from orchestrator.kinds.scrape.sql.database import BUSY_SECONDS, PRAGMAS, SqliteFile, storage_error
from orchestrator.kinds.scrape.targets import sqlite_file


class Store:
    """One database. `read` and `write` give connections; use it from one thread at a time."""

    def __init__(self, url: str, root: Path) -> None:
        self.file = sqlite_file(url, root)
        self.name = self.file.name if self.file is not None else "the database server"
        self._engine = _engine(url, self.file)
        self._driver_error: type[Exception] = self._engine.dialect.loaded_dbapi.Error
        self._ready = False

    @property
    def dialect(self) -> Dialect:
        """The database's own words, for compiling."""
        return self._engine.dialect

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
        self.prepare()
        with self._errors(), self._engine.connect().execution_options(writing=True) as connection, connection.begin():
            yield connection

    def prepare(self) -> None:
        """Create the tables, if they aren't there. Raises StorageError."""
        if self._ready:
            return
        if self.file is not None:
            with closing(SqliteFile(self.file)) as file:
                file.prepare()
        else:
            self._create_on_server()
        self._ready = True

    def _create_on_server(self) -> None:
        with self._errors(), self._engine.begin() as connection:
            tables.metadata.create_all(connection)
            if connection.execute(select(tables.about.c.value)).first() is None:
                row = {"key": "schema_version", "value": str(SCHEMA_VERSION)}
                connection.execute(tables.about.insert().values(row))
            _check_version(connection, self.name)

    @contextmanager
    def _errors(self) -> Iterator[None]:
        try:
            yield
        except (SQLAlchemyError, self._driver_error) as error:
            raise storage_error(self.name, _said(error)) from error

    def close(self) -> None:
        """Close every connection."""
        self._engine.dispose()


def _engine(url: str, file: Path | None) -> Engine:
    try:
        if file is not None:
            engine = create_engine(f"sqlite:///{file}", connect_args={"timeout": BUSY_SECONDS, "check_same_thread": False})
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
    for pragma in PRAGMAS:
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


def _on_sqlite_begin(connection: Connection) -> None:
    writing = connection.get_execution_options().get("writing", False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writing else "BEGIN")


def _check_version(connection: Connection, name: str) -> None:
    found = connection.execute(select(tables.about.c.value).where(tables.about.c.key == "schema_version")).scalar()
    if found is None or int(found) != SCHEMA_VERSION:
        raise StorageError(f"{name} has schema version {found}; this program reads {SCHEMA_VERSION}", hint="update orchestrate")


def _said(error: Exception) -> Exception:
    """Return the driver's own error, whose words hold neither the statement nor its values."""
    if not isinstance(error, SQLAlchemyError):
        return error
    original = getattr(error, "orig", None)
    return original if isinstance(original, Exception) else Exception(type(error).__name__)

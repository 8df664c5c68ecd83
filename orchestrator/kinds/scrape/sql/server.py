"""A database server, as a run writes it: SQLAlchemy opens it and compiles the statements, the driver executes them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from sqlalchemy import Connection, text

from orchestrator.kinds.scrape.sql.compiling import compile_for
from orchestrator.kinds.scrape.sql.transaction import Transaction
from orchestrator.kinds.scrape.store import Store

_LOCK: Final = 0x6F72_6368
"""Any constant: the writers of one PostgreSQL database take turns by it."""


class Server:
    """See the module. Implements `orchestrator.kinds.scrape.sql.database.Database`."""

    def __init__(self, url: str, root: Path) -> None:
        self._store = Store(url, root)
        self._statements = compile_for(self._store.dialect)
        self.name = self._store.name

    def exists(self) -> bool:
        """Whether the tables are there; nothing is created by asking. Raises StorageError."""
        return self._store.exists()

    def prepare(self) -> None:
        """Create the tables, if they aren't there. Raises StorageError."""
        self._store.prepare()

    @contextmanager
    def reading(self) -> Iterator[Transaction]:
        """Give a transaction for reading. Raises StorageError."""
        with self._store.read() as connection:
            yield self._on(connection)

    @contextmanager
    def writing(self) -> Iterator[Transaction]:
        """Give a transaction: all of it happens, or nothing. Creates the tables. Raises StorageError."""
        with self._store.write() as connection:
            connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _LOCK})
            yield self._on(connection)

    def _on(self, connection: Connection) -> Transaction:
        return Transaction(connection.connection, self._statements)

    def close(self) -> None:
        """Close every connection."""
        self._store.close()

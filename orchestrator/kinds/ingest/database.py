"""SQLite as the ingest uses it: connections with the right settings, and errors a person can act on."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import quote

from orchestrator.errors import StorageError


@contextmanager
def told(action: str, path: Path) -> Iterator[None]:
    """Turn errors of SQLite into a StorageError that names the file, not where it lies."""
    try:
        yield
    except sqlite3.Error as error:
        raise StorageError(f"can't {action} {path.name}: {error}", hint="see `orchestrate doctor`") from error


def open_read_only(path: Path) -> sqlite3.Connection:
    """Open a database that nobody writes: without locks, journal or any file beside it, so also on a read-only mount.

    The connection may be closed by another thread than the one that uses it. Raises StorageError.
    """
    with told("open", path):
        uri = f"file:{quote(str(path.absolute()))}?mode=ro&immutable=1"
        return sqlite3.connect(uri, uri=True, check_same_thread=False)


def open_unshared(path: Path) -> sqlite3.Connection:
    """Open a database that only this thread sees until it is published: nothing is journaled or synced before that."""
    with told("open", path):
        connection = sqlite3.connect(path, isolation_level=None)
        try:
            for pragma in ("journal_mode=off", "synchronous=off", "locking_mode=exclusive", "temp_store=memory"):
                connection.execute(f"pragma {pragma}").fetchall()
        except sqlite3.Error:
            connection.close()
            raise
        return connection

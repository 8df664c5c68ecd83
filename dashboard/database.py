"""SQLite files opened for reading only: also on a read-only mount, and without leaving a file beside them."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Final
from urllib.parse import quote

from dashboard.store import Stamp, stamp
from orchestrator.errors import UnreadableState

LONGEST_QUERY: Final = 1.5
_WAL_VERSION: Final = 2
_VERSION_AT: Final = 19  # The file format's read version, byte 19 of the header: https://www.sqlite.org/fileformat.html
_STEPS: Final = 20_000


def marks(path: Path) -> tuple[Stamp | None, Stamp | None]:
    """Return what changes when the database changes: its own stamp and the one of its log."""
    return stamp(path), stamp(path.with_name(f"{path.name}-wal"))


@contextmanager
def reading(path: Path) -> Iterator[sqlite3.Connection]:
    """Open a database for reading, and give up a query after 1.5 s. Raises UnreadableState with a sentence.

    SQLite creates files beside a database in WAL mode even for readers. So one without a log is opened as immutable: it has
    no writer at this moment, and should one start meanwhile, the worst is an error that the next poll doesn't have.
    """
    log = path.with_name(f"{path.name}-wal")
    fixed = "&immutable=1" if _in_wal_mode(path) and not log.exists() else ""
    until = time.monotonic() + LONGEST_QUERY
    try:
        uri = f"file:{quote(str(path))}?mode=ro{fixed}"
        with closing(sqlite3.connect(uri, uri=True, timeout=0.25, check_same_thread=False)) as connection:
            connection.row_factory = sqlite3.Row
            connection.text_factory = _text
            connection.set_progress_handler(lambda: int(time.monotonic() > until), _STEPS)
            yield connection
    except sqlite3.Error as error:
        raise UnreadableState(f"can't read {path.name}: {error}", hint="the next look may succeed") from error


def _text(data: bytes) -> str:
    return data.decode(errors="replace")


def _in_wal_mode(path: Path) -> bool:
    try:
        with path.open("rb") as file:
            header = file.read(_VERSION_AT + 1)
    except OSError as error:
        raise UnreadableState(f"can't read {path.name}: {error.strerror}") from error
    return len(header) > _VERSION_AT and header[_VERSION_AT] == _WAL_VERSION

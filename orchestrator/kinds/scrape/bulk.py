"""Writing rows: SQLAlchemy compiles a statement once, and the driver gets the rows as they are.

The columns of these tables need no conversion (texts, numbers, booleans), and Core's work for each row would cost as much as
SQLite's own.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Any

from sqlalchemy import Connection, Insert, Update
from sqlalchemy.engine.interfaces import Dialect


def write_rows(connection: Connection, statement: Insert | Update, rows: Sequence[dict[str, Any]]) -> None:
    """Insert or update by a constant statement. All rows have the same keys: columns' names, and the statement's parameters.

    Defaults of columns aren't filled in: an insert names every column that has one.
    """
    if not rows:
        return
    text, order = _compiled(connection.dialect, statement, tuple(rows[0]))
    if order is None:
        connection.exec_driver_sql(text, list(rows))
    else:
        connection.exec_driver_sql(text, [tuple(map(row.__getitem__, order)) for row in rows])


@lru_cache(maxsize=64)
def _compiled(dialect: Dialect, statement: Insert | Update, names: tuple[str, ...]) -> tuple[str, tuple[str, ...] | None]:
    """Return the statement's text, and the order of its parameters if the driver takes them by position."""
    compiled = statement.compile(dialect=dialect, column_keys=list(names))
    return str(compiled), tuple(compiled.positiontup) if compiled.positiontup is not None else None

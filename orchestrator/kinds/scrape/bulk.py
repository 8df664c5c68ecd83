"""Statements without ceremony: SQLAlchemy compiles a constant one once, and the driver gets the values as they are.

The columns of these tables need no conversion (texts, numbers, booleans), and Core's work for each row would cost as much as
SQLite's own.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any, Final

from sqlalchemy import Connection, CursorResult, Delete, Insert, Select, Update
from sqlalchemy.engine.interfaces import Dialect

_AT_ONCE: Final = 16
"""Rows of one INSERT: a statement of many rows gives the interpreter away once, not once a row."""


def run(connection: Connection, statement: Select[Any] | Delete | Update, values: Mapping[str, Any]) -> CursorResult[Any]:
    """Execute a constant statement; `values` are its parameters, by name."""
    text, order, fixed = _compiled(connection.dialect, statement, None)
    every = {**fixed, **values}
    return connection.exec_driver_sql(text, every if order is None else tuple(map(every.__getitem__, order)))


def write_rows(connection: Connection, statement: Insert | Update, rows: Sequence[dict[str, Any]]) -> None:
    """Insert or update by a constant statement. All rows have the same keys: columns' names, and the statement's parameters.

    Defaults of columns aren't filled in: an insert names every column that has one.
    """
    if not rows:
        return
    text, order, _ = _compiled(connection.dialect, statement, tuple(rows[0]))
    if order is None:
        connection.exec_driver_sql(text, list(rows))
    else:
        connection.exec_driver_sql(text, [tuple(map(row.__getitem__, order)) for row in rows])


def insert_rows(connection: Connection, statement: Insert, names: tuple[str, ...], rows: Sequence[tuple[Any, ...]]) -> None:
    """Insert rows whose values stand in the order of `names`, which is the table's. Defaults aren't filled in."""
    text, order, _ = _compiled(connection.dialect, statement, names)
    if order is None:
        connection.exec_driver_sql(text, [dict(zip(names, row, strict=True)) for row in rows])
        return
    assert order == names, "the driver takes values in the table's order"
    whole = len(rows) - len(rows) % _AT_ONCE
    for start in range(0, whole, _AT_ONCE):
        values = tuple(value for row in rows[start : start + _AT_ONCE] for value in row)
        connection.exec_driver_sql(_repeated(text), values)
    if rows[whole:]:
        connection.exec_driver_sql(text, list(rows[whole:]))


@lru_cache(maxsize=64)
def _compiled(
    dialect: Dialect, statement: Select[Any] | Delete | Insert | Update, names: tuple[str, ...] | None
) -> tuple[str, tuple[str, ...] | None, Mapping[str, Any]]:
    """Return the statement's text, its parameters' order if the driver takes them by position, and its constants."""
    compiled = statement.compile(dialect=dialect, column_keys=None if names is None else list(names))
    order = None if compiled.positiontup is None else tuple(compiled.positiontup)
    return str(compiled), order, compiled.params


@lru_cache(maxsize=16)
def _repeated(insert: str) -> str:
    """Return an INSERT of one row as one of `_AT_ONCE` rows."""
    head, values, row = insert.rpartition("VALUES ")
    return head + values + ", ".join([row] * _AT_ONCE)

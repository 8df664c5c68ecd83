"""Statements without ceremony: SQLAlchemy compiles a constant one once, and the driver gets its text and the values as they are.

The columns of these tables need no conversion (texts, numbers, booleans). Core's work around each execution costs three times
as much as SQLite's own (docs/adr/0011), so the driver's cursors are used directly, inside the transaction of the connection.
"""

from __future__ import annotations

from collections import namedtuple
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any, Final, NamedTuple

from sqlalchemy import Connection, Delete, Insert, Select, Update
from sqlalchemy.engine.interfaces import Dialect

_AT_ONCE: Final = 16
"""Rows of one INSERT: a statement of many rows gives the interpreter away once, not once a row."""


class _Prepared(NamedTuple):
    """A compiled statement: its text, its parameters' order if the driver takes them by position, and its constants."""

    text: str
    order: tuple[str, ...] | None
    constants: Mapping[str, Any]
    row: Any
    """The class of the rows that a SELECT gives, a named tuple."""


def fetch(connection: Connection, statement: Select[Any], values: Mapping[str, Any]) -> list[Any]:
    """Return the rows of a constant SELECT, by name; `values` are its parameters. Raises what the driver raises."""
    prepared = _prepared(connection.dialect, statement, None)
    cursor = connection.connection.cursor()
    cursor.execute(prepared.text, _given(prepared, values))
    found = list(map(prepared.row._make, cursor.fetchall()))
    cursor.close()
    return found


def execute(connection: Connection, statement: Delete | Update, values: Mapping[str, Any]) -> int:
    """Execute a constant UPDATE or DELETE and return how many rows it met. Raises what the driver raises."""
    prepared = _prepared(connection.dialect, statement, None)
    cursor = connection.connection.cursor()
    cursor.execute(prepared.text, _given(prepared, values))
    met: int = cursor.rowcount
    cursor.close()
    return met


def _given(prepared: _Prepared, values: Mapping[str, Any]) -> Any:
    every = {**prepared.constants, **values}
    return every if prepared.order is None else tuple([every[name] for name in prepared.order])


def write_rows(connection: Connection, statement: Insert | Update, rows: Sequence[dict[str, Any]]) -> None:
    """Insert or update by a constant statement. All rows have the same keys: columns' names, and the statement's parameters.

    Defaults of columns aren't filled in: an insert names every column that has one. Raises what the driver raises.
    """
    if not rows:
        return
    prepared = _prepared(connection.dialect, statement, tuple(rows[0]))
    cursor = connection.connection.cursor()
    if prepared.order is None:
        cursor.executemany(prepared.text, list(rows))
    else:
        cursor.executemany(prepared.text, [tuple(map(row.__getitem__, prepared.order)) for row in rows])
    cursor.close()


def insert_rows(connection: Connection, statement: Insert, names: tuple[str, ...], rows: Sequence[tuple[Any, ...]]) -> None:
    """Insert rows whose values stand in the order of `names`, which is the table's. Defaults aren't filled in.

    Raises what the driver raises.
    """
    prepared = _prepared(connection.dialect, statement, names)
    cursor = connection.connection.cursor()
    if prepared.order is None:
        cursor.executemany(prepared.text, [dict(zip(names, row, strict=True)) for row in rows])
    else:
        assert prepared.order == names, "the driver takes values in the table's order"
        whole = len(rows) - len(rows) % _AT_ONCE
        for start in range(0, whole, _AT_ONCE):
            values = [value for row in rows[start : start + _AT_ONCE] for value in row]
            cursor.execute(_repeated(prepared.text), values)
        if rows[whole:]:
            cursor.executemany(prepared.text, rows[whole:])
    cursor.close()


@lru_cache(maxsize=64)
def _prepared(
    dialect: Dialect, statement: Select[Any] | Delete | Insert | Update, names: tuple[str, ...] | None
) -> _Prepared:
    compiled = statement.compile(dialect=dialect, column_keys=None if names is None else list(names))
    order = None if compiled.positiontup is None else tuple(compiled.positiontup)
    row = namedtuple("Row", statement.selected_columns.keys()) if isinstance(statement, Select) else None  # noqa: PYI024
    return _Prepared(str(compiled), order, compiled.params, row)


@lru_cache(maxsize=16)
def _repeated(insert: str) -> str:
    """Return an INSERT of one row as one of `_AT_ONCE` rows."""
    head, values, row = insert.rpartition("VALUES ")
    return head + values + ", ".join([row] * _AT_ONCE)

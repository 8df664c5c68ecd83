"""One transaction of a run: constant statements by name, executed on the driver's own cursor.

The columns of these tables need no conversion (texts, numbers, booleans), and what SQLAlchemy does around each execution costs
three times as much as SQLite's own work (docs/adr/0012).
"""

from __future__ import annotations

import json
from collections import namedtuple
from collections.abc import Mapping, Sequence
from functools import lru_cache
from itertools import chain
from typing import Any, Final, NamedTuple

_AT_ONCE: Final = 64
"""Rows of one INSERT at most. The driver gives the interpreter away for each step of a statement, and beside sixteen workers
it takes up to a millisecond to get it back: a statement of many rows does so once, not once a row."""


class Prepared(NamedTuple):
    """A compiled statement: its text, its parameters' order if the driver takes them by position, and its constants."""

    text: str
    order: tuple[str, ...] | None
    constants: Mapping[str, Any]
    columns: tuple[str, ...] = ()
    """Of the rows that a SELECT gives."""
    names: tuple[str, ...] = ()
    """Of the values that `insert` takes."""
    packed: bool = False
    """Whether a SELECT gives all of its rows as one JSON text: in one step, for the same reason."""


class Transaction:
    """What happens between BEGIN and COMMIT. Raises what the driver raises; whoever opened it turns that into ours."""

    def __init__(self, connection: Any, statements: Mapping[str, Prepared]) -> None:
        """Take a connection of a driver (PEP 249) on which a transaction has begun."""
        self._cursor = connection.cursor()
        self._statements = statements

    def fetch(self, name: str, **values: Any) -> list[Any]:
        """Return the rows of a SELECT, as named tuples."""
        prepared = self._statements[name]
        self._cursor.execute(prepared.text, _given(prepared, values))
        rows = json.loads(self._cursor.fetchone()[0]) if prepared.packed else self._cursor.fetchall()
        return list(map(_row_class(prepared.columns)._make, rows))

    def mappings(self, name: str, **values: Any) -> list[dict[str, Any]]:
        """Return the rows of a SELECT, as dictionaries."""
        prepared = self._statements[name]
        self._cursor.execute(prepared.text, _given(prepared, values))
        return [dict(zip(prepared.columns, row, strict=True)) for row in self._cursor.fetchall()]

    def execute(self, name: str, **values: Any) -> int:
        """Execute an UPDATE or DELETE and return how many rows it met."""
        prepared = self._statements[name]
        self._cursor.execute(prepared.text, _given(prepared, values))
        met: int = self._cursor.rowcount
        return met

    def write(self, name: str, rows: Sequence[Mapping[str, Any]]) -> None:
        """Execute an INSERT or UPDATE for each row; a row has a value for each name of the statement."""
        if rows:
            prepared = self._statements[name]
            self._cursor.executemany(prepared.text, [_given(prepared, row) for row in rows])

    def insert(self, name: str, rows: Sequence[tuple[Any, ...]]) -> None:
        """Insert rows whose values stand in the order of the statement's names."""
        prepared = self._statements[name]
        if prepared.order is None:
            if rows:
                self._cursor.executemany(prepared.text, [dict(zip(prepared.names, row, strict=True)) for row in rows])
            return
        assert prepared.order == prepared.names, "the driver takes the values as they are given"
        for start in range(0, len(rows), _AT_ONCE):
            some = rows[start : start + _AT_ONCE]
            self._cursor.execute(_repeated(prepared.text, len(some)), list(chain.from_iterable(some)))

    def close(self) -> None:
        """Give the cursor back."""
        self._cursor.close()


def _given(prepared: Prepared, values: Mapping[str, Any]) -> Any:
    every = {**prepared.constants, **values} if prepared.constants else values
    return every if prepared.order is None else [every[name] for name in prepared.order]


@lru_cache(maxsize=64)
def _row_class(columns: tuple[str, ...]) -> Any:
    return namedtuple("Row", columns)  # noqa: PYI024 - its columns are those of a statement


@lru_cache(maxsize=256)
def _repeated(insert: str, count: int) -> str:
    """Return an INSERT of one row as one of `count` rows."""
    head, values, row = insert.rpartition("VALUES ")
    return head + values + ", ".join([row] * count)

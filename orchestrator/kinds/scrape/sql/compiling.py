"""Compiling the statements of a run for a dialect: ahead for SQLite, into `sqlite.json`; at its opening for a server."""

from __future__ import annotations

import json
from typing import Any

from sqlalchemy import Select, func, select
from sqlalchemy.dialects import sqlite
from sqlalchemy.engine.interfaces import Dialect
from sqlalchemy.schema import CreateIndex, CreateTable

from orchestrator.kinds.scrape import tables
from orchestrator.kinds.scrape.sql.statements import DEFINITIONS, Definition
from orchestrator.kinds.scrape.sql.transaction import Prepared


def compile_for(dialect: Dialect) -> dict[str, Prepared]:
    """Return every statement of a run in a database's own words."""
    return {name: _prepared(definition, dialect) for name, definition in DEFINITIONS.items()}


def _prepared(definition: Definition, dialect: Dialect) -> Prepared:
    statement, names, many = definition
    columns = tuple(statement.selected_columns.keys()) if isinstance(statement, Select) else ()
    packed = many and dialect.name == "sqlite"
    if packed:
        assert isinstance(statement, Select)
        rows = statement.subquery("found")
        statement = select(func.json_group_array(func.json_array(*rows.c)))
    compiled: Any = statement.compile(dialect=dialect, column_keys=None if names is None else list(names))
    order = None if compiled.positiontup is None else tuple(compiled.positiontup)
    given = {*(names or ()), *(name for name, value in compiled.params.items() if value is None)}
    constants = {name: value for name, value in compiled.params.items() if name not in given}
    return Prepared(str(compiled), order, constants, columns, names or (), packed)


def sqlite_as_json() -> str:
    """Return the content of `sqlite.json`: what creates the tables, and every statement."""
    dialect = sqlite.dialect()
    created: list[Any] = [CreateTable(table, if_not_exists=True) for table in tables.metadata.sorted_tables]
    indexes = [CreateIndex(index, if_not_exists=True) for table in tables.metadata.sorted_tables for index in _indexes(table)]
    schema = [" ".join(str(each.compile(dialect=dialect)).split()) for each in (*created, *indexes)]
    statements = {name: prepared._asdict() for name, prepared in compile_for(dialect).items()}
    return json.dumps({"schema": schema, "statements": statements}, indent=1) + "\n"


def _indexes(table: Any) -> list[Any]:
    return sorted(table.indexes, key=lambda index: str(index.name))

"""What the database knows of a job's companies and of a run: read when a job is planned, written when it is settled."""

from __future__ import annotations

import json
from typing import Any

from sqlalchemy import Connection, case, delete, func, insert, select

from orchestrator.kinds.scrape import tables
from orchestrator.kinds.scrape.boards import find_board
from orchestrator.kinds.scrape.book import Book, Known
from orchestrator.kinds.scrape.effects import Counts
from orchestrator.kinds.scrape.fetch import Completeness, Validators
from orchestrator.kinds.scrape.store import Store


def read(store: Store, job: str, run_id: str) -> Book:
    """Read what there is; an empty book if there is no database yet. Raises StorageError."""
    if not store.exists():
        return Book()
    with store.read() as connection:
        fetched = _fetched(connection, run_id, job)
        counts = _counts(connection, run_id, job)
        return Book(
            companies=_companies(connection, job),
            done=frozenset(key for key, _, _ in fetched),
            counts=counts,
            partial=counts.held > 0 or any(outcome == Completeness.PARTIAL for _, _, outcome in fetched),
            started_at=min((at for _, at, _ in fetched), default=None),
            detailed=_detailed(connection, job),
        )


def _companies(connection: Connection, job: str) -> dict[str, Known]:
    c, p = tables.companies.c, tables.postings.c
    opened = func.coalesce(func.sum(case((p.status == "open", 1), else_=0)), 0)
    rows = connection.execute(
        select(c.company_key, c.name, c.last_ok_at, c.etag, c.last_modified, c.wishes, opened.label("open"))
        .select_from(tables.companies.outerjoin(tables.postings, p.company_key == c.company_key))
        .where(c.job == job)
        .group_by(c.company_key, c.name, c.last_ok_at, c.etag, c.last_modified, c.wishes)
    )
    return {
        row.company_key: Known(row.name, row.open, row.last_ok_at, Validators(row.etag, row.last_modified), row.wishes)
        for row in rows
    }


def _fetched(connection: Connection, run_id: str, job: str) -> list[tuple[str, str, str]]:
    """Return what this run has already, the fetches that didn't fail: company, time, outcome."""
    f, c = tables.fetches.c, tables.companies.c
    rows = connection.execute(
        select(f.company_key, f.at, f.outcome)
        .join(tables.companies, c.company_key == f.company_key)
        .where(f.run_id == run_id, c.job == job, f.outcome != Completeness.FAILED)
    )
    return [(row.company_key, row.at, row.outcome) for row in rows]


def _counts(connection: Connection, run_id: str, job: str) -> Counts:
    f, c = tables.fetches.c, tables.companies.c
    sums = [func.coalesce(func.sum(f[name]), 0).label(name) for name in Counts.__slots__]
    row = connection.execute(
        select(*sums)
        .join_from(tables.fetches, tables.companies, c.company_key == f.company_key)
        .where(f.run_id == run_id, c.job == job, f.outcome != Completeness.FAILED)
    ).one()
    return Counts(**{name: int(value) for name, value in row._mapping.items()})  # noqa: SLF001 - SQLAlchemy's public name


def _detailed(connection: Connection, job: str) -> dict[str, frozenset[str]]:
    """Return the described postings by company, of boards that need a request for each description."""
    c, p = tables.companies.c, tables.postings.c
    sources = [row.source for row in connection.execute(select(c.source).where(c.job == job).distinct())]
    slow = [name for name in sources if (board := find_board(name)) is not None and board.details]
    if not slow:
        return {}
    rows = connection.execute(
        select(p.company_key, p.identifier)
        .join_from(tables.postings, tables.companies, c.company_key == p.company_key)
        .where(c.job == job, p.source.in_(slow), p.description_text.is_not(None))
    )
    found: dict[str, set[str]] = {}
    for row in rows:
        found.setdefault(row.company_key, set()).add(row.identifier)
    return {key: frozenset(identifiers) for key, identifiers in found.items()}


def write_run(store: Store, run_id: str, job: str, started_at: str, finished_at: str, result: dict[str, Any]) -> None:
    """Write down how a job of a run was settled; a second time replaces the first. Raises StorageError."""
    r = tables.runs.c
    with store.write() as connection:
        connection.execute(delete(tables.runs).where(r.run_id == run_id, r.job == job))
        row = {"run_id": run_id, "job": job, "started_at": started_at, "finished_at": finished_at}
        connection.execute(insert(tables.runs), {**row, "result": json.dumps(result)})

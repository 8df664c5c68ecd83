"""What the database knows of a job's companies and of a run: read when a job is planned, written when it is settled."""

from __future__ import annotations

import json
from typing import Any

from orchestrator.kinds.scrape.boards import find_board
from orchestrator.kinds.scrape.book import Book, Known
from orchestrator.kinds.scrape.effects import Counts
from orchestrator.kinds.scrape.fetch import Completeness, Validators
from orchestrator.kinds.scrape.sql.database import Database
from orchestrator.kinds.scrape.sql.transaction import Transaction


def read(database: Database, job: str, run_id: str) -> Book:
    """Read what there is; an empty book if there is no database yet. Raises StorageError."""
    if not database.exists():
        return Book()
    with database.reading() as transaction:
        fetched = transaction.fetch("fetched_in_run", run=run_id, job=job)
        sums = transaction.fetch("counts_of_run", run=run_id, job=job)[0]
        counts = Counts(**{name: int(value) for name, value in sums._asdict().items()})
        return Book(
            companies=_companies(transaction, job),
            done=frozenset(row.company_key for row in fetched),
            counts=counts,
            partial=counts.held > 0 or any(row.outcome == Completeness.PARTIAL for row in fetched),
            started_at=min((row.at for row in fetched), default=None),
            detailed=_detailed(transaction, job),
        )


def _companies(transaction: Transaction, job: str) -> dict[str, Known]:
    return {
        row.company_key: Known(row.name, row.open, row.last_ok_at, Validators(row.etag, row.last_modified), row.wishes)
        for row in transaction.fetch("companies_of_job", job=job)
    }


def _detailed(transaction: Transaction, job: str) -> dict[str, frozenset[str]]:
    """Return the described postings by company, of boards that need a request for each description."""
    found: dict[str, set[str]] = {}
    for source in transaction.fetch("sources_of_job", job=job):
        board = find_board(source.source)
        if board is None or not board.details:
            continue
        for row in transaction.fetch("described_postings", job=job, source=source.source):
            found.setdefault(row.company_key, set()).add(row.identifier)
    return {key: frozenset(identifiers) for key, identifiers in found.items()}


def write_run(database: Database, run_id: str, job: str, started_at: str, finished_at: str, result: dict[str, Any]) -> None:
    """Write down how a job of a run was settled; a second time replaces the first. Raises StorageError."""
    with database.writing() as transaction:
        transaction.execute("delete_run", run=run_id, job=job)
        transaction.insert("insert_run", [(run_id, job, started_at, finished_at, json.dumps(result))])

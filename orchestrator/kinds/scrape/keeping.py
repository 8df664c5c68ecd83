"""What a person does to the tables: marks, accepted closings, backups, pruning. Each is one transaction."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path
from typing import Any, Final

from sqlalchemy import Connection, delete, insert, or_, select, update

from orchestrator import files
from orchestrator.errors import NotFound, StorageError, UsageError
from orchestrator.kinds.scrape.reading import company_keys
from orchestrator.kinds.scrape.store import Store
from orchestrator.kinds.scrape.tables import companies, fetches, posting_history, postings, runs

BY_HAND: Final = "by-hand"
"""Stands where history has a run's id, for what a person did."""


def mark(connection: Connection, posting_id: int, marks: Mapping[str, Any]) -> None:
    """Set some of the user's own columns. Raises NotFound."""
    done = connection.execute(update(postings).where(postings.c.id == posting_id).values(dict(marks)))
    if not done.rowcount:
        raise NotFound(f"there is no posting {posting_id}", hint="`orchestrate postings` lists them")


def accept(connection: Connection, company: str, at: str) -> int:
    """Let pass what a guard holds for a company: close what the last fetch missed; a gone board closes everything.

    The next fetch isn't held either, whatever it brings. Returns how many postings were closed. Raises NotFound, and
    UsageError if several companies are meant or nothing is held.
    """
    keys = company_keys(connection, company)
    if len(keys) > 1:
        raise UsageError(f"{company!r} could be {len(keys)} companies: {', '.join(keys[:5])}", hint="name one by its key")
    row = connection.execute(select(companies).where(companies.c.company_key == keys[0])).mappings().one()
    if row["held_reason"] is None:
        raise UsageError(f"nothing is held for {row['name']}", hint="`orchestrate postings --state held` lists what is")
    missed = (postings.c.company_key == keys[0]) & (postings.c.status == "open")
    if not row["gone_runs"]:
        missed &= postings.c.miss_count > 0
    ids = list(connection.execute(select(postings.c.id).where(missed)).scalars())
    connection.execute(update(postings).where(missed).values(status="closed", closed_at=at, run_id=BY_HAND))
    if ids:
        events = [{"posting_id": each, "run_id": BY_HAND, "at": at, "event": "closed"} for each in ids]
        connection.execute(insert(posting_history), events)
    settled = {"held": 0, "held_reason": None, "recent_counts": "[]", "empty_runs": 0, "empty_since": None}
    settled |= {"gone_runs": 0, "gone_since": None, "accept_next": not ids}
    connection.execute(update(companies).where(companies.c.company_key == keys[0]).values(settled))
    return len(ids)


def backup(store: Store, target: Path) -> int:
    """Copy a SQLite database while it is in use; the copy passes an integrity check. Returns its size in bytes.

    Raises UsageError for a server or an existing target, StorageError if the copy isn't whole; no half copy is left.
    """
    if store.file is None:
        raise UsageError("only a SQLite database can be backed up from here", hint="use pg_dump for PostgreSQL")
    if target.exists():
        raise UsageError(f"{target.name} exists already", hint="choose another name")
    if not store.exists():
        raise NotFound(f"there is no database {store.name} yet", hint="`orchestrate run` makes one")
    files.create_exclusive(target, b"")
    try:
        with closing(sqlite3.connect(store.file)) as source, closing(sqlite3.connect(target)) as copy:
            source.backup(copy)
            copy.execute("PRAGMA journal_mode=DELETE")
            found = copy.execute("PRAGMA integrity_check").fetchone()[0]
        files.sync_file(target)
    except (sqlite3.Error, OSError) as error:
        target.unlink(missing_ok=True)
        raise StorageError(f"the backup failed: {error}") from error
    if found != "ok":
        target.unlink(missing_ok=True)
        raise StorageError(f"the backup isn't whole: {found}", hint="see `orchestrate doctor`")
    return target.stat().st_size


def prune(connection: Connection, before: str, *, dry_run: bool) -> dict[str, int]:
    """Remove closed postings, their history and the ledger of fetches from before a time (ISO, UTC); return how many.

    A posting that a person marked stays. Open postings always do.
    """
    p = postings.c
    old = (p.status == "closed") & (p.closed_at < before)
    old &= (p.favorite.is_(False)) & p.notes.is_(None) & p.application_status.is_(None) & p.applied_at.is_(None)
    ids = select(p.id).where(old)
    steps = (
        ("history", posting_history, posting_history.c.posting_id.in_(ids)),
        ("postings", postings, old),
        ("fetches", fetches, fetches.c.at < before),
        ("runs", runs, or_(runs.c.finished_at < before, runs.c.finished_at.is_(None))),
    )
    removed = {}
    for name, table, condition in steps:
        found = connection.execute(select(table.c[next(iter(table.c.keys()))]).where(condition)).all()
        removed[name] = len(found)
        if not dry_run:
            connection.execute(delete(table).where(condition))
    return removed

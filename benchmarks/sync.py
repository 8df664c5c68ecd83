"""S5: the sync of 12,000 rows against a hand-written SQLAlchemy Core diff of the same rows, history included.

    python benchmarks/sync.py [--companies 300] [--rows 40] [--rounds 3]

Both write the same columns and one history row an event, in one transaction a company, into a SQLite file with WAL and
synchronous NORMAL. The hand-written one knows no guards, no ledger, no merging and no reopening.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

from sqlalchemy import insert, select, update
from sqlalchemy.sql.expression import bindparam

from orchestrator.kinds.scrape import sync, tables
from orchestrator.kinds.scrape.boards.base import Source
from orchestrator.kinds.scrape.companies import Located
from orchestrator.kinds.scrape.effects import Stamp
from orchestrator.kinds.scrape.fetch import Completeness, Fetched
from orchestrator.kinds.scrape.guards import Limits
from orchestrator.kinds.scrape.posting import HASH_VERSION, Posting, Row, row_of
from orchestrator.kinds.scrape.row import Place
from orchestrator.kinds.scrape.sql.database import SqliteFile
from orchestrator.kinds.scrape.store import Store

Write = Callable[[Store, list[Fetched], str], None]
TEXT = "We build robots that learn not to block a door. " * 60
SOURCE = "greenhouse"


def rows_of(company: int, count: int, *, changed: bool) -> list[Row]:
    """Return a company's rows; with `changed`, every twentieth has another title."""
    rows = []
    for number in range(count):
        title = f"Engineer {number}" + (" (m/f/d)" if changed and number % 20 == 0 else "")
        posting = Posting(
            identifier=f"{company}-{number}",
            title=title,
            url=f"https://acme.example/{company}/{number}",
            location="Berlin, Germany",
            locations=(Place("Berlin, Germany"),),
            department="Engineering",
            date_posted="2026-10-01T00:00:00Z",
            description_html=f"<p>{TEXT}</p>",
            description_text=TEXT,
        )
        rows.append(row_of(posting))
    return rows


def ours(store: Store, fetches: list[Fetched], run_id: str) -> None:
    """Apply every fetch, each in its transaction."""
    assert store.file is not None
    with closing(SqliteFile(store.file)) as database:
        for fetched in fetches:
            place = Located(SOURCE, Source(fetched.board), fetched.key)
            stamp = Stamp(run_id, "boards", fetched.key, place, run_id)
            with database.writing() as transaction:
                sync.apply(transaction, fetched, stamp, Limits())


def by_hand(store: Store, fetches: list[Fetched], run_id: str) -> None:
    """Do the same by hand: select, compare, executemany."""
    p = tables.postings
    touch = update(p).where(p.c.id == bindparam("key")).values(last_seen_at=bindparam("at"))
    change = update(p).where(p.c.id == bindparam("key"))
    next_id = 1
    for fetched in fetches:
        with store.write() as connection:
            c = tables.companies.c
            if connection.execute(select(c.job).where(c.company_key == fetched.key)).first() is None:
                company = {"company_key": fetched.key, "job": "boards", "name": fetched.key, "source": SOURCE, "board": ""}
                connection.execute(insert(tables.companies), company)
            known = {
                row.identifier: (row.id, row.content_hash)
                for row in connection.execute(
                    select(p.c.id, p.c.identifier, p.c.content_hash).where(p.c.company_key == fetched.key)
                )
            }
            new, seen, changed, events = [], [], [], []
            for row in fetched.rows:
                found = known.get(row.identifier)
                if found is None:
                    new.append({"id": next_id, **whole(fetched, row, run_id)})
                    events.append(event(next_id, run_id, "new"))
                    next_id += 1
                elif found[1] == row.hash:
                    seen.append({"key": found[0], "at": run_id})
                else:
                    changed.append({"key": found[0], "last_seen_at": run_id, "content_hash": row.hash, **row.columns()})
                    events.append(event(found[0], run_id, "changed"))
            steps = ((insert(p), new), (touch, seen), (change, changed), (insert(tables.posting_history), events))
            for statement, values in steps:
                if values:
                    connection.execute(statement, values)


def event(posting_id: int, run_id: str, name: str) -> dict[str, Any]:
    """Return a history row."""
    return {"posting_id": posting_id, "run_id": run_id, "at": run_id, "event": name, "fields": None}


def whole(fetched: Fetched, row: Row, run_id: str) -> dict[str, Any]:
    """Return the columns of a new posting."""
    return {
        "company_key": fetched.key,
        "company": fetched.key,
        "source": SOURCE,
        "board": fetched.board,
        "identifier": row.identifier,
        "status": "open",
        "first_seen_at": run_id,
        "last_seen_at": run_id,
        "version": 1,
        "content_hash": row.hash,
        "seen_hash": row.hash,
        "hash_version": HASH_VERSION,
        "tier": 1,
        "run_id": run_id,
        **row.columns(),
    }


def measure(write: Write, companies: int, count: int, clock: Callable[[], float]) -> list[float]:
    """Return the seconds of load, unchanged and 5 % changed."""
    blank = Fetched("", Completeness.COMPLETE, source=SOURCE)
    plain = [
        blank._replace(key=f"c{c}", board=f"c{c}", rows=tuple(rows_of(c, count, changed=False)), listed=count)
        for c in range(companies)
    ]
    other = [f._replace(rows=tuple(rows_of(c, count, changed=True))) for c, f in enumerate(plain)]
    times = []
    with tempfile.TemporaryDirectory() as folder:
        store = Store(f"sqlite:///{folder}/postings.db", Path(folder))
        with store.write():
            pass
        for index, fetches in enumerate((plain, plain, other)):
            started = clock()
            write(store, fetches, f"2026112{index}T000000.000Z-0000000{index}")
            times.append(clock() - started)
        store.close()
    return times


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--companies", type=int, default=300)
    parser.add_argument("--rows", type=int, default=40)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--cpu", action="store_true", help="measure CPU seconds, for a machine that does other things too")
    given = parser.parse_args()
    clock = time.process_time if given.cpu else time.perf_counter
    results: dict[str, list[list[float]]] = {"ours": [], "by hand": []}
    for _ in range(given.rounds):
        results["by hand"].append(measure(by_hand, given.companies, given.rows, clock))
        results["ours"].append(measure(ours, given.companies, given.rows, clock))
    print(f"{given.companies * given.rows} rows in {given.companies} companies, medians of {given.rounds}")
    print(f"{'':12}{'load':>8}{'unchanged':>11}{'5 % changed':>13}")
    middle = {name: [statistics.median(column) for column in zip(*times, strict=True)] for name, times in results.items()}
    for name, times in middle.items():
        print(f"{name:12}{times[0]:8.2f}{times[1]:11.2f}{times[2]:13.2f}")
    ratios = [a / b for a, b in zip(middle["ours"], middle["by hand"], strict=True)]
    print(f"{'ratio':12}{ratios[0]:8.2f}{ratios[1]:11.2f}{ratios[2]:13.2f}   (bar: 1.2)")


if __name__ == "__main__":
    main()

"""The books of the sync: a company's row, and the ledger with one row for each company that a run fetched."""

from __future__ import annotations

from typing import Any, NamedTuple

from orchestrator.kinds.scrape.effects import Counts, Stamp
from orchestrator.kinds.scrape.fetch import Completeness, Fetched
from orchestrator.kinds.scrape.sql.columns import COMPANY, NEW_COMPANY
from orchestrator.kinds.scrape.sql.transaction import Transaction


class Standing(NamedTuple):
    """What the tables know of a company before a sync: what this run made of it, its row, and the newest posting of all."""

    outcome: str | None
    last_id: int
    company: dict[str, Any] | None


def standing(transaction: Transaction, key: str, run_id: str) -> Standing:
    """Read a company's standing, in one statement."""
    outcome, last_id, *company = transaction.fetch("standing", key=key, run=run_id)[0]
    return Standing(outcome, last_id or 0, None if company[0] is None else dict(zip(COMPANY, company, strict=True)))


def already_applied(transaction: Transaction, found: Standing, key: str, run_id: str) -> bool:
    """Whether this run's fetch of the company is in. One that failed before may be followed by a better one."""
    if found.outcome == Completeness.FAILED:
        transaction.execute("delete_ledger_entry", run=run_id, key=key)
        return False
    return found.outcome is not None


def company_row(transaction: Transaction, found: Standing, fetched: Fetched, stamp: Stamp) -> dict[str, Any]:
    """Return the company's row, created if it is new. A new name goes to its postings too."""
    company = found.company
    if company is None:
        company = {
            **NEW_COMPANY,
            "company_key": fetched.key,
            "job": stamp.job,
            "name": stamp.company,
            "source": stamp.place.board,
            "board": stamp.place.source.token or stamp.place.source.url,
        }
        transaction.write("insert_company", [company])
    if company["name"] != stamp.company:
        transaction.write("rename", [{"key": fetched.key, "company": stamp.company}])
    company.update(job=stamp.job, name=stamp.company, last_fetch_at=stamp.at, last_outcome=str(fetched.completeness))
    return company


def save_company(transaction: Transaction, company: dict[str, Any], fetched: Fetched, stamp: Stamp, counts: Counts) -> None:
    """Write the company's row back, with the validators of an answer that the table now stands for."""
    if fetched.completeness is Completeness.COMPLETE and not counts.held:
        validators = fetched.validators
        company.update(etag=validators.etag, last_modified=validators.last_modified, wishes=stamp.wishes)
    elif fetched.completeness not in {Completeness.NOT_MODIFIED, Completeness.FAILED}:
        company.update(etag="", last_modified="")
    transaction.write("update_company", [{**company, "key": fetched.key}])


def write_ledger(transaction: Transaction, fetched: Fetched, stamp: Stamp, counts: Counts, warning: str | None) -> None:
    """Write down what a run's fetch of a company came to."""
    failure = fetched.failure
    row = {name: getattr(counts, name) for name in Counts.__slots__}
    row |= {
        "run_id": stamp.run_id,
        "company_key": fetched.key,
        "at": stamp.at,
        "outcome": str(fetched.completeness),
        "tier": fetched.tier,
        "status": fetched.status,
        "listed": fetched.listed,
        "seconds": fetched.seconds,
        "code": failure.code if failure else None,
        "reason": warning or "; ".join(fetched.reasons) or (failure.message if failure else None),
    }
    transaction.write("insert_ledger_entry", [row])

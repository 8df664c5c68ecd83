"""The books of the sync: a company's row, and the ledger with one row for each company that a run fetched."""

from __future__ import annotations

from typing import Any, Final

from sqlalchemy import Connection, bindparam, delete, insert, select, update

from orchestrator.kinds.scrape import bulk, tables
from orchestrator.kinds.scrape.effects import Counts, Stamp
from orchestrator.kinds.scrape.fetch import Completeness, Fetched


def already_applied(connection: Connection, key: str, run_id: str) -> bool:
    """Whether this run's fetch of the company is in. One that failed before may be followed by a better one."""
    entry = {"run": run_id, "company": key}
    found = bulk.fetch(connection, _SELECT_LEDGER, entry)
    if found and found[0].outcome == Completeness.FAILED:
        bulk.execute(connection, _DELETE_LEDGER, entry)
        return False
    return bool(found)


def company_row(connection: Connection, fetched: Fetched, stamp: Stamp) -> dict[str, Any]:
    """Return the company's row, created if it is new. A new name goes to its postings too."""
    found = bulk.fetch(connection, _SELECT_COMPANY, {"key": fetched.key})
    if found:
        company: dict[str, Any] = found[0]._asdict()
    else:
        company = {
            **_DEFAULTS,
            "company_key": fetched.key,
            "job": stamp.job,
            "name": stamp.company,
            "source": stamp.place.board,
            "board": stamp.place.source.token or stamp.place.source.url,
        }
        bulk.write_rows(connection, _INSERT_COMPANY, [company])
    if company["name"] != stamp.company:
        bulk.write_rows(connection, _RENAME, [{"key": fetched.key, "company": stamp.company}])
    company.update(job=stamp.job, name=stamp.company, last_fetch_at=stamp.at, last_outcome=str(fetched.completeness))
    return company


def save_company(connection: Connection, company: dict[str, Any], fetched: Fetched, stamp: Stamp, counts: Counts) -> None:
    """Write the company's row back, with the validators of an answer that the table now stands for."""
    if fetched.completeness is Completeness.COMPLETE and not counts.held:
        validators = fetched.validators
        company.update(etag=validators.etag, last_modified=validators.last_modified, wishes=stamp.wishes)
    elif fetched.completeness not in {Completeness.NOT_MODIFIED, Completeness.FAILED}:
        company.update(etag="", last_modified="")
    values = {name: value for name, value in company.items() if name != "company_key"}
    bulk.write_rows(connection, _UPDATE_COMPANY, [{**values, "key": fetched.key}])


def write_ledger(connection: Connection, fetched: Fetched, stamp: Stamp, counts: Counts, warning: str | None) -> None:
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
    bulk.write_rows(connection, _INSERT_LEDGER, [row])


_ENTRY: Final = (tables.fetches.c.run_id == bindparam("run")) & (tables.fetches.c.company_key == bindparam("company"))
_SELECT_LEDGER: Final = select(tables.fetches.c.outcome).where(_ENTRY)
_DELETE_LEDGER: Final = delete(tables.fetches).where(_ENTRY)
_INSERT_LEDGER: Final = insert(tables.fetches)
_SELECT_COMPANY: Final = select(tables.companies).where(tables.companies.c.company_key == bindparam("key"))
_INSERT_COMPANY: Final = insert(tables.companies)
_UPDATE_COMPANY: Final = update(tables.companies).where(tables.companies.c.company_key == bindparam("key"))
_DEFAULTS: Final = {column.name: column.default and column.default.arg for column in tables.companies.c}
_RENAME: Final = update(tables.postings).where(tables.postings.c.company_key == bindparam("key"))

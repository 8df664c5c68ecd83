"""Every statement of a run, as SQLAlchemy Core: the one definition for both databases.

For SQLite they are compiled ahead into `sqlite.json` (by `python docs/generate.py`; a test compares), so that a run needs no
SQLAlchemy: importing it takes as long as fetching sixty boards (docs/adr/0012). For a server they are compiled when it is
opened.
"""

from __future__ import annotations

from typing import Any, Final, NamedTuple

from sqlalchemy import Integer, bindparam, case, delete, func, insert, select, update
from sqlalchemy.sql.expression import ClauseElement

from orchestrator.kinds.scrape.effects import ABOUT_POSTING, Counts
from orchestrator.kinds.scrape.fetch import Completeness
from orchestrator.kinds.scrape.posting import CONTENT
from orchestrator.kinds.scrape.sql.columns import COMPANY, EVENT, FETCH, NEW_POSTING, RUN, UPDATED_POSTING
from orchestrator.kinds.scrape.tables import about, companies, fetches, posting_history, postings, runs


class Definition(NamedTuple):
    """A statement; for an INSERT or UPDATE of whole rows also its values, in the order in which they are given."""

    statement: ClauseElement
    names: tuple[str, ...] | None = None
    many: bool = False
    """Whether a SELECT gives many rows again and again: SQLite then hands them over as one JSON text."""


_a, _c, _f, _h, _p, _r = about.c, companies.c, fetches.c, posting_history.c, postings.c, runs.c
_FAILED: Final = Completeness.FAILED.value
_key: Final[Any] = bindparam("key")
_job: Final[Any] = bindparam("job")
_run: Final[Any] = bindparam("run")
_at: Final[Any] = bindparam("at")
_most: Final = bindparam("most", type_=Integer)
_other: Final = posting_history.alias("other")
_MOST_LOOKED_AT: Final = 20_000
_in_run: Final = (_f.run_id == _run) & (_c.job == _job)
_open_of_company: Final = (_p.company_key == _key) & (_p.status == "open")
_asked: Final = select(_key.label("key")).subquery("asked")
_entry: Final = (_f.run_id == _run) & (_f.company_key == _key)
_about_posting: Final[list[Any]] = [_p[name] for name in ABOUT_POSTING]

_BOOKS: Final = {
    "schema_version": Definition(select(_a.value).where(_a.key == "schema_version")),
    "insert_about": Definition(insert(about), ("key", "value")),
    "standing": Definition(
        select(_f.outcome, select(func.max(_p.id)).scalar_subquery().label("last_id"), *companies.c).select_from(
            _asked.outerjoin(companies, _c.company_key == _asked.c.key).outerjoin(
                fetches, (_f.company_key == _asked.c.key) & (_f.run_id == _run)
            )
        )
    ),
    "insert_company": Definition(insert(companies), COMPANY),
    "update_company": Definition(update(companies).where(_c.company_key == _key), (*COMPANY[1:], "key")),
    "rename": Definition(update(postings).where(_p.company_key == _key), ("company", "key")),
    "delete_ledger_entry": Definition(delete(fetches).where(_entry)),
    "insert_ledger_entry": Definition(insert(fetches), FETCH),
    "delete_run": Definition(delete(runs).where(_r.run_id == _run, _r.job == _job)),
    "insert_run": Definition(insert(runs), RUN),
}
_SYNC: Final = {
    "known_postings": Definition(
        select(
            _p.id, _p.source, _p.identifier, _p.tier, _p.status, _p.content_hash, _p.seen_hash, _p.hash_version, _p.miss_count
        ).where(_p.company_key == _key),
        many=True,
    ),
    "posting": Definition(select(postings).where(_p.id == _key)),
    "count_open": Definition(select(func.count().label("count")).select_from(postings).where(_open_of_company)),
    "insert_postings": Definition(insert(postings), NEW_POSTING),
    "update_posting": Definition(update(postings).where(_p.id == _key), UPDATED_POSTING),
    "touch": Definition(update(postings).where(_p.id == _key), ("last_seen_at", "miss_count", "key")),
    "touch_open": Definition(update(postings).where(_open_of_company).values(last_seen_at=_at, miss_count=0)),
    "touch_listed": Definition(update(postings).where(_open_of_company, _p.miss_count == 0).values(last_seen_at=_at)),
    "miss": Definition(update(postings).where(_p.id == _key), ("miss_count", "key")),
    "close": Definition(update(postings).where(_p.id == _key), ("status", "closed_at", "run_id", "key")),
    "insert_history": Definition(insert(posting_history), EVENT),
}
_PLANNING: Final = {
    "companies_of_job": Definition(
        select(
            _c.company_key,
            _c.name,
            _c.last_ok_at,
            _c.etag,
            _c.last_modified,
            _c.wishes,
            func.coalesce(func.sum(case((_p.status == "open", 1), else_=0)), 0).label("open"),
        )
        .select_from(companies.outerjoin(postings, _p.company_key == _c.company_key))
        .where(_c.job == _job)
        .group_by(_c.company_key, _c.name, _c.last_ok_at, _c.etag, _c.last_modified, _c.wishes)
    ),
    "fetched_in_run": Definition(
        select(_f.company_key, _f.at, _f.outcome)
        .join(companies, _c.company_key == _f.company_key)
        .where(_in_run, _f.outcome != _FAILED)
    ),
    "counts_of_run": Definition(
        select(*(func.coalesce(func.sum(_f[name]), 0).label(name) for name in Counts.__slots__))
        .join_from(fetches, companies, _c.company_key == _f.company_key)
        .where(_in_run, _f.outcome != _FAILED)
    ),
    "sources_of_job": Definition(select(_c.source).where(_c.job == _job).distinct()),
    "described_postings": Definition(
        select(_p.company_key, _p.identifier)
        .join_from(postings, companies, _c.company_key == _p.company_key)
        .where(_c.job == _job, _p.source == bindparam("source"), _p.description_text.is_not(None))
    ),
}
_REPORT: Final = {
    "events_of_run": Definition(
        select(_h.event, _h.fields, *_about_posting)
        .select_from(posting_history.join(postings, _h.posting_id == _p.id).join(companies, _c.company_key == _p.company_key))
        .where(_h.run_id == _run, _c.job == _job)
        .order_by(_p.company, _p.title, _h.id)
        .limit(_most)
    ),
    "troubles_of_run": Definition(
        select(_c.name.label("company"), _f.outcome, _f.held, _f.code, _f.reason)
        .join_from(fetches, companies, _c.company_key == _f.company_key)
        .where(_in_run, _f.reason.is_not(None))
        .order_by(_c.name)
    ),
    # Read from the end of the history, not from the companies of the job: among 300,000 events that takes 1 ms, not 400. Behind
    # so many events it stops, lest a job of few reads all that ever happened in a table that it shares.
    "latest_events": Definition(
        select(_h.event, _h.at, _h.fields, _p.company_key, _p.source, _p.identifier, *_about_posting)
        .join_from(posting_history, postings, _h.posting_id == _p.id)
        .where(
            _h.id > select(func.max(_other.c.id)).scalar_subquery() - _MOST_LOOKED_AT,
            select(_c.job).where(_c.company_key == _p.company_key).scalar_subquery() == _job,
        )
        .order_by(_h.id.desc())
        .limit(_most)
    ),
}
DEFINITIONS: Final[dict[str, Definition]] = {**_BOOKS, **_SYNC, **_PLANNING, **_REPORT}
assert set(CONTENT) <= set(NEW_POSTING), "a new posting has all of its content"

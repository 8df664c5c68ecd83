"""What was found, read from the tables: postings by filter, one with its history, statistics. Plain dicts, ready to print."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

from sqlalchemy import ColumnElement, Connection, Select, and_, case, func, or_, select

from orchestrator.errors import NotFound
from orchestrator.kinds.scrape.tables import companies, fetches, posting_history, postings, runs

LONG: Final = ("description_html", "description_text")
_INTERNAL: Final = ("seen_hash", "miss_count")


class PostingState(StrEnum):
    """What `--state` takes. New, changed and reopened ask the history, the others the row."""

    OPEN = "open"
    CLOSED = "closed"
    NEW = "new"
    CHANGED = "changed"
    REOPENED = "reopened"
    HELD = "held"
    ALL = "all"


class Order(StrEnum):
    """What `--sort` takes."""

    COMPANY = "company"
    TITLE = "title"
    POSTED = "posted"
    SEEN = "seen"
    SALARY = "salary"


@dataclass(frozen=True, slots=True)
class Filter:
    """Which postings, in which order; `since` is a time (ISO, UTC), and None means the latest run."""

    state: PostingState = PostingState.OPEN
    jobs: Sequence[str] = ()
    company: str | None = None
    since: str | None = None
    order: Order = Order.COMPANY
    limit: int | None = None


def find(connection: Connection, wanted: Filter) -> list[dict[str, Any]]:
    """Return the postings that a filter lets through, without descriptions."""
    columns = [column for column in postings.c if column.name not in (*LONG, *_INTERNAL)]
    query = select(companies.c.job, *columns).join_from(postings, companies)
    for condition in _conditions(connection, wanted):
        query = query.where(condition)
    query = _ordered(query, wanted.order).limit(wanted.limit)
    return [_plain(dict(row)) for row in connection.execute(query).mappings()]


def _conditions(connection: Connection, wanted: Filter) -> list[ColumnElement[bool]]:
    conditions: list[ColumnElement[bool]] = []
    if wanted.jobs:
        conditions.append(companies.c.job.in_(wanted.jobs))
    if wanted.company is not None:
        conditions.append(companies.c.company_key.in_(company_keys(connection, wanted.company)))
    conditions += _state(connection, wanted)
    return conditions


def _state(connection: Connection, wanted: Filter) -> list[ColumnElement[bool]]:
    match wanted.state:
        case PostingState.ALL:
            return [] if wanted.since is None else [_event_since(wanted.since)]
        case PostingState.OPEN:
            opened = postings.c.status == "open"
            return [opened] if wanted.since is None else [opened, _event_since(wanted.since)]
        case PostingState.CLOSED:
            closed = postings.c.status == "closed"
            return [closed] if wanted.since is None else [closed, postings.c.closed_at >= wanted.since]
        case PostingState.HELD:
            return [postings.c.status == "open", companies.c.held > 0, _is_held()]
        case event:
            since = wanted.since or latest_start(connection)
            return [_event_since(since, event.value)]


def _is_held() -> ColumnElement[bool]:
    return or_(postings.c.miss_count > 0, companies.c.gone_runs > 0)


def _event_since(since: str, event: str | None = None) -> ColumnElement[bool]:
    h = posting_history.c
    happened = and_(h.posting_id == postings.c.id, h.at >= since, *([h.event == event] if event else []))
    return select(h.id).where(happened).exists()


def _ordered(query: Select[Any], order: Order) -> Select[Any]:
    p = postings.c
    match order:
        case Order.COMPANY:
            return query.order_by(func.lower(p.company), func.lower(p.title), p.id)
        case Order.TITLE:
            return query.order_by(func.lower(p.title), p.id)
        case Order.POSTED:
            return query.order_by(p.date_posted.is_(None), p.date_posted.desc(), p.id)
        case Order.SEEN:
            return query.order_by(p.first_seen_at.desc(), p.id)
        case Order.SALARY:
            pay = func.coalesce(p.salary_max, p.salary_min)
            return query.order_by(pay.is_(None), pay.desc(), p.id)


def latest_start(connection: Connection) -> str:
    """Return when the latest run began to fetch; a time before everything if there is none."""
    latest = select(func.max(fetches.c.run_id)).scalar_subquery()
    found = connection.execute(select(func.min(fetches.c.at)).where(fetches.c.run_id == latest)).scalar()
    return found or ""


def company_keys(connection: Connection, company: str) -> list[str]:
    """Return the companies that a person means: by key, by whole name, or by a part of it. Raises NotFound."""
    rows = connection.execute(select(companies.c.company_key, companies.c.name)).all()
    wanted = company.casefold()
    exact = [row.company_key for row in rows if wanted in (row.company_key.casefold(), row.name.casefold())]
    found = exact or [row.company_key for row in rows if wanted in row.name.casefold()]
    if not found:
        raise NotFound(f"no company is called {company!r}", hint="`orchestrate db stats` lists them")
    return found


def one(connection: Connection, posting_id: int) -> dict[str, Any]:
    """Return a posting with everything, its history included. Raises NotFound."""
    query = select(companies.c.job, postings).join_from(postings, companies).where(postings.c.id == posting_id)
    row = connection.execute(query).mappings().first()
    if row is None:
        raise NotFound(f"there is no posting {posting_id}", hint="`orchestrate postings` lists them")
    h = posting_history.c
    events = connection.execute(
        select(h.at, h.event, h.run_id, h.fields).where(h.posting_id == posting_id).order_by(h.id)
    ).mappings()
    history = [{**event, "fields": json.loads(event["fields"]) if event["fields"] else None} for event in events]
    plain = _plain({name: value for name, value in row.items() if name not in _INTERNAL})
    return {**plain, "history": history}


def _plain(row: dict[str, Any]) -> dict[str, Any]:
    return {**row, "locations": json.loads(row["locations"]), "favorite": bool(row["favorite"])}


def statistics(connection: Connection) -> dict[str, Any]:
    """Return how many postings are open, closed and new since the latest run, in all and by company."""
    since = latest_start(connection)
    opened = func.sum(case((postings.c.status == "open", 1), else_=0))
    closed = func.sum(case((postings.c.status == "closed", 1), else_=0))
    new = func.sum(case((postings.c.first_seen_at >= since, 1), else_=0))
    c = companies.c
    rows = connection.execute(
        select(c.job, c.company_key, c.name, c.last_ok_at, c.held, opened, closed, new)
        .join_from(companies, postings, isouter=True)
        .group_by(c.job, c.company_key, c.name, c.last_ok_at, c.held)
        .order_by(c.job, func.lower(c.name))
    )
    names = ("job", "company_key", "company", "last_complete_at", "held", "open", "closed", "new")
    by_company = [dict(zip(names, row, strict=True)) for row in rows]
    for row in by_company:
        row.update({name: int(row[name] or 0) for name in ("open", "closed", "new")})
    totals = {name: sum(row[name] for row in by_company) for name in ("open", "closed", "new", "held")}
    return {"companies": len(by_company), **totals, "runs": _count(connection, runs), "by_company": by_company}


def _count(connection: Connection, table: Any) -> int:
    return int(connection.execute(select(func.count()).select_from(table)).scalar_one())

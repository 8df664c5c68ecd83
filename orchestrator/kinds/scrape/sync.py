"""The sync: brings the table in line with one company's fetch, in one transaction, safe to repeat.

Only a complete fetch may close postings, and only if no guard holds the closings; what is held stays open until a later fetch
lists it again or a person accepts it. The ledger row in `fetches` is part of the transaction: applying the same fetch of a run
again does nothing.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from operator import attrgetter, itemgetter
from typing import Any, Final, TypeAlias

from orchestrator.kinds.scrape import books, guards, merging
from orchestrator.kinds.scrape.books import Standing
from orchestrator.kinds.scrape.effects import ABOUT_POSTING, Counts, Event, Stamp, Synced
from orchestrator.kinds.scrape.fetch import Completeness, Fetched
from orchestrator.kinds.scrape.guards import Limits
from orchestrator.kinds.scrape.posting import CONTENT, HASH_VERSION, Row
from orchestrator.kinds.scrape.sql.transaction import Transaction

_TOLD: Final = ("event", "fields", *ABOUT_POSTING)
_CONTENT_TOLD: Final = ABOUT_POSTING[2:]
_about_object: Final = attrgetter(*_CONTENT_TOLD)
_about_mapping: Final = itemgetter(*_CONTENT_TOLD)
_about_content: Final = itemgetter(*map(CONTENT.index, _CONTENT_TOLD))

_Entry: TypeAlias = tuple[int, str, str, str, str | None]
"""A row of the history."""


@dataclass(slots=True)
class _Work:
    """One company's sync under way."""

    transaction: Transaction
    fetched: Fetched
    stamp: Stamp
    limits: Limits
    standing: Standing
    company: dict[str, Any]
    counts: Counts
    history: list[_Entry] = field(default_factory=list)
    events: list[Event] = field(default_factory=list)


def apply(transaction: Transaction, fetched: Fetched, stamp: Stamp, limits: Limits) -> Synced:
    """Bring the table in line with a fetch. Runs inside the caller's transaction; every number it returns is counted."""
    standing = books.standing(transaction, fetched.key, stamp.run_id)
    if books.already_applied(transaction, standing, fetched.key, stamp.run_id):
        return Synced(repeated=True)
    costs = Counts(bad_rows=fetched.bad_rows, requests=fetched.requests, retries=fetched.retries, bytes=fetched.received)
    company = books.company_row(transaction, standing, fetched, stamp)
    work = _Work(transaction, fetched, stamp, limits, standing, company, costs)
    warning = _OUTCOMES[fetched.completeness](work)
    books.save_company(transaction, work.company, fetched, stamp, work.counts)
    books.write_ledger(transaction, fetched, stamp, work.counts, warning)
    return Synced(work.counts, work.events, warning)


def _failed(work: _Work) -> str | None:
    if not work.fetched.gone:
        return None
    opened = _count_open(work)
    if not opened:
        return None
    work.company["gone_runs"] += 1
    work.company["gone_since"] = work.company["gone_since"] or work.stamp.at
    return _hold(work, opened, f"the board is gone, {opened} open postings stay")


def _not_modified(work: _Work) -> str | None:
    work.counts.unchanged = work.transaction.execute("touch_listed", key=work.fetched.key, at=work.stamp.at)
    work.company["last_ok_at"] = work.stamp.at
    return _still_held(work)


def _still_held(work: _Work) -> str | None:
    """Return the warning of closings that an earlier sync held and nothing settled since."""
    held = work.counts.held = work.company["held"]
    return _sentence(work, held, work.company["held_reason"] or "held before") if held else None


def _listed(work: _Work) -> str | None:
    """Sync what was listed: complete, partial or empty."""
    known = work.transaction.fetch("known_postings", key=work.fetched.key) if work.standing.company else []
    reassigned = guards.reassigned(work.fetched, work.company, known)
    if reassigned:
        return _hold(work, 0, reassigned)
    own = {row.identifier: row for row in known if row.source == work.fetched.source}
    pairs = [(row, own[row.identifier]) for row in work.fetched.rows if row.identifier in own]
    _compare(work, pairs, whole=sum(row.status == "open" for row in known) == len(pairs))
    _insert(work, [row for row in work.fetched.rows if row.identifier not in own])
    warning = _close_missing(work, known)
    _write_history(work)
    return warning


_OUTCOMES: Final = {
    Completeness.FAILED: _failed,
    Completeness.NOT_MODIFIED: _not_modified,
    Completeness.COMPLETE: _listed,
    Completeness.PARTIAL: _listed,
    Completeness.EMPTY: _listed,
}


def _insert(work: _Work, rows: Sequence[Row]) -> None:
    if not rows:
        return
    fetched, stamp, at = work.fetched, work.stamp, work.stamp.at
    before = (fetched.key, stamp.company, fetched.source, fetched.board)
    state = ("open", False, at, at, 0, 1)
    origin = (HASH_VERSION, fetched.tier, stamp.run_id)
    values = [
        (number, *before, row.identifier, *state, row.hash, row.hash, *origin, *row.content)
        for number, row in enumerate(rows, work.standing.last_id + 1)
    ]
    work.transaction.insert("insert_postings", values)
    for value, row in zip(values, rows, strict=True):
        _note(work, "new", value[0], _about_content(row.content))
    work.counts.new += len(values)


def _compare(work: _Work, pairs: Sequence[tuple[Row, Any]], *, whole: bool) -> None:
    """Settle the rows that the table knows: unchanged by their hash, else by their fields.

    `whole` says that these are all open rows of the company: one statement touches them then, as it most often is.
    """
    same, other = [], []
    for row, known in pairs:
        current = known.hash_version == HASH_VERSION and row.hash in (known.content_hash, known.seen_hash)
        if current and known.status == "open":
            same.append(known.id)
        else:
            other.append((row, known.id))
    _touch(work, same, whole=whole and all(known.status == "open" for _, known in pairs))
    updates = []
    for row, posting_id in other:
        stored = work.transaction.fetch("posting", key=posting_id)[0]
        updates.append(_update(work, row, stored._asdict()))
    work.transaction.write("update_posting", updates)


def _touch(work: _Work, ids: Sequence[int], *, whole: bool) -> None:
    work.counts.unchanged += len(ids)
    if whole and ids:
        work.transaction.execute("touch_open", key=work.fetched.key, at=work.stamp.at)
        return
    work.transaction.write("touch", [{"key": each, "last_seen_at": work.stamp.at, "miss_count": 0} for each in ids])


def _update(work: _Work, row: Row, stored: Mapping[str, Any]) -> dict[str, Any]:
    """Return what a row whose hash is new makes of the stored one, and note the event if there is one."""
    own = row.columns()
    merged = merging.merge(own, stored)
    changes = merging.changes(merged, stored)
    at, reopened = work.stamp.at, stored["status"] != "open"
    rehashed = stored["hash_version"] != HASH_VERSION
    values: dict[str, Any] = {
        **merged,
        "key": stored["id"],
        "status": "open",
        "closed_at": None,
        "reopened_at": at if reopened else stored["reopened_at"],
        "version": stored["version"],
        "run_id": stored["run_id"],
        "last_seen_at": at,
        "miss_count": 0,
        "seen_hash": row.hash,
        "content_hash": row.hash if merged == own else merging.hash_of(merged),
        "hash_version": HASH_VERSION,
        "tier": work.fetched.tier,
    }
    if reopened:
        work.counts.reopened += 1
        _note(work, "reopened", stored["id"], _about_mapping(merged), changes)
    elif changes and not rehashed:  # Another way to read the same row is no news.
        work.counts.changed += 1
        _note(work, "changed", stored["id"], _about_mapping(merged), changes)
    else:
        work.counts.unchanged += 1
    if reopened or (changes and not rehashed):
        values.update(version=stored["version"] + 1, run_id=work.stamp.run_id)
    return values


def _close_missing(work: _Work, known: Sequence[Any]) -> str | None:
    """Close what a complete fetch didn't list, or hold it."""
    fetched, company = work.fetched, work.company
    if fetched.completeness is Completeness.PARTIAL:
        return _still_held(work)
    listed = {row.identifier for row in fetched.rows} | fetched.unshown
    opened = [row for row in known if row.status == "open"]
    missing = [row for row in opened if _is_missing(row, fetched, listed)]
    closing = [row for row in missing if row.miss_count + 1 >= fetched.close_after]
    reason = guards.reason_to_hold(work.limits, fetched, company, len(opened), len(closing), work.stamp.at)
    work.transaction.write("miss", [{"key": row.id, "miss_count": row.miss_count + 1} for row in missing])
    if reason:
        return _hold(work, len(closing), reason)
    _close(work, [row.id for row in closing])
    guards.remember(company, fetched, work.stamp.at)
    return None


def _is_missing(row: Any, fetched: Fetched, listed: Collection[str]) -> bool:
    """Whether a fetch should have listed an open row. The second tier says nothing about what the first one listed."""
    if fetched.tier > row.tier:
        return False
    return row.source != fetched.source or row.identifier not in listed


def _close(work: _Work, ids: Sequence[int]) -> None:
    state = {"status": "closed", "closed_at": work.stamp.at, "run_id": work.stamp.run_id}
    work.transaction.write("close", [{"key": each, **state} for each in ids])
    work.counts.closed += len(ids)
    for posting_id in ids:
        (stored,) = work.transaction.fetch("posting", key=posting_id)
        _note(work, "closed", posting_id, _about_object(stored))


def _hold(work: _Work, count: int, reason: str) -> str:
    work.counts.held = count
    work.company.update(held=count, held_reason=reason)
    return _sentence(work, count, reason)


def _sentence(work: _Work, count: int, reason: str) -> str:
    what = f"{count} closings are held: " if count else ""
    name = work.stamp.company
    quoted = f'"{name}"' if " " in name else name
    return f"{name}: {what}{reason}; `orchestrate postings accept {quoted}` lets it pass"


def _count_open(work: _Work) -> int:
    count: int = work.transaction.fetch("count_open", key=work.fetched.key)[0].count
    return count


def _note(work: _Work, event: str, posting_id: int, about: tuple[Any, ...], changes: Mapping[str, Any] | None = None) -> None:
    """Note an event: for the history, with what changed, and for the report, with what the posting is."""
    fields = json.dumps(changes, ensure_ascii=False) if changes else None
    work.history.append((posting_id, work.stamp.run_id, work.stamp.at, event, fields))
    told = (event, sorted(changes) if changes else (), posting_id, work.stamp.company, *about)
    work.events.append(dict(zip(_TOLD, told, strict=True)))


def _write_history(work: _Work) -> None:
    work.transaction.insert("insert_history", work.history)

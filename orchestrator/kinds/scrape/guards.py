"""The guards: when closings are held although a fetch was complete. Pure, but for the company's row, where they keep books."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from datetime import datetime
from statistics import median
from typing import Any, Final, NamedTuple

from orchestrator.kinds.scrape.fetch import Completeness, Fetched

_FEWEST_TO_HOLD: Final = 5
"""Closings below this never count as a blast: two of three postings may well be filled at once."""
_WINDOW: Final = 5
_ENOUGH_HISTORY: Final = 3
_STRANGERS: Final = 0.8
_FEWEST_TO_JUDGE: Final = 3


class Limits(NamedTuple):
    """The spec's `sync`, in shares, counts and seconds; plain and picklable."""

    max_drop: float = 0.3
    max_close: float = 0.5
    confirm_empty: int = 2
    confirm_apart: float = 21600.0


def reason_to_hold(limits: Limits, fetched: Fetched, company: dict[str, Any], opened: int, closing: int, at: str) -> str | None:
    """Return why closings are held, None if they may happen. `at` is the time of the sync."""
    if not closing:
        return None
    if company["accept_next"]:
        return None
    if fetched.completeness is Completeness.EMPTY:
        return _empty(limits, fetched, company, at)
    counts = json.loads(company["recent_counts"])
    if len(counts) >= _ENOUGH_HISTORY and fetched.listed < median(counts) * (1 - limits.max_drop):
        return f"{fetched.listed} postings were listed, {median(counts):g} is usual"
    if closing >= _FEWEST_TO_HOLD and closing > opened * limits.max_close:
        return f"{closing} of {opened} open postings would close at once"
    return None


def _empty(limits: Limits, fetched: Fetched, company: dict[str, Any], at: str) -> str | None:
    company["empty_runs"] += 1
    company["empty_since"] = company["empty_since"] or at
    if not fetched.empty_counts:
        return "the board lists nothing, as it does for unknown names too"
    apart = (datetime.fromisoformat(at) - datetime.fromisoformat(company["empty_since"])).total_seconds()
    if company["empty_runs"] < limits.confirm_empty:
        return f"the board lists nothing (run {company['empty_runs']} of {limits.confirm_empty} that must say so)"
    if apart < limits.confirm_apart:
        return f"the board lists nothing, but for less than {limits.confirm_apart / 3600:.3g} h (`sync.confirm_apart`)"
    return None


def reassigned(fetched: Fetched, company: dict[str, Any], known: Sequence[Any]) -> str | None:
    """Return a sentence if the board seems to be another company's now; nothing of such a fetch is written.

    That is: the board says another company's name, and most of what it lists is unknown. The second tier is another board,
    which may write the name otherwise.
    """
    if fetched.tier > 1:
        return None
    says = Counter(row.company for row in fetched.rows if row.company).most_common(1)
    name = says[0][0] if says else None
    before = company["board_company"]
    if company["accept_next"] or name is None or before is None or name.casefold() == before.casefold():
        company["board_company"] = name or before
        return None
    ids = {row.identifier for row in known}
    strangers = sum(row.identifier not in ids for row in fetched.rows)
    if not ids or len(fetched.rows) < _FEWEST_TO_JUDGE or strangers <= len(fetched.rows) * _STRANGERS:
        company["board_company"] = name
        return None
    return f"the board's postings are now those of {name!r} instead of {before!r}"


def remember(company: dict[str, Any], fetched: Fetched, at: str) -> None:
    """Keep the books after a sync in which nothing was held."""
    counts = [] if company["accept_next"] else json.loads(company["recent_counts"])
    company.update(
        recent_counts=json.dumps([*counts, fetched.listed][-_WINDOW:]),
        last_ok_at=at,
        last_count=fetched.listed,
        gone_runs=0,
        gone_since=None,
        held=0,
        held_reason=None,
        accept_next=False,
    )
    if fetched.completeness is Completeness.COMPLETE:
        company.update(empty_runs=0, empty_since=None)

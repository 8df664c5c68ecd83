"""Postings as the dashboard reads them: SQLite's default database, read-only, nothing asked twice while it is the same."""

from __future__ import annotations

import sqlite3
import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, TypeVar

from dashboard.database import marks, reading

KEPT: Final = 48
OVERVIEW_SECONDS: Final = 5.0
MOST_COMPANIES: Final = 12
MOST_HISTORY: Final = 40
LONGEST_TEXT: Final = 20_000
EVENTS: Final = ("new", "changed", "closed", "reopened")
_LISTED: Final = (
    "id, company, title, url, apply_url, location, workplace, employment_type, department, salary_min, salary_max, "
    "salary_currency, salary_unit, date_posted, status, first_seen_at, last_seen_at, closed_at, board"
)
T = TypeVar("T")
Row = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which postings to list. `show` is open, closed or an event of `run`; `run` is empty for any run."""

    show: str = "open"
    run: str = ""
    company: str = ""
    text: str = ""
    first: int = 0
    most: int = 25


@dataclass(frozen=True, slots=True)
class Company:
    """A company's openings: how many now, and how the number went, oldest first."""

    name: str
    open: int
    curve: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Overview:
    """Counts over the whole table. `days` are the first and the last day of the curves."""

    open: int
    closed: int
    latest_run: str
    companies: tuple[Company, ...]
    companies_total: int
    total: Company | None
    days: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Held:
    """A company of which closings are held back, how many, and why."""

    company: str
    number: int
    reason: str


class Postings:
    """The reader of one database. Safe to use from several threads."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._lock = threading.Lock()
        self._kept: OrderedDict[object, tuple[object, float, Any]] = OrderedDict()

    def exists(self) -> bool:
        """Whether there is a database."""
        return self.path.is_file()

    def _ask(self, key: object, ask: Callable[[sqlite3.Connection], T], *, lasts: float = 0.0) -> T:
        """Return a kept answer if the file is the same, or if it isn't older than `lasts` seconds."""
        with self._lock:
            mark, now = marks(self.path), time.monotonic()
            known = self._kept.get(key)
            if known is None or (known[0] != mark and now - known[1] >= lasts):
                with reading(self.path) as connection:
                    known = (mark, now, ask(connection))
                self._kept[key] = known
                while len(self._kept) > KEPT:
                    self._kept.popitem(last=False)
            answer: T = known[2]
            return answer

    def overview(self) -> Overview:
        """Return the counts. Raises UnreadableState, as every method here."""
        return self._ask("overview", _overview, lasts=OVERVIEW_SECONDS)

    def events_of(self, run: str) -> dict[str, int]:
        """Return how many postings were new, changed, closed and reopened in a run."""
        return self._ask(("events", run), lambda connection: _events(connection, run))

    def select(self, wanted: Wanted) -> tuple[list[Row], int]:
        """Return the postings of one page, and how many match."""
        return self._ask(wanted, lambda connection: _select(connection, wanted))

    def changes_since(self, at: str) -> int:
        """Return how many postings changed in any way after a point in time (as it stands in files)."""
        ask = "select count(distinct posting_id) from posting_history where at > ?"
        return self._ask(
            ("since", at), lambda connection: int(connection.execute(ask, (at,)).fetchone()[0]), lasts=OVERVIEW_SECONDS
        )

    def held(self) -> list[Held]:
        """Return the companies whose closings a guard holds back."""
        ask = "select name, held, held_reason from companies where held > 0 order by held desc limit ?"
        rows = self._ask("held", lambda connection: connection.execute(ask, (MOST_COMPANIES,)).fetchall())
        return [Held(str(name), number, str(reason or "")) for name, number, reason in rows]

    def one(self, identity: int) -> tuple[Row, list[Row]] | None:
        """Return a posting with its description, and its history, newest first; None if there is none."""
        return self._ask(("one", identity), lambda connection: _one(connection, identity))


def _overview(connection: sqlite3.Connection) -> Overview:
    status = dict(connection.execute("select status, count(*) from postings group by status").fetchall())
    latest = connection.execute("select run_id from runs order by started_at desc limit 1").fetchone()
    counts = connection.execute(
        "select company, count(*) from postings where status = 'open' group by company order by 2 desc, 1"
    ).fetchall()
    moves = connection.execute(
        "select substr(h.at, 1, 10) as day, p.company as company, "
        "sum(case when h.event in ('new', 'reopened') then 1 when h.event = 'closed' then -1 else 0 end) as step "
        "from posting_history h join postings p on p.id = h.posting_id group by 1, 2 order by 1"
    ).fetchall()
    days = sorted({str(day) for day, _, _ in moves})
    curves = _curves(moves, days)
    number = sum(count for _, count in counts)
    companies = tuple(Company(str(name), count, curves.get(str(name), ())) for name, count in counts[:MOST_COMPANIES])
    total = tuple(sum(step) for step in zip(*curves.values(), strict=True)) if curves else ()
    return Overview(
        open=number,
        closed=status.get("closed", 0),
        latest_run=str(latest[0]) if latest else "",
        companies=companies,
        companies_total=len(counts),
        total=Company("all companies", number, total) if total else None,
        days=(days[0], days[-1]) if days else (),
    )


def _curves(moves: list[Any], days: list[str]) -> dict[str, tuple[int, ...]]:
    """Return each company's openings at the end of each day on which something happened anywhere."""
    place = {day: number for number, day in enumerate(days)}
    steps: dict[str, list[int]] = {}
    for day, company, step in moves:
        steps.setdefault(str(company), [0] * len(days))[place[str(day)]] += step
    return {company: tuple(_sums(values)) for company, values in steps.items()}


def _sums(steps: list[int]) -> list[int]:
    found, level = [], 0
    for step in steps:
        level += step
        found.append(max(0, level))
    return found


def _events(connection: sqlite3.Connection, run: str) -> dict[str, int]:
    rows = connection.execute(
        "select event, count(distinct posting_id) from posting_history where run_id = ? group by event", (run,)
    )
    return {str(event): count for event, count in rows}


def _select(connection: sqlite3.Connection, wanted: Wanted) -> tuple[list[Row], int]:
    conditions, values = _conditions(wanted)
    where = " and ".join(conditions) or "true"
    order = "coalesce(closed_at, last_seen_at) desc" if wanted.show == "closed" else "first_seen_at desc"
    number = connection.execute(f"select count(*) from postings p where {where}", values).fetchone()[0]  # noqa: S608 - fixed texts
    rows = connection.execute(
        f"select {_LISTED} from postings p where {where} order by {order}, id desc limit ? offset ?",  # noqa: S608
        (*values, wanted.most, wanted.first),
    )
    return [dict(row) for row in rows], number


def _conditions(wanted: Wanted) -> tuple[list[str], list[str]]:
    conditions, values = [], []
    if wanted.show in EVENTS and (wanted.run or wanted.show != "closed"):
        run = " and h.run_id = ?" if wanted.run else ""
        conditions.append(f"exists (select 1 from posting_history h where h.posting_id = p.id and h.event = ?{run})")  # noqa: S608
        values += [wanted.show, wanted.run] if wanted.run else [wanted.show]
    elif wanted.show in {"open", "closed"}:
        conditions.append("p.status = ?")
        values.append(wanted.show)
    if wanted.company:
        conditions.append("p.company = ?")
        values.append(wanted.company)
    for word in wanted.text.split()[:6]:
        like = "%" + word.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_") + "%"
        columns = ("title", "company", "location", "department", "workplace")
        conditions.append("(" + " or ".join(f"p.{name} like ? escape '\\'" for name in columns) + ")")
        values += [like] * len(columns)
    return conditions, values


def _one(connection: sqlite3.Connection, identity: int) -> tuple[Row, list[Row]] | None:
    found = connection.execute(
        f"select {_LISTED}, identifier, source, locations, valid_through, language, version, reopened_at, "  # noqa: S608
        "substr(description_text, 1, ?) as description, length(description_text) as description_length "
        "from postings where id = ?",
        (LONGEST_TEXT, identity),
    ).fetchone()
    if found is None:
        return None
    history = connection.execute(
        "select run_id, at, event, fields from posting_history where posting_id = ? order by at desc limit ?",
        (identity, MOST_HISTORY),
    )
    return dict(found), [dict(row) for row in history]


_readers: dict[Path, Postings] = {}
_readers_lock = threading.Lock()


def of(path: Path) -> Postings:
    """Return the process's reader of a database."""
    with _readers_lock:
        return _readers.setdefault(path, Postings(path))

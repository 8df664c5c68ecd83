"""The scrape job: plans one unit a company, fetches on any thread, syncs in the parent, sums up.

Each company is a commit of its own, so a run that is cancelled keeps what it has done, and a resumed one finds in the ledger
which companies it has.
"""

from __future__ import annotations

import hashlib
import json
import threading
from collections.abc import Callable, Iterable, Mapping
from contextlib import AbstractContextManager
from dataclasses import asdict
from functools import partial
from itertools import zip_longest
from typing import TYPE_CHECKING, Any, Final

from orchestrator.deadline import SYSTEM_CLOCK, WorkContext
from orchestrator.job import (
    Change,
    ItemOutcome,
    ItemState,
    Outcome,
    Plan,
    PlannedItem,
    Postponement,
    Surroundings,
    Unit,
    UnitResult,
)
from orchestrator.kinds.scrape import companies
from orchestrator.kinds.scrape.book import NO_VALIDATORS, Book
from orchestrator.kinds.scrape.client import DEFAULT_AGENT, Asking, Manners, Postponed, Tally
from orchestrator.kinds.scrape.effects import Counts, Events, Stamp, Synced
from orchestrator.kinds.scrape.fetch import CompanyTask, Completeness, Fetched, Wishes, World, fetch
from orchestrator.kinds.scrape.guards import Limits
from orchestrator.kinds.scrape.posting import HASH_VERSION
from orchestrator.kinds.scrape.spec import Company, ScrapeSpec
from orchestrator.kinds.scrape.targets import sqlite_file
from orchestrator.kinds.scrape.world import Settings, open_world
from orchestrator.status.layout import StateDir
from orchestrator.status.models import utc

if TYPE_CHECKING:
    from orchestrator.kinds.scrape.sql.database import Database

_MOST_WARNINGS: Final = 200
_MOST_READERS: Final = 2
"""Processes that read: with two of them, asking and syncing take as long as reading, so a third one would wait."""
_MANY_COMPANIES: Final = 64
"""From so many on, readers take off more than their start-up costs (0.1 s of CPU each, while the first answers are awaited)."""
_SPARE: Final = 6
"""Companies whose answers may be read by processes, or wait for them, while `concurrency` other ones are asked."""
_GROWTH: Final = 3
"""What a byte of an answer becomes in memory: its description twice, as HTML and as text, and the answer may be packed."""


def build(spec: ScrapeSpec, surroundings: Surroundings) -> ScrapeJob:
    """Return the job of a spec; nothing is opened yet."""
    return ScrapeJob(spec, surroundings)


def work(unit: Unit, context: WorkContext) -> UnitResult:
    """Fetch one company. What the world does wrong is an outcome; only the context's interruptions are raised."""
    task: CompanyTask = unit.payload
    world: World = context.world
    requests, retries, received, seconds = task.spent
    asking = Asking(context, Tally(requests, retries, received, seconds), tries=task.tries, may_postpone=True)
    try:
        fetched = fetch(task, world, asking)
    except Postponed as postponed:
        spent = asking.tally
        later = task._replace(tries=postponed.tries, spent=(spent.requests, spent.retries, spent.received, spent.seconds))
        return UnitResult(postponed=Postponement(unit._replace(payload=later), postponed.delay, postponed.reason))
    return UnitResult((_outcome(unit.key, fetched),), fetched, size=fetched.received * _GROWTH)


def _outcome(key: str, fetched: Fetched) -> ItemOutcome:
    attempts = max(1, fetched.requests)
    if fetched.completeness is Completeness.FAILED:
        return ItemOutcome(key, ItemState.FAILED, attempts=attempts, error=fetched.failure)
    if fetched.completeness is Completeness.NOT_MODIFIED:
        return ItemOutcome(key, ItemState.UNCHANGED, attempts=attempts)
    return ItemOutcome(key, ItemState.SUCCEEDED, found=len(fetched.rows), attempts=attempts)


class ScrapeJob:
    """See the module. Implements `orchestrator.job.Job`."""

    def __init__(self, spec: ScrapeSpec, surroundings: Surroundings) -> None:
        self._spec = spec
        self._surroundings = surroundings
        self._wishes = _wishes(spec)
        self._digest = _digest(self._wishes)
        self._limits = _limits(spec)
        self._database: Database | None = None
        self._tasks: dict[str, CompanyTask] = {}
        self._counts = Counts()
        self._events = Events()
        self._warnings: list[str] = []
        self._partial = False
        self._started_at = utc(SYSTEM_CLOCK.time())
        self._lock = threading.Lock()
        self.work: Callable[[Unit, WorkContext], UnitResult] = work
        self.world: Callable[[], AbstractContextManager[Any]] | None = partial(
            open_world, _settings(spec, self._wishes, surroundings)
        )

    def plan(self, context: WorkContext) -> Plan:
        """Plan a unit for each company that this run doesn't have yet. Reads the database, if there is one."""
        book = self._read_book()
        self._counts, self._partial = book.counts, book.partial
        self._events = Events(self._earlier_events() if book.done else ())
        self._started_at = book.started_at or self._started_at
        items, units = [], []
        for company in self._spec.companies:
            context.checkpoint()
            task = self._task(company, book)
            self._tasks[task.name] = task
            items.append(_planned(task, book))
            if task.key not in book.done:
                units.append(Unit(task.name, (task.name,), task))
        listed = {task.key for task in self._tasks.values()}
        items += [
            PlannedItem(known.name, Change.GONE, f"not in the spec any more; {known.open} open postings stay as they are")
            for key, known in book.companies.items()
            if key not in listed
        ]
        return Plan(items, _by_turns(units), spare=_SPARE if _readers(self._spec, self._surroundings) else 0)

    def _read_book(self) -> Book:
        """Return what the database knows; nothing is created by asking."""
        file = sqlite_file(self._surroundings.database, self._surroundings.root)
        if file is not None and not file.exists():
            return Book()
        from orchestrator.kinds.scrape import ledger

        return ledger.read(self._opened(), self._surroundings.job, self._surroundings.run_id)

    def _earlier_events(self) -> list[dict[str, Any]]:
        from orchestrator.kinds.scrape import report

        with self._opened().reading() as transaction:
            return report.events_so_far(transaction, self._surroundings.run_id, self._surroundings.job)

    def _opened(self) -> Database:
        if self._database is None:
            from orchestrator.kinds.scrape.sql.database import open_database

            self._database = open_database(self._surroundings.database, self._surroundings.root)
        return self._database

    def _task(self, company: Company, book: Book) -> CompanyTask:
        first = companies.locate(company)
        fallback = companies.locate(company.fallback) if company.fallback else None
        known = book.companies.get(first.key)
        return CompanyTask(
            companies.name_of(company, first),
            first.key,
            first,
            fallback,
            known.validators_for(self._digest) if known else NO_VALIDATORS,
            book.known(first),
        )

    def prepare(self) -> None:
        """Open the database while the first answers are under way."""
        from orchestrator.kinds.scrape import ledger, report, sync  # noqa: F401 - imported now, while there is time

        self._opened().prepare()

    def apply(self, unit: Unit, result: UnitResult, context: WorkContext) -> None:
        """Bring the table in line with one company's fetch: one transaction, and a repetition does nothing."""
        from orchestrator.kinds.scrape import sync

        fetched = result.data
        if not isinstance(fetched, Fetched):
            return
        task = self._tasks[unit.key]
        stamp = Stamp(
            self._surroundings.run_id,
            self._surroundings.job,
            task.name,
            task.first,
            utc(context.deadline.clock.time()),
            self._digest,
        )
        with self._opened().writing() as transaction:
            synced = sync.apply(transaction, fetched, stamp, self._limits)
        if synced.repeated:
            return
        self._note(task.name, fetched, synced)

    def _note(self, name: str, fetched: Fetched, synced: Synced) -> None:
        with self._lock:
            self._counts.add(synced.counts)
        self._events.add(synced.events)
        if synced.warning:
            self._warn(synced.warning)
        if fetched.reasons:
            self._warn(f"{name}: {'; '.join(fetched.reasons)}")
        if synced.warning or (fetched.completeness is Completeness.PARTIAL and fetched.reasons):
            self._partial = True

    def _warn(self, sentence: str) -> None:
        if len(self._warnings) < _MOST_WARNINGS:
            self._warnings.append(sentence)

    def commit(self, context: WorkContext) -> Outcome:
        """Sum up, and write the report. Closes nothing: every company was settled when it was applied."""
        context.checkpoint()
        result = self.tally()
        if self._tasks:
            self._write_down(dict(result), utc(context.deadline.clock.time()))
        self.abandon()
        return Outcome(result, tuple(self._warnings), partial=self._partial)

    def _write_down(self, result: dict[str, int | str | None], at: str) -> None:
        from orchestrator.kinds.scrape import ledger, report

        around, database = self._surroundings, self._opened()
        ledger.write_run(database, around.run_id, around.job, self._started_at, at, result)
        with database.reading() as transaction:
            found = report.gather(transaction, around.run_id, around.job, at, result, self._events.told())
        report.write(found, StateDir(around.state_dir))

    def abandon(self) -> None:
        """Close the database; what was applied stays."""
        if self._database is not None:
            self._database.close()

    def tally(self) -> Mapping[str, int | str | None]:
        """Return the counts so far."""
        with self._lock:
            return asdict(self._counts)


def _planned(task: CompanyTask, book: Book) -> PlannedItem:
    if task.key in book.done:
        return PlannedItem(task.name, Change.UNCHANGED, "done in this run")
    known = book.companies.get(task.key)
    if known is None:
        return PlannedItem(task.name, Change.NEW, f"never fetched ({task.first.board})")
    state = "its last fetch was complete" if known.last_ok_at else "no fetch of it was complete yet"
    return PlannedItem(task.name, Change.UNCHANGED, f"{state}; the board is asked again")


def _by_turns(units: Iterable[Unit]) -> list[Unit]:
    """Return the units with the boards taking turns, so that one host's bound doesn't hold all workers."""
    boards: dict[str, list[Unit]] = {}
    for unit in units:
        boards.setdefault(unit.payload.first.board, []).append(unit)
    return [unit for turn in zip_longest(*boards.values()) for unit in turn if unit is not None]


def _wishes(spec: ScrapeSpec) -> Wishes:
    return Wishes(
        details=spec.details,
        include_title=tuple(spec.include_title),
        exclude_title=tuple(spec.exclude_title),
        base_urls=dict(spec.http.base_urls),
        own_hosts=tuple(spec.http.allow_private_hosts),
        concurrency=spec.http.per_host.concurrency,
        min_interval=spec.http.per_host.min_interval,
        close_after=spec.sync.close_after,
    )


def _digest(wishes: Wishes) -> str:
    """Return what validators hold for: with other filters, the same answer means other rows."""
    said = [HASH_VERSION, wishes.details, wishes.include_title, wishes.exclude_title, sorted(wishes.base_urls.items())]
    return hashlib.sha256(json.dumps(said).encode()).hexdigest()[:16]


def _limits(spec: ScrapeSpec) -> Limits:
    rules = spec.sync
    return Limits(rules.max_drop, rules.max_close, rules.confirm_empty, rules.confirm_apart)


def _settings(spec: ScrapeSpec, wishes: Wishes, surroundings: Surroundings) -> Settings:
    http, root = spec.http, surroundings.root
    return Settings(
        manners=Manners(http.request_timeout, http.retries, http.user_agent or DEFAULT_AGENT, http.robots == "pages"),
        wishes=wishes,
        max_body=http.max_body,
        allowed=tuple(http.allow_private_hosts),
        proxy=http.proxy,
        replay=str(root / spec.replay) if spec.replay else None,
        record=str(root / spec.record) if spec.record else None,
        concurrency=spec.concurrency,
        readers=_readers(spec, surroundings),
    )


def _readers(spec: ScrapeSpec, surroundings: Surroundings) -> int:
    return min(_MOST_READERS, surroundings.helpers) if len(spec.companies) >= _MANY_COMPANIES else 0

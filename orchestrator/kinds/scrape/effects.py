"""What a sync is told and what it says: in whose name rows are written, counts, events, a warning. Light: no database here."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain, islice
from operator import itemgetter
from typing import Any, Final, NamedTuple, TypeAlias

from orchestrator.kinds.scrape.companies import Located

MOST_EVENTS: Final = 10_000
"""Of a run's events, as many are told in its report: the first by company and title."""

ABOUT_POSTING: Final = ("id", "company", "title", "url", "location", "workplace")

Event: TypeAlias = Mapping[str, Any]
"""What happened to a posting (`event`, the changed `fields`), and what it is (the columns of `ABOUT_POSTING`)."""


@dataclass(slots=True)
class Counts:
    """What a sync did to one company's postings."""

    new: int = 0
    changed: int = 0
    unchanged: int = 0
    closed: int = 0
    reopened: int = 0
    held: int = 0
    bad_rows: int = 0
    requests: int = 0
    retries: int = 0
    bytes: int = 0

    def add(self, other: Counts) -> None:
        """Add another company's counts."""
        for name in self.__slots__:
            setattr(self, name, getattr(self, name) + getattr(other, name))


@dataclass(frozen=True, slots=True)
class Synced:
    """What happened: the counts, the events, and a sentence if a guard holds something back."""

    counts: Counts = field(default_factory=Counts)
    events: Sequence[Event] = ()
    warning: str | None = None
    repeated: bool = False


class Events:
    """A run's events, kept as they happen: to read those of a first run back from its table takes a tenth of a second."""

    def __init__(self, earlier: Iterable[Event] = ()) -> None:
        """Begin with what earlier attempts of the run did."""
        self._by_company: dict[str, list[Event]] = {}
        self._count = 0
        self.add(earlier)

    def add(self, more: Iterable[Event]) -> None:
        """Add events in the order in which they happened."""
        for event in more:
            self._by_company.setdefault(event["company"], []).append(event)
            self._count += 1
        if self._count > 2 * MOST_EVENTS:
            told = self.told()
            self._by_company, self._count = {}, 0
            self.add(told)

    def told(self) -> list[Event]:
        """Return those that the report tells, by company and title."""
        companies = (sorted(self._by_company[name], key=itemgetter("title")) for name in sorted(self._by_company))
        return list(islice(chain.from_iterable(companies), MOST_EVENTS))


class Stamp(NamedTuple):
    """In whose name rows are written: run, job, company, and the time (ISO, UTC)."""

    run_id: str
    job: str
    company: str
    place: Located
    at: str
    wishes: str = ""
    """Digest of the settings that decide what is listed: validators hold for these only."""

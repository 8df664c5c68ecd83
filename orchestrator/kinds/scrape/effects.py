"""What a sync is told and what it says: in whose name rows are written, the counts, and a warning. Light: no database here."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple

from orchestrator.kinds.scrape.companies import Located


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
    """What happened: the counts, and a sentence if a guard holds something back."""

    counts: Counts = field(default_factory=Counts)
    warning: str | None = None
    repeated: bool = False


class Stamp(NamedTuple):
    """In whose name rows are written: run, job, company, and the time (ISO, UTC)."""

    run_id: str
    job: str
    company: str
    place: Located
    at: str
    wishes: str = ""
    """Digest of the settings that decide what is listed: validators hold for these only."""

"""What is known of a job's companies before it starts; empty if there is no database yet. Light: nothing is read here."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from orchestrator.kinds.scrape.boards import find_board
from orchestrator.kinds.scrape.companies import Located
from orchestrator.kinds.scrape.effects import Counts
from orchestrator.kinds.scrape.fetch import Validators

NO_VALIDATORS: Final = Validators()


class Known(NamedTuple):
    """A company that the database has."""

    name: str
    open: int
    last_ok_at: str | None
    validators: Validators
    wishes: str

    def validators_for(self, wishes: str) -> Validators:
        """Return what a conditional request may use: nothing if the settings changed, or nothing of the answer is stored."""
        return self.validators if self.open and self.wishes == wishes else NO_VALIDATORS


@dataclass(frozen=True, slots=True)
class Book:
    """What is known before a job starts: its companies, which of them this run has, and what it did for them."""

    companies: Mapping[str, Known] = field(default_factory=dict)
    done: frozenset[str] = frozenset()
    counts: Counts = field(default_factory=Counts)
    partial: bool = False
    """Whether this run already fetched a company in part only, or holds closings."""
    started_at: str | None = None
    detailed: Mapping[str, frozenset[str]] = field(default_factory=dict)

    def known(self, place: Located) -> frozenset[str]:
        """Return the identifiers whose descriptions are stored, for a board that needs a request for each."""
        board = find_board(place.board)
        return self.detailed.get(place.key, frozenset()) if board is not None and board.details else frozenset()

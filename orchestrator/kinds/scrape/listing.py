"""What was read of one board: the postings by identifier, the bad rows, and whether it is all there is."""

from __future__ import annotations

from collections.abc import Callable, Collection
from contextlib import closing
from datetime import UTC, datetime
from typing import Final, Literal

from orchestrator.kinds.scrape.boards.base import Board, Request, Response, Source, Unanswered
from orchestrator.kinds.scrape.posting import BadRow, Posting, normalise, with_places_of
from orchestrator.kinds.scrape.row import RawPosting

Details = Literal["none", "new-only", "all"]
_MOST_REASONS: Final = 5
_DETAILS_SHARE: Final = 1 / 3
"""Of the time that is left when a fetch starts: details may take no more, so that lists come first. The next run goes on."""
_TOLERANCE: Final = 0.01
"""Boards change while their pages are read: a total may be off by one per cent."""


class Collector:
    """The listing of one fetch; boards write to it, the sync reads it. Used by one thread."""

    def __init__(
        self,
        board: Board,
        source: Source,
        *,
        details: Details = "all",
        known: Collection[str] = (),
        now: datetime | None = None,
        remaining: Callable[[], float] | None = None,
    ) -> None:
        self.postings: dict[str, Posting] = {}
        self.unshown_rows: set[str] = set()
        self.bad_rows = 0
        self.reasons: list[str] = []
        """Why this isn't all there is, at most five."""
        self.only_limited = True
        """Whether every reason is the company's own `limit`: nothing is wrong then, though nothing may be closed either."""
        self.total: int | None = None
        self._board = board
        self._base_url = board.public_url(source)
        self._limit = source.limit
        self._details = details
        self._known = known
        self._now = now or datetime.now(UTC)
        self._repeated = 0
        self._remaining = remaining
        self._details_until = remaining() * (1 - _DETAILS_SHARE) if remaining is not None else 0.0

    def add(self, raw: RawPosting) -> bool:
        """Take one row; return whether it was new."""
        try:
            posting = normalise(raw, base_url=self._base_url, now=self._now)
        except BadRow as error:
            self.bad(str(error))
            return False
        known = self.postings.get(posting.identifier)
        if known is None:
            if self.full():
                self.incomplete(f"the limit of {self._limit} postings is reached")
                return False
            self.postings[posting.identifier] = posting
            return True
        self._repeated += 1
        if self._board.repeats == "merge":
            self.postings[posting.identifier] = with_places_of(known, posting)
        return False

    def bad(self, reason: str) -> None:
        """Count a row that can't be read."""
        self.bad_rows += 1
        if self.bad_rows == 1:
            self.incomplete(reason)

    def unshown(self, identifier: str) -> None:
        """Count a row of which the board shows its identifier and no more."""
        self.unshown_rows.add(identifier)

    def expect(self, total: object) -> None:
        """Remember the board's own count; the first number wins, since later pages may say 0."""
        if self.total is None and isinstance(total, int) and not isinstance(total, bool) and total >= 0:
            self.total = total

    def incomplete(self, reason: str) -> None:
        """Say that there is more than was read."""
        self.only_limited &= self.full() and not self.bad_rows
        if len(self.reasons) < _MOST_REASONS and reason not in self.reasons:
            self.reasons.append(reason)

    def wants_details(self, identifier: object) -> bool:
        """Whether the detail request of this posting should be made, and there is time for it."""
        if self._remaining is not None and self._remaining() < self._details_until:
            return False
        if self._details == "new-only":
            return str(identifier) not in self._known
        return self._details == "all"

    def has_details(self, identifier: object) -> bool:
        """Whether the details of this posting are stored."""
        return str(identifier) in self._known

    def full(self) -> bool:
        """Whether the company's limit is reached."""
        return self._limit is not None and len(self.postings) >= self._limit

    def __len__(self) -> int:
        return len(self.postings)

    def settle(self) -> None:
        """Compare with the total that the board announced; called when the board has ended."""
        if self.full():
            if self.total is None or self.total > len(self):
                self.incomplete(f"the limit of {self._limit} postings is reached")
            return
        rows = len(self.postings) + self._repeated + self.bad_rows + len(self.unshown_rows)
        if self.total is not None and abs(rows - self.total) > self.total * _TOLERANCE and len(self) != self.total:
            self.incomplete(f"{len(self)} of {self.total} postings were listed")


class Walk:
    """A board on its way through its answers: one step for each, until nothing more is asked. Used by one thread."""

    def __init__(self, board: Board, source: Source, found: Collector) -> None:
        self._found = found
        self._steps = board.postings(source, found)

    def begin(self) -> Request | None:
        """Return the first request, None if the board asks nothing. Each of these raises BadAnswer."""
        return self._step(self._steps.__next__)

    def take(self, response: Response) -> Request | None:
        """Return the next request after an answer, None at the end."""
        return self._step(self._steps.send, response)

    def fail(self, unanswered: Unanswered) -> Request | None:
        """Return what is asked without an answer. Raises `unanswered` if the board lets it pass and nothing was listed."""
        return self._step(self._steps.throw, unanswered)

    def _step(self, call: Callable[..., Request], *arguments: object) -> Request | None:
        try:
            return call(*arguments)
        except StopIteration:
            self._found.settle()
        except Unanswered as unanswered:
            if not len(self._found):
                raise
            self._found.incomplete(unanswered.failure.message)
        return None

    def close(self) -> None:
        """End the board's steps where they are."""
        self._steps.close()


def drive(board: Board, source: Source, answer: Callable[[Request], Response], **options: object) -> Collector:
    """Run a board against a function that answers its requests, and return what it listed.

    `answer` may raise Unanswered, which reaches the board as it would from a client. Raises BadAnswer, and Unanswered if the
    board let it pass before anything was listed.
    """
    found = Collector(board, source, **options)  # type: ignore[arg-type]
    with closing(Walk(board, source, found)) as walk:
        request = walk.begin()
        while request is not None:
            try:
                response = answer(request)
            except Unanswered as unanswered:
                request = walk.fail(unanswered)
            else:
                request = walk.take(response)
    return found

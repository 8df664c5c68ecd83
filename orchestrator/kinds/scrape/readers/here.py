"""A company's list, read in this process: a board's steps, and what they listed, ready for the table."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from datetime import UTC, datetime
from fnmatch import translate
from functools import lru_cache
from typing import NamedTuple, Protocol, TypeAlias

from orchestrator.deadline import WorkContext
from orchestrator.kinds.scrape import turns
from orchestrator.kinds.scrape.boards import find_board
from orchestrator.kinds.scrape.boards.base import Request, Response, Source, Unanswered
from orchestrator.kinds.scrape.decode import decoded
from orchestrator.kinds.scrape.listing import Collector, Details, Walk
from orchestrator.kinds.scrape.posting import Row, row_of


class Task(NamedTuple):
    """What is to be read: a company's list on a board, and which of its postings are wanted. Plain and picklable."""

    board: str
    source: Source
    details: Details = "new-only"
    known: frozenset[str] = frozenset()
    """Identifiers whose details are stored, for boards that need one request each."""
    include_title: tuple[str, ...] = ()
    exclude_title: tuple[str, ...] = ()
    seconds: float = float("inf")
    """What is left of the attempt; details may take only a share of it."""


class Answer(NamedTuple):
    """A successful answer as it came, and how its request wanted it decoded. Plain and picklable."""

    url: str
    """Where it came from, as the board knows it."""
    status: int
    headers: Mapping[str, str]
    accept: str
    body: bytes


class Listed(NamedTuple):
    """What a reading brought; plain and picklable."""

    rows: tuple[Row, ...] = ()
    before: int = 0
    """Postings before the title filters."""
    unshown: frozenset[str] = frozenset()
    """Identifiers of postings that the board lists without showing them."""
    bad_rows: int = 0
    reasons: tuple[str, ...] = ()
    """Why this isn't all there is."""
    only_limited: bool = True
    """Whether every reason is the company's own `limit`."""


class Reading(Protocol):
    """One company's list being read. Each step returns what is to be asked next, None at the end. Used by one thread."""

    def begin(self) -> Request | None:
        """Return the first request."""

    def take(self, answer: Answer, context: WorkContext) -> Request | None:
        """Read an answer. Raises BadBody if it can't be decoded (another one may be taken then), and BadAnswer."""

    def fail(self, unanswered: Unanswered, context: WorkContext) -> Request | None:
        """Go on without an answer. Raises `unanswered` itself if nothing was listed before."""

    def listed(self) -> Listed:
        """Return what was listed, after the last step."""

    def close(self) -> None:
        """Give up what hasn't ended."""


Begin: TypeAlias = Callable[[Task], Reading]


class HereReading:
    """A reading in this process, by threads that take turns. Implements `Reading`."""

    def __init__(self, task: Task) -> None:
        board = find_board(task.board)
        assert board is not None  # The spec was checked, and every process has the same boards.
        end = time.monotonic() + task.seconds
        self._task = task
        self._found = Collector(
            board,
            task.source,
            details=task.details,
            known=task.known,
            now=datetime.now(UTC),
            remaining=lambda: end - time.monotonic(),
        )
        self._walk = Walk(board, task.source, self._found)

    def begin(self) -> Request | None:
        """Return the first request."""
        return self._walk.begin()

    def take(self, answer: Answer, context: WorkContext | None = None) -> Request | None:
        """Read an answer."""
        del context  # It takes milliseconds.
        with turns.computing:
            body = decoded(answer.accept, answer.body, answer.headers)
            return self._walk.take(Response(answer.url, answer.status, body, answer.headers))

    def fail(self, unanswered: Unanswered, context: WorkContext | None = None) -> Request | None:
        """Go on without an answer."""
        del context
        return self._walk.fail(unanswered)

    def listed(self) -> Listed:
        """Return what was listed."""
        found, task = self._found, self._task
        with turns.computing:
            wanted = (posting for posting in found.postings.values() if _wanted(posting.title, task))
            rows = tuple(map(row_of, wanted))
        return Listed(rows, len(found), frozenset(found.unshown_rows), found.bad_rows, tuple(found.reasons), found.only_limited)

    def close(self) -> None:
        """Give up what hasn't ended."""
        self._walk.close()


def _wanted(title: str, task: Task) -> bool:
    if task.include_title and not any(_matches(title, pattern) for pattern in task.include_title):
        return False
    return not any(_matches(title, pattern) for pattern in task.exclude_title)


def _matches(title: str, pattern: str) -> bool:
    return _compiled(pattern).search(title) is not None


@lru_cache(maxsize=1024)
def _compiled(pattern: str) -> re.Pattern[str]:
    """Return a glob that covers the whole title, or a plain text that the title contains; case doesn't matter."""
    is_glob = any(letter in pattern for letter in "*?[")
    text = translate(pattern) if is_glob else re.escape(pattern)
    with suppress(re.error):
        return re.compile(text, re.IGNORECASE) if not is_glob else re.compile(r"\A" + text, re.IGNORECASE)
    return re.compile(re.escape(pattern), re.IGNORECASE)

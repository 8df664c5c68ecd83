"""Asking for more: numbered pages until a list ends, and one further request per posting for what a list leaves out."""

from __future__ import annotations

from collections.abc import Callable, Generator
from typing import Final, NamedTuple

from orchestrator.kinds.scrape.boards.base import BadAnswer, Listing, Request, Response, Unanswered
from orchestrator.kinds.scrape.boards.fields import Fields

MOST_PAGES: Final = 1000
_MOST_MISSED: Final = 2
_MOST_SILENT: Final = 3
_CLIENT_ERRORS: Final = range(400, 429)


class Page(NamedTuple):
    """The rows of one answer, how many there were before unreadable ones were left out, and the board's total if it says."""

    rows: list[Fields]
    length: int
    total: int | None = None
    least: int = 0
    """How many there are at least, if that is all that the board says."""


class Paging(NamedTuple):
    """How a board numbers its pages: `ask` for the rows from an offset on, `read` the answer, `identify` a row."""

    ask: Callable[[int], Request]
    read: Callable[[Response], Page]
    identify: Callable[[Fields], object]
    size: int
    limit: int | None = None

    def all_rows(self, found: Listing, opened: Response | None = None) -> Generator[Request, Response, list[Fields]]:
        """Return the rows of every page, in order; `opened` is the first answer if somebody asked already.

        A page that fails for good is left out and makes the listing incomplete; the first one raises. The total of the first
        page counts. Without a total the list ends with the first page that isn't full; with one, when it is reached. Of a
        board that has so many at least, fewer are not all of them, and neither is exactly that many. A page with nothing
        new ends it too: boards are known to wrap around, and servers to ignore the offset.
        """
        return (yield from _Reading(self, found).pages(opened))


class _Reading:
    """One list while it is read."""

    def __init__(self, paging: Paging, found: Listing) -> None:
        self._paging = paging
        self._found = found
        self._rows: list[Fields] = []
        self._seen: set[str] = set()
        self._offset = 0
        self._missed = 0
        self._total: int | None = None
        self._least = 0

    def pages(self, opened: Response | None) -> Generator[Request, Response, list[Fields]]:
        for number in range(1, MOST_PAGES + 1):
            try:
                answer = opened or (yield self._paging.ask(self._offset))
                page = self._paging.read(answer)
            except (Unanswered, BadAnswer) as error:
                if not self._missing(number, error):
                    return self._rows
            else:
                if not self._taken(page, number):
                    return self._rows
            opened = None
        self._found.incomplete(f"more than {MOST_PAGES} pages")
        return self._rows

    def _missing(self, number: int, error: Exception) -> bool:
        """Note a page that didn't come; return whether to go on. Raises it again if nothing came before it."""
        if number == 1:
            raise error
        self._found.incomplete(f"page {number}: {error}")
        self._missed += 1
        self._offset += self._paging.size
        return self._missed < _MOST_MISSED and (self._total is None or self._offset < self._total)

    def _taken(self, page: Page, number: int) -> bool:
        """Keep a page; return whether there is another one."""
        if number == 1:
            self._total, self._least = page.total, page.least
            self._found.expect(page.total)
        self._missed = 0
        before = len(self._seen)
        self._seen.update(str(self._paging.identify(row)) for row in page.rows)
        self._offset += page.length
        if page.length and len(self._seen) == before:
            self._found.incomplete(f"page {number} repeats what came before")
            return False
        self._rows += page.rows
        if self._paging.limit is not None and len(self._seen) >= self._paging.limit:
            self._found.incomplete(f"the limit of {self._paging.limit} postings is reached")
            return False
        if self._total is not None:
            return page.length > 0 and self._offset < self._total
        if page.length == self._paging.size or (page.length > 0 and self._offset < self._least):
            return True  # More than a page means that the server has no pages.
        if self._least and len(self._seen) <= self._least:
            self._found.incomplete(f"the board shows {self._least} postings at most")
        return False


class Details:
    """Asks for the details of postings, one request each; stops asking a board that stops answering.

    A posting whose details can't be had is listed without them: that erases nothing that is stored.
    """

    def __init__(self, found: Listing) -> None:
        self._found = found
        self._silent = 0

    def of(self, identifier: object, request: Request) -> Generator[Request, Response, Response | None]:
        """Return the answer, None if it isn't wanted or doesn't come."""
        if self._silent >= _MOST_SILENT or not self._found.wants_details(identifier):
            return None
        try:
            answer = yield request
        except Unanswered as unanswered:
            closed = unanswered.status in _CLIENT_ERRORS  # It was closed since the list was made: nothing to worry about.
            self._silent = 0 if closed else self._silent + 1
            return None
        self._silent = 0
        return answer

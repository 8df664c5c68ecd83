"""The fetch of one company: a board and a client brought together, with the second tier behind the first.

`fetch` is what a unit does: it never raises for what the world does wrong. What it returns is plain and picklable, holds the
rows ready for the table, and says how complete it is: the sync does nothing else with it than SQL.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import closing
from enum import StrEnum
from typing import Final, Literal, NamedTuple
from urllib.parse import SplitResult, urlsplit, urlunsplit

from orchestrator.errors import Failure
from orchestrator.kinds.scrape.addresses import allowed_hosts
from orchestrator.kinds.scrape.boards import find_board
from orchestrator.kinds.scrape.boards.base import BadAnswer, Board, Request, Unanswered, belongs
from orchestrator.kinds.scrape.client import Asking, Client
from orchestrator.kinds.scrape.companies import Located
from orchestrator.kinds.scrape.posting import Row
from orchestrator.kinds.scrape.readers.here import Answer, Begin, HereReading, Listed, Reading, Task
from orchestrator.kinds.scrape.wire import Reply

_NO_BASES: Final[Mapping[str, str]] = {}
_NOT_MODIFIED: Final = 304


class Completeness(StrEnum):
    """What a fetch may be taken for. Only `complete` may close postings; an `empty` one has to be confirmed first."""

    COMPLETE = "complete"
    NOT_MODIFIED = "not_modified"
    PARTIAL = "partial"
    EMPTY = "empty"
    FAILED = "failed"


class Validators(NamedTuple):
    """What a board sent along with its last complete answer, for a conditional request."""

    etag: str = ""
    last_modified: str = ""

    def headers(self) -> dict[str, str]:
        """Return the headers that make a request conditional; none if nothing is known."""
        headers = {}
        if self.etag:
            headers["if-none-match"] = self.etag
        if self.last_modified:
            headers["if-modified-since"] = self.last_modified
        return headers


class CompanyTask(NamedTuple):
    """The payload of a unit: all that a fetch must know of one company, and what earlier starts of it have used up."""

    name: str
    key: str
    first: Located
    fallback: Located | None = None
    validators: Validators = Validators()
    known: frozenset[str] = frozenset()
    """Identifiers whose details are stored, for boards that need one request each."""
    tries: int = 0
    spent: tuple[int, int, int, float] = (0, 0, 0, 0.0)


class Fetched(NamedTuple):
    """What one company's fetch brought. `reasons` say in a few words why it isn't complete."""

    key: str
    completeness: Completeness
    tier: int = 1
    source: str = ""
    """The board's name."""
    board: str = ""
    """The board's token, or the host of a company's own pages."""
    close_after: int = 1
    empty_counts: bool = True
    rows: tuple[Row, ...] = ()
    listed: int = 0
    """Postings before the title filters."""
    unshown: frozenset[str] = frozenset()
    """Identifiers of postings that the board lists without showing them: these stay as they are."""
    bad_rows: int = 0
    reasons: tuple[str, ...] = ()
    validators: Validators = Validators()
    failure: Failure | None = None
    gone: bool = False
    status: int | None = None
    requests: int = 0
    retries: int = 0
    received: int = 0
    seconds: float = 0.0


class Wishes(NamedTuple):
    """What the spec says about every company of the job; plain and picklable."""

    details: Literal["none", "new-only", "all"] = "new-only"
    include_title: tuple[str, ...] = ()
    exclude_title: tuple[str, ...] = ()
    base_urls: Mapping[str, str] = _NO_BASES
    own_hosts: tuple[str, ...] = ()
    """Hosts of `allow_private_hosts`: they need no politeness unless the spec asks for it."""
    concurrency: int | None = None
    min_interval: float = 0.0
    close_after: int | None = None


class World(NamedTuple):
    """By what fetches are made, and what `WorkContext.world` is: the client, the spec's wishes, and what reads the answers."""

    client: Client
    wishes: Wishes
    begin: Begin = HereReading


def fetch(task: CompanyTask, world: World, asking: Asking) -> Fetched:
    """Fetch a company: its board, and its fallback if that brought nothing. Raises Postponed and what the context raises."""
    fetched = _tier(task, task.first, 1, world, asking)
    if fetched.completeness is Completeness.FAILED and task.fallback is not None:
        asking.may_postpone = False
        second = _tier(task, task.fallback, 2, world, asking)
        if second.completeness is not Completeness.FAILED:
            problem = fetched.failure.message if fetched.failure else "no answer"
            fetched = second._replace(reasons=(f"the first tier failed: {problem}", *second.reasons))
    tally = asking.tally
    return fetched._replace(
        requests=tally.requests,
        retries=tally.retries,
        received=tally.received,
        seconds=round(tally.seconds, 3),
    )


def _tier(task: CompanyTask, place: Located, tier: int, world: World, asking: Asking) -> Fetched:
    board = find_board(place.board)
    assert board is not None  # The spec was checked, and a worker has the same boards.
    wishes = world.wishes
    blank = Fetched(
        task.key,
        Completeness.FAILED,
        tier,
        board.name,
        place.source.token or (urlsplit(place.source.url).hostname or ""),
        wishes.close_after or (2 if board.fragile else 1),
        empty_counts=board.empty_means_empty,
    )
    left = asking.context.remaining()
    what = Task(board.name, place.source, wishes.details, task.known, wishes.include_title, wishes.exclude_title, left)
    with closing(world.begin(what)) as reading:
        conversation = _Conversation(board, world, asking, task.validators if tier == 1 else Validators(), reading)
        try:
            conversation.hold()
        except _NotModified:
            return blank._replace(completeness=Completeness.NOT_MODIFIED, status=_NOT_MODIFIED, validators=task.validators)
        except BadAnswer as bad:
            failure = Failure("bad-answer", f"{board.title}: {bad}", "the board's API may have changed", retryable=True)
            return blank._replace(failure=failure, status=conversation.status)
        except Unanswered as unanswered:
            return blank._replace(failure=unanswered.failure, gone=unanswered.gone, status=unanswered.status)
        return _settled(blank, reading.listed(), conversation)


def _settled(blank: Fetched, listed: Listed, conversation: _Conversation) -> Fetched:
    if listed.bad_rows and not listed.before:
        failure = Failure("bad-rows", f"none of {listed.bad_rows} rows can be read", "the board's API may have changed")
        return blank._replace(failure=failure, bad_rows=listed.bad_rows)
    whole = Completeness.COMPLETE if listed.before else Completeness.EMPTY
    completeness = Completeness.PARTIAL if listed.reasons else whole
    return blank._replace(
        completeness=completeness,
        rows=listed.rows,
        listed=listed.before,
        unshown=listed.unshown,
        bad_rows=listed.bad_rows,
        reasons=() if listed.only_limited else listed.reasons,
        validators=conversation.validators if completeness is Completeness.COMPLETE else Validators(),
        status=conversation.status,
    )


class _NotModified(Exception):
    """The board says that nothing changed since the last complete fetch."""


class _Conversation:
    """Asks what a reading wants to know: public addresses become the spec's; the first request is conditional if it may be."""

    def __init__(self, board: Board, world: World, asking: Asking, validators: Validators, reading: Reading) -> None:
        self._board = board
        self._client = world.client
        self._wishes = world.wishes
        self._asking = asking
        self._reading = reading
        self._base = world.wishes.base_urls.get(board.name)
        self._conditions = validators.headers() if board.conditional else {}
        self._requests = 0
        self._validators = Validators()
        self.status: int | None = None

    @property
    def validators(self) -> Validators:
        """What may stand for the whole list next time: nothing if it took several answers."""
        return self._validators if self._requests == 1 else Validators()

    def hold(self) -> None:
        """Ask until nothing is left to be asked. Raises _NotModified, BadAnswer, Unanswered, Postponed."""
        request = self._reading.begin()
        while request is not None:
            try:
                request = self._ask(request)
            except Unanswered as unanswered:
                request = self._reading.fail(unanswered, self._asking.context)

    def _ask(self, request: Request) -> Request | None:
        """Ask, have the answer read, and return what is asked next."""
        first, self._requests = self._requests == 0, self._requests + 1
        real = self._real(request)
        self._be_polite(real)
        if not first:
            self._asking.may_postpone = False

        def read(_: Request, url: str, reply: Reply) -> Request | None:
            if first:
                self._note(reply)
            shown = request.url if url == real.url else url
            return self._reading.take(
                Answer(shown, reply.status, reply.headers, request.accept, reply.body), self._asking.context
            )

        self._asking.context.checkpoint(note=f"request {self._requests}" if self._requests > 1 else "")
        response = self._client.ask(real, self._asking, self._conditions if first else None, read)
        if response.status == _NOT_MODIFIED:
            raise _NotModified
        following: Request | None = response.body
        return following

    def _note(self, reply: Reply) -> None:
        """Remember what the first answer says beside its body."""
        self.status = reply.status
        if self._board.conditional:
            self._validators = Validators(reply.headers.get("etag", "")[:500], reply.headers.get("last-modified", "")[:100])

    def _real(self, request: Request) -> Request:
        """Return the request with the base URL of the spec, if there is one for the board and the host is the board's."""
        if self._base is None:
            return request
        parts = urlsplit(request.url)
        if not belongs((parts.hostname or "").lower(), self._board.hosts):
            return request
        return request._replace(url=_rebased(parts, self._base))

    def _be_polite(self, request: Request) -> None:
        asking, wishes = self._asking, self._wishes
        own = allowed_hosts(wishes.own_hosts).names(urlsplit(request.url).hostname or "")
        polite = None if own else self._board.politeness
        asking.concurrency = wishes.concurrency or polite
        asking.min_interval = max(wishes.min_interval, 0.0 if own else self._board.min_interval)
        shared = self._board.one_backend and belongs(urlsplit(request.url).hostname or "", self._board.hosts)
        asking.backend = self._board.name if shared and not own else ""


def _rebased(parts: SplitResult, base: str) -> str:
    new = urlsplit(base)
    return urlunsplit((new.scheme, new.netloc, new.path.rstrip("/") + parts.path, parts.query, ""))

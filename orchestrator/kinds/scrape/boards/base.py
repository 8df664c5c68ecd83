"""The contract of a board: it asks by yielding requests and is sent the decoded answers, so it never sees a client.

A board is one module of this package with one object `BOARD`; nothing else changes when one is added. `Board.postings` is a
generator: it yields a `Request`, receives the `Response` that the client got, and reports what it read to the `Listing` it
was given. It keeps no state between calls, and may be used by many threads at once.
"""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from collections.abc import Generator, Mapping
from typing import Any, ClassVar, Final, Literal, NamedTuple, Protocol, TypeAlias
from urllib.parse import SplitResult

from orchestrator.errors import Failure
from orchestrator.kinds.scrape.row import RawPosting

_NONE: Final[Mapping[str, str]] = {}
_POLITE: Final = 4
SLUG: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,127}")


class Source(NamedTuple):
    """Where one company's postings are read: the token of a board, or the address of the company's own page."""

    token: str = ""
    url: str = ""
    sitemap: bool = False
    limit: int | None = None


class Request(NamedTuple):
    """One question to the world. `url` is the public address; a base URL of the spec replaces its host later.

    `accept` says how the body is decoded: `json` to plain values, `xml` to an Element (a DTD is refused), `text` to a
    string. `page` marks a page made for people: robots.txt applies. `roam` allows a redirect to lead to another site;
    without it one counts as the board being gone, but for a `www.` more or less. `reads_only` says of a POST that it only
    asks, as a GET does: it may be repeated.
    """

    url: str
    accept: Literal["json", "xml", "text"] = "json"
    method: Literal["GET", "POST"] = "GET"
    json: Any = None
    headers: Mapping[str, str] = _NONE
    page: bool = False
    roam: bool = False
    reads_only: bool = False

    @property
    def repeatable(self) -> bool:
        """Whether asking twice does no harm: by its method, or by the board's word."""
        return self.method == "GET" or self.reads_only


class Response(NamedTuple):
    """A successful answer (status 2xx), decoded as its request asked. `url` is where it came from, after redirects."""

    url: str
    status: int
    body: Any
    headers: Mapping[str, str] = _NONE
    """Names in lower case."""


class Unanswered(Exception):
    """A request got no usable answer, after all its retries. Thrown into the board at its `yield`.

    A board that lets it pass is done: what was listed so far is partial, and if it was the first request the fetch failed.
    A board with numbered pages may catch it, tell the listing that it is incomplete, and ask for the next page.
    """

    def __init__(self, failure: Failure, *, status: int | None = None, gone: bool = False) -> None:
        super().__init__(failure.message)
        self.failure = failure
        self.status = status
        self.gone = gone
        """Whether the answer says that there is no such board (404, 410, a redirect to the vendor)."""


class BadAnswer(Exception):
    """An answer has another shape than the board's API documents: never an empty list, always a failed fetch."""


class Listing(Protocol):
    """What a board reports to. Repeated identifiers are settled here, as the board's `repeats` says."""

    def add(self, raw: RawPosting) -> bool:
        """Take one row; return whether it was new. One without identifier or title is counted as a bad row."""

    def bad(self, reason: str) -> None:
        """Count a row that can't be read."""

    def unshown(self, identifier: str) -> None:
        """Count a row of which the board shows its identifier and no more: a stored posting of that name stays as it is."""

    def expect(self, total: object) -> None:
        """Remember how many postings the board says it has; the first number counts, anything but a number is ignored."""

    def incomplete(self, reason: str) -> None:
        """Say that there is more than was read: the fetch is partial, and nothing may be closed by it."""

    def wants_details(self, identifier: object) -> bool:
        """Whether the detail request of this posting should be made."""

    def has_details(self, identifier: object) -> bool:
        """Whether the details of this posting are stored: what they told must not be contradicted by what the list says."""

    def full(self) -> bool:
        """Whether as many postings were listed as the company's `limit` allows."""

    def __len__(self) -> int:
        """Return how many different postings were listed."""


Steps: TypeAlias = Generator[Request, Response, None]


class Board(ABC):
    """One vendor's public list of postings. Subclasses set the facts and write `detect` and `postings`."""

    name: ClassVar[str]
    """As in the spec; the module has the same name."""
    title: ClassVar[str]
    """The vendor's name for people."""
    hosts: ClassVar[tuple[str, ...]]
    """Hosts that its requests go to, `*.` in front for any subdomain: what a base URL of the spec replaces."""
    example: ClassVar[str]
    """A token as it may look, for messages."""
    token: ClassVar[re.Pattern[str]] = SLUG
    """What a whole token matches; no pattern lets `/` or `..` lead out of the path."""
    needs_url: ClassVar[bool] = False
    """Reads a company's own pages: the spec gives `url` and no token."""
    case_sensitive: ClassVar[bool] = False
    """Whether tokens that differ in case are different boards."""
    conditional: ClassVar[bool] = False
    """One answer holds everything and carries validators: a 304 may stand for it."""
    details: ClassVar[bool] = False
    """Descriptions need one request per posting."""
    empty_means_empty: ClassVar[bool] = True
    """Whether an unknown token is answered otherwise than an empty board is. If not, nothing follows from an empty answer."""
    fragile: ClassVar[bool] = False
    """Pages, not an API: a posting that is missing once may only have been missed."""
    repeats: ClassVar[Literal["merge", "first"]] = "first"
    """What a repeated identifier means: one posting with several locations, or a mistake of which the first row counts."""
    concurrency: ClassVar[int | None] = None
    """The most requests in flight per host that the vendor is known to stand, if fewer than the spec allows."""
    min_interval: ClassVar[float] = 0.0
    """Seconds between two requests to one host that the vendor is known to want."""
    one_backend: ClassVar[bool] = False
    """Whether all hosts of the vendor are one system, so that these limits count over all of its companies."""

    @abstractmethod
    def detect(self, url: SplitResult) -> str | None:
        """Return the token that a public URL names, None if it isn't this board's. Offline; `accepts` is checked behind it."""

    @abstractmethod
    def public_url(self, source: Source) -> str:
        """Return the page where people find the list."""

    @abstractmethod
    def postings(self, source: Source, found: Listing) -> Steps:
        """List everything. Raises BadAnswer if an answer isn't what the API documents; lets Unanswered pass."""

    def accepts(self, token: str) -> bool:
        """Whether the board can have this token."""
        return self.token.fullmatch(token) is not None and ".." not in token

    @property
    def politeness(self) -> int:
        """How many requests a public host of this board has in flight at most, unless the spec says otherwise."""
        return min(self.concurrency or _POLITE, _POLITE)

    def key(self, source: Source) -> str:
        """Return the name of the company's board in the database: `greenhouse:acme`."""
        token = source.token if self.case_sensitive else source.token.casefold()
        return f"{self.name}:{token}"


def host_of(url: SplitResult) -> str:
    """Return the host in lower case, without a dot at the end."""
    return (url.hostname or "").lower().rstrip(".")


def segments(url: SplitResult) -> list[str]:
    """Return the parts of the path, percent-decoded."""
    from urllib.parse import unquote

    return [unquote(part) for part in url.path.split("/") if part]


def subdomain(url: SplitResult, *domains: str) -> str | None:
    """Return the one label in front of one of the domains, None if the host is none of theirs (or is `www`)."""
    host = host_of(url)
    for domain in domains:
        label = host.removesuffix("." + domain)
        if label != host and label and "." not in label and label != "www":
            return label
    return None


def belongs(host: str, patterns: tuple[str, ...]) -> bool:
    """Whether a host is one of a board's `hosts`."""
    return any(host == pattern or (pattern[:2] == "*." and host.endswith(pattern[1:])) for pattern in patterns)

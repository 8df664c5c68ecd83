"""The client: retries, redirects, politeness and decoding around one wire. What it can't get is told as `Unanswered`."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple, TypeAlias
from urllib.parse import urljoin, urlsplit

from orchestrator import __version__
from orchestrator.deadline import WorkContext
from orchestrator.errors import Failure
from orchestrator.kinds.scrape import retry
from orchestrator.kinds.scrape.boards.base import Request, Response, Unanswered
from orchestrator.kinds.scrape.decode import BadBody, decoded
from orchestrator.kinds.scrape.gates import Gates, HostDown
from orchestrator.kinds.scrape.robots import Robots
from orchestrator.kinds.scrape.wire import Call, Reply, Wire, WireError

DEFAULT_AGENT: Final = f"orchestrate/{__version__}"
_MOST_REDIRECTS: Final = 5
_REDIRECTS: Final = frozenset({301, 302, 303, 307, 308})
_GONE: Final = frozenset({404, 410})
_NOT_MODIFIED: Final = 304
_MISSING: Final = 404
_ACCEPT: Final = {
    "json": "application/json",
    "xml": "application/xml, text/xml;q=0.9, */*;q=0.1",
    "text": "text/html, application/xhtml+xml, application/xml;q=0.9, */*;q=0.5",
}
_BAD_BODY_TRIES: Final = 2
"""A body that isn't what was asked for is asked for once more: a proxy's error page may pass, a login page won't."""


Read: TypeAlias = Callable[[Request, str, Reply], Any]
"""Makes of an answer what its asker wants. Gets the request, where the answer came from, and it. Raises BadBody."""


class Manners(NamedTuple):
    """How requests are made; plain and picklable."""

    request_timeout: float = 30.0
    retries: int = 3
    user_agent: str = DEFAULT_AGENT
    robots: bool = True
    """Whether robots.txt is obeyed for pages made for people."""


@dataclass(slots=True)
class Tally:
    """What one company's fetch cost; travels with a postponed unit."""

    requests: int = 0
    retries: int = 0
    received: int = 0
    seconds: float = 0.0


class Postponed(Exception):
    """The first request of a unit has to wait so long before its next try; nothing is lost if the unit starts again then."""

    def __init__(self, delay: float, reason: str, tries: int) -> None:
        super().__init__(reason)
        self.delay = delay
        self.reason = reason
        self.tries = tries


@dataclass(slots=True)
class Asking:
    """One unit's conversation: its context, its politeness towards the host, and how often it was postponed already."""

    context: WorkContext
    tally: Tally = field(default_factory=Tally)
    concurrency: int | None = None
    min_interval: float = 0.0
    backend: str = ""
    """What the host shares its places and its pace with, if with anything."""
    tries: int = 0
    """Tries of the first request that earlier starts of this unit have used up."""
    may_postpone: bool = False


def _decoded(request: Request, _url: str, reply: Reply) -> Any:
    return decoded(request.accept, reply.body, reply.headers)


class Client:
    """Asks for answers. Thread-safe; one serves every company of a job."""

    def __init__(self, wire: Wire, manners: Manners, gates: Gates | None = None) -> None:
        self._wire = wire
        self._manners = manners
        self._gates = gates or Gates()
        self._robots = Robots(manners.user_agent) if manners.robots and wire.patient else None  # A replay asks nobody.

    def ask(
        self, request: Request, asking: Asking, headers: Mapping[str, str] | None = None, read: Read = _decoded
    ) -> Response:
        """Return an answer, its body as `read` gives it: status 2xx, or 304 with body None if `headers` hold validators.

        Another answer is asked for if `read` raises BadBody. Raises Unanswered, Postponed (only where `may_postpone`), what the
        context raises, and what else `read` raises.
        """
        tries, bad_bodies = asking.tries, 0
        asking.tries = 0
        while True:
            tries += 1
            try:
                url, reply = self._once(request, asking, headers or {}, tries)
                if reply.status == _NOT_MODIFIED and headers:
                    return Response(url, reply.status, None, reply.headers)
                return Response(url, reply.status, _read(read, request, url, reply, tries), reply.headers)
            except WireError as error:
                bad_bodies += error.code == "bad-body"
                again = error.retry and request.repeatable and bad_bodies < _BAD_BODY_TRIES
                wait = retry.backoff(tries) if again else None
                problem = _unanswered(error.code, error.message, tries, asking, retryable=error.retry)
            except _Refused as refused:
                again = request.repeatable and refused.status in retry.RETRIED_STATUSES
                wait = (refused.wait or retry.backoff(tries, refused.status)) if again else None
                problem = _refusal(refused, tries, asking, self._manners.retries)
            self._wait(wait, tries, asking, problem)

    def _wait(self, wait: float | None, tries: int, asking: Asking, problem: Unanswered) -> None:
        """Wait for the next try, or raise `problem` if there is none to be had."""
        if wait is None or tries > self._manners.retries:
            raise problem
        if wait >= asking.context.remaining():
            raise _too_late(problem, wait, asking.context.remaining())
        asking.tally.retries += 1
        if not self._wire.patient:
            asking.context.checkpoint()
        elif asking.may_postpone:
            raise Postponed(wait, problem.failure.message, tries)
        else:
            asking.context.sleep(wait)

    def _once(self, request: Request, asking: Asking, headers: Mapping[str, str], tries: int) -> tuple[str, Reply]:
        """Make one try, with its redirects, within the time that a try has. Return where the answer came from, and it."""
        left = self._manners.request_timeout
        url, body = request.url, _body(request)
        for _ in range(_MOST_REDIRECTS + 1):
            if request.page and self._robots is not None:
                self._obey(self._robots, url, asking)
            call = Call(request.method, url, self._headers(request, headers, body), body)
            before = asking.tally.seconds
            reply = self._exchange(call, left, asking)
            left -= asking.tally.seconds - before
            if reply.status not in _REDIRECTS:
                return url, reply
            url = _next_hop(request, url, reply, tries, asking)
        raise _unanswered("too-many-redirects", f"more than {_MOST_REDIRECTS} redirects", tries, asking)

    def _obey(self, robots: Robots, url: str, asking: Asking) -> None:
        """Ask the host's robots.txt first, if it isn't known. Raises WireError for a page that it doesn't allow."""

        def fetch(address: str) -> Reply:
            headers = {"user-agent": self._manners.user_agent, "accept-encoding": "gzip, deflate"}
            for _ in range(_MOST_REDIRECTS + 1):
                reply = self._exchange(Call("GET", address, headers), self._manners.request_timeout, asking)
                if reply.status not in _REDIRECTS:
                    return reply
                address = _next_hop(Request(address, roam=True), address, reply, 1, asking)
            return Reply(_MISSING, {}, b"")  # RFC 9309: after five redirects it counts as not there.

        asking.min_interval = max(asking.min_interval, robots.check(url, fetch))

    def _exchange(self, call: Call, seconds: float, asking: Asking) -> Reply:
        """Make one hop; its time starts when the host's gate is open."""
        try:
            host = urlsplit(call.url).netloc.rpartition("@")[2].lower()
        except ValueError as error:
            raise WireError("bad-url", "the address can't be asked", retry=False) from error
        try:
            with self._gates.enter(host, asking.concurrency, asking.min_interval, asking.context, backend=asking.backend):
                reply = self._timed(call, seconds, asking)
        except HostDown as error:
            raise WireError("host-down", str(error), retry=False) from error
        except WireError as error:
            if error.silent:
                self._gates.silent(host)
            raise
        self._gates.answered(host)
        asking.tally.received += reply.received
        return reply

    def _timed(self, call: Call, seconds: float, asking: Asking) -> Reply:
        started = time.monotonic()
        asking.tally.requests += 1
        try:
            return self._wire.send(call, asking.context.deadline.sooner(seconds), asking.context)
        finally:
            asking.tally.seconds += time.monotonic() - started

    def _headers(self, request: Request, more: Mapping[str, str], body: bytes) -> dict[str, str]:
        headers = {
            "user-agent": self._manners.user_agent,
            "accept": _ACCEPT[request.accept],
            "accept-encoding": "gzip, deflate",
            **{name.lower(): value for name, value in request.headers.items()},
            **more,
        }
        if body:
            headers["content-type"] = "application/json"
        return headers

    def close(self) -> None:
        """Close the wire."""
        self._wire.close()


class _Refused(Exception):
    """An answer whose status is no success."""

    def __init__(self, status: int, wait: float | None, tries: int) -> None:
        super().__init__(status)
        self.status = status
        self.wait = wait
        self.tries = tries


def _body(request: Request) -> bytes:
    return b"" if request.json is None else json.dumps(request.json, separators=(",", ":")).encode()


def _read(read: Read, request: Request, url: str, reply: Reply, tries: int) -> Any:
    """Return what a successful answer says. Raises _Refused for another one, and WireError for a body that can't be read."""
    if reply.status == _NOT_MODIFIED:
        raise WireError("bad-body", "the server says that nothing changed, but nobody asked")
    if not 200 <= reply.status < 300:  # noqa: PLR2004 - RFC 9110: 2xx is success
        raise _Refused(reply.status, retry.retry_after(reply.status, reply.headers.get("retry-after", ""), time.time()), tries)
    try:
        return read(request, url, reply)
    except BadBody as error:
        raise WireError("bad-body", str(error)) from error


def _next_hop(request: Request, url: str, reply: Reply, tries: int, asking: Asking) -> str:
    """Return where a redirect leads. Raises Unanswered for one that isn't followed."""
    try:
        target = urljoin(url, reply.headers.get("location", ""))
        old, new = urlsplit(url), urlsplit(target)
        _ = new.port
    except ValueError:
        raise _unanswered("blocked-redirect", "the answer redirects to no address", tries, asking) from None
    if new.scheme not in {"http", "https"} or not new.hostname or new.username is not None or "\\" in target:
        raise _unanswered("blocked-redirect", "the answer redirects to something that is no web address", tries, asking)
    if request.method != "GET":
        raise _unanswered("blocked-redirect", "a POST was redirected, which isn't followed", tries, asking)
    if _site(new.hostname) != _site(old.hostname) and not request.roam:
        message = f"the answer redirects to {new.hostname}"
        raise _unanswered("redirected-away", message, tries, asking, status=reply.status, gone=True)
    if old.scheme == "https" and new.scheme == "http":
        raise _unanswered("blocked-redirect", "the answer redirects from https to http", tries, asking)
    return target


def _site(host: str | None) -> str:
    """Return a host without the `www.` that sites put in front of their name, or leave out."""
    return (host or "").removeprefix("www.")


def _unanswered(
    code: str,
    message: str,
    tries: int,
    asking: Asking,
    *,
    status: int | None = None,
    gone: bool = False,
    retryable: bool = False,
) -> Unanswered:
    spent = f" ({tries} {'try' if tries == 1 else 'tries'}, {asking.tally.seconds:.1f} s)"
    return Unanswered(Failure(code, message + spent, _HINTS.get(code, ""), retryable), status=status, gone=gone)


def _refusal(refused: _Refused, tries: int, asking: Asking, retries: int) -> Unanswered:
    status = refused.status
    if status in _GONE:
        return _unanswered("not-found", f"the server answered {status}", tries, asking, status=status, gone=True)
    retryable = status in retry.RETRIED_STATUSES
    message = f"the server answered {status}" + (f" to all {retries + 1} tries" if retryable and tries > retries else "")
    return _unanswered(f"http-{status}", message, tries, asking, status=status, retryable=retryable)


def _too_late(problem: Unanswered, wait: float, left: float) -> Unanswered:
    failure = problem.failure
    message = f"{failure.message}; the next try would be in {wait:.0f} s, but only {left:.0f} s are left"
    return Unanswered(Failure("retry-too-late", message, "run it again later", retryable=True), status=problem.status)


_HINTS: Final = {
    "not-found": "check the token; `orchestrate detect URL` says what a careers page uses",
    "http-422": "check the token: this is how some boards answer for a company that they don't have",
    "redirected-away": "the board may have moved; `orchestrate detect URL` says what a careers page uses",
    "blocked-address": "add the host to `http.allow_private_hosts` if it is yours",
    "answer-too-large": "raise `http.max_body` if that is expected",
    "timed-out": "raise `http.request_timeout` if the host is slow",
    "host-down": "run it again later",
    "robots-disallow": "the site doesn't want this page to be read by programs",
}

"""Every ugly answer of a server on every board it can occur on, through client, job and sync: nothing is closed by one."""

from __future__ import annotations

import gzip
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import pytest

from orchestrator.kinds.scrape.boards import names

PATIENCE = 0.2
CAP = 200_000
BOMB = gzip.compress(b" " * 3_000_000)
XML_BOMB = '<?xml version="1.0"?><!DOCTYPE a [<!ENTITY b "cccc">]><a>&b;&b;</a>'


@dataclass(frozen=True)
class Fault:
    """What a server does with the first request of a board."""

    name: str
    body: Any = ""
    status: int = 200
    headers: tuple[tuple[str, str], ...] = ()
    behave: Callable[[Any], None] | None = None
    slow: bool = False
    """Whether the client has to run into its timeout."""


def stall(handler: Any) -> None:
    handler.connection.settimeout(5)
    handler.close_connection = True
    assert handler.connection.recv(1) == b""  # Until the client leaves.


def drip(handler: Any) -> None:
    handler.close_connection = True
    handler.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 1000\r\n\r\n")
    handler.connection.settimeout(0.05)
    while True:
        handler.wfile.write(b" ")  # Raises when the client has left.
        try:
            if not handler.connection.recv(1):
                return
        except TimeoutError:
            continue


def half(handler: Any) -> None:
    handler.wfile.write(b'HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 1000\r\n\r\n{"jobs": [')
    handler.close_connection = True


def half_of_an_old_server(handler: Any) -> None:
    """HTTP/1.0 has no length: only the body itself can show that it is cut."""
    handler.wfile.write(b'HTTP/1.0 200 OK\r\nContent-Type: application/json\r\n\r\n{"jobs": [')
    handler.close_connection = True


def half_of_the_chunks(handler: Any) -> None:
    handler.wfile.write(b'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n9\r\n{"jobs":[\r\n')
    handler.close_connection = True


def more_than_it_says(handler: Any) -> None:
    handler.wfile.write(b'HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n{"jobs": [], "meta": {"total": 0}}')
    handler.close_connection = True


def endless_header(handler: Any) -> None:
    handler.close_connection = True
    handler.wfile.write(b"HTTP/1.1 200 OK\r\nX: " + b"x" * 500_000)


def endless(handler: Any) -> None:
    handler.close_connection = True
    handler.wfile.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
    for _ in range(100):
        handler.wfile.write(b"4000\r\n" + b" " * 0x4000 + b"\r\n")


def no_http(handler: Any) -> None:
    handler.wfile.write(b"SSH-2.0-OpenSSH_9.6\r\n")
    handler.close_connection = True


def header(name: str, value: str) -> tuple[tuple[str, str], ...]:
    return ((name, value),)


FAULTS = (
    Fault("a login page", "<html><form>Sign in</form></html>"),
    Fault("an error with status 200", {"error": "rate limited"}),
    Fault("null", "null"),
    Fault("nothing at all", ""),
    Fault("an empty list", []),
    Fault(
        "a list that is null", {"jobs": None, "content": None, "jobPostings": None, "data": None, "items": None, "offers": None}
    ),
    Fault("a list that is missing", {"total": 0, "meta": {"total": 0}, "totalFound": 0}),
    Fault("a list that is an object", {"jobs": {}, "content": {}, "jobPostings": {}, "data": {}, "items": {}, "offers": {}}),
    Fault("a day to wait", status=429, headers=header("Retry-After", "86400")),
    Fault("no number to wait", status=429, headers=header("Retry-After", "soon")),
    Fault("less than nothing to wait", status=503, headers=header("Retry-After", "-1")),
    Fault("a past date to wait for", status=503, headers=header("Retry-After", "Wed, 21 Oct 2015 07:28:00 GMT")),
    Fault("a far date to wait for", status=429, headers=header("Retry-After", "Fri, 31 Dec 2100 07:28:00 GMT")),
    Fault("an error of the server", status=500),
    Fault("not found", status=404),
    Fault("gone", status=410),
    Fault("forbidden", status=403),
    Fault("unauthorised", status=401),
    Fault("a challenge", "<html><script>check()</script></html>", status=202, headers=header("Content-Type", "text/html")),
    Fault("not modified, though nobody asked", status=304),
    Fault("no content", status=204),
    Fault("off to the vendor", status=302, headers=header("Location", "https://www.vendor.example/")),
    Fault("off to the cloud's metadata", status=302, headers=header("Location", "http://169.254.169.254/latest/")),
    Fault("off to a file", status=301, headers=header("Location", "file:///etc/passwd")),
    Fault("round and round", status=302, headers=header("Location", "?again=1")),
    Fault("a redirect to nowhere", status=302),
    Fault("half a body", behave=half),
    Fault("half a body of an old server", behave=half_of_an_old_server),
    Fault("half of the chunks", behave=half_of_the_chunks),
    Fault("more than it says", behave=more_than_it_says),
    Fault("a header without end", behave=endless_header),
    Fault("an endless body", behave=endless),
    Fault("no HTTP", behave=no_http),
    Fault("a drip", behave=drip, slow=True),
    Fault("silence", behave=stall, slow=True),
    Fault("a bomb", BOMB, headers=header("Content-Encoding", "gzip")),
    Fault("gzip that is none", '{"jobs": []}', headers=header("Content-Encoding", "gzip")),
    Fault("half of gzip", gzip.compress(b'{"jobs": []}')[:15], headers=header("Content-Encoding", "gzip")),
    Fault("gzip twice", gzip.compress(gzip.compress(b'{"jobs": []}')), headers=header("Content-Encoding", "gzip, gzip")),
    Fault("gzip within gzip", gzip.compress(gzip.compress(b'{"jobs": []}')), headers=header("Content-Encoding", "gzip")),
    Fault("an encoding that nobody asked for", '{"jobs": []}', headers=header("Content-Encoding", "br")),
    Fault("no UTF-8", b'{"jobs": [{"id": 1, "title": "\xff\xfe"}]}'),
    Fault("UTF-16 without a mark", '{"jobs": [}'.encode("utf-16-le")),
    Fault("not a number", '{"jobs": [NaN]}'),
    Fault("too large a number", '{"jobs": [1e400]}'),
    Fault("too long a number", '{"jobs": [' + "9" * 5000 + "]}"),
    Fault("a hundred thousand brackets", "[" * 100_000),
    Fault("a key that stands twice", '{"jobs": [], "jobs": []}'),
    Fault("XML that expands", XML_BOMB, headers=header("Content-Type", "application/xml")),
    Fault("XML that ends early", "<rss><channel><item>", headers=header("Content-Type", "application/xml")),
)


class Played:
    """A board of the fixtures on the server: whole at first, then with one fault after the other."""

    def __init__(self, case: Any, driver: Any, server: Any, boards: Any) -> None:
        self.case, self.driver, self.server, self.boards = case, driver, server, boards
        self.first = urlsplit(case.answers[0]["request"].partition(" ")[2]).path
        for path in {urlsplit(known["request"].partition(" ")[2]).path for known in case.answers}:
            server.routes[path] = self._whole
        self.company = {"name": "Acme", "board": case.board.name}
        if case.board.needs_url:
            self.company["url"] = case.data["token"].replace("https://acme.example", server.url)
        else:
            self.company["token"] = case.data["token"]

    def _whole(self, handler: Any) -> Any:
        for known in self.case.answers:
            method, _, url = known["request"].partition(" ")
            parts = urlsplit(url)
            if (method, parts.path + (f"?{parts.query}" if parts.query else "")) == (handler.command, handler.path):
                if "json" in known:
                    return self.boards.Answer(known["json"], known.get("status", 200))
                body = known["text"].replace("https://acme.example", self.server.url)
                return self.boards.Answer(body, known.get("status", 200), {"Content-Type": known["type"]})
        return self.boards.Answer({"error": "unknown"}, 404)

    def own_faults(self) -> list[Fault]:
        """Return what differs by board: its empty answer, and one row of many with the total of all of them."""
        faults = [Fault("an empty board", self.case.data["empty"])] if "empty" in self.case.data else []
        if self.case.board.name in TOTALS:
            first = self.case.answers[0]["json"]
            path = self.case.data["at"][0]
            faults.append(Fault("a list that is cut", {**first, path: first[path][:1]}))
        return faults

    def fail(self, fault: Fault, paths: list[str] | None = None) -> None:
        def behave(handler: Any) -> Any:
            if fault.behave is None:
                return self.boards.Answer(fault.body, fault.status, dict(fault.headers))
            fault.behave(handler)
            return None

        for path in paths or [self.first]:
            self.server.routes[path] = behave

    def detail_paths(self) -> list[str]:
        paths = [urlsplit(known["request"].partition(" ")[2]).path for known in self.case.answers]
        return [path for path in paths if path != self.first]

    def run(self, *, slow: bool = False, **fields: Any) -> Any:
        base_urls = {} if self.case.board.needs_url else {self.case.board.name: self.server.url}
        http = {"base_urls": base_urls, "retries": 0, "max_body": CAP, "request_timeout": PATIENCE if slow else 5}
        # An empty list may be true: that it has to be said twice is another test's matter.
        return self.driver.run(self.driver.spec([self.company], http=http, sync={"confirm_empty": 100}, **fields))

    def open(self) -> int:
        return int(self.driver.rows("select count(*) from postings where status = 'open'")[0][0])


TOTALS = ("greenhouse", "smartrecruiters", "bamboohr", "workday")
"""Boards that say how many postings they have."""

# Of each shape of answer one board: an object, a list, XML, pages of a company's own. The marker `torture` has them all.
SHAPES = ("greenhouse", "lever", "personio", "jsonld")
RARE = [pytest.mark.torture, pytest.mark.alike]
EVERY = [name if name in SHAPES else pytest.param(name, marks=RARE) for name in names()]


@pytest.mark.timeout(240)
@pytest.mark.parametrize("name", EVERY)
def test_no_ugly_answer_closes_a_posting(name: str, case_of: Any, driver: Any, server: Any, boards: Any) -> None:
    played = Played(case_of(name), driver, server, boards)
    played.run()
    expected = len(played.case.data["postings"])
    assert played.open() == expected
    for fault in (*FAULTS, *played.own_faults()):
        played.fail(fault)
        run = played.run(slow=fault.slow)
        assert (run.result["closed"], played.open()) == (0, expected), fault.name
        (outcome,) = played.driver.rows("select outcome from fetches order by run_id desc limit 1")[0]
        assert outcome in {"failed", "empty", "partial"}, fault.name
    assert played.driver.rows("select count(*) from posting_history where event != 'new'") == [(0,)]


DETAILED = ("bamboohr", "breezy", "rippling", "smartrecruiters", "workday")


@pytest.mark.timeout(240)
@pytest.mark.parametrize("name", [DETAILED[0], *(pytest.param(each, marks=RARE) for each in DETAILED[1:])])
def test_no_ugly_detail_changes_a_posting(name: str, case_of: Any, driver: Any, server: Any, boards: Any) -> None:
    """The list is whole each time; what is stored of the details stays, whatever comes instead of them."""
    played = Played(case_of(name), driver, server, boards)
    played.run(details="all")
    expected = len(played.case.data["postings"])
    stored = driver.rows("select identifier, content_hash, description_text, workplace, location from postings order by 1")
    for fault in FAULTS:
        played.fail(fault, played.detail_paths())
        result = played.run(slow=fault.slow, details="all").result
        assert (result["closed"], result["changed"], played.open()) == (0, 0, expected), fault.name
    assert driver.rows("select count(*) from posting_history where event != 'new'") == [(0,)]
    assert stored == driver.rows(
        "select identifier, content_hash, description_text, workplace, location from postings order by 1"
    )


def test_the_same_check_notices_a_closing(driver: Any, server: Any, boards: Any, case_of: Any) -> None:
    """The control: a whole answer with one posting fewer does close it."""
    played = Played(case_of("greenhouse"), driver, server, boards)
    played.fail(Fault("three", boards.greenhouse(1, 2, 3).body))
    assert played.run().result["new"] == 3
    played.fail(Fault("one fewer", boards.greenhouse(1, 2).body))
    assert played.run().result["closed"] == 1
    assert played.open() == 2

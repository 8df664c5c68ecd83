"""Connections, headers and packed bodies; politeness towards one host."""

from __future__ import annotations

import gzip
import socket
import threading
import time
import zlib
from typing import Any

import pytest

from orchestrator.kinds.scrape.boards.base import Request, Unanswered
from orchestrator.kinds.scrape.gates import FAILURES_TO_OPEN


def test_no_cookie_is_kept(server: Any, boards: Any, client: Any, asking: Any) -> None:
    server.routes["/x"] = boards.Answer([], headers={"Set-Cookie": "who=acme"})
    with client() as made:
        for _ in range(2):
            made.ask(Request(f"{server.url}/x"), asking())
    assert all("cookie" not in headers for _, _, headers, _ in server.requests)


def test_who_asks_is_said(server: Any, boards: Any, client: Any, asking: Any) -> None:
    server.routes["/x"] = boards.Answer([])
    with client(user_agent="acme-jobs/1.0") as made:
        made.ask(Request(f"{server.url}/x"), asking())
    assert server.requests[0][2]["user-agent"] == "acme-jobs/1.0"


def test_connections_are_used_again(server: Any, boards: Any, client: Any, asking: Any) -> None:
    ports = []

    def remember(handler: Any) -> Any:
        ports.append(handler.client_address[1])
        return boards.Answer([])

    server.routes["/x"] = remember
    with client() as made:
        for _ in range(3):
            made.ask(Request(f"{server.url}/x"), asking())
    assert len(set(ports)) == 1


@pytest.mark.parametrize(
    "raw",
    [
        b'HTTP/1.0 200 OK\r\n\r\n{"a": 1}',
        b'HTTP/1.0 200 OK\r\nContent-Length: 8\r\n\r\n{"a": 1}',
        b'HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n{"a": 1}',
        b'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n8\r\n{"a": 1}\r\n0\r\nX-Sum: 1\r\nX-More: 2\r\n\r\n',
        b'HTTP/1.1 200 OK\r\ntransfer-encoding: CHUNKED\r\n\r\n4;name=value\r\n{"a"\r\n4\r\n: 1}\r\n0\r\n\r\n',
        b'HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 8\r\n\r\n{"a": 1}',
        b'HTTP/1.1 200\r\nContent-Length: 8\r\n\r\n{"a": 1}',
        b'HTTP/1.1 200 OK\nContent-Length: 8\n\n{"a": 1}',
        b'HTTP/1.1 200 OK\r\nContent-Length: 11\r\n\r\n\xef\xbb\xbf{"a": 1}',
    ],
    ids=["1.0", "1.0-length", "to-the-end", "trailers", "extension", "hints", "no-phrase", "bare-newlines", "mark"],
)
def test_an_answer_is_read_in_every_form_that_http_allows(raw: bytes, client: Any, asking: Any, raw_server: Any) -> None:
    def answer(connection: Any, _ending: Any) -> None:
        connection.recv(65536)
        connection.sendall(raw)

    with raw_server(answer) as url, client() as made:
        assert made.ask(Request(url), asking()).body == {"a": 1}


@pytest.mark.parametrize("encoding", ["gzip", "deflate", "raw-deflate"])
def test_compressed_answers_are_read(server: Any, boards: Any, encoding: Any, client: Any, asking: Any) -> None:
    data = b'{"a": "' + b"x" * 100_000 + b'"}'
    packed = {"gzip": gzip.compress(data), "deflate": zlib.compress(data), "raw-deflate": zlib.compress(data)[2:-4]}[encoding]
    server.routes["/x"] = boards.Answer(packed, headers={"Content-Encoding": encoding.removeprefix("raw-")})
    with client() as made:
        assert len(made.ask(Request(f"{server.url}/x"), asking()).body["a"]) == 100_000


@pytest.mark.parametrize(
    ("encoding", "body"),
    [("br", b"[]"), ("gzip", b"[]"), ("gzip", gzip.compress(b"[]", mtime=0)[:-6])],
    ids=["unknown", "not-packed", "truncated"],
)
def test_bodies_in_an_encoding_that_does_not_fit_are_bad(
    server: Any, boards: Any, encoding: Any, body: Any, client: Any, failure: Any
) -> None:
    server.routes["/x"] = boards.Answer(body, headers={"Content-Encoding": encoding})
    with client() as made:
        assert failure(made, f"{server.url}/x").code == "bad-body"


def test_a_host_that_does_not_answer_is_left_alone_after_a_while(client: Any, failure: Any) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    with client() as made:
        for _ in range(FAILURES_TO_OPEN):
            assert failure(made, f"http://127.0.0.1:{port}/").code == "unreachable"
        assert failure(made, f"http://127.0.0.1:{port}/").code == "host-down"


def test_hosts_of_one_backend_share_its_pace_and_no_breaker(server: Any, boards: Any, client: Any, asking: Any) -> None:
    starts = []

    def remember(_handler: Any) -> Any:
        starts.append(time.monotonic())
        return boards.Answer([])

    server.routes["/x"] = remember
    other = server.url.replace("127.0.0.1", "localhost")
    with socket.create_server(("127.0.0.1", 0)) as taken:
        dead = f"http://127.0.0.1:{taken.getsockname()[1]}/"
    with client(request_timeout=5) as made:
        for _ in range(2):
            for url in (f"{server.url}/x", f"{other}/x"):
                made.ask(Request(url), asking(min_interval=0.1, backend="vendor"))
        assert starts[-1] - starts[0] >= 0.2  # Apart from each other they would need a tenth.
        for _ in range(FAILURES_TO_OPEN):
            with pytest.raises(Unanswered):
                made.ask(Request(dead), asking(backend="vendor"))
        with pytest.raises(Unanswered, match="is left alone for now"):
            made.ask(Request(dead), asking(backend="vendor"))
        assert made.ask(Request(f"{server.url}/x"), asking(backend="vendor")).body == []


def test_requests_to_one_host_are_bounded_and_spaced(server: Any, boards: Any, client: Any, asking: Any) -> None:
    lock, now, most, starts = threading.Lock(), [0], [0], []

    def slow(_handler: Any) -> Any:
        with lock:
            now[0] += 1
            most[0] = max(most[0], now[0])
            starts.append(time.monotonic())
        threading.Event().wait(0.05)
        with lock:
            now[0] -= 1
        return boards.Answer([])

    server.routes["/x"] = slow
    with client(request_timeout=10) as made:

        def ask() -> Any:
            made.ask(Request(f"{server.url}/x"), asking(concurrency=2, min_interval=0.03))

        threads = [threading.Thread(target=ask) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert most[0] <= 2
    assert max(starts) - min(starts) >= 7 * 0.03 - 0.02

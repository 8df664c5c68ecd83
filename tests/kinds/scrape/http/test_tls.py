"""TLS over a real socket: large answers and requests, a server that doesn't answer, and a certificate that nobody signed."""

from __future__ import annotations

import json
import ssl
import time
from pathlib import Path
from typing import Any

import pytest

from orchestrator.kinds.scrape import http
from orchestrator.kinds.scrape.boards.base import Request

PEM = Path(__file__).with_name("loopback.pem")
LARGE = "x" * 3_000_000


@pytest.fixture
def tls(monkeypatch: pytest.MonkeyPatch) -> ssl.SSLContext:
    """The server's side; the client trusts the certificate, too."""
    trusting = ssl.create_default_context(cafile=str(PEM))
    monkeypatch.setattr(http, "tls", lambda: trusting)
    serving = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    serving.load_cert_chain(PEM)
    return serving


def read_request(connection: Any) -> bytes:
    """Return the body of a request."""
    data = b""
    while b"\r\n\r\n" not in data:
        data += connection.recv(65536) or b"\r\n\r\n"
    head, _, body = data.partition(b"\r\n\r\n")
    length = next((int(line.split(b":")[1]) for line in head.lower().split(b"\r\n") if line.startswith(b"content-length")), 0)
    pieces = [body]
    while length > sum(map(len, pieces)) and (piece := connection.recv(65536)):
        pieces.append(piece)
    return b"".join(pieces)


def answer(connection: Any, value: Any) -> None:
    body = json.dumps(value).encode()
    connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n" % len(body) + body)


def secure(url: str) -> str:
    return url.replace("http:", "https:")


def test_large_answers_come_whole_and_a_connection_serves_again(tls: Any, client: Any, asking: Any, raw_server: Any) -> None:
    connections = []

    def behave(connection: Any, ending: Any) -> None:
        del ending
        connections.append(1)
        with tls.wrap_socket(connection, server_side=True) as wrapped:
            for _ in range(2):
                read_request(wrapped)
                answer(wrapped, {"text": LARGE})

    with raw_server(behave) as url, client(max_body=5_000_000, request_timeout=10) as made:
        for _ in range(2):
            assert made.ask(Request(secure(url)), asking(10)).body == {"text": LARGE}
    assert connections == [1]


def test_large_requests_are_sent_whole_to_a_server_that_reads_slowly(
    tls: Any, client: Any, asking: Any, raw_server: Any
) -> None:
    def behave(connection: Any, ending: Any) -> None:
        with tls.wrap_socket(connection, server_side=True) as wrapped:
            ending.wait(0.3)  # Until nothing more can be sent.
            answer(wrapped, {"length": len(json.loads(read_request(wrapped))["text"])})

    with raw_server(behave) as url, client(request_timeout=20) as made:
        request = Request(secure(url), method="POST", json={"text": LARGE * 5})
        assert made.ask(request, asking(20)).body == {"length": len(LARGE) * 5}


def test_silence_behind_the_handshake_ends_at_the_deadline(tls: Any, client: Any, failure: Any, raw_server: Any) -> None:
    def behave(connection: Any, ending: Any) -> None:
        with tls.wrap_socket(connection, server_side=True):
            ending.wait()

    with raw_server(behave) as url, client() as made:
        started = time.monotonic()
        assert failure(made, secure(url)).code == "timed-out"
        assert 0.5 <= time.monotonic() - started <= 1.0


def test_a_certificate_that_nobody_signed_is_refused(client: Any, failure: Any, raw_server: Any) -> None:
    serving = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    serving.load_cert_chain(PEM)

    def behave(connection: Any, ending: Any) -> None:
        del ending
        with serving.wrap_socket(connection, server_side=True):
            raise AssertionError("the client went on")

    with raw_server(behave) as url, client() as made:
        refused = failure(made, secure(url))
    assert refused.code == "unreachable"
    assert "TLS" in refused.message

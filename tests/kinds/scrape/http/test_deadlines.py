"""Deadlines and bounds against servers that drip, stall, flood and never end: half an answer is no answer."""

from __future__ import annotations

import resource
import socket
import threading
import time
import zlib
from typing import Any

import pytest

from orchestrator.errors import Cancelled, DeadlineExceeded
from orchestrator.kinds.scrape.boards.base import Request

OVERSHOOT = 0.1


def drip_body(connection: Any, ending: Any) -> Any:
    connection.recv(65536)
    connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n")
    while not ending.wait(0.05):
        connection.sendall(b" ")


def drip_header(connection: Any, ending: Any) -> Any:
    connection.recv(65536)
    connection.sendall(b"HTTP/1.1 200 OK\r\nX-Slow: ")
    while not ending.wait(0.05):
        connection.sendall(b"a")


def silence(connection: Any, ending: Any) -> Any:
    connection.recv(65536)
    ending.wait()


def endless(connection: Any, ending: Any) -> Any:
    connection.recv(65536)
    connection.sendall(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
    while not ending.is_set():
        connection.sendall(b"1\r\n \r\n")
        ending.wait(0.001)


@pytest.mark.parametrize("behave", [drip_body, drip_header, silence, endless])
def test_a_request_ends_at_its_deadline_whatever_the_server_does(
    behave: Any, client: Any, failure: Any, raw_server: Any
) -> None:
    with raw_server(behave) as url, client() as made:
        started = time.monotonic()
        assert failure(made, url).code == "timed-out"
        assert 0.5 <= time.monotonic() - started <= 0.5 + OVERSHOOT


def test_a_tls_handshake_that_never_ends_is_left_at_the_deadline(client: Any, failure: Any, raw_server: Any) -> None:
    with raw_server(silence) as url, client() as made:
        started = time.monotonic()
        assert failure(made, url.replace("http:", "https:")).code == "timed-out"
        assert time.monotonic() - started <= 0.5 + OVERSHOOT


def test_a_full_queue_of_connections_is_left_at_the_deadline(client: Any, failure: Any) -> None:
    listener = socket.create_server(("127.0.0.1", 0), backlog=0)
    address = listener.getsockname()
    waiting = []
    for _ in range(4):
        waiting.append(socket.socket())
        waiting[-1].settimeout(0)
        waiting[-1].connect_ex(address)
    with client() as made:
        started = time.monotonic()
        assert failure(made, f"http://127.0.0.1:{address[1]}/").code in {"timed-out", "unreachable"}
        assert time.monotonic() - started <= 0.5 + OVERSHOOT
    for each in (*waiting, listener):
        each.close()


def test_a_resolver_that_never_answers_is_left_at_the_deadline(monkeypatch: Any, client: Any, failure: Any) -> None:
    released = threading.Event()

    def stuck(*_args: Any, **_more: Any) -> Any:
        released.wait()
        return []

    monkeypatch.setattr(socket, "getaddrinfo", stuck)
    with client() as made:
        started = time.monotonic()
        assert failure(made, "http://slow.example/").code == "timed-out"
        assert time.monotonic() - started <= 0.5 + OVERSHOOT
    released.set()


def test_the_jobs_deadline_ends_a_request_too_and_is_told_as_such(client: Any, asking: Any, raw_server: Any) -> None:
    with raw_server(silence) as url, client(request_timeout=30) as made:
        started = time.monotonic()
        with pytest.raises(DeadlineExceeded):
            made.ask(Request(url), asking(0.4))
        assert time.monotonic() - started <= 0.4 + OVERSHOOT


def test_a_cancel_ends_a_blocked_request_at_once(client: Any, asking: Any, raw_server: Any) -> None:
    with raw_server(silence) as url, client(request_timeout=30) as made:
        talk = asking()
        timer = threading.Timer(0.2, talk.context.cancel.request)
        timer.start()
        started = time.monotonic()
        with pytest.raises(Cancelled):
            made.ask(Request(url), talk)
        assert time.monotonic() - started <= 0.2 + 0.25
        timer.join()


def test_a_cancel_ends_a_wait_between_tries_at_once(server: Any, boards: Any, client: Any, asking: Any) -> None:
    server.routes["/x"] = boards.Answer("", 503, {"Retry-After": "20"})
    with client(retries=3) as made:
        talk = asking()
        timer = threading.Timer(0.2, talk.context.cancel.request)
        timer.start()
        started = time.monotonic()
        with pytest.raises(Cancelled):
            made.ask(Request(f"{server.url}/x"), talk)
        assert time.monotonic() - started <= 0.2 + 0.1
        timer.join()


def test_a_gzip_bomb_is_stopped_at_the_cap_and_costs_no_memory(server: Any, boards: Any, client: Any, failure: Any) -> None:
    squeezer = zlib.compressobj(9, zlib.DEFLATED, 31)
    megabyte = b" " * 1_000_000
    bomb = b"".join(squeezer.compress(megabyte) for _ in range(300)) + squeezer.flush()
    server.routes["/x"] = boards.Answer(bomb, headers={"Content-Encoding": "gzip"})
    with client(max_body=5_000_000, request_timeout=20) as made:
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        assert failure(made, f"{server.url}/x").code == "answer-too-large"
        assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 25_000


def test_a_body_beyond_the_cap_is_left(client: Any, failure: Any, raw_server: Any) -> None:
    def generous(connection: Any, ending: Any) -> Any:
        connection.recv(65536)
        connection.sendall(b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n")
        while not ending.is_set():
            connection.sendall(b"x" * 65536)

    with raw_server(generous) as url, client(request_timeout=20) as made:
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        assert failure(made, url).code == "answer-too-large"
        assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 21_000


def slow_circle(connection: Any, ending: Any) -> Any:
    while connection.recv(65536) and not ending.wait(0.15):
        connection.sendall(b"HTTP/1.1 302 Found\r\nLocation: /x\r\nContent-Length: 0\r\n\r\n")


def test_slow_redirects_share_the_time_of_one_request(client: Any, failure: Any, raw_server: Any) -> None:
    with raw_server(slow_circle) as url, client() as made:
        started = time.monotonic()
        assert failure(made, url).code == "timed-out"
        assert 0.5 <= time.monotonic() - started <= 0.5 + OVERSHOOT

"""The client against servers that behave badly: deadlines hold, bounds hold, half an answer is no answer."""

from __future__ import annotations

import gzip
import resource
import socket
import threading
import time
import zlib
from contextlib import contextmanager
from typing import Any

import pytest

from orchestrator.deadline import CancelToken, Deadline, WorkContext
from orchestrator.errors import Cancelled, DeadlineExceeded
from orchestrator.kinds.scrape.addresses import Allowed
from orchestrator.kinds.scrape.boards.base import Request, Unanswered
from orchestrator.kinds.scrape.client import Asking, Client, Manners, Postponed
from orchestrator.kinds.scrape.gates import FAILURES_TO_OPEN
from orchestrator.kinds.scrape.http import NetworkWire

OVERSHOOT = 0.1


@contextmanager
def raw_server(behave: Any) -> Any:
    """A server of one function: it gets the socket of each connection, on a thread of its own."""
    listener = socket.create_server(("127.0.0.1", 0))
    ending = threading.Event()
    threads = []

    def serve(connection: Any) -> Any:
        with connection:
            try:
                behave(connection, ending)
            except OSError:
                return

    def accept() -> Any:
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            threads.append(threading.Thread(target=serve, args=(connection,)))
            threads[-1].start()

    acceptor = threading.Thread(target=accept)
    acceptor.start()
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}/x"
    finally:
        ending.set()
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        acceptor.join()
        for thread in threads:
            thread.join()


@contextmanager
def client(**manners: Any) -> Any:
    max_body = manners.pop("max_body", 1_000_000)
    allowed = manners.pop("allowed", ("127.0.0.1", "localhost"))
    wire = NetworkWire(Allowed(allowed), max_body=max_body)
    made = Client(wire, Manners(**{"request_timeout": 0.5, "retries": 0, **manners}))
    try:
        yield made
    finally:
        made.close()


def asking(seconds: Any = 30.0, **more: Any) -> Any:
    return Asking(WorkContext(Deadline.after(seconds), CancelToken()), **more)


def failure(made: Any, url: Any, accept: Any = "json", **more: Any) -> Any:
    with pytest.raises(Unanswered) as caught:
        made.ask(Request(url, accept=accept, **more), asking())
    return caught.value.failure


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
def test_a_request_ends_at_its_deadline_whatever_the_server_does(behave: Any) -> None:
    with raw_server(behave) as url, client() as made:
        started = time.monotonic()
        assert failure(made, url).code == "timed-out"
        assert 0.5 <= time.monotonic() - started <= 0.5 + OVERSHOOT


def test_a_tls_handshake_that_never_ends_is_left_at_the_deadline() -> None:
    with raw_server(silence) as url, client() as made:
        started = time.monotonic()
        assert failure(made, url.replace("http:", "https:")).code == "timed-out"
        assert time.monotonic() - started <= 0.5 + OVERSHOOT


def test_a_full_queue_of_connections_is_left_at_the_deadline() -> None:
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


def test_a_resolver_that_never_answers_is_left_at_the_deadline(monkeypatch: Any) -> None:
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


def test_the_jobs_deadline_ends_a_request_too_and_is_told_as_such() -> None:
    with raw_server(silence) as url, client(request_timeout=30) as made:
        started = time.monotonic()
        with pytest.raises(DeadlineExceeded):
            made.ask(Request(url), asking(0.4))
        assert time.monotonic() - started <= 0.4 + OVERSHOOT


def test_a_cancel_ends_a_blocked_request_at_once() -> None:
    with raw_server(silence) as url, client(request_timeout=30) as made:
        talk = asking()
        timer = threading.Timer(0.2, talk.context.cancel.request)
        timer.start()
        started = time.monotonic()
        with pytest.raises(Cancelled):
            made.ask(Request(url), talk)
        assert time.monotonic() - started <= 0.2 + 0.25
        timer.join()


def test_a_cancel_ends_a_wait_between_tries_at_once(server: Any, boards: Any) -> None:
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


def test_a_gzip_bomb_is_stopped_at_the_cap_and_costs_no_memory(server: Any, boards: Any) -> None:
    squeezer = zlib.compressobj(9, zlib.DEFLATED, 31)
    megabyte = b" " * 1_000_000
    bomb = b"".join(squeezer.compress(megabyte) for _ in range(300)) + squeezer.flush()
    server.routes["/x"] = boards.Answer(bomb, headers={"Content-Encoding": "gzip"})
    with client(max_body=5_000_000, request_timeout=20) as made:
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        assert failure(made, f"{server.url}/x").code == "answer-too-large"
        assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 25_000


def test_a_body_beyond_the_cap_is_left() -> None:
    def generous(connection: Any, ending: Any) -> Any:
        connection.recv(65536)
        connection.sendall(b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n")
        while not ending.is_set():
            connection.sendall(b"x" * 65536)

    with raw_server(generous) as url, client(request_timeout=20) as made:
        assert failure(made, url).code == "answer-too-large"


def cut_off(connection: Any, _ending: Any) -> Any:
    connection.recv(65536)
    connection.sendall(b'HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n{"jobs": []}')


def reset(connection: Any, _ending: Any) -> Any:
    connection.recv(65536)
    connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n{")
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\x00\x00\x00\x00\x00\x00\x00")


def no_http(connection: Any, _ending: Any) -> Any:
    connection.recv(65536)
    connection.sendall(b"220 mail.example ESMTP\r\n")


@pytest.mark.parametrize("behave", [cut_off, reset, no_http])
def test_half_an_answer_is_no_answer(behave: Any) -> None:
    with raw_server(behave) as url, client() as made:
        assert failure(made, url).code == "broken-answer"


def test_broken_answers_are_tried_again_until_one_is_whole() -> None:
    tries = []

    def third_time_lucky(connection: Any, ending: Any) -> Any:
        tries.append(1)
        if len(tries) < 3:
            cut_off(connection, ending)
        else:
            connection.recv(65536)
            connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n[]")

    with raw_server(third_time_lucky) as url, client(retries=3, request_timeout=5) as made:
        talk = asking()
        assert made.ask(Request(url), talk).body == []
        assert talk.tally.retries == 2


@pytest.mark.parametrize("status", [408, 425, 429, 500, 502, 503, 504])
def test_statuses_that_may_pass_are_tried_again(server: Any, boards: Any, status: Any) -> None:
    server.routes["/x"] = [boards.Answer("", status), boards.Answer([])]
    with client(retries=1) as made:
        assert made.ask(Request(f"{server.url}/x"), asking()).body == []


@pytest.mark.parametrize("status", [400, 401, 403, 404, 410, 422, 501])
def test_statuses_that_will_not_pass_are_not_tried_again(server: Any, boards: Any, status: Any) -> None:
    server.routes["/x"] = boards.Answer("", status)
    with client(retries=3) as made, pytest.raises(Unanswered) as caught:
        made.ask(Request(f"{server.url}/x"), asking())
    assert server.hits["/x"] == 1
    assert caught.value.gone is (status in {404, 410})
    assert not caught.value.failure.retryable


def test_a_post_is_never_tried_again(server: Any, boards: Any) -> None:
    server.routes["/x"] = boards.Answer("", 503)
    with client(retries=3) as made, pytest.raises(Unanswered):
        made.ask(Request(f"{server.url}/x", method="POST", json={}), asking())
    assert server.hits["/x"] == 1


def test_the_last_error_says_kind_status_tries_and_time(server: Any, boards: Any) -> None:
    server.routes["/x"] = boards.Answer("", 500)
    with client(retries=1) as made, pytest.raises(Unanswered) as caught:
        made.ask(Request(f"{server.url}/x"), asking())
    assert caught.value.status == 500
    assert caught.value.failure.code == "http-500"
    assert "to all 2 tries (2 tries, " in caught.value.failure.message


def test_retry_after_is_waited_for(server: Any, boards: Any) -> None:
    server.routes["/x"] = [boards.Answer("", 429, {"Retry-After": "1"}), boards.Answer([])]
    with client(retries=1) as made:
        started = time.monotonic()
        made.ask(Request(f"{server.url}/x"), asking())
        assert time.monotonic() - started >= 1


def test_a_retry_after_beyond_the_deadline_fails_at_once_and_says_so(server: Any, boards: Any) -> None:
    server.routes["/x"] = boards.Answer("", 429, {"Retry-After": "86400"})
    with client(retries=3) as made:
        started = time.monotonic()
        told = failure(made, f"{server.url}/x")
        assert time.monotonic() - started < 0.5
    assert told.code == "retry-too-late"
    assert "86400 s" in told.message


def test_the_first_request_of_a_unit_asks_for_a_postponement_instead_of_waiting(server: Any, boards: Any) -> None:
    server.routes["/x"] = boards.Answer("", 503, {"Retry-After": "7"})
    with client(retries=3) as made, pytest.raises(Postponed) as caught:
        made.ask(Request(f"{server.url}/x"), asking(may_postpone=True))
    assert (caught.value.delay, caught.value.tries) == (7.0, 1)


def test_a_bad_body_is_asked_for_once_more_only(server: Any, boards: Any) -> None:
    server.routes["/x"] = boards.Answer("<!doctype html><title>Log in</title>")
    with client(retries=3) as made:
        assert failure(made, f"{server.url}/x").code == "bad-body"
    assert server.hits["/x"] == 2


def test_redirects_stay_on_the_host(server: Any, boards: Any) -> None:
    server.routes["/x"] = boards.Answer("", 302, {"Location": "/y"})
    server.routes["/y"] = boards.Answer([1])
    server.routes["/away"] = boards.Answer("", 301, {"Location": "https://www.vendor.example/"})
    with client() as made:
        assert made.ask(Request(f"{server.url}/x"), asking()).body == [1]
        with pytest.raises(Unanswered) as caught:
            made.ask(Request(f"{server.url}/away"), asking())
    assert (caught.value.failure.code, caught.value.gone) == ("redirected-away", True)


@pytest.mark.parametrize(
    "target",
    ["file:///etc/passwd", "http://user:x@127.0.0.1/", "gopher://x/", "javascript:alert(1)", "http://[::1", "//\\evil"],
)
def test_redirects_to_what_is_no_web_address_are_refused(server: Any, boards: Any, target: Any) -> None:
    server.routes["/x"] = boards.Answer("", 302, {"Location": target})
    with client() as made:
        assert failure(made, f"{server.url}/x", roam=True).code in {"blocked-redirect", "not-found"}
    assert sum(server.hits.values()) <= 2


def test_redirects_that_go_round_and_round_end(server: Any, boards: Any) -> None:
    server.routes["/x"] = boards.Answer("", 302, {"Location": "/x"})
    with client() as made:
        assert failure(made, f"{server.url}/x").code == "too-many-redirects"
    assert server.hits["/x"] == 6


def slow_circle(connection: Any, ending: Any) -> Any:
    while connection.recv(65536) and not ending.wait(0.15):
        connection.sendall(b"HTTP/1.1 302 Found\r\nLocation: /x\r\nContent-Length: 0\r\n\r\n")


def test_slow_redirects_share_the_time_of_one_request() -> None:
    with raw_server(slow_circle) as url, client() as made:
        started = time.monotonic()
        assert failure(made, url).code == "timed-out"
        assert 0.5 <= time.monotonic() - started <= 0.5 + OVERSHOOT


def test_a_proxy_is_asked_for_whole_addresses_and_resolves_the_names(server: Any, boards: Any) -> None:
    server.routes["http://jobs.acme.example/x"] = boards.Answer({"through": "the proxy"})
    wire = NetworkWire(Allowed(()), max_body=1000, proxy=server.url)
    made = Client(wire, Manners())
    assert made.ask(Request("http://jobs.acme.example/x"), asking()).body == {"through": "the proxy"}
    made.close()
    assert [(asked, headers["host"]) for _, asked, headers, _ in server.requests] == [
        ("http://jobs.acme.example/x", "jobs.acme.example")
    ]


def test_an_address_that_is_not_plain_is_escaped_once(server: Any, boards: Any) -> None:
    server.routes["/stellen/k%C3%B6ln%20s%C3%BCd"] = boards.Answer({"found": True})
    with client(request_timeout=10) as made:
        for path in ("/stellen/köln süd?q=a b#part", "/stellen/k%C3%B6ln%20s%C3%BCd"):
            assert made.ask(Request(server.url + path), asking()).body == {"found": True}
        assert failure(made, "http://127.0.0.1:99999/").code == "bad-url"
        assert failure(made, "http://[::1").code == "bad-url"
    assert server.requests[0][1] == "/stellen/k%C3%B6ln%20s%C3%BCd?q=a%20b"


def test_a_redirect_to_a_private_address_is_not_followed(server: Any, boards: Any) -> None:
    server.routes["/x"] = boards.Answer("", 302, {"Location": "http://127.0.0.2:1/"})
    with client() as made:
        assert failure(made, f"{server.url}/x", roam=True).code == "blocked-address"


@pytest.mark.parametrize(
    "url", ["http://127.0.0.1:9/", "http://2130706433/", "http://[::1]:9/", "http://localhost:9/", "http://0/"]
)
def test_private_hosts_are_not_connected_to_unless_allowed(url: Any) -> None:
    with client(allowed=()) as made:
        assert failure(made, url).code in {"blocked-address", "unreachable"}


def test_a_name_that_resolves_to_a_private_address_is_blocked(monkeypatch: Any) -> None:
    answer = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, 80)) for address in ("93.184.216.34", "10.0.0.5")]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_a, **_k: answer)
    with client() as made:
        assert failure(made, "http://mixed.example/").code == "blocked-address"


def test_the_environments_proxy_is_not_used(server: Any, boards: Any, monkeypatch: Any) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
    monkeypatch.setenv("ALL_PROXY", "http://127.0.0.1:1")
    server.routes["/x"] = boards.Answer([])
    with client() as made:
        assert made.ask(Request(f"{server.url}/x"), asking()).body == []


def test_no_cookie_is_kept(server: Any, boards: Any) -> None:
    server.routes["/x"] = boards.Answer([], headers={"Set-Cookie": "who=acme"})
    with client() as made:
        for _ in range(2):
            made.ask(Request(f"{server.url}/x"), asking())
    assert all("cookie" not in headers for _, _, headers, _ in server.requests)


def test_who_asks_is_said(server: Any, boards: Any) -> None:
    server.routes["/x"] = boards.Answer([])
    with client(user_agent="acme-jobs/1.0") as made:
        made.ask(Request(f"{server.url}/x"), asking())
    assert server.requests[0][2]["user-agent"] == "acme-jobs/1.0"


def test_connections_are_used_again(server: Any, boards: Any) -> None:
    ports = []

    def remember(handler: Any) -> Any:
        ports.append(handler.client_address[1])
        return boards.Answer([])

    server.routes["/x"] = remember
    with client() as made:
        for _ in range(3):
            made.ask(Request(f"{server.url}/x"), asking())
    assert len(set(ports)) == 1


@pytest.mark.parametrize("encoding", ["gzip", "deflate", "raw-deflate"])
def test_compressed_answers_are_read(server: Any, boards: Any, encoding: Any) -> None:
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
def test_bodies_in_an_encoding_that_does_not_fit_are_bad(server: Any, boards: Any, encoding: Any, body: Any) -> None:
    server.routes["/x"] = boards.Answer(body, headers={"Content-Encoding": encoding})
    with client() as made:
        assert failure(made, f"{server.url}/x").code == "bad-body"


def test_a_host_that_does_not_answer_is_left_alone_after_a_while() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    with client() as made:
        for _ in range(FAILURES_TO_OPEN):
            assert failure(made, f"http://127.0.0.1:{port}/").code == "unreachable"
        assert failure(made, f"http://127.0.0.1:{port}/").code == "host-down"


def test_requests_to_one_host_are_bounded_and_spaced(server: Any, boards: Any) -> None:
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


def test_nearly_everything_comes_through_a_network_that_loses_a_fifth(server: Any, boards: Any) -> None:
    turn = iter(range(10**9))

    def flaky(handler: Any) -> Any:
        match next(turn) % 10:
            case 0:
                handler.close_connection = True
                handler.connection.shutdown(socket.SHUT_RDWR)
                return None
            case 5:
                return boards.Answer("", 503, {"Retry-After": "0"})
            case _:
                return boards.Answer([])

    server.routes["/x"] = flaky
    lost = 0
    with client(retries=3, request_timeout=5) as made:

        class Patient(CancelToken):
            def wait(self, _seconds: float) -> bool:
                return False

        for _ in range(200):
            try:
                made.ask(Request(f"{server.url}/x"), Asking(WorkContext(Deadline.after(30), Patient())))
            except Unanswered:
                lost += 1
    assert lost < 2

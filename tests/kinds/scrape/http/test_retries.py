"""What is tried again, how often and when; what isn't."""

from __future__ import annotations

import socket
import time
from datetime import UTC, datetime
from email.utils import formatdate
from typing import Any

import pytest

from orchestrator.deadline import CancelToken, Deadline, WorkContext
from orchestrator.kinds.scrape.boards.base import Request, Unanswered
from orchestrator.kinds.scrape.client import Asking, Postponed
from orchestrator.kinds.scrape.retry import backoff, retry_after


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
def test_half_an_answer_is_no_answer(behave: Any, client: Any, failure: Any, raw_server: Any) -> None:
    with raw_server(behave) as url, client() as made:
        assert failure(made, url).code == "broken-answer"


def test_broken_answers_are_tried_again_until_one_is_whole(client: Any, asking: Any, raw_server: Any) -> None:
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
def test_statuses_that_may_pass_are_tried_again(server: Any, boards: Any, status: Any, client: Any, asking: Any) -> None:
    server.routes["/x"] = [boards.Answer("", status), boards.Answer([])]
    with client(retries=1) as made:
        assert made.ask(Request(f"{server.url}/x"), asking()).body == []


@pytest.mark.parametrize("status", [400, 401, 403, 404, 410, 422, 501])
def test_statuses_that_will_not_pass_are_not_tried_again(
    server: Any, boards: Any, status: Any, client: Any, asking: Any
) -> None:
    server.routes["/x"] = boards.Answer("", status)
    with client(retries=3) as made, pytest.raises(Unanswered) as caught:
        made.ask(Request(f"{server.url}/x"), asking())
    assert server.hits["/x"] == 1
    assert caught.value.gone is (status in {404, 410})
    assert not caught.value.failure.retryable


@pytest.mark.parametrize(("more", "hits"), [({}, 1), ({"reads_only": True}, 3)])
def test_a_post_is_tried_again_only_if_it_only_asks(
    server: Any, boards: Any, client: Any, failure: Any, more: dict[str, Any], hits: int
) -> None:
    server.routes["/x"] = boards.Answer("", 503, {"Retry-After": "0"})
    with client(retries=2, request_timeout=5) as made:
        assert failure(made, f"{server.url}/x", method="POST", json={"limit": 20}, **more).code == "http-503"
    assert server.hits["/x"] == hits
    assert {body for _, _, _, body in server.requests} == {b'{"limit":20}'}


def test_a_post_that_only_asks_is_tried_again_when_its_answer_breaks_off(raw_server: Any, client: Any, asking: Any) -> None:
    tries = []

    def second_time_lucky(connection: Any, ending: Any) -> None:
        tries.append(1)
        if len(tries) == 1:
            cut_off(connection, ending)
        else:
            connection.recv(65536)
            connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n[]")

    with raw_server(second_time_lucky) as url, client(retries=1, request_timeout=5) as made:
        assert made.ask(Request(url, method="POST", json={}, reads_only=True), asking()).body == []


def test_the_last_error_says_kind_status_tries_and_time(server: Any, boards: Any, client: Any, asking: Any) -> None:
    server.routes["/x"] = boards.Answer("", 500)
    with client(retries=1) as made, pytest.raises(Unanswered) as caught:
        made.ask(Request(f"{server.url}/x"), asking())
    assert caught.value.status == 500
    assert caught.value.failure.code == "http-500"
    assert "to all 2 tries (2 tries, " in caught.value.failure.message


def test_retry_after_is_waited_for(server: Any, boards: Any, client: Any, asking: Any) -> None:
    server.routes["/x"] = [boards.Answer("", 429, {"Retry-After": "1"}), boards.Answer([])]
    with client(retries=1) as made:
        started = time.monotonic()
        made.ask(Request(f"{server.url}/x"), asking())
        assert time.monotonic() - started >= 1


def test_a_retry_after_that_is_a_date_is_waited_for(server: Any, boards: Any, client: Any, asking: Any) -> None:
    def soon(_handler: Any) -> Any:
        date = formatdate(time.time() + 2, usegmt=True)  # Whole seconds: between one and two are left.
        return boards.Answer("", 503, {"Retry-After": date}) if server.hits["/x"] == 1 else boards.Answer([])

    server.routes["/x"] = soon
    with client(retries=1) as made:
        started = time.monotonic()
        assert made.ask(Request(f"{server.url}/x"), asking()).body == []
        assert 0.9 <= time.monotonic() - started < 3


@pytest.mark.parametrize(
    ("value", "wait"),
    [
        ("2", 2.0),
        (" 120 ", 120.0),
        ("0", 0.0),
        ("Wed, 21 Oct 2026 07:28:30 GMT", 30.0),
        ("Wed, 21 Oct 2026 07:27:00 GMT", None),
        ("Wed, 21 Oct 2015 07:28:00 GMT", None),
        ("soon", None),
        ("-1", None),
        ("1e9", None),
        ("", None),
    ],
)
def test_a_retry_after_is_seconds_a_date_or_nothing(value: str, wait: float | None) -> None:
    now = datetime(2026, 10, 21, 7, 28, tzinfo=UTC).timestamp()
    assert retry_after(429, value, now) == wait
    assert retry_after(500, value, now) is None


def test_a_retry_after_beyond_the_deadline_fails_at_once_and_says_so(
    server: Any, boards: Any, client: Any, failure: Any
) -> None:
    server.routes["/x"] = boards.Answer("", 429, {"Retry-After": "86400"})
    with client(retries=3) as made:
        started = time.monotonic()
        told = failure(made, f"{server.url}/x")
        assert time.monotonic() - started < 0.5
    assert told.code == "retry-too-late"
    assert "86400 s" in told.message


def test_the_first_request_of_a_unit_asks_for_a_postponement_instead_of_waiting(
    server: Any, boards: Any, client: Any, asking: Any
) -> None:
    server.routes["/x"] = boards.Answer("", 503, {"Retry-After": "7"})
    with client(retries=3) as made, pytest.raises(Postponed) as caught:
        made.ask(Request(f"{server.url}/x"), asking(may_postpone=True))
    assert (caught.value.delay, caught.value.tries) == (7.0, 1)


def test_a_bad_body_is_asked_for_once_more_only(server: Any, boards: Any, client: Any, failure: Any) -> None:
    server.routes["/x"] = boards.Answer("<!doctype html><title>Log in</title>")
    with client(retries=3) as made:
        assert failure(made, f"{server.url}/x").code == "bad-body"
    assert server.hits["/x"] == 2


def test_nearly_everything_comes_through_a_network_that_loses_a_fifth(server: Any, boards: Any, client: Any) -> None:
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


@pytest.mark.parametrize(("status", "longest"), [(503, (0.2, 0.8, 3.2, 12.8, 20, 20)), (429, (1, 4, 16, 20, 20))])
def test_waits_are_random_and_grow_up_to_a_bound(status: int, longest: tuple[float, ...]) -> None:
    for tries, most in enumerate(longest, 1):
        waits = [backoff(tries, status) for _ in range(300)]
        assert 0 <= min(waits) < 0.1 * most
        assert 0.9 * most < max(waits) <= most


@pytest.mark.parametrize(("status", "longest"), [(503, 0.2), (429, 1.0)])
def test_a_server_that_says_it_has_too_many_requests_is_left_alone_for_longer(
    status: int, longest: float, server: Any, boards: Any, client: Any, asking: Any
) -> None:
    server.routes["/x"] = boards.Answer("", status)
    delays = []
    with client(retries=3) as made:
        for _ in range(60):
            talk = asking()
            talk.may_postpone = True
            with pytest.raises(Postponed) as postponed:
                made.ask(Request(f"{server.url}/x"), talk)
            delays.append(postponed.value.delay)
    assert longest / 2 < max(delays) <= longest

"""Where a request may lead: redirects, addresses that are checked, proxies of the spec only."""

from __future__ import annotations

import socket
from typing import Any

import pytest

from orchestrator.kinds.scrape.addresses import Allowed
from orchestrator.kinds.scrape.boards.base import Request, Unanswered
from orchestrator.kinds.scrape.client import Client, Manners
from orchestrator.kinds.scrape.http import NetworkWire


def test_redirects_stay_on_the_host(server: Any, boards: Any, client: Any, asking: Any) -> None:
    server.routes["/x"] = boards.Answer("", 302, {"Location": "/y"})
    server.routes["/y"] = boards.Answer([1])
    server.routes["/away"] = boards.Answer("", 301, {"Location": "https://www.vendor.example/"})
    with client() as made:
        assert made.ask(Request(f"{server.url}/x"), asking()).body == [1]
        with pytest.raises(Unanswered) as caught:
            made.ask(Request(f"{server.url}/away"), asking())
    assert (caught.value.failure.code, caught.value.gone) == ("redirected-away", True)


@pytest.mark.parametrize(("asked", "leads_to"), [("acme.example", "www.acme.example"), ("www.acme.example", "acme.example")])
def test_a_www_more_or_less_is_the_same_site(server: Any, boards: Any, asking: Any, asked: str, leads_to: str) -> None:
    server.routes[f"http://{asked}/jobs"] = boards.Answer("", 301, {"Location": f"http://{leads_to}/jobs"})
    server.routes[f"http://{leads_to}/jobs"] = boards.Answer([1])
    server.routes["http://acme.vendor.example/jobs"] = boards.Answer("", 302, {"Location": "http://www.vendor.example/jobs"})
    made = Client(NetworkWire(Allowed(()), max_body=1000, proxy=server.url), Manners())
    answered = made.ask(Request(f"http://{asked}/jobs"), asking())
    with pytest.raises(Unanswered) as caught:
        made.ask(Request("http://acme.vendor.example/jobs"), asking())
    made.close()
    assert (answered.body, answered.url) == ([1], f"http://{leads_to}/jobs")
    assert caught.value.gone


@pytest.mark.parametrize(
    "target",
    ["file:///etc/passwd", "http://user:x@127.0.0.1/", "gopher://x/", "javascript:alert(1)", "http://[::1", "//\\evil"],
)
def test_redirects_to_what_is_no_web_address_are_refused(
    server: Any, boards: Any, target: Any, client: Any, failure: Any
) -> None:
    server.routes["/x"] = boards.Answer("", 302, {"Location": target})
    with client() as made:
        assert failure(made, f"{server.url}/x", roam=True).code in {"blocked-redirect", "not-found"}
    assert sum(server.hits.values()) <= 2


def test_redirects_that_go_round_and_round_end(server: Any, boards: Any, client: Any, failure: Any) -> None:
    server.routes["/x"] = boards.Answer("", 302, {"Location": "/x"})
    with client() as made:
        assert failure(made, f"{server.url}/x").code == "too-many-redirects"
    assert server.hits["/x"] == 6


def test_a_proxy_is_asked_for_whole_addresses_and_resolves_the_names(server: Any, boards: Any, asking: Any) -> None:
    server.routes["http://jobs.acme.example/x"] = boards.Answer({"through": "the proxy"})
    wire = NetworkWire(Allowed(()), max_body=1000, proxy=server.url)
    made = Client(wire, Manners())
    assert made.ask(Request("http://jobs.acme.example/x"), asking()).body == {"through": "the proxy"}
    made.close()
    assert [(asked, headers["host"]) for _, asked, headers, _ in server.requests] == [
        ("http://jobs.acme.example/x", "jobs.acme.example")
    ]


def test_an_address_that_is_not_plain_is_escaped_once(server: Any, boards: Any, client: Any, asking: Any, failure: Any) -> None:
    import httpx  # noqa: F401 - the first such address loads it, which takes seconds where nothing is compiled yet

    server.routes["/stellen/k%C3%B6ln%20s%C3%BCd"] = boards.Answer({"found": True})
    with client(request_timeout=2) as made:
        for path in ("/stellen/köln süd?q=a b#part", "/stellen/k%C3%B6ln%20s%C3%BCd"):
            assert made.ask(Request(server.url + path), asking()).body == {"found": True}
        assert failure(made, "http://127.0.0.1:99999/").code == "bad-url"
        assert failure(made, "http://[::1").code == "bad-url"
    assert server.requests[0][1] == "/stellen/k%C3%B6ln%20s%C3%BCd?q=a%20b"


def test_a_redirect_to_a_private_address_is_not_followed(server: Any, boards: Any, client: Any, failure: Any) -> None:
    server.routes["/x"] = boards.Answer("", 302, {"Location": "http://127.0.0.2:1/"})
    with client() as made:
        assert failure(made, f"{server.url}/x", roam=True).code == "blocked-address"


@pytest.mark.parametrize(
    "url", ["http://127.0.0.1:9/", "http://2130706433/", "http://[::1]:9/", "http://localhost:9/", "http://0/"]
)
def test_private_hosts_are_not_connected_to_unless_allowed(url: Any, client: Any, failure: Any) -> None:
    with client(allowed=()) as made:
        assert failure(made, url).code in {"blocked-address", "unreachable"}


def test_a_name_that_resolves_to_a_private_address_is_blocked(monkeypatch: Any, client: Any, failure: Any) -> None:
    answer = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, 80)) for address in ("93.184.216.34", "10.0.0.5")]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_a, **_k: answer)
    with client() as made:
        assert failure(made, "http://mixed.example/").code == "blocked-address"


def test_a_name_that_changes_its_address_is_checked_each_time(monkeypatch: Any, client: Any, failure: Any) -> None:
    """Rebinding: what was checked is what is connected to, and the next request asks and checks anew."""
    turns = iter(["127.0.0.1", "10.0.0.5"])
    asked = []

    def resolve(host: str, port: int, **_more: Any) -> Any:
        asked.append(host)
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (next(turns), port))]

    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    monkeypatch.setattr(socket, "getaddrinfo", resolve)
    with client(allowed=("127.0.0.1",)) as made:
        assert failure(made, f"http://rebinding.example:{port}/").code == "unreachable"
        assert failure(made, f"http://rebinding.example:{port}/").code == "blocked-address"
    assert asked == ["rebinding.example"] * 2


def test_the_environments_proxy_is_not_used(server: Any, boards: Any, monkeypatch: Any, client: Any, asking: Any) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
    monkeypatch.setenv("ALL_PROXY", "http://127.0.0.1:1")
    server.routes["/x"] = boards.Answer([])
    with client() as made:
        assert made.ask(Request(f"{server.url}/x"), asking()).body == []

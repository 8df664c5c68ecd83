"""robots.txt is obeyed for pages, asked once per host, and never for APIs or replays."""

from __future__ import annotations

from typing import Any

import pytest

from orchestrator.deadline import CancelToken, Deadline, WorkContext
from orchestrator.kinds.scrape.addresses import Allowed
from orchestrator.kinds.scrape.boards.base import Request, Unanswered
from orchestrator.kinds.scrape.client import Asking, Client, Manners
from orchestrator.kinds.scrape.http import NetworkWire

RULES = "User-agent: *\nDisallow: /private\nCrawl-delay: 0.2\n\nUser-agent: acme\nDisallow: /\n"


@pytest.fixture
def ask(server: Any) -> Any:
    clients: list[Client] = []

    def ask_for(path: str, *, page: bool = True, again: bool = False, **manners: Any) -> str:
        if not (again and clients):
            wire = NetworkWire(Allowed(["127.0.0.1"]), max_body=100_000)
            clients.append(Client(wire, Manners(**{"retries": 0, "request_timeout": 5, **manners})))
        asking = Asking(WorkContext(Deadline.after(10), CancelToken()))
        try:
            return str(clients[-1].ask(Request(server.url + path, accept="text", page=page), asking).body)
        except Unanswered as unanswered:
            return unanswered.failure.code

    yield ask_for
    for client in clients:
        client.close()


@pytest.fixture(autouse=True)
def site(server: Any, boards: Any) -> None:
    server.routes["/robots.txt"] = boards.Answer(RULES)
    server.routes["/careers"] = server.routes["/private/jobs"] = boards.Answer("hello")


def test_a_page_that_is_not_allowed_is_not_asked_for(server: Any, ask: Any) -> None:
    assert ask("/private/jobs") == "robots-disallow"
    assert server.hits["/private/jobs"] == 0


def test_the_file_is_asked_for_once(server: Any, ask: Any) -> None:
    assert [ask("/careers"), ask("/careers", again=True)] == ["hello", "hello"]
    assert server.hits["/robots.txt"] == 1


def test_the_rules_for_our_name_are_ours(ask: Any) -> None:
    assert ask("/careers", user_agent="acme/1.0") == "robots-disallow"


@pytest.mark.parametrize("options", [{"page": False}, {"robots": False}])
def test_apis_and_whoever_ignores_it_do_not_ask(server: Any, ask: Any, options: Any) -> None:
    assert ask("/private/jobs", **options) == "hello"
    assert server.hits["/robots.txt"] == 0


@pytest.mark.parametrize(("status", "said"), [(404, "hello"), (403, "hello"), (500, "robots-unknown"), (503, "robots-unknown")])
def test_no_file_allows_everything_and_a_broken_host_nothing(
    server: Any, boards: Any, ask: Any, status: int, said: str
) -> None:
    server.routes["/robots.txt"] = boards.Answer("", status)
    assert ask("/careers") == said

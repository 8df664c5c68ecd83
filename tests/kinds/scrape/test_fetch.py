"""A fetch between a client and a reading: what it hands from one to the other, and what it keeps."""

from __future__ import annotations

import gc
import weakref
from collections.abc import Callable
from typing import Any

import pytest

from orchestrator.deadline import CancelToken, Deadline, WorkContext
from orchestrator.kinds.scrape.boards.base import Request, Response
from orchestrator.kinds.scrape.client import Asking
from orchestrator.kinds.scrape.companies import locate
from orchestrator.kinds.scrape.fetch import CompanyTask, Fetched, Wishes, World, fetch
from orchestrator.kinds.scrape.readers.here import Answer, HereReading, Task
from orchestrator.kinds.scrape.spec import Company
from orchestrator.kinds.scrape.wire import Reply

PUBLIC = "https://boards-api.greenhouse.io/v1/boards/acme/jobs?content=true&pay_transparency=true"


class Client:
    """Answers every request with an empty list, from where it was asked or from `elsewhere`."""

    def __init__(self, elsewhere: str = "") -> None:
        self.asked: list[str] = []
        self._elsewhere = elsewhere

    def ask(self, request: Request, _asking: Asking, _conditions: Any, read: Callable[..., Any]) -> Response:
        self.asked.append(request.url)
        url = self._elsewhere or request.url
        return Response(url, 200, read(request, url, Reply(200, {}, b'{"jobs": []}')))


class Noting(HereReading):
    """Keeps where answers came from, and a weak reference to each reading."""

    came_from: list[str]
    made: list[weakref.ref[HereReading]]

    def __init__(self, task: Task) -> None:
        super().__init__(task)
        self.made.append(weakref.ref(self))

    def take(self, answer: Answer, context: WorkContext | None = None) -> Request | None:
        self.came_from.append(answer.url)
        return super().take(answer, context)


@pytest.fixture(autouse=True)
def nothing_noted() -> None:
    Noting.came_from, Noting.made = [], []


def fetched_by(client: Client, wishes: Wishes) -> Fetched:
    task = CompanyTask("Acme", "greenhouse:acme", locate(Company(board="greenhouse", token="acme")))
    world: Any = World(client, wishes, Noting)  # type: ignore[arg-type]
    return fetch(task, world, Asking(WorkContext(Deadline.never(), CancelToken())))


@pytest.mark.parametrize(("elsewhere", "came_from"), [("", PUBLIC), ("http://127.0.0.1:9/moved", "http://127.0.0.1:9/moved")])
def test_a_board_never_sees_the_base_url_of_the_spec(elsewhere: str, came_from: str) -> None:
    client = Client(elsewhere)
    fetched_by(client, Wishes(base_urls={"greenhouse": "http://127.0.0.1:9/base"}))
    assert client.asked == [PUBLIC.replace("https://boards-api.greenhouse.io", "http://127.0.0.1:9/base")]
    assert Noting.came_from == [came_from]


def test_what_was_read_is_given_back_without_waiting_for_a_collection() -> None:
    gc.disable()
    try:
        fetched = fetched_by(Client(), Wishes())
    finally:
        gc.enable()
    assert fetched.completeness == "empty"
    assert [reading() for reading in Noting.made] == [None]

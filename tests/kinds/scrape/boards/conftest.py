"""One case per board, read from `fixtures/<board>.yaml`: answers in the board's shapes and what they mean, read by hand."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any
from xml.etree.ElementTree import Element

import pytest
import yaml

from orchestrator.errors import Failure
from orchestrator.kinds.scrape.boards import find_board, names
from orchestrator.kinds.scrape.boards.base import Board, Request, Response, Source, Unanswered
from orchestrator.kinds.scrape.decode import BadBody, parse_xml
from orchestrator.kinds.scrape.listing import Collector, drive

FIXTURES = Path(__file__).parent / "fixtures"
NOW = datetime(2025, 1, 1, tzinfo=UTC)


@dataclass
class Case:
    """A board, its fixture, and a stand-in for the world that only knows the fixture's answers."""

    board: Board
    data: dict[str, Any]
    asked: list[str] = field(default_factory=list)

    @property
    def source(self) -> Source:
        if self.board.needs_url:
            return Source(url=self.data["token"], sitemap=self.data.get("sitemap", False))
        return Source(token=self.data["token"])

    @property
    def answers(self) -> list[dict[str, Any]]:
        return list(self.data["answers"])

    def with_first(self, body: Any) -> Case:
        """Return the case with another first answer, and nothing behind it."""
        first = self.data["answers"][0]
        kind = "text" if isinstance(first.get("text"), str) else "json"
        return Case(self.board, {**self.data, "answers": [{"request": first["request"], kind: body}]})

    def answer(self, request: Request) -> Response:
        wanted = f"{request.method} {request.url}"
        self.asked.append(wanted)
        for known in self.answers:
            if known["request"] == wanted and known.get("body", request.json) == request.json:
                return _response(request, known)
        raise Unanswered(Failure("http-404", f"no answer for {wanted}"), status=404, gone=True)

    def drive(self, **options: Any) -> Collector:
        return drive(self.board, self.source, self.answer, **{"now": NOW, **options})


def _response(request: Request, known: dict[str, Any]) -> Response:
    status = known.get("status", 200)
    if status != 200:
        raise Unanswered(Failure(f"http-{status}", f"status {status}"), status=status, gone=status in {404, 410})
    if request.accept == "json":
        return Response(request.url, 200, known["json"])
    if request.accept == "xml":
        return Response(request.url, 200, _element(known["text"]))
    return Response(request.url, 200, known["text"])


def _element(text: str) -> Element:
    """Decode as the client does."""
    try:
        return parse_xml(text.encode())
    except BadBody as error:
        raise Unanswered(Failure("bad-payload", str(error)), status=200) from error


@cache
def _fixture(name: str) -> Any:
    return yaml.load((FIXTURES / f"{name}.yaml").read_text(encoding="utf-8"), yaml.CSafeLoader)


def load(name: str) -> Case:
    board = find_board(name)
    assert board is not None
    return Case(board, copy.deepcopy(_fixture(name)))


@pytest.fixture(params=names())
def case(request: pytest.FixtureRequest) -> Case:
    return load(request.param)


@pytest.fixture(params=[name for name in names() if "at" in _fixture(name)])
def json_case(request: pytest.FixtureRequest) -> Case:
    """A board whose list is JSON; `at` in its fixture is where the rows are."""
    return load(request.param)


@pytest.fixture
def case_of() -> Callable[[str], Case]:
    return load


class Scraper:
    """Runs a board against answers by address: XML and pages as text, JSON as values, an int for a status, or a function.

    What isn't known is answered 404. `asked` holds the addresses of the last run.
    """

    def __init__(self) -> None:
        self.asked: list[str] = []

    def __call__(self, name: str, source: Source | str, answers: Mapping[str, Any], **options: Any) -> Collector:
        self.asked = asked = []
        board = find_board(name)
        assert board is not None

        def answer(request: Request) -> Response:
            asked.append(request.url)
            body = answers.get(request.url, 404)
            body = body(request) if callable(body) else body
            if isinstance(body, int):
                raise Unanswered(Failure(f"http-{body}", f"status {body}"), status=body, gone=body == 404)
            return Response(request.url, 200, _element(body) if request.accept == "xml" else body)

        return drive(board, Source(source) if isinstance(source, str) else source, answer, **options)


@pytest.fixture
def scrape() -> Scraper:
    return Scraper()


@pytest.fixture
def every_case() -> Iterator[list[Case]]:
    return iter([[load(name) for name in names()]])

"""`orchestrate doctor --online`: every host that a company's board is asked at, all at once, within a deadline."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from orchestrator.cli import checkup, reach
from orchestrator.kinds.scrape import boards
from orchestrator.kinds.scrape.boards.base import belongs
from orchestrator.kinds.scrape.doors import doors
from orchestrator.kinds.scrape.spec import ScrapeSpec

Verb = Callable[..., Any]
COMPANIES = """
      - {name: Acme Robotics, board: greenhouse, token: acme}
      - {name: Globex, board: greenhouse, token: globex}
      - {name: Initech, board: lever, token: initech}
      - {name: Hooli, board: jsonld, url: "http://127.0.0.1:%d/jobs"}
"""


@pytest.fixture
def listening() -> Iterator[int]:
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


@pytest.fixture
def silent() -> int:
    """Return a port that nobody listens on."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        port: int = server.getsockname()[1]
    return port


def asked(verb: Verb, root: Path) -> list[dict[str, Any]]:
    done = verb("doctor", "--json", "--online", cwd=root)
    return [each for each in done.json()["checks"] if each["name"] == "host"]


def test_each_host_is_reported_with_its_companies(verb: Verb, project: Verb, listening: int, silent: int) -> None:
    bases = f"{{greenhouse: 'http://127.0.0.1:{listening}', lever: 'http://localhost:{silent}'}}"
    spec = f"version: 1\njobs:\n  a:\n    kind: scrape\n    http: {{base_urls: {bases}}}\n    companies:{COMPANIES % listening}"
    good, bad = sorted(asked(verb, project(spec)), key=lambda each: each["state"])
    assert (good["state"], bad["state"]) == ("ok", "warning")
    assert f"127.0.0.1:{listening} answers after" in good["message"]
    assert "(asked for Acme Robotics, Globex, Hooli)" in good["message"]
    assert f"localhost:{silent}: Connection refused (asked for Initech)" in bad["message"]


def test_jobs_that_replay_or_are_switched_off_ask_nobody(verb: Verb, project: Verb) -> None:
    spec = "version: 1\njobs:\n  a:\n    kind: scrape\n    {}\n    companies: [{{board: lever, token: initech}}]\n"
    assert asked(verb, project(spec.format("replay: a.har"), {"a.har": "{}"})) == []
    assert asked(verb, project(spec.format("enabled: false"))) == []


@pytest.mark.parametrize("name", boards.names())
def test_the_host_of_each_board_is_the_one_that_its_requests_go_to(name: str) -> None:
    board = boards.find_board(name)
    assert board is not None
    place = {"url": "https://own.example/jobs"} if board.needs_url else {"token": board.example}
    spec = ScrapeSpec.model_validate({"kind": "scrape", "companies": [{"name": "Acme", "board": name, **place}]})
    (((host, port), companies),) = doors(spec).items()
    assert (port, companies) == (443, ["Acme"])
    assert host == "own.example" if board.needs_url else belongs(host, board.hosts)


def test_a_proxy_is_asked_in_place_of_all_hosts_and_a_fallback_beside_the_first() -> None:
    fallback = {"board": "jsonld", "url": "https://own.example/jobs"}
    companies = [{"name": "Acme", "board": "greenhouse", "token": "acme", "fallback": fallback}]
    spec = {"kind": "scrape", "companies": companies}
    assert set(doors(ScrapeSpec.model_validate(spec))) == {("boards-api.greenhouse.io", 443), ("own.example", 443)}
    through = ScrapeSpec.model_validate({**spec, "http": {"proxy": "http://proxy.example:3128"}})
    assert doors(through) == {("proxy.example", 3128): ["Acme"]}


def test_a_hundred_hosts_that_never_answer_take_one_deadline(gate: threading.Event, monkeypatch: pytest.MonkeyPatch) -> None:
    def hang(_: object, timeout: float) -> socket.socket:  # As a name server that is silent: it heeds no timeout.
        assert timeout > 0
        gate.wait(20)
        raise OSError

    monkeypatch.setattr(socket, "create_connection", hang)
    started = time.monotonic()
    found = reach.knock([(f"host-{number}.example", 443) for number in range(100)], 0.3)
    assert 0.3 <= time.monotonic() - started < 2
    assert {answer.trouble for answer in found.values()} == {"no answer within 0.3 s"}
    assert len(found) == 100


def test_hosts_are_asked_at_the_same_time(monkeypatch: pytest.MonkeyPatch) -> None:
    together = threading.Barrier(20)

    class Connection:
        def close(self) -> None:
            """Nothing was opened."""

    def meet(_: object, timeout: float) -> Connection:
        together.wait(timeout)
        return Connection()

    monkeypatch.setattr(socket, "create_connection", meet)
    found = reach.knock([(f"host-{number}.example", 443) for number in range(20)], 10)
    assert {answer.trouble for answer in found.values()} == {""}
    assert checkup.ONLINE_SECONDS < 10


def test_a_name_that_no_name_server_could_know_is_a_sentence() -> None:
    (answer,) = reach.knock([("a" * 70 + ".example", 443)], 5).values()
    assert answer.trouble

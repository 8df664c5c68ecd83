"""Companies at the same time: as many as the spec says, through one client, and no more than a host is said to stand."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import pytest

from orchestrator.deadline import CancelToken, Deadline, WorkContext
from orchestrator.errors import Cancelled, DeadlineExceeded, Failure
from orchestrator.kinds.scrape.boards.base import Board, Request, Source, Unanswered
from orchestrator.kinds.scrape.client import Asking
from orchestrator.kinds.scrape.companies import locate
from orchestrator.kinds.scrape.fetch import CompanyTask, Wishes, World, fetch
from orchestrator.kinds.scrape.gates import Gates
from orchestrator.kinds.scrape.readers import here
from orchestrator.kinds.scrape.row import RawPosting
from orchestrator.kinds.scrape.spec import Company

COMPANIES = 60


def run(root: Path, server: Any, count: int = COMPANIES, concurrency: int = COMPANIES, **http: Any) -> dict[str, Any]:
    """Run a job of so many companies as a process; return its job of status.json."""
    http = {"base_urls": {"greenhouse": server.url}, "allow_private_hosts": ["127.0.0.1"], "retries": 0, **http}
    companies = [{"board": "greenhouse", "token": f"acme{number}"} for number in range(count)]
    job = {"kind": "scrape", "concurrency": concurrency, "companies": companies, "http": http}
    (root / "jobs.yaml").write_text(json.dumps({"version": 1, "jobs": {"boards": job}}), encoding="utf-8")
    command = [sys.executable, "-m", "orchestrator", "run", "--quiet"]
    done = subprocess.run(
        command, cwd=root, env={"PYTHONPATH": str(Path(__file__).parents[3])}, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    (status,) = (root / ".orchestrate" / "runs").glob("*/status.json")
    return dict(json.loads(status.read_text(encoding="utf-8"))["jobs"][0])


class Crowd:
    """Counts who is inside; `together` lets nobody out before all of them are in, and everybody stays for `lasting` seconds."""

    def __init__(self, boards: Any, together: int, lasting: float = 0.0) -> None:
        self.boards = boards
        self.lasting = lasting
        self.most = self.now = 0
        self.lock = threading.Lock()
        self.gate = threading.Barrier(together)

    def __call__(self, handler: Any) -> Any:
        with self.lock:
            self.now += 1
            self.most = max(self.most, self.now)
        try:
            self.gate.wait(20)
            threading.Event().wait(self.lasting)
        except threading.BrokenBarrierError:
            return self.boards.Answer("", 500)
        finally:
            with self.lock:
                self.now -= 1
        number = int(handler.path.split("/boards/acme")[1].split("/")[0])
        return self.boards.greenhouse(number + 1)


@pytest.mark.parametrize(("http", "together"), [({}, COMPANIES), ({"per_host": {"concurrency": 6}}, 6)])
def test_sixty_companies_are_asked_at_once_unless_their_host_stands_fewer(
    tmp_path: Path, server: Any, boards: Any, http: dict[str, Any], together: int
) -> None:
    crowd = Crowd(boards, together)
    for number in range(COMPANIES):
        server.routes[f"/v1/boards/acme{number}/jobs"] = crowd
    job = run(tmp_path, server, **http)
    assert (job["state"], crowd.most) == ("succeeded", together)
    assert len(server.requests) == COMPANIES


def test_no_more_are_asked_than_the_spec_says_while_others_are_read(tmp_path: Path, server: Any, boards: Any) -> None:
    crowd = Crowd(boards, 4, lasting=0.05)
    for number in range(64):  # So many are read by processes: more companies are in hand than are asked.
        server.routes[f"/v1/boards/acme{number}/jobs"] = crowd
    job = run(tmp_path, server, 64, 4)
    assert (job["state"], crowd.most) == ("succeeded", 4)
    assert len(server.requests) == 64


def test_who_waits_for_a_place_leaves_at_a_cancel_or_the_deadline_and_takes_none() -> None:
    gates, cancel = Gates(most=1), CancelToken()
    cancel.request("enough")
    cancelled, late = WorkContext(Deadline.after(5), cancel), WorkContext(Deadline.after(0.1), CancelToken())
    patient = WorkContext(Deadline.after(5), CancelToken())
    with gates.enter("acme.example", None, 0.0, patient):
        with pytest.raises(Cancelled), gates.enter("acme.example", None, 0.0, cancelled):
            pytest.fail("there was no place")
        with pytest.raises(DeadlineExceeded), gates.enter("umbra.example", None, 0.0, late):
            pytest.fail("there was no place")
    for _ in range(2):  # Whatever happens in it, a place is given back: the second one gets it.
        with pytest.raises(ZeroDivisionError), gates.enter("umbra.example", None, 0.0, patient):
            raise ZeroDivisionError


@pytest.mark.parametrize(
    ("board", "wishes", "shared", "apart"),
    [
        ("personio", Wishes(), "personio", 0.34),
        ("bamboohr", Wishes(), "bamboohr", 0.34),
        ("recruitee", Wishes(), "", 0.5),
        ("greenhouse", Wishes(), "", 0.0),
        ("personio", Wishes(own_hosts=("127.0.0.1",), base_urls={"personio": "http://127.0.0.1:9"}), "", 0.0),
    ],
)
def test_companies_of_a_vendor_with_one_backend_share_its_pace(board: str, wishes: Wishes, shared: str, apart: float) -> None:
    paces = set()

    class Client:
        def ask(self, _request: Request, asking: Asking, _conditions: Any, _read: Any) -> Any:
            paces.add((asking.backend, asking.min_interval))
            raise Unanswered(Failure("http-500", "the server answered 500"), status=500)

    task = CompanyTask("Acme", f"{board}:acme", locate(Company(board=board, token="acme")))
    client: Any = Client()
    fetch(task, World(client, wishes), Asking(WorkContext(Deadline.never(), CancelToken())))
    assert paces == {(shared, apart)}


class Reader(Board):
    """A board that tells how many of its kind read at the same time."""

    name = title = "reader"
    hosts = ("reader.example",)
    now = most = 0

    def detect(self, url: Any) -> None:
        del url

    def public_url(self, source: Source) -> str:
        return f"https://reader.example/{source.token}"

    def postings(self, source: Source, found: Any) -> Any:
        del source
        answer = yield Request("https://reader.example/")
        for _ in range(50):
            Reader.now += 1
            Reader.most = max(Reader.most, Reader.now)
            found.add(RawPosting(identifier=answer.body, title="Welder"))
            PAUSE.wait(0.0005)  # Lets go of the interpreter, as a sanitiser does.
            Reader.now -= 1


PAUSE = threading.Event()


def test_answers_are_read_in_turns_and_asked_for_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(here, "find_board", lambda _name: Reader())
    together = threading.Barrier(4)

    def read() -> None:
        reading = here.HereReading(here.Task("reader", Source("acme")))
        request = reading.begin()
        assert request is not None
        together.wait(20)  # Every thread has asked before the first is answered: no turn is held across a request.
        assert reading.take(here.Answer(request.url, 200, {}, "json", b"1")) is None

    threads = [threading.Thread(target=read) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    assert Reader.most == 1
    assert not together.broken

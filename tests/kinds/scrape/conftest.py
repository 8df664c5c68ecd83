"""A board server on loopback, and a job driven without the engine."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import socketserver
import subprocess
import tempfile
import threading
import time
import weakref
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from itertools import count
from json import dumps
from pathlib import Path
from typing import Any

import pytest

from orchestrator.deadline import CancelToken, Deadline, WorkContext
from orchestrator.job import ItemOutcome, Outcome, Plan, Surroundings, Unit, UnitResult
from orchestrator.kinds.scrape.job import ScrapeJob, build
from orchestrator.kinds.scrape.spec import ScrapeSpec
from orchestrator.kinds.scrape.store import Store

_serial = count(1)


@dataclass
class Answer:
    """What a route answers: a status, headers, and a body (values become JSON)."""

    body: Any = None
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)

    def encoded(self) -> bytes:
        if isinstance(self.body, bytes):
            return self.body
        return self.body.encode() if isinstance(self.body, str) else dumps(self.body).encode()


Route = Callable[[BaseHTTPRequestHandler], Answer | None]


class BoardServer:
    """A real server: `routes` maps a path without query to an answer, a list of answers (in turn), or a function."""

    def __init__(self) -> None:
        self.routes: dict[str, Answer | list[Answer] | Route] = {}
        self.hits: Counter[str] = Counter()
        self.requests: list[tuple[str, str, dict[str, str], bytes]] = []
        self._lock = threading.Lock()
        self._connections: weakref.WeakSet[socket.socket] = weakref.WeakSet()
        server = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            disable_nagle_algorithm = True

            def do_GET(self) -> None:
                server.answer(self)

            do_POST = do_GET  # noqa: N815

            def log_message(self, *_: object) -> None:
                """Requests are told by what the tests assert."""

        class Threaded(socketserver.ThreadingTCPServer):
            daemon_threads = True
            allow_reuse_address = True
            request_queue_size = 256

            def get_request(self) -> tuple[socket.socket, Any]:
                connection, address = super().get_request()
                server._connections.add(connection)
                return connection, address

            def handle_error(self, *_: object) -> None:
                """Clients of these tests break connections on purpose."""

        self._server = Threaded(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True)
        self._thread.start()

    def answer(self, handler: BaseHTTPRequestHandler) -> None:
        path = handler.path.partition("?")[0]
        body = handler.rfile.read(int(handler.headers.get("content-length") or 0))
        with self._lock:
            self.hits[path] += 1
            headers = {name.lower(): value for name, value in handler.headers.items()}
            self.requests.append((handler.command, handler.path, headers, body))
            route = self.routes.get(path, Answer({"error": "Job not found"}, 404))
            if isinstance(route, list):
                route = route.pop(0) if len(route) > 1 else route[0]
        answer = route if isinstance(route, Answer) else route(handler)
        if answer is not None:
            self._send(handler, answer)

    @staticmethod
    def _send(handler: BaseHTTPRequestHandler, answer: Answer) -> None:
        data = b"" if answer.status in {204, 304} else answer.encoded()
        handler.send_response(answer.status)
        for name, value in {"Content-Type": "application/json", **answer.headers}.items():
            handler.send_header(name, value)
        if "Content-Length" not in answer.headers:
            handler.send_header("Content-Length", str(len(data)))
        handler.end_headers()
        handler.wfile.write(data)

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()
        for connection in list(self._connections):  # A client that was killed elsewhere may hold one open.
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)


@pytest.fixture
def server() -> Iterator[BoardServer]:
    running = BoardServer()
    yield running
    running.close()


def greenhouse_row(number: int, **more: Any) -> dict[str, Any]:
    return {
        "id": number,
        "title": f"Engineer {number}",
        "absolute_url": f"https://job-boards.greenhouse.io/acme/jobs/{number}",
        "location": {"name": "Berlin, Germany"},
        "content": f"&lt;p&gt;Build robot number {number}.&lt;/p&gt;",
        "first_published": "2026-06-29T02:02:50-04:00",
        "updated_at": "2026-07-27T14:17:12-04:00",
        "departments": [{"name": "Engineering"}],
        "offices": [],
        **more,
    }


def greenhouse(*rows: dict[str, Any] | int, total: int | None = None) -> Answer:
    jobs = [greenhouse_row(row) if isinstance(row, int) else row for row in rows]
    return Answer({"jobs": jobs, "meta": {"total": len(jobs) if total is None else total}})


@dataclass
class Run:
    """What one run of a job came to."""

    plan: Plan
    outcomes: dict[str, ItemOutcome]
    outcome: Outcome
    postponed: int

    @property
    def result(self) -> dict[str, Any]:
        return dict(self.outcome.result)

    def counts(self) -> tuple[Any, ...]:
        return tuple(self.result[name] for name in ("new", "changed", "unchanged", "closed", "reopened", "held"))


def _run_id(number: int) -> str:
    seconds, thousandths = divmod(number, 1000)
    return f"20261121T1653{seconds:02d}.{thousandths:03d}Z-00000000"


class Driver:
    """Runs a scrape job as the engine would, but in one thread."""

    def __init__(self, root: Path, server: BoardServer) -> None:
        self.root = root
        self.server = server
        self.database = f"sqlite:///{root}/postings.db"

    def spec(self, companies: list[dict[str, Any]] | None = None, **fields: Any) -> ScrapeSpec:
        http = {
            "base_urls": dict.fromkeys(("greenhouse", "lever", "ashby"), self.server.url),
            "allow_private_hosts": ["127.0.0.1"],
            "request_timeout": 5,
            **fields.pop("http", {}),
        }
        companies = companies or [{"name": "Acme", "board": "greenhouse", "token": "acme"}]
        return ScrapeSpec.model_validate({"kind": "scrape", "companies": companies, "http": http, **fields})

    def job(self, spec: ScrapeSpec | None = None, run_id: str | None = None) -> ScrapeJob:
        run_id = run_id or _run_id(next(_serial))
        around = Surroundings("boards", run_id, self.root, self.root / ".orchestrate", self.database)
        return build(spec or self.spec(), around)

    def run(self, spec: ScrapeSpec | None = None, run_id: str | None = None, *, seconds: float = 30.0) -> Run:
        with ExitStack() as ended:
            job = self.job(spec, run_id)
            ended.callback(job.abandon)  # However an attempt ends, the engine does so.
            return self._settled(job, seconds)

    def _settled(self, job: ScrapeJob, seconds: float) -> Run:
        plain = WorkContext(Deadline.after(seconds), CancelToken())
        plan = job.plan(plain)
        outcomes: dict[str, ItemOutcome] = {}
        assert job.world is not None
        postponed = 0
        with job.world() as world:
            context = WorkContext(plain.deadline, plain.cancel, world=world)
            for unit in plan.units:
                result, waited = _settle(job, unit, context)
                postponed += waited
                job.apply(unit, result, plain)
                outcomes.update((outcome.key, outcome) for outcome in result.outcomes)
        return Run(plan, outcomes, job.commit(plain), postponed)

    def rows(self, statement: str, **values: Any) -> list[Any]:
        from sqlalchemy import text

        store = Store(self.database, self.root)
        try:
            with store.read() as connection:
                return [tuple(row) for row in connection.execute(text(statement), values)]
        finally:
            store.close()

    def execute(self, statement: str, **values: Any) -> None:
        from sqlalchemy import text

        store = Store(self.database, self.root)
        try:
            with store.write() as connection:
                connection.execute(text(statement), values)
        finally:
            store.close()


def _settle(job: ScrapeJob, unit: Unit, context: WorkContext) -> tuple[UnitResult, int]:
    waited = 0
    result = job.work(unit, context)
    while result.postponed is not None:
        waited += 1
        context.sleep(result.postponed.delay)
        result = job.work(result.postponed.unit, context)
    return result, waited


@pytest.fixture
def driver(tmp_path: Path, server: BoardServer) -> Driver:
    return Driver(tmp_path, server)


@pytest.fixture(scope="session")
def postgres() -> Iterator[str]:
    """A PostgreSQL server of its own on loopback, run by somebody who isn't root; its URL."""
    programs = sorted(Path("/usr/lib/postgresql").glob("*/bin")) if Path("/usr/lib/postgresql").is_dir() else []
    found = shutil.which("initdb")
    folder = Path(found).parent if found else (programs[-1] if programs else None)
    if folder is None:
        pytest.skip("PostgreSQL's programs (initdb, postgres) aren't installed")
    user = "postgres" if os.geteuid() == 0 else None
    with tempfile.TemporaryDirectory(prefix="pg-") as name:
        if user is not None:
            shutil.chown(name, user)
        data, port = f"{name}/data", _free_port()
        initdb = [str(folder / "initdb"), "-D", data, "-U", "tester", "-A", "trust", "-N", "-E", "UTF8", "--locale=C"]
        subprocess.run(initdb, user=user, check=True, capture_output=True, cwd=name)
        options = {"fsync": "off", "listen_addresses": "127.0.0.1", "port": str(port), "unix_socket_directories": ""}
        command = [str(folder / "postgres"), "-D", data, *(f"--{key}={value}" for key, value in options.items())]
        process = subprocess.Popen(command, user=user, cwd=name, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            _wait_for_port(port)
            yield f"postgresql://tester@127.0.0.1:{port}/postgres"
        finally:
            process.send_signal(signal.SIGINT)  # A fast shutdown.
            process.wait(timeout=20)


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


def _wait_for_port(port: int) -> None:
    import psycopg

    pause, end = threading.Event(), time.monotonic() + 30
    while True:
        try:
            psycopg.connect(f"postgresql://tester@127.0.0.1:{port}/postgres", connect_timeout=2).close()
        except psycopg.OperationalError:
            assert time.monotonic() < end, "PostgreSQL didn't start within 30 s"
            pause.wait(0.05)
        else:
            return


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def everywhere(request: pytest.FixtureRequest, driver: Driver) -> Iterator[Driver]:
    """The driver on SQLite, and once more on PostgreSQL with empty tables."""
    if request.param == "sqlite":
        yield driver
        return
    from orchestrator.kinds.scrape import tables

    driver.database = request.getfixturevalue("postgres")
    yield driver
    store = Store(driver.database, driver.root)
    with store.write() as connection:
        tables.metadata.drop_all(connection)
    store.close()


class Boards:
    """Answers of boards as they look."""

    Answer = Answer
    row = staticmethod(greenhouse_row)
    greenhouse = staticmethod(greenhouse)


@pytest.fixture
def boards() -> type[Boards]:
    return Boards

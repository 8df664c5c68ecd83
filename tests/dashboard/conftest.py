"""State directories as runs leave them: real status files through the models, real journals through their writer."""

from __future__ import annotations

import gc
import hashlib
import json
import os
import socket
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from functools import cache, partial
from http.client import HTTPException
from pathlib import Path
from typing import Any

import pytest

from dashboard.compose import now, postings, run, runs, snapshots
from dashboard.nodes import h
from dashboard.store import Store
from orchestrator import files
from orchestrator.status.journal import Event, JournalWriter
from orchestrator.status.layout import RunDir, StateDir, new_run_id
from orchestrator.status.models import Cancel, FailedItem, InFlight, Items, JobError, JobStatus, RunStatus, utc
from orchestrator.status.states import FINAL, State

APP = Path(__file__).parents[2] / "dashboard" / "app.py"
RUN = "20261121T165300.123Z-1a2b3c4d"


class Builder:
    """Writes runs into a state directory. Leases of runs that live are held until the end of the test."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.state = StateDir(root / ".orchestrate")
        self.now = time.time()
        self._locks: list[files.Lock] = []

    def close(self) -> None:
        for lock in self._locks:
            lock.release()

    def job(self, name: str = "boards", kind: str = "scrape", **fields: Any) -> JobStatus:
        """A job of ten companies that did what its state says, starting 40 s ago."""
        state = State(fields.pop("state", State.SUCCEEDED))
        begun = fields.pop("begun", 40.0)
        took = fields.pop("took", 25.0)
        total = fields.pop("total", 10)
        failed = fields.pop("failed", 0)
        done = fields.pop("done", total if state is State.SUCCEEDED else (total or 10) // 2)
        started = state not in {State.QUEUED, State.SKIPPED}
        done = done if started else 0
        values: dict[str, Any] = {
            "items": Items(total=total, done=done, succeeded=done - failed, failed=failed),
            "attempt": 1 if started else 0,
            "started_at": utc(self.now - begun) if started else None,
            "finished_at": utc(self.now - begun + took) if started and state in FINAL else None,
            "deadline_at": utc(self.now - begun + 180) if started else None,
        }
        return JobStatus(name=name, kind=kind, state=state, **{**values, **fields})

    def status(self, state: str = "succeeded", *, jobs: list[JobStatus] | None = None, **fields: Any) -> RunStatus:
        """A status that fits its state, of a run that started 41 s ago (`begun`)."""
        on_disk = State(state)
        begun, took = fields.pop("begun", 41.0), fields.pop("took", 30.0)
        final, started = on_disk in FINAL, on_disk is not State.QUEUED
        run_id = fields.pop("run_id", None) or new_run_id(self.now - begun)
        ended = self.now - begun + took
        values: dict[str, Any] = {
            "name": "nightly", "spec_path": "jobs.yaml", "spec_digest": "5a427c3f" * 8, "revision": 7,
            "created_at": utc(self.now - begun), "started_at": utc(self.now - begun) if started else None,
            "updated_at": utc(ended if final else self.now), "finished_at": utc(ended) if final else None,
            "host": socket.gethostname(), "pid": os.getpid(),
        }  # fmt: skip
        jobs = [self.job(state=on_disk)] if jobs is None else jobs
        return RunStatus(run_id=run_id, state=on_disk, jobs=jobs, **{**values, **fields})

    def run(self, state: str = "succeeded", *, lease: bool | None = None, cancel: bool = False, **fields: Any) -> RunDir:
        """Write a run. `lease` says whether its process lives (default: while it isn't final)."""
        status = self.status(state, **fields)
        run = self.state.run(status.run_id)
        files.make_private_dir(run.path)
        self.write(run, status)
        living = state in {"queued", "running"} if lease is None else lease
        lock = files.Lock.acquire(run.lease)
        if living:
            self._locks.append(lock)
        else:
            lock.release()
        if cancel:
            run.cancel.write_text("{}")
        return run

    def resume(self, run: RunDir, **fields: Any) -> None:
        """Take the lease of a run that was killed, as its resume does, and write a status of the next attempt."""
        self._locks.append(files.Lock.acquire(run.lease))
        self.write(run, self.status("running", run_id=run.run_id, attempt=2, revision=99, **fields))

    def write(self, run: RunDir, status: RunStatus) -> None:
        files.write_atomic(run.status, status.model_dump_json().encode(), durable=False)

    def asked(self, *, acknowledged: bool) -> Cancel:
        return Cancel(requested_at=utc(self.now - 3), acknowledged_at=utc(self.now - 1) if acknowledged else None)

    def failure(
        self, key: str, message: str = "", code: str = "http-timeout", hint: str = "raise http.request_timeout"
    ) -> FailedItem:
        return FailedItem(key=key, code=code, message=message or f"{key} didn't answer within 30 s", hint=hint)

    def error(self, message: str = "no document was left", hint: str = "check include and exclude") -> JobError:
        return JobError(code="too-few-documents", message=message, hint=hint)

    def hand(self, key: str, note: str = "page 3 of 7", since: float = 4.0, **fields: Any) -> InFlight:
        return InFlight(key=key, note=note, started_at=utc(self.now - since), **fields)

    def journal(self, run: RunDir, items: list[dict[str, Any]], *, job: str = "boards") -> None:
        """Append `item_finished` entries: `key`, `state`, and what else the entry or its detail holds."""
        writer = JournalWriter(run.journal)
        try:
            for number, item in enumerate(items):
                writer.record(
                    utc(self.now - 20 + number / 100),
                    Event.ITEM_FINISHED,
                    job=item.get("job", job), attempt=1, item=item["key"], state=item.get("state", "succeeded"),
                    seconds=item.get("seconds", 0.5),
                    detail={name: item[name] for name in ("found", "attempts", "error") if name in item},
                )  # fmt: skip
            writer.flush()
        finally:
            writer.close()

    def database(self, postings: list[dict[str, Any]], history: list[dict[str, Any]] = [], run_id: str = RUN) -> Path:  # noqa: B006
        """Make the default database with the scrape kind's own tables. A posting needs an `id` and a `title`."""
        from sqlalchemy import create_engine

        from orchestrator.kinds.scrape import tables

        files.make_private_dir(self.state.path)
        engine = create_engine(f"sqlite:///{self.state.database}")
        tables.metadata.create_all(engine)
        with engine.begin() as connection:
            connection.exec_driver_sql("pragma foreign_keys=off")
            at = utc(self.now)
            connection.execute(tables.runs.insert(), [{"run_id": run_id, "job": "boards", "started_at": at}])
            common: dict[str, Any] = {
                "company_key": "acme", "company": "Acme Robotics", "source": "greenhouse", "board": "greenhouse",
                "first_seen_at": at, "last_seen_at": at, "version": 1, "content_hash": "", "seen_hash": "", "hash_version": 1,
                "tier": 1, "run_id": run_id, "url": "https://jobs.example/1", "locations": "[]", "status": "open",
            }  # fmt: skip
            rows = [{**common, "identifier": str(posting["id"]), **posting} for posting in postings]
            for row in rows:
                connection.execute(tables.postings.insert(), [row])
            for entry in history:
                connection.execute(tables.posting_history.insert(), [{"run_id": run_id, "at": at, "fields": None, **entry}])
        engine.dispose()
        return self.state.database

    def snapshot(self, documents: dict[str, str], *, job: str = "handbook", ago: float = 60.0, **fields: Any) -> str:
        """Publish a snapshot with the ingest kind's own writers: documents by key, each one node."""
        from orchestrator.kinds.ingest.computed import Computed, NodeText
        from orchestrator.kinds.ingest.index import DATABASE, IndexWriter
        from orchestrator.kinds.ingest.manifest import entry_of, new_snapshot_id, sealed
        from orchestrator.kinds.ingest.store import Store as Snapshots

        store = Snapshots(self.state.snapshots / job)
        snapshot_id = new_snapshot_id(self.now - ago)
        staging = store.new_staging(snapshot_id)
        with IndexWriter(staging) as writer:
            for key, text in documents.items():
                node = NodeText(0, len(text), 1, key, text)
                writer.add(Computed(key, hashlib.sha256(text.encode()).digest(), b"", key, {}, [node]))
            writer.finish()
        values = {
            "snapshot_id": snapshot_id, "job": job, "run_id": RUN, "created_at": utc(self.now - ago), "corpus_digest": "0" * 64,
            "settings_digest": "1" * 64, "documents": len(documents), "nodes": len(documents),
            "embedding": {"name": "default", "dimensions": 256}, "files": [entry_of(staging / DATABASE, DATABASE).model_dump()],
            **fields,
        }  # fmt: skip
        files.write_atomic(staging / "MANIFEST.json", sealed(values).model_dump_json().encode())
        store.publish(staging)
        return snapshot_id

    def spec(self, run: RunDir, document: dict[str, Any]) -> None:
        """Write spec.json as the engine does: the spec inside of a record."""
        record = {"schema_version": 1, "run_id": run.run_id, "spec_path": "jobs.yaml", "spec": document}
        files.write_atomic(run.spec, json.dumps(record).encode(), durable=False)


@pytest.fixture(scope="session")
def builder() -> type[Builder]:
    """The builder itself, for fixtures that live longer than one test."""
    return Builder


@pytest.fixture
def build(tmp_path: Path) -> Iterator[Builder]:
    builder = Builder(tmp_path)
    yield builder
    builder.close()


@pytest.fixture
def digest_of() -> Callable[[Path], str]:
    """A digest over names, modes, times and content of everything below a directory."""

    def digest(root: Path) -> str:
        found = hashlib.sha256()
        for path in sorted(root.rglob("*")):
            info = path.lstat()
            found.update(f"{path.relative_to(root)} {info.st_mode} {info.st_mtime_ns}".encode())
            if path.is_file():
                found.update(path.read_bytes())
        return found.hexdigest()

    return digest


class Page:
    """A page of the running app: what it shows as text and as nodes, without a browser."""

    def __init__(self, app: Any) -> None:
        self.app = app

    @property
    def data(self) -> dict[str, Any]:
        """What was sent to the component last."""
        (found,) = [element for element in self.elements() if element.type == "bidi_component"]
        document: dict[str, Any] = json.loads(found.proto.json)
        return document

    def elements(self) -> list[Any]:
        """Every element of every container."""
        found, waiting = [], list(self.app._tree.children.values())
        while waiting:
            element = waiting.pop()
            children = getattr(element, "children", None)
            waiting.extend(children.values() if children else [])
            if children is None:
                found.append(element)
        return found

    @property
    def text(self) -> str:
        """Every text in reading order."""
        return " ".join(" ".join(_texts(node)) for node in self.data["tree"])

    def nodes(self, tag: str) -> list[Any]:
        """Every node with this tag."""
        return [node for root in self.data["tree"] for node in _walk(root) if node[0] == tag]

    def look(self) -> Page:
        """Poll once."""
        self.app.run()
        return self


def _texts(node: Any) -> list[str]:
    return [node] if isinstance(node, str) else [text for child in node[2] for text in _texts(child)]


def _walk(node: Any) -> Iterator[Any]:
    if not isinstance(node, str):
        yield node
        for child in node[2]:
            yield from _walk(child)


class Drawing(Page):
    """A page as the compose functions make it: the same tree without Streamlit. `look` composes it again."""

    def __init__(self, compose: Callable[[], Any]) -> None:
        self._compose = compose
        self.look()

    def look(self) -> Drawing:
        """Poll once."""
        self.drawn = self._compose()
        self._data: dict[str, Any] = json.loads(json.dumps({"tree": h("div", self.drawn.tree)[2], "title": self.drawn.title}))
        return self

    @property
    def data(self) -> dict[str, Any]:
        """What would be sent to the component."""
        return self._data


@pytest.fixture
def draw_page(build: Builder) -> Callable[..., Drawing]:
    """Compose a page over the builder's state directory, with a query."""
    return partial(drawing, build)


@pytest.fixture
def draw_page_of() -> Callable[..., Drawing]:
    """Compose a page over the state directory of a builder that is passed in."""
    return drawing


def drawing(build: Builder, page: str = "now", **query: str) -> Drawing:
    """Compose a page as its route does."""
    store = Store(build.state)
    ask = {"text" if name == "q" else name: value for name, value in query.items() if name not in {"id", "first"}}
    first = int(query.get("first", 0))

    def compose() -> Any:
        match page:
            case "now":
                return now.now_page(store, now=time.time())
            case "run":
                return run.run_page(store, run.Asked(query.get("id", ""), first=first, **ask), now=time.time())
            case "runs":
                return runs.runs_page(store, runs.Asked(first=first, **ask))
            case "postings":
                asked = postings.Asked(posting=query.get("id", ""), first=first, **ask)
                return postings.postings_page(store, asked, root=build.root)
        return snapshots.snapshots_page(store, snapshots.Asked(**ask), root=build.root)

    return Drawing(compose)


@pytest.fixture(scope="session")
def packages_read_once() -> Iterator[None]:
    """Streamlit reads the metadata of every installed package when it starts, as an AppTest does at each look."""
    from streamlit.components.v2 import manifest_scanner

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(manifest_scanner, "scan_component_manifests", cache(manifest_scanner.scan_component_manifests))
        yield


@pytest.fixture
def open_page(build: Builder, monkeypatch: pytest.MonkeyPatch, packages_read_once: None) -> Callable[..., Page]:
    """Open a page of the app over the builder's state directory, with a query."""
    del packages_read_once
    from streamlit.testing.v1 import AppTest

    def open_(page: str = "now", **query: str) -> Page:
        arguments = ["app.py", "--state-dir", str(build.state.path), "--root", str(build.root)]
        monkeypatch.setattr("sys.argv", arguments)
        app = AppTest.from_file(str(APP), default_timeout=30)
        if page != "now":
            app.switch_page(f"routes/{page}.py")
        for name, value in query.items():
            app.query_params[name] = value
        gc.freeze()  # Streamlit collects after each run; what pytest has imported makes that slow, not the app.
        app.run()
        assert not app.exception, app.exception
        return Page(app)

    return open_


@contextmanager
def started(folder: Path, *arguments: str) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """Start the verb as a user does; yield the process and the address that it prints, once the page answers there."""
    command = [sys.executable, "-m", "orchestrator", "dashboard", *arguments]
    environment = {**os.environ, "HOME": str(folder), "PYTHONPATH": str(APP.parents[1])}
    pipes: dict[str, Any] = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    with subprocess.Popen(command, cwd=folder, env=environment, **pipes) as process:
        try:
            assert process.stdout is not None
            line = process.stdout.readline()
            address = next((word for word in line.split() if word.startswith("http://")), "")
            assert address, process.communicate()
            assert _wait(lambda: process.poll() is None and _answers(address), 60), process.poll()
            yield process, address
        finally:
            process.kill()


def _answers(address: str) -> bool:
    try:
        with urllib.request.urlopen(address, timeout=2) as reply:
            return bool(reply.status == 200)
    except (OSError, HTTPException):  # The latter from itself: Linux may connect so where nobody listens.
        return False


def _wait(holds: Callable[[], bool], patience: float) -> bool:
    end, pause = time.monotonic() + patience, threading.Event()
    while not (found := holds()) and time.monotonic() < end:
        pause.wait(0.1)
    return found


@pytest.fixture
def launch() -> Callable[..., Any]:
    """Start `orchestrate dashboard` in a folder, as a context manager: the process and its address."""
    return started


@pytest.fixture(scope="session")
def serve() -> Callable[[Path], Any]:
    """Start the dashboard of a project on a free port, as a context manager: its address."""

    @contextmanager
    def serving(folder: Path) -> Iterator[str]:
        with closing(socket.socket()) as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        with started(folder, "--port", str(port), "--refresh", "0.5") as (_, address):
            yield address

    return serving

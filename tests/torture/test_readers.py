"""Readers that poll as fast as they can while a run writes: nothing torn, missing or backward."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from orchestrator import files
from orchestrator.engine.recorder import Recorder
from orchestrator.errors import NotFound, UnreadableState
from orchestrator.redact import Redactor
from orchestrator.status import read
from orchestrator.status.journal import Event
from orchestrator.status.layout import RunDir, StateDir
from orchestrator.status.models import InFlight, Items, JobStatus, RunStatus
from orchestrator.status.states import Shown, State

AT = "2026-01-01T00:00:00.000Z"
RUN = "20260101T000000.000Z-00000000"


class Moving:
    """A clock that is always a cadence ahead."""

    def __init__(self) -> None:
        self.now = 0.0

    def monotonic(self) -> float:
        self.now += 5.0
        return self.now

    def time(self) -> float:
        return 1e9 + self.now


def _status() -> RunStatus:
    flight = [InFlight(key=f"company-{number}", started_at=AT, note="n" * 150) for number in range(20)]
    job = JobStatus(name="drill", kind="drill", state=State.RUNNING, in_flight=flight, items=Items(total=10**9))
    fields: dict[str, Any] = {"run_id": RUN, "spec_path": "jobs.yaml", "spec_digest": "0", "created_at": AT, "updated_at": AT}
    return RunStatus(**fields, state=State.RUNNING, host=socket.gethostname(), pid=1, jobs=[job])


class Watcher:
    """Polls a run and counts what must not be."""

    def __init__(self, directory: RunDir) -> None:
        self.reads = self.torn = self.missing = self.backward = self.ended = 0
        self._directory = directory
        self._last = (0, 0)

    def poll(self) -> None:
        self.reads += 1
        try:
            seen = read.look(self._directory)
        except UnreadableState:
            self.torn += 1
            return
        except NotFound:
            self.missing += 1
            return
        now = (seen.status.revision, seen.status.jobs[0].items.done)
        self.backward += now[0] < self._last[0] or now[1] < self._last[1]
        self.ended += seen.state is not Shown.RUNNING
        self._last = now

    @property
    def bad(self) -> int:
        return self.torn + self.missing + self.backward + self.ended


def _write(directory: RunDir, over: threading.Event) -> None:
    status = _status()
    clock = Moving()
    recorder = Recorder(directory, status, clock, Redactor(), lambda text: None)
    while not over.is_set():
        recorder.event(Event.ITEM_FINISHED, job="drill", item="x", state="succeeded")
        status.jobs[0].items.done += 1
        recorder.tick(clock.monotonic(), lambda: status)
    recorder.close()


def _duel(directory: RunDir, write: Callable[[RunDir, threading.Event], None], polls: int) -> Watcher:
    over = threading.Event()
    writer = threading.Thread(target=write, args=(directory, over))
    watcher = Watcher(directory)
    with files.Lock.acquire(directory.lease):
        files.write_atomic(directory.status, _status().model_dump_json().encode())
        writer.start()
        for _ in range(polls):
            watcher.poll()
        over.set()
        writer.join()
    return watcher


def _directory(folder: Path) -> RunDir:
    directory = StateDir(folder).run(RUN)
    directory.path.mkdir(parents=True)
    return directory


def test_no_read_is_torn_missing_or_backward(
    tmp_path: Path, rounds: Callable[[int], Iterator[int]], tell: Callable[[str], None]
) -> None:
    reads = 0
    for number in rounds(1):
        watcher = _duel(_directory(tmp_path / str(number)), _write, 2_000)
        assert watcher.bad == 0, vars(watcher)
        reads += watcher.reads
    tell(f"0 torn, missing or backward of {reads} reads")


def test_the_same_readers_notice_a_writer_that_writes_in_place(tmp_path: Path) -> None:
    def write_in_place(directory: RunDir, over: threading.Event) -> None:
        status = _status()
        while not over.is_set():
            status.revision += 1
            with directory.status.open("wb", buffering=0) as file:
                data = status.model_dump_json().encode()
                file.write(data[:1_000])
                file.write(data[1_000:])

    assert _duel(_directory(tmp_path), write_in_place, 2_000).torn > 0


def test_the_same_readers_notice_a_revision_that_goes_back(tmp_path: Path) -> None:
    def go_back(directory: RunDir, over: threading.Event) -> None:
        status = _status()
        while not over.is_set():
            status.revision = (status.revision + 1) % 3
            files.write_atomic(directory.status, status.model_dump_json().encode(), durable=False)

    assert _duel(_directory(tmp_path), go_back, 2_000).backward > 0

"""The recorder: the journal before the status, the status at the cadence, and trouble told once."""

from __future__ import annotations

import errno
import json
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from orchestrator import files
from orchestrator.engine.recorder import COMMIT_SECONDS, Recorder
from orchestrator.errors import StorageError
from orchestrator.redact import Redactor
from orchestrator.status import journal, models
from orchestrator.status.journal import Event
from orchestrator.status.layout import RunDir
from orchestrator.status.models import JobStatus, RunStatus
from orchestrator.status.read import parse_status
from orchestrator.status.states import State

CANARY = "c4n4ry-7f3a1b2c"
AT = "2026-01-01T00:00:00.000Z"


@dataclass
class Desk:
    """A recorder on a clock that the test moves, and what it told a person."""

    recorder: Recorder
    directory: RunDir
    status: RunStatus
    told: list[str] = field(default_factory=list)
    now: float = 0.0

    def monotonic(self) -> float:
        return self.now

    def time(self) -> float:
        return 1e9 + self.now

    def tick(self, step: float = 0.0) -> None:
        self.now += step
        self.recorder.tick(self.now, lambda: self.status)

    def finish_item(self, number: int) -> None:
        self.recorder.event(Event.ITEM_FINISHED, job="drill", item=f"item-{number}", state="succeeded")
        self.status.jobs[0].items.done = self.status.jobs[0].items.succeeded = number + 1

    @property
    def written(self) -> RunStatus:
        return parse_status(self.directory.status.read_bytes())

    @property
    def finished(self) -> int:
        return sum(entry.event is Event.ITEM_FINISHED for entry in journal.read(self.directory.journal).entries)


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    fields: dict[str, Any] = {"run_id": "20260101T000000.000Z-00000000", "spec_path": "jobs.yaml", "spec_digest": "0"}
    jobs = [JobStatus(name="drill", kind="drill", state=State.RUNNING)]
    status = RunStatus(**fields, state=State.RUNNING, created_at=AT, updated_at=AT, host="here", pid=1, jobs=jobs)
    made = Desk(None, RunDir(tmp_path), status)  # type: ignore[arg-type]
    made.recorder = Recorder(made.directory, status, made, Redactor([CANARY]), made.told.append)
    yield made
    made.recorder.close()


def _fail_writes_of(monkeypatch: pytest.MonkeyPatch, name: str, error: int) -> None:
    """Let every write to a file whose name contains `name` fail, as a full or broken disk would."""
    write = os.write

    def faulty(descriptor: int, data: Any) -> int:
        if name in Path(f"/proc/self/fd/{descriptor}").readlink().name:
            raise OSError(error, os.strerror(error))
        return write(descriptor, data)

    monkeypatch.setattr(os, "write", faulty)


def test_a_thousand_updates_in_five_seconds_cause_no_more_writes_than_the_cadence_allows(desk: Desk) -> None:
    for number in range(1_000):
        desk.finish_item(number)
        desk.tick(0.005)
    cadence = desk.status.progress_every - COMMIT_SECONDS / 2
    assert desk.written.revision <= 5.0 / cadence + 1
    assert desk.finished >= 900


def test_a_change_of_phase_causes_one_write_more_and_at_once(desk: Desk) -> None:
    desk.tick(0.05)
    before = desk.written.revision
    desk.status.jobs[0].phase = "commit"
    desk.recorder.changed()
    desk.tick(0.1)
    assert (desk.written.revision, desk.written.jobs[0].phase) == (before + 1, "commit")
    desk.tick(0.1)
    assert desk.written.revision == before + 1


def test_a_storm_of_changes_is_held_back_and_its_last_one_is_written(desk: Desk) -> None:
    for number in range(1_000):
        desk.status.jobs[0].message = f"change {number}"
        desk.recorder.changed()
        desk.tick(0.001)
    desk.tick(0.1)
    assert desk.written.revision <= 12
    assert desk.written.jobs[0].message == "change 999"


@pytest.mark.parametrize("cadence", [0.2, 2.0, 3.0])
def test_the_status_is_refreshed_at_the_cadence_also_when_nothing_happens(desk: Desk, cadence: float) -> None:
    desk.status.progress_every = cadence
    gaps, before = [], 0.0
    desk.tick()
    revision = desk.written.revision
    for _ in range(160):
        desk.tick(0.05)
        if desk.written.revision != revision:
            revision = desk.written.revision
            gaps.append(desk.now - before)
            before = desk.now
    assert max(gaps) <= cadence + 0.051
    assert len(gaps) >= 8 / (cadence + 0.1) - 1


def test_no_status_is_written_before_its_events_are_in_the_journal(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    write, compared = files.write_atomic, []

    def compare(path: Path, data: bytes, **options: Any) -> None:
        compared.append((json.loads(data)["jobs"][0]["items"]["done"], desk.finished))
        write(path, data, **options)

    monkeypatch.setattr(files, "write_atomic", compare)
    for number in range(200):
        desk.finish_item(number)
        desk.tick(0.06)
    desk.recorder.settle(desk.status)
    assert len(compared) >= 5
    assert all(shown <= durable for shown, durable in compared)
    assert compared[-1] == (200, 200)


def test_events_reach_the_disk_within_the_group_commit(desk: Desk) -> None:
    desk.tick(1.0)
    desk.finish_item(0)
    desk.tick(0.05)
    assert desk.finished == 0
    desk.tick(COMMIT_SECONDS)
    assert desk.finished == 1


def test_the_revision_only_grows(desk: Desk) -> None:
    seen = []
    for _ in range(20):
        desk.tick(2.0)
        seen.append(desk.written.revision)
    desk.recorder.settle(desk.status)
    seen.append(desk.written.revision)
    assert seen == list(range(1, 22))


@pytest.mark.parametrize("error", [errno.ENOSPC, errno.EIO, errno.EROFS])
def test_a_status_that_cant_be_written_doesnt_stop_the_run_and_is_told_once(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, error: int
) -> None:
    desk.tick(2.0)
    before = desk.directory.status.read_bytes()
    with monkeypatch.context() as patch:
        _fail_writes_of(patch, "status.json", error)
        for number in range(5):
            desk.finish_item(number)
            desk.tick(2.0)
    assert desk.directory.status.read_bytes() == before
    assert desk.recorder.failed_writes == 5
    assert len(desk.told) == 1
    assert "status" in desk.told[0]
    assert desk.finished == 5
    desk.tick(2.0)
    assert desk.written.jobs[0].items.done == 5


def test_a_journal_that_cant_be_written_is_told_once_and_no_status_runs_ahead_of_it(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk.tick(2.0)
    with monkeypatch.context() as patch:
        _fail_writes_of(patch, "journal", errno.ENOSPC)
        for number in range(5):
            desk.finish_item(number)
            desk.tick(2.0)
        assert desk.recorder.journal_error is not None
        assert desk.written.jobs[0].items.done == 0
        with pytest.raises(StorageError):
            desk.recorder.settle(desk.status)
    assert len(desk.told) == 1
    assert "journal" in desk.told[0]
    desk.tick(2.0)
    assert (desk.finished, desk.written.jobs[0].items.done) == (5, 5)


def test_the_last_words_get_the_reserve_when_the_disk_is_full(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """The disk is as full as the reserve leaves it: writes fail until the reserve's file is gone."""
    write = os.write
    reserve = desk.directory.path / ".reserve"
    assert reserve.stat().st_blocks * 512 >= 64 * 1024

    def full(descriptor: int, data: Any) -> int:
        if reserve.exists():
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return write(descriptor, data)

    monkeypatch.setattr(os, "write", full)
    desk.status.state = State.FAILED
    desk.recorder.event(Event.RUN_FINISHED, state="failed")
    desk.recorder.settle(desk.status)
    assert desk.written.state is State.FAILED
    assert journal.read(desk.directory.journal).entries[-1].event is Event.RUN_FINISHED


def test_a_secret_in_an_event_a_warning_or_the_status_reaches_no_file(desk: Desk) -> None:
    desk.recorder.event(Event.ITEM_FINISHED, job="drill", item=f"x {CANARY}", detail={"error": {"message": f"y {CANARY}"}})
    desk.recorder.warn(f"z {CANARY}", "drill")
    desk.status.jobs[0].message = f"m {CANARY}"
    desk.status.jobs[0].failures.append(models.FailedItem(key=f"k {CANARY}", code="x", message=CANARY))
    desk.tick(2.0)
    desk.recorder.settle(desk.status)
    texts = [path.read_text(encoding="utf-8") for path in (desk.directory.status, desk.directory.journal)]
    assert all("***" in text for text in texts)
    assert all(CANARY not in text for text in texts)


def test_warnings_are_capped_and_the_overflow_is_counted(desk: Desk) -> None:
    for number in range(100):
        desk.recorder.warn(f"warning {number}\nin two lines", "drill")
    desk.recorder.settle(desk.status)
    assert (len(desk.written.warnings), desk.written.warnings_total) == (models.MOST_WARNINGS, 100)
    assert desk.written.warnings[0] == "drill: warning 0 in two lines"


def test_the_status_of_fifty_jobs_on_a_bad_day_stays_within_64_kib(desk: Desk) -> None:
    text = "m" * models.MESSAGE_LENGTH
    desk.status.jobs = [
        JobStatus(
            name=f"job-{number:02d}",
            kind="scrape",
            state=State.RUNNING,
            message=text,
            in_flight=[models.InFlight(key=f"company-{i:04d}", started_at=AT, note=text) for i in range(models.MOST_IN_FLIGHT)],
            in_flight_total=128,
            failures=[
                models.FailedItem(key=f"company-{i:04d}", code="http-500", message=text, hint=text)
                for i in range(models.MOST_FAILURES)
            ],
            failures_total=1_000,
            error=models.JobError(code="http-500", message=text, hint=text),
        )
        for number in range(50)
    ]
    for number in range(50):
        desk.recorder.warn(f"{number} " + "w" * 400)
    desk.recorder.settle(desk.status)
    assert desk.directory.status.stat().st_size <= 64 * 1024
    assert len(desk.written.jobs) == 50
    assert {job.failures_total for job in desk.written.jobs} == {1_000}
    assert {job.in_flight_total for job in desk.written.jobs} == {128}


def test_events_of_many_threads_are_all_recorded_in_one_order(desk: Desk, later: Callable[..., Any]) -> None:
    def record(start: int) -> None:
        for number in range(start, start + 500):
            desk.recorder.event(Event.ITEM_FINISHED, job="drill", item=f"item-{number}", state="succeeded")

    threads = [later(record, start) for start in range(0, 4_000, 500)]
    while any(thread.is_alive() for thread in threads):
        desk.tick(0.3)
    desk.recorder.settle(desk.status)
    entries = journal.read(desk.directory.journal).entries
    assert [entry.seq for entry in entries] == list(range(1, 4_001))
    assert {entry.item for entry in entries} == {f"item-{number}" for number in range(4_000)}

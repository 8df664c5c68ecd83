"""The status of a run made again from its journal, whatever is left of it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from orchestrator import files
from orchestrator.errors import NewerState, NotFound, UnreadableState
from orchestrator.status import read
from orchestrator.status.journal import Event, JournalWriter
from orchestrator.status.layout import RunDir, StateDir
from orchestrator.status.rebuild import rebuilt, restore
from orchestrator.status.states import Shown

AT = "2026-01-01T00:00:00.000Z"


@pytest.fixture
def run(tmp_path: Path) -> RunDir:
    """Return a run that was cut off: a spec, two finished items, and nothing else."""
    made = StateDir(tmp_path).run("20260101T000000.000Z-00000000")
    made.path.mkdir(parents=True)
    jobs = {"drill": {"kind": "drill"}}
    head = {"schema_version": 1, "spec_path": "jobs.yaml", "spec_digest": "0", "engine": "threads"}
    made.spec.write_text(json.dumps({**head, "jobs": list(jobs), "spec": {"jobs": jobs}}), encoding="utf-8")
    made.lease.touch()
    failure = {"error": {"code": "x", "message": "no", "hint": "look"}}
    _record(made, (Event.RUN_STARTED, {}), (Event.JOB_STARTED, {"job": "drill", "attempt": 1}))
    _record(made, (Event.ITEM_FINISHED, {"job": "drill", "item": "a", "state": "succeeded"}))
    _record(made, (Event.ITEM_FINISHED, {"job": "drill", "item": "b", "state": "failed", "detail": failure}))
    return made


def _record(run: RunDir, *events: tuple[Event, dict[str, Any]]) -> None:
    writer = JournalWriter(run.journal)
    for event, fields in events:
        writer.record(AT, event, **fields)
    writer.flush()
    writer.close()


def test_a_run_that_was_cut_off_is_interrupted_with_the_counts_of_its_journal(run: RunDir) -> None:
    seen = rebuilt(run)
    (job,) = seen.status.jobs
    assert (seen.state, seen.status.attempt) == (Shown.INTERRUPTED, 1)
    assert (job.items.done, job.items.succeeded, job.items.failed, job.failures_total) == (2, 1, 1, 1)
    assert (job.failures[0].key, job.failures[0].message, job.failures[0].hint) == ("b", "no", "look")


def test_while_the_process_lives_it_is_running(run: RunDir) -> None:
    with files.Lock.acquire(run.lease):
        assert rebuilt(run).state is Shown.RUNNING


def test_a_file_that_was_lost_or_damaged_is_written_again_and_a_sound_one_stays(run: RunDir) -> None:
    for damaged in (None, b"{", b"[]"):
        if damaged is not None:
            run.status.write_bytes(damaged)
        assert restore(run).state is Shown.INTERRUPTED
        assert read.look(run).status.jobs[0].items.done == 2
        assert read.look(run).state is Shown.INTERRUPTED
    before = run.status.read_bytes()
    _record(run, (Event.ITEM_FINISHED, {"job": "drill", "item": "c", "state": "succeeded"}))
    assert restore(run).status.jobs[0].items.done == 3
    assert run.status.read_bytes() == before


def test_while_the_process_lives_only_it_writes_the_file(run: RunDir) -> None:
    with files.Lock.acquire(run.lease):
        assert restore(run).state is Shown.RUNNING
    assert not run.status.exists()


def test_the_file_of_a_newer_version_is_left_alone(run: RunDir) -> None:
    newer = b'{"schema_version": 99}'
    run.status.write_bytes(newer)
    with pytest.raises(NewerState):
        restore(run)
    assert run.status.read_bytes() == newer


def test_a_cancel_that_was_noticed_shows(run: RunDir) -> None:
    _record(run, (Event.CANCEL_REQUESTED, {"detail": {"reason": "cancelled", "mode": "graceful"}}))
    with files.Lock.acquire(run.lease):
        assert rebuilt(run).state is Shown.STOPPING


def test_a_finished_run_has_the_state_that_its_journal_says(run: RunDir) -> None:
    _record(run, (Event.RUN_FINISHED, {"state": "partial"}))
    assert rebuilt(run).state is Shown.PARTIAL


def test_nothing_is_written(run: RunDir) -> None:
    before = {path: path.stat().st_mtime_ns for path in run.path.iterdir()}
    rebuilt(run)
    assert {path: path.stat().st_mtime_ns for path in run.path.iterdir()} == before


def test_without_journal_or_spec_a_sentence_says_what_is_missing(run: RunDir) -> None:
    run.spec.write_text("{", encoding="utf-8")
    with pytest.raises(UnreadableState, match=r"spec\.json"):
        rebuilt(run)
    run.journal.unlink()
    with pytest.raises(NotFound, match="journal"):
        rebuilt(run)

"""Resuming: what the journal knows isn't repeated, whatever ended the run before, and nothing is changed by a refusal."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest

from orchestrator import files
from orchestrator.deadline import WorkContext
from orchestrator.engine.prepare import new_run, resumed_run
from orchestrator.errors import Failure, NotResumable, TargetBusy
from orchestrator.job import ItemOutcome, ItemState, Outcome, Unit, UnitResult
from orchestrator.spec.base import JobSpec
from orchestrator.status import journal
from orchestrator.status.journal import Event
from orchestrator.status.read import look
from orchestrator.status.states import Shown, State

Maker = Callable[..., Any]
JOBS = {"job": JobSpec(kind="stand-in-job")}


class Flaky:
    """Items of which some fail in the first run."""

    def __init__(self, function_job: Maker, bad: str = "bd", keys: str = "abcdef") -> None:
        self.bad = bad
        self.jobs: list[Any] = []
        self.tried: Counter[str] = Counter()
        self._function_job = function_job
        self._keys = keys

    def make(self) -> Any:
        self.jobs.append(self._function_job(items=tuple(self._keys), work=self.work))
        return self.jobs[-1]

    def work(self, unit: Unit, context: WorkContext) -> UnitResult:
        context.checkpoint()
        self.tried[unit.key] += 1
        failed = unit.key in self.bad
        state = ItemState.FAILED if failed else ItemState.SUCCEEDED
        return UnitResult((ItemOutcome(unit.key, state, error=Failure("x", "no") if failed else None),))


def test_a_resumed_run_does_what_failed_and_reports_what_it_adopted(a_run: Maker, function_job: Maker) -> None:
    items = Flaky(function_job)
    first = a_run(JOBS, {"job": items.make}).execute()
    assert first.job.state is State.PARTIAL
    items.bad = ""
    second = a_run(JOBS, {"job": items.make}, resumes=first).execute()
    assert items.tried == Counter(a=1, b=2, c=1, d=2, e=1, f=1)
    assert second.directory == first.directory
    assert (second.status.state, second.status.attempt, second.job.attempt) == (State.SUCCEEDED, 2, 2)
    assert (second.job.items.total, second.job.items.succeeded, second.job.items.failed) == (6, 6, 0)
    assert second.job.adopted == 4
    assert second.status.revision > first.revisions[-1].revision
    assert second.status.created_at == first.status.created_at


def test_the_journal_of_a_resumed_run_goes_on_and_keeps_its_history(a_run: Maker, function_job: Maker) -> None:
    items = Flaky(function_job)
    first = a_run(JOBS, {"job": items.make}).execute()
    before = first.directory.journal.read_bytes()
    second = a_run(JOBS, {"job": items.make}, resumes=first).execute()
    assert second.directory.journal.read_bytes().startswith(before)
    assert len(second.events(Event.RUN_STARTED)) == 2
    assert [entry.seq for entry in second.entries] == list(range(1, len(second.entries) + 1))


def test_the_spec_of_a_run_is_never_written_again(a_run: Maker, function_job: Maker) -> None:
    items = Flaky(function_job)
    first = a_run(JOBS, {"job": items.make}).execute()
    before = (first.directory.spec.read_bytes(), first.directory.spec.stat().st_mtime_ns)
    a_run(JOBS, {"job": items.make}, resumes=first).execute()
    assert (first.directory.spec.read_bytes(), first.directory.spec.stat().st_mtime_ns) == before


@pytest.mark.parametrize("cut", range(0, 100, 7))
def test_from_a_journal_cut_anywhere_the_rest_is_done_and_the_end_is_the_same(
    a_run: Maker, function_job: Maker, cut: int
) -> None:
    """What a kill leaves: a journal that ends anywhere, and a status that isn't final."""
    items = Flaky(function_job, bad="")
    first = a_run(JOBS, {"job": items.make}).execute()
    whole = first.directory.journal.read_bytes()
    first.directory.journal.write_bytes(whole[: len(whole) * cut // 100])
    kept = journal.read(first.directory.journal).entries
    known = {entry.item for entry in kept if entry.event is Event.ITEM_FINISHED}
    ended = any(entry.event is Event.JOB_FINISHED for entry in kept)
    running = {"state": State.RUNNING}
    status = first.status.model_copy(update={**running, "jobs": [first.job.model_copy(update=running)]})
    first.directory.status.write_text(status.model_dump_json(), encoding="utf-8")
    assert look(first.directory).state is Shown.INTERRUPTED
    items.tried.clear()
    second = a_run(JOBS, {"job": items.make}, resumes=first).execute()
    assert set(items.tried) == (set() if ended else set("abcdef") - known)
    assert (second.status.state, second.job.items.succeeded, second.job.items.total) == (State.SUCCEEDED, 6, 6)


def test_jobs_that_succeeded_stay_as_they_are(a_run: Maker, function_job: Maker) -> None:
    jobs = {"good": JobSpec(kind="stand-in-good"), "bad": JobSpec(kind="stand-in-bad")}
    outcomes = iter([Outcome({"n": 1}), Outcome(error=Failure("x", "no")), Outcome({"n": 2})])
    good = Flaky(function_job, bad="")
    makes = {"good": good.make, "bad": lambda: function_job(on_commit=lambda context: next(outcomes))}
    next(outcomes)
    first = a_run(jobs, makes).execute()
    finished_at = first.status.job("good").finished_at
    second = a_run(jobs, makes, resumes=first).execute()
    assert second.status.state is State.SUCCEEDED
    assert len(good.jobs) == 1
    assert second.status.job("good").finished_at == finished_at
    assert second.status.job("bad").result == {"n": 2}


def test_a_resumed_run_forgets_the_request_that_ended_it(a_run: Maker, function_job: Maker) -> None:
    items = Flaky(function_job, bad="")
    first = a_run(JOBS, {"job": items.make})
    first.directory.cancel.write_text('{"mode": "graceful"}', encoding="utf-8")
    first.execute()
    assert first.status.state is State.CANCELLED
    second = a_run(JOBS, {"job": items.make}, resumes=first).execute()
    assert (second.status.state, second.status.cancel) == (State.SUCCEEDED, None)
    assert sum(items.tried.values()) == 6


def test_a_run_that_succeeded_cant_be_resumed(a_run: Maker, function_job: Maker) -> None:
    done = a_run(JOBS, {"job": function_job}).execute()
    with pytest.raises(NotResumable, match="succeeded"):
        resumed_run(done.request, done.directory, accept_changed_spec=False)


def test_a_changed_spec_is_refused_unless_it_is_accepted_and_a_refusal_changes_nothing(
    a_run: Maker, function_job: Maker, request_of: Maker
) -> None:
    items = Flaky(function_job)
    first = a_run(JOBS, {"job": items.make}).execute()
    before = {path: path.read_bytes() for path in first.directory.path.iterdir()}
    changed = request_of({"job": JobSpec(kind="stand-in-job", concurrency=2)})
    with pytest.raises(NotResumable, match="changed"):
        resumed_run(changed, first.directory, accept_changed_spec=False)
    assert {path: path.read_bytes() for path in first.directory.path.iterdir()} == before
    prepared = resumed_run(changed, first.directory, accept_changed_spec=True)
    prepared.holds.close()
    assert prepared.status.spec_digest == changed.resolved.digest


def test_a_run_that_lives_cant_be_resumed(a_run: Maker, function_job: Maker) -> None:
    live = a_run(JOBS, {"job": function_job})
    with pytest.raises(NotResumable, match="still"):
        resumed_run(live.request, live.directory, accept_changed_spec=False)


def test_of_two_that_resume_the_same_run_one_gets_it(a_run: Maker, function_job: Maker) -> None:
    items = Flaky(function_job)
    first = a_run(JOBS, {"job": items.make}).execute()
    holder = resumed_run(first.request, first.directory, accept_changed_spec=False)
    with holder.holds, pytest.raises((NotResumable, TargetBusy)):
        resumed_run(first.request, first.directory, accept_changed_spec=False)


def test_a_run_whose_status_file_is_lost_is_resumed_from_its_journal(a_run: Maker, function_job: Maker) -> None:
    items = Flaky(function_job)
    first = a_run(JOBS, {"job": items.make}).execute()
    first.directory.status.write_bytes(b"{ torn")
    items.bad = ""
    second = a_run(JOBS, {"job": items.make}, resumes=first).execute()
    assert second.status.state is State.SUCCEEDED
    assert items.tried["a"] == 1


def test_a_new_run_that_finds_its_target_held_leaves_nothing_behind(
    request_of: Maker, tmp_path: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    from orchestrate_drill import DrillSpec

    monkeypatch.chdir(tmp_path)
    request = request_of({"drill": DrillSpec(kind="drill", output="out.txt")})
    with (
        files.Lock.acquire(tmp_path / ".out.txt.lock", "run 1, process 2"),
        pytest.raises(TargetBusy, match="run 1, process 2"),
    ):
        new_run(request)
    runs = tmp_path / ".orchestrate" / "runs"
    assert not runs.exists() or list(runs.iterdir()) == []
    with new_run(request).holds:
        assert len(list(runs.iterdir())) == 1


def test_the_spec_of_a_run_names_what_was_wanted(a_run: Maker, function_job: Maker) -> None:
    done = a_run(JOBS, {"job": function_job}).execute()
    document = json.loads(done.directory.spec.read_bytes())
    assert document["schema_version"] == 1
    assert (document["run_id"], document["jobs"], document["engine"]) == (done.status.run_id, ["job"], "threads")
    assert document["spec_digest"] == done.status.spec_digest

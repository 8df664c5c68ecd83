"""What a job's state follows from: item outcomes, the allowance, and what the kind said; counts add up, percent only grows."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from orchestrator.deadline import Deadline, WorkContext
from orchestrator.engine.estimate import Estimate
from orchestrator.engine.jobrun import JobRun
from orchestrator.engine.run import exit_code
from orchestrator.errors import Failure
from orchestrator.job import Change, ItemOutcome, ItemState, Outcome, Plan, PlannedItem, Unit, UnitResult
from orchestrator.spec.base import JobSpec
from orchestrator.status.models import JobStatus, RunStatus
from orchestrator.status.states import State

Maker = Callable[..., Any]
AT = "2026-01-01T00:00:00.000Z"
FAILED = Failure("drill", "no", "hint")


def _run_with(run_job: Maker, function_job: Maker, states: list[ItemState], outcome: Outcome | None = None, **spec: Any) -> Any:
    keys = [f"item-{number:03d}" for number in range(len(states))]
    wanted = dict(zip(keys, states, strict=True))

    def work(unit: Unit, context: WorkContext) -> UnitResult:
        context.checkpoint()
        state = wanted[unit.key]
        return UnitResult((ItemOutcome(unit.key, state, error=FAILED if state is ItemState.FAILED else None),))

    return run_job(function_job(items=keys, work=work, on_commit=lambda context: outcome), **spec)


GOOD, BAD = ItemState.SUCCEEDED, ItemState.FAILED


@pytest.mark.parametrize(
    ("states", "allowed", "outcome", "expected", "code"),
    [
        ([GOOD, GOOD], 0, None, State.SUCCEEDED, 0),
        ([GOOD, BAD], 0, None, State.PARTIAL, 1),
        ([BAD, BAD], 0, None, State.FAILED, 1),
        ([GOOD, BAD], 1, None, State.SUCCEEDED, 0),
        ([GOOD, BAD], "50%", None, State.SUCCEEDED, 0),
        ([GOOD, BAD, BAD], "50%", None, State.PARTIAL, 1),
        ([BAD, BAD], "100%", None, State.SUCCEEDED, 0),
        ([ItemState.SKIPPED, ItemState.UNCHANGED], 0, None, State.SUCCEEDED, 0),
        ([ItemState.SKIPPED, BAD], 0, None, State.PARTIAL, 1),
        ([], 0, None, State.SUCCEEDED, 0),
        ([GOOD], 0, Outcome(partial=True, message="held"), State.PARTIAL, 1),
        ([GOOD], 0, Outcome(error=FAILED), State.FAILED, 1),
        ([GOOD, BAD], 1, Outcome(error=FAILED), State.FAILED, 1),
        ([GOOD, BAD], 1, Outcome(partial=True), State.PARTIAL, 1),
    ],
)
def test_the_state_of_a_job_follows_from_its_items_and_from_what_its_kind_said(
    run_job: Maker, function_job: Maker, states: list[ItemState], allowed: Any, outcome: Any, expected: State, code: int
) -> None:
    done = _run_with(run_job, function_job, states, outcome, max_failures=allowed)
    assert (done.job.state, done.exit_code) == (expected, code)
    assert done.job.percent == 100.0 if expected is State.SUCCEEDED else done.job.percent != 100.0
    assert (done.job.error is not None) == (expected is State.FAILED)


@settings(max_examples=10, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(states=st.lists(st.sampled_from(ItemState), max_size=30), size=st.integers(1, 4))
def test_counts_add_up_in_every_revision_and_never_go_back(
    run_job: Maker, function_job: Maker, tmp_path: Any, states: list[ItemState], size: int
) -> None:
    _empty(tmp_path)
    done = _run_with(run_job, function_job, states, concurrency=size, max_failures="100%")
    counted = Counter(states)
    before = 0
    for revision in [*done.revisions, done.status]:
        items = revision.jobs[0].items
        assert items.done == items.succeeded + items.failed + items.skipped + items.unchanged
        assert items.total is None or items.done <= items.total == len(states)
        assert items.done >= before
        before = items.done
    assert {state: getattr(items, state.value) for state in ItemState} == {state: counted[state] for state in ItemState}
    percents = [revision.jobs[0].percent or 0.0 for revision in done.revisions]
    assert percents == sorted(percents)
    assert all(percent < 100 for percent, revision in zip(percents, done.revisions, strict=True) if not _final(revision))


def _final(revision: RunStatus) -> bool:
    return revision.jobs[0].state is State.SUCCEEDED


def _empty(folder: Any) -> None:
    import shutil

    shutil.rmtree(folder / ".orchestrate", ignore_errors=True)


def test_items_that_need_no_work_count_as_done_and_gone_ones_dont_count(run_job: Maker, function_job: Maker) -> None:
    changes = [Change.NEW, Change.CHANGED, Change.UNCHANGED, Change.UNCHANGED, Change.GONE]
    items = [PlannedItem(f"item-{number}", change) for number, change in enumerate(changes)]
    plan = Plan(items, [Unit(item.key, (item.key,)) for item in items[:2]], warnings=("something to know",))
    done = run_job(function_job(on_plan=lambda context: plan))
    counts = done.job.items
    assert (counts.total, counts.done, counts.succeeded, counts.unchanged) == (4, 4, 2, 2)
    assert any("something to know" in text for text in done.status.warnings)


def test_what_a_kind_counts_stands_in_the_status(run_job: Maker, function_job: Maker) -> None:
    done = run_job(function_job(counts=lambda: {"new": 2, "snapshot_id": "x"}))
    assert done.job.result == {"new": 2, "snapshot_id": "x"}
    done = run_job(function_job(on_commit=lambda context: Outcome({"new": 3}, message="three")))
    assert (done.job.result, done.job.message) == ({"new": 3}, "three")


def test_failed_items_are_listed_with_reason_and_hint_and_the_list_is_capped(run_job: Maker, function_job: Maker) -> None:
    done = _run_with(run_job, function_job, [BAD] * 50)
    assert (len(done.job.failures), done.job.failures_total) == (20, 50)
    first = done.job.failures[0]
    assert (first.code, first.message, first.hint) == ("drill", "no", "hint")
    assert done.job.error.code == "all-items-failed"


@pytest.mark.parametrize(
    ("states", "signal", "code"),
    [
        (["succeeded"], None, 0),
        (["succeeded", "skipped"], None, 0),
        (["partial"], None, 1),
        (["failed"], None, 1),
        (["timed_out"], None, 124),
        (["timed_out", "succeeded"], None, 124),
        (["timed_out", "skipped"], None, 124),
        (["timed_out", "failed"], None, 1),
        (["timed_out", "partial"], None, 1),
        (["cancelled"], None, 130),
        (["cancelled"], 2, 130),
        (["cancelled"], 15, 143),
        (["cancelled"], 1, 143),
        (["cancelled", "succeeded"], 15, 143),
    ],
)
def test_the_exit_code_is_that_of_the_contract(states: list[str], signal: int | None, code: int) -> None:
    from orchestrator.status.states import settle

    jobs = [JobStatus(name=f"job-{number}", kind="x", state=State(state)) for number, state in enumerate(states)]
    fields: dict[str, Any] = {"run_id": "x", "spec_path": "x", "spec_digest": "x", "created_at": AT, "updated_at": AT}
    status = RunStatus(**fields, host="x", pid=1, jobs=jobs, state=settle([job.state for job in jobs]))
    assert exit_code(status, signal) == code


def test_an_estimate_is_unknown_without_a_basis_and_right_with_one() -> None:
    estimate = Estimate()
    assert (estimate.rate(), estimate.left(10)) == (None, None)
    estimate.sample(0.0, 0)
    estimate.sample(0.5, 50)
    assert estimate.rate() is None, "half a second is no basis"
    estimate.sample(2.0, 200)
    assert estimate.rate() == pytest.approx(100)
    assert estimate.left(1_000) == pytest.approx(10)
    assert estimate.left(None) is None


def test_an_estimate_follows_the_last_half_minute_and_forgets_what_was_before() -> None:
    estimate = Estimate()
    for second in range(60):
        estimate.sample(float(second), second * 100)
    for second in range(60, 120):
        estimate.sample(float(second), 5_900 + (second - 59) * 10)
    assert estimate.rate() == pytest.approx(10, rel=0.05)
    estimate.sample(120.0, 0)
    assert estimate.rate() is None, "a new attempt begins without a basis"


class Hands:
    """A clock that the test moves, and a recorder that forgets."""

    now = 100.0

    def monotonic(self) -> float:
        return self.now

    def time(self) -> float:
        return 1e9 + self.now

    def event(self, *_: Any, **__: Any) -> None:
        """Forget it."""

    def changed(self) -> None:
        """Forget it."""


@pytest.mark.parametrize(("items", "said"), [(1_000, "will miss the deadline by 80 s"), (100, "")])
def test_an_estimate_beyond_the_deadline_is_said_and_one_within_isnt(items: int, said: str) -> None:
    hands: Any = Hands()
    run = JobRun("job", JobSpec(kind="x"), hands, hands, hands, JobStatus(name="job", kind="x"))
    run.begin(Deadline.after(20.0, hands))
    run.expect(items, Counter(), 0)
    for number in range(50):
        hands.now += 0.1
        run.item(ItemOutcome(f"item-{number}", ItemState.SUCCEEDED), 0.1, f"item-{number}")
        run.sample(hands.now)
    status = run.sample(hands.now)
    assert status.rate == pytest.approx(10, rel=0.03)
    assert status.eta_seconds == pytest.approx((items - 50) / 10, rel=0.03)
    assert status.message == said

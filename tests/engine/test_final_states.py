"""A job's last state is the last thing that is written of it: whoever sees it sees its error and result, too."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from orchestrator.deadline import WorkContext
from orchestrator.errors import JobError
from orchestrator.job import Outcome
from orchestrator.status.models import JobStatus
from orchestrator.status.states import FINAL, State

Maker = Callable[..., Any]


@pytest.fixture
def written(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, Any]]:
    """Return the fields of job statuses in the order in which they are set, from whichever thread."""
    fields: list[tuple[str, Any]] = []
    ours = JobStatus.__setattr__

    def note(status: JobStatus, name: str, value: Any) -> None:
        fields.append((name, value))
        ours(status, name, value)

    monkeypatch.setattr(JobStatus, "__setattr__", note)
    return fields


def _fail(context: WorkContext) -> None:
    raise JobError("the oven is cold", code="cold", hint="heat it")


ENDINGS = [
    (State.SUCCEEDED, {"on_commit": lambda context: Outcome({"loaves": 3}, message="baked")}),
    (State.PARTIAL, {"on_commit": lambda context: Outcome({"loaves": 3}, partial=True)}),
    (State.FAILED, {"on_commit": _fail, "counts": lambda: {"loaves": 2}}),
    (State.TIMED_OUT, {"on_commit": lambda context: context.sleep(20), "counts": lambda: {"loaves": 1}}),
]


@pytest.mark.parametrize(("state", "verbs"), ENDINGS, ids=lambda value: value.value if isinstance(value, State) else "")
def test_error_and_result_are_complete_before_the_state_turns_final(
    written: list[tuple[str, Any]], run_job: Maker, function_job: Maker, state: State, verbs: dict[str, Any]
) -> None:
    run = run_job(function_job(**verbs), timeout=0.3 if state is State.TIMED_OUT else 20.0)
    names = [name for name, _ in written]
    turned = next(at for at, (name, value) in enumerate(written) if name == "state" and value in FINAL)
    assert written[turned] == ("state", state)
    assert names[turned + 1 :] == [], "nothing of the job is written behind its last state"
    told = {"result", "items", "finished_at", "message", *(["error"] if state in {State.FAILED, State.TIMED_OUT} else [])}
    assert told <= set(names[:turned])
    assert (run.job.state, bool(run.job.result)) == (state, True)
    assert (run.job.error is not None) == (state in {State.FAILED, State.TIMED_OUT})


def test_a_reader_never_sees_a_last_state_without_its_error(run_job: Maker, function_job: Maker) -> None:
    run = run_job(function_job(on_commit=_fail))
    final = [each.jobs[0] for each in run.revisions if each.jobs[0].state in FINAL]
    assert final
    assert all(each.error is not None and each.error.code == "cold" and each.finished_at for each in final)

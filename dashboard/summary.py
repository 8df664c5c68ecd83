"""One old run in a few plain values: what a bar of the strip and a row of the list need."""

from __future__ import annotations

from dataclasses import dataclass

from dashboard.words import seconds_of
from orchestrator.errors import OrchestrateError
from orchestrator.status.models import RunStatus
from orchestrator.status.states import FINAL, Shown, State


@dataclass(frozen=True, slots=True)
class Summary:
    """A run in one line. `seconds` goes to the last sign of life while it isn't final."""

    run_id: str
    state: Shown
    final: bool
    started: str | None = None
    seconds: float | None = None
    name: str = ""
    trigger: str = ""
    jobs: tuple[str, ...] = ()
    jobs_done: int = 0
    items: int = 0
    failed: int = 0
    new: int = 0
    error: str = ""
    haystack: str = ""

    def matches(self, text: str) -> bool:
        """Whether the text stands in the run's id, name, trigger, jobs or error, whatever the case."""
        return text.casefold() in self.haystack


def summarize(run_id: str, state: Shown, status: RunStatus | None, problem: OrchestrateError | None) -> Summary:
    """Return the summary of a run; of one that can't be read, its problem."""
    if status is None:
        return Summary(run_id, state, final=False, error=problem.message if problem else "", haystack=run_id)
    names, error = [job.name for job in status.jobs], first_error(status)
    start, end = seconds_of(status.started_at), seconds_of(status.finished_at or status.updated_at)
    return Summary(
        run_id=run_id,
        state=state,
        final=status.state in FINAL,
        started=status.started_at or status.created_at,
        seconds=max(0.0, end - start) if start is not None and end is not None else None,
        name=status.name or "",
        trigger=status.trigger,
        jobs=tuple(names),
        jobs_done=sum(job.state in {State.SUCCEEDED, State.PARTIAL} for job in status.jobs),
        items=sum(job.items.done for job in status.jobs),
        failed=sum(job.items.failed for job in status.jobs),
        new=sum(value for job in status.jobs if isinstance(value := job.result.get("new"), int)),
        error=error,
        haystack="\n".join((run_id, status.name or "", status.trigger, error, *names)).casefold(),
    )


def first_error(status: RunStatus) -> str:
    """Return why the run isn't a success, in one line; empty if it is."""
    for job in status.jobs:
        if job.error is not None:
            return f"{job.name}: {job.error.message}"
    for job in status.jobs:
        if job.failures:
            return f"{job.name}: {job.failures[0].key}: {job.failures[0].message}"
    return ""

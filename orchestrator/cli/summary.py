"""Runs and jobs in words for a terminal: one line a job, failures, what changed and what to do next."""

from __future__ import annotations

import sys
from typing import Final

from orchestrator.cli import terminal
from orchestrator.spec.kinds import find_kind
from orchestrator.status.models import Count, JobStatus, RunStatus, seconds
from orchestrator.status.states import FINAL, Shown, State

MARKS: Final = {
    State.QUEUED: ("wait", "dim"),
    State.RUNNING: ("...", "cyan"),
    State.SUCCEEDED: ("ok", "green"),
    State.PARTIAL: ("part", "yellow"),
    State.FAILED: ("fail", "red"),
    State.TIMED_OUT: ("late", "red"),
    State.CANCELLED: ("stop", "yellow"),
    State.SKIPPED: ("skip", "dim"),
}
_SIGNS: Final = {"new": "+", "changed": "~", "closed": "-", "removed": "-"}
_QUIET_COUNTS: Final = frozenset({"requests", "retries", "bytes", "unchanged", "documents"})
MOST_FAILURES: Final = 5


def counts(result: dict[str, Count]) -> str:
    """Return what a job's result says changed: `+17 new  ~5 changed  -3 closed`."""
    parts = []
    for name, value in result.items():
        if name == "snapshot_id" and isinstance(value, str):
            parts.append(f"snapshot {value}")
        elif isinstance(value, int) and value and name not in _QUIET_COUNTS:
            parts.append(f"{_SIGNS.get(name, '')}{value} {name.replace('_', ' ')}")
    return "  ".join(parts)


def elapsed(started_at: str | None, finished_at: str | None) -> float | None:
    """Return seconds between two times of a file; None if one is missing."""
    if started_at is None or finished_at is None:
        return None
    return max(0.0, seconds(finished_at) - seconds(started_at))


def job_line(job: JobStatus, now: float, *, name_width: int = 10, gone: bool = False) -> str:
    """Return one job in one line; `now` is seconds since the epoch, `gone` says that its process doesn't live any more."""
    word, colour = ("gone", "red") if gone and job.state not in FINAL else MARKS[job.state]
    mark = terminal.style(f"{word:<5}", colour, sys.stderr)
    return f"{mark} {job.name:<{name_width}} {_job_text(job, None if gone else now)}".rstrip()


def _job_text(job: JobStatus, now: float | None) -> str:
    if job.state is State.QUEUED:
        return f"for {', '.join(job.needs)}" if job.needs else ""
    if job.started_at is None:
        return job.message
    kind = find_kind(job.kind)
    noun = kind.noun if kind else "items"
    total = "?" if job.items.total is None else str(job.items.total)
    parts = [f"{job.items.done}/{total} {noun}"]
    if job.state is State.RUNNING and now is not None:
        parts += _progress(job, now)
    else:
        parts += [counts(job.result), terminal.seconds(elapsed(job.started_at, job.finished_at))]
    return "  ".join(part for part in parts if part)


def _progress(job: JobStatus, now: float) -> list[str]:
    left = f"about {terminal.seconds(job.eta_seconds)} left" if job.eta_seconds else ""
    deadline = f"(deadline in {max(0.0, seconds(job.deadline_at) - now):.0f}s)" if job.deadline_at else ""
    percent = f"{int(job.percent)}%" if job.percent is not None else ""  # 99.9 isn't all of it.
    failed = f"{job.items.failed} failed" if job.items.failed else ""
    return [job.phase or "", percent, counts(job.result), failed, job.message or left, deadline]


def headline(status: RunStatus) -> str:
    """Return the first line of a run."""
    noun = "job" if len(status.jobs) == 1 else "jobs"
    attempt = f"   attempt {status.attempt}" if status.attempt > 1 else ""
    return f"run {status.run_id}   {status.spec_path}   {len(status.jobs)} {noun}{attempt}"


def conclusion(status: RunStatus) -> list[str]:
    """Return how a run ended: a sentence, failures first, warnings, and what to do next."""
    tally: dict[State, int] = {}
    for job in status.jobs:
        tally[job.state] = tally.get(job.state, 0) + 1
    words = ", ".join(f"{count} {state.value.replace('_', ' ')}" for state, count in tally.items())
    lines = [f"{words}   {terminal.seconds(elapsed(status.started_at, status.finished_at))}"]
    if status.attempt > 1:
        lines += [resumed(job) for job in status.jobs if job.attempt > 1]
    for job in status.jobs:
        lines += failures(job)
    lines += [f"  warning: {terminal.printable(text)}" for text in status.warnings]
    hidden = status.warnings_total - len(status.warnings)
    if hidden > 0:
        lines.append(f"  and {hidden} more warnings: orchestrate logs")
    return [*lines, f"next: {'   '.join(next_commands(status))}"]


def resumed(job: JobStatus) -> str:
    """Return what a resumed job took over, did, and left."""
    done = job.items.done - job.adopted
    left = "?" if job.items.total is None else str(job.items.total - job.items.done)
    return f"  {job.name}: {job.adopted} adopted from before, {done} done now, {left} left"


def failures(job: JobStatus) -> list[str]:
    """Return a job's error and its failed items, the first few with their hints."""
    lines = []
    if job.error is not None:
        lines.append(f"  {job.name}: {job.error.code}: {terminal.printable(job.error.message)}")
        if job.error.hint:
            lines.append(f"    {job.error.hint}")
    for item in job.failures[:MOST_FAILURES]:
        lines.append(f"  {terminal.printable(item.key)}  {item.code}: {terminal.printable(item.message)}")
        if item.hint:
            lines.append(f"    {terminal.printable(item.hint)}")
    more = job.failures_total - min(MOST_FAILURES, len(job.failures))
    if more > 0:
        lines.append(f"  and {more} more: orchestrate logs --job {job.name}")
    return lines


def next_commands(status: RunStatus, shown: Shown | None = None) -> list[str]:
    """Return the commands that make sense now."""
    if status.state not in FINAL and shown is not Shown.INTERRUPTED:
        return ["orchestrate status --follow", "orchestrate cancel", "orchestrate dashboard"]
    commands = []
    if shown is Shown.INTERRUPTED or status.state in FINAL - {State.SUCCEEDED, State.SKIPPED}:
        commands += ["orchestrate resume", "orchestrate logs"]
    kinds = {job.kind: job.name for job in status.jobs if job.state in {State.SUCCEEDED, State.PARTIAL}}
    if "scrape" in kinds:
        commands.append("orchestrate postings")
    if "ingest" in kinds:
        commands.append(f'orchestrate search {kinds["ingest"]} "..."')
    return [*commands, "orchestrate dashboard"]

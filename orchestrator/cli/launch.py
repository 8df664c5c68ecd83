"""Launching a prepared run from the command line, and leaving with its exit code."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Literal, NoReturn

import typer
from pydantic_core import PydanticCustomError

from orchestrator.cli import project
from orchestrator.engine.prepare import Prepared, Request
from orchestrator.engine.retention import prune
from orchestrator.engine.run import Run
from orchestrator.errors import NotFound, OrchestrateError, UnreadableState, UsageError
from orchestrator.spec.engines import LOCAL, needs_one_process, parse_engine
from orchestrator.spec.types import parse_duration
from orchestrator.status import read
from orchestrator.status.layout import new_run_id
from orchestrator.status.models import seconds
from orchestrator.status.states import State

if TYPE_CHECKING:
    from orchestrator.cli.live import View
    from orchestrator.spec.resolved import Resolved

_SWITCH_SECONDS = 0.001
"""A worker whose answer came waits at most so long for a thread that computes. With Python's 5 ms, sixteen workers at 100 ms of
latency fetch a tenth less."""


def request(
    resolved: Resolved,
    state_dir: Path | None,
    *,
    jobs: Iterable[str] = (),
    engine: str | None = None,
    wait: str = "0s",
    run_id: str | None = None,
) -> Request:
    """Return what the person asked for. Raises UsageError for a job that the spec doesn't have."""
    from orchestrator.deadline import SYSTEM_CLOCK

    state = project.state_dir_of(resolved, state_dir)
    names = _selected(resolved, tuple(jobs))
    run_id = run_id or new_run_id(SYSTEM_CLOCK.time())
    engine = _engine(resolved, names, engine)
    helpers = _processors() if engine == "threads" else 0
    return Request(
        resolved=resolved,
        state=state,
        surroundings={name: project.surroundings(resolved, state, name, run_id, helpers) for name in names},
        jobs=names,
        engine=engine,
        trigger=_trigger(),
        wait=duration(wait, "--wait"),
    )


def _processors() -> int:
    """Return how many processors this process may use beside its own one, as a container's or a user's bounds have it."""
    usable = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return usable if usable > 1 else 0


def _selected(resolved: Resolved, wanted: tuple[str, ...]) -> tuple[str, ...]:
    jobs = resolved.spec.jobs
    unknown = [name for name in wanted if name not in jobs]
    if unknown:
        raise UsageError(f"{resolved.path.name} has no job `{unknown[0]}`", hint="it has: " + ", ".join(jobs))
    names = wanted or tuple(name for name, job in jobs.items() if job.enabled)
    if not names:
        raise UsageError(f"no job of {resolved.path.name} is enabled", hint="set enabled: true, or name one with --job")
    return names


def _engine(resolved: Resolved, names: tuple[str, ...], wanted: str | None) -> str:
    """Return where the units run: as the flag says, else as the spec does."""
    if wanted is None:
        return resolved.spec.engine_text
    try:
        engine = parse_engine(wanted)
    except PydanticCustomError:
        raise UsageError(
            f"there is no engine {wanted!r}", hint="--engine takes threads, inline, or a Dask scheduler: dask://host:8786"
        ) from None
    recording = next((name for name in names if needs_one_process(resolved.spec.jobs[name])), None)
    if engine not in LOCAL and recording is not None:
        raise UsageError(f"job `{recording}` can't record with the engine `dask`", hint="record with --engine threads")
    return engine


def duration(text: str, flag: str) -> float:
    """Return seconds for a flag's duration. Raises UsageError."""
    try:
        return parse_duration(text)
    except PydanticCustomError as error:
        raise UsageError(f"{flag}: {error.message()}", hint=str((error.context or {}).get("hint", ""))) from None


def _trigger() -> Literal["cli", "ci", "cron"]:
    if os.environ.get("CI"):
        return "ci"
    return "cli" if os.environ.get("TERM") else "cron"


def last_success(request: Request, age: str | None) -> str | None:
    """Return the latest run of this spec that succeeded within `age`; None if there is none, or no age was given."""
    if age is None:
        return None
    from orchestrator.deadline import SYSTEM_CLOCK

    oldest = SYSTEM_CLOCK.time() - duration(age, "--if-stale")
    for run_id in read.run_ids(request.state):
        try:
            status = read.look(request.state.run(run_id)).status
        except (NotFound, UnreadableState):
            continue
        if status.finished_at is not None and seconds(status.finished_at) < oldest:
            return None
        if status.state is State.SUCCEEDED and status.spec_digest == request.resolved.digest:
            return run_id
    return None


def execute(request: Request, prepared: Prepared, view: View) -> NoReturn:
    """Run to the end, show it, and leave."""
    sys.setswitchinterval(_SWITCH_SECONDS)
    run = Run(request, prepared, observer=view.update, observe_every=view.every, on_trouble=view.trouble)
    with view:
        result = run.execute()
    view.conclude(result.status)
    if os.environ.get("GITHUB_STEP_SUMMARY"):
        from orchestrator.cli.step_summary import append

        append(Path(os.environ["GITHUB_STEP_SUMMARY"]), result.status)
    _prune(request, view)
    raise typer.Exit(int(result.exit_code))


def _prune(request: Request, view: View) -> None:
    """Remove runs beyond the spec's retention. A run isn't less good for an old one that can't be removed."""
    try:
        prune(request.state, keep=request.resolved.spec.retention.runs)
    except OrchestrateError as error:
        view.trouble(f"old runs weren't removed: {error.message}")

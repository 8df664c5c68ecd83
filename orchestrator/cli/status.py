"""`orchestrate status`: one run as it is now, from its files."""

from __future__ import annotations

import json as json_format
import threading
import time
from pathlib import Path
from typing import Annotated, Any

import typer

from orchestrator.cli import options, project, summary, terminal
from orchestrator.errors import NotFound
from orchestrator.status import read
from orchestrator.status.read import Seen
from orchestrator.status.states import FINAL, Shown, State

app = typer.Typer(rich_markup_mode=None, add_completion=False)
Follow = Annotated[bool, typer.Option("--follow", help="Go on until the run ends.")]
Rebuild = Annotated[bool, typer.Option("--rebuild", help="Write a lost or damaged status file again, from the journal.")]
_COLOURS = {Shown.SUCCEEDED: "green", Shown.RUNNING: "cyan", Shown.FAILED: "red", Shown.TIMED_OUT: "red"}


@app.command()
def status(
    run: options.Run = None,
    file: options.File = None,
    state_dir: options.StateDirectory = None,
    json: options.Json = False,
    follow: Follow = False,
    rebuild: Rebuild = False,
) -> None:
    """Show one run: its jobs, what failed and why, and what to do next.

    \b
    Examples:
      orchestrate status
      orchestrate status --follow
      orchestrate status 7f3a1b2c --json
    """  # noqa: D301 - \b is Typer's mark for a paragraph that isn't wrapped
    state = project.find_state_dir(file, state_dir)
    directory = read.find(state, run)
    if rebuild:
        from orchestrator.status.rebuild import restore

        seen = restore(directory)
    else:
        seen = read.look(directory)
    if follow:
        seen = _follow(seen, json=json)
    if json:
        terminal.show_json(document(seen))
    else:
        terminal.show("\n".join([*lines(seen), *(_stale(seen, file, state_dir) if run is None else ())]))


def _stale(seen: Seen, file: Path | None, state_dir: Path | None) -> list[str]:
    """Return a line for each snapshot that isn't what a run would publish now."""
    jobs = [job.name for job in seen.status.jobs if job.kind == "ingest" and job.state in FINAL]
    if not jobs:
        return []
    from orchestrator.cli.stale import stale

    return [terminal.printable(f"stale: the snapshot of {job}: {words}") for job, words in stale(jobs, file, state_dir).items()]


def document(seen: Seen) -> dict[str, Any]:
    """Return the status file's document with the derived states of the run and of jobs that can't go on."""
    raw = seen.status.model_dump(mode="json")
    raw["state"] = seen.state.value
    for job in raw["jobs"]:
        job["state"] = job_state(State(job["state"]), seen).value
    return {"format_version": 1, **raw}


def job_state(state: State, seen: Seen) -> Shown:
    """Return what to show for a job: an unfinished job of an interrupted run is interrupted too."""
    if state not in FINAL and seen.state in {Shown.INTERRUPTED, Shown.UNKNOWN}:
        return seen.state
    return Shown(state)


def lines(seen: Seen) -> list[str]:
    """Return the run in words."""
    status = seen.status
    word = seen.state.value.replace("_", " ")
    colour = _COLOURS.get(seen.state, "yellow")
    first = f"{summary.headline(status)}   {terminal.style(word, colour)}"
    width = max((len(job.name) for job in status.jobs), default=0)
    gone = seen.state in {Shown.INTERRUPTED, Shown.UNKNOWN}
    text = [first, *(summary.job_line(job, time.time(), name_width=width, gone=gone) for job in status.jobs)]
    if seen.state is Shown.INTERRUPTED:
        text.append("the process is gone without a final state; what was finished is kept")
    if status.cancel is not None:
        late = ", too late: the work was done" if status.cancel.too_late else ""
        text.append(f"cancel requested at {status.cancel.requested_at}{late}")
    if status.state in FINAL:
        return [*text, *summary.conclusion(status)]
    for job in status.jobs:
        text += summary.failures(job)
    return [*text, f"next: {'   '.join(summary.next_commands(status, seen.state))}"]


def _follow(seen: Seen, *, json: bool) -> Seen:
    """Wait for the end of the run, showing each change; return the last look."""
    pause = threading.Event()
    revision = -1
    while seen.status.state not in FINAL and seen.state is not Shown.INTERRUPTED:
        if seen.status.revision != revision:
            revision = seen.status.revision
            _show_change(seen, json=json)
        try:
            pause.wait(min(1.0, seen.status.progress_every / 2))
            seen = read.look(seen.directory)
        except NotFound:
            terminal.say("the run was removed while it was followed")
            raise
        except KeyboardInterrupt:
            raise typer.Exit(130) from None
    return seen


def _show_change(seen: Seen, *, json: bool) -> None:
    if json:
        terminal.say(json_format.dumps({"revision": seen.status.revision, "state": seen.state.value}))
        return
    now = time.time()
    width = max((len(job.name) for job in seen.status.jobs), default=0)
    for job in seen.status.jobs:
        if job.state is State.RUNNING:
            terminal.say(summary.job_line(job, now, name_width=width))

"""`orchestrate runs`: the history of a state directory."""

from __future__ import annotations

import time
from typing import Annotated, Any

import typer

from orchestrator.cli import options, project, summary, terminal
from orchestrator.cli.launch import duration
from orchestrator.errors import NotFound, UnreadableState, UsageError
from orchestrator.status import read
from orchestrator.status.layout import StateDir
from orchestrator.status.models import seconds
from orchestrator.status.states import Shown

app = typer.Typer(rich_markup_mode=None, add_completion=False)
OnlyState = Annotated[str | None, typer.Option("--state", metavar="STATE", help="Only runs in this state.", show_default=False)]
Last = Annotated[
    str | None, typer.Option("--last", metavar="AGE", help="Only runs of the last 7d, 12h ...", show_default=False)
]
Limit = Annotated[int, typer.Option("--limit", metavar="N", min=1, help="At most this many.")]
DAY = 86_400.0


@app.command()
def runs(
    file: options.File = None,
    state_dir: options.StateDirectory = None,
    state: OnlyState = None,
    last: Last = None,
    limit: Limit = 20,
    json: options.Json = False,
) -> None:
    """List the runs, newest first.

    \b
    Examples:
      orchestrate runs
      orchestrate runs --state failed --last 7d
      orchestrate runs --json --limit 100
    """  # noqa: D301 - \b is Typer's mark for a paragraph that isn't wrapped
    if state is not None and state not in set(Shown):
        raise UsageError(f"there is no state {state!r}", hint="one of: " + ", ".join(Shown))
    oldest = time.time() - age(last) if last else 0.0
    rows = _rows(project.find_state_dir(file, state_dir), state, oldest, limit)
    if json:
        terminal.show_json({"format_version": 1, "runs": rows})
    elif not rows:
        terminal.say("no run matches" if state or last else "there is no run yet: `orchestrate run` starts one")
    else:
        terminal.show(_table(rows))


def age(text: str) -> float:
    """Return the seconds of an age such as `7d`, `12h` or `30m`. Raises UsageError."""
    if text.endswith("d") and text[:-1].isdecimal():
        return float(text[:-1]) * DAY
    return duration(text, "the age")


def _rows(state: StateDir, wanted: str | None, oldest: float, limit: int) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = []
    for run_id in read.run_ids(state):
        if len(rows) == limit:
            break
        try:
            seen = read.look(state.run(run_id))
        except NotFound:
            continue
        except UnreadableState as error:
            if wanted is None:
                rows.append({"run_id": run_id, "state": "unreadable", "message": error.message})
            continue
        if seconds(seen.status.created_at) < oldest:
            break
        if wanted in {None, seen.state.value}:
            rows.append(_row(seen))
    return rows


def _row(seen: read.Seen) -> dict[str, Any]:
    status = seen.status
    return {
        "run_id": status.run_id,
        "state": seen.state.value,
        "attempt": status.attempt,
        "started_at": status.started_at,
        "finished_at": status.finished_at,
        "seconds": summary.elapsed(status.started_at, status.finished_at),
        "jobs": {job.name: job.state.value for job in status.jobs},
        "changes": "; ".join(f"{job.name}: {text}" for job in status.jobs if (text := summary.counts(job.result))),
    }


def _table(rows: list[dict[str, Any]]) -> str:
    cells = [
        (
            row["run_id"],
            row["state"].replace("_", " "),
            terminal.seconds(row.get("seconds")) if row.get("finished_at") else "",
            row.get("message") or row["changes"],
        )
        for row in rows
    ]
    return terminal.table(("run", "state", "took", "changes"), cells, limit=terminal.width())

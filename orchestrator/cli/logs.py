"""`orchestrate logs`: the log of a run, as it is or as it grows."""

from __future__ import annotations

import re
import threading
from pathlib import Path
from typing import Annotated, Final, TextIO

import typer

from orchestrator.cli import options, project, terminal
from orchestrator.errors import NotFound
from orchestrator.status import journal, read
from orchestrator.status.journal import Entry
from orchestrator.status.layout import RunDir
from orchestrator.status.states import FINAL, Shown

app = typer.Typer(rich_markup_mode=None, add_completion=False)
Follow = Annotated[bool, typer.Option("--follow", help="Go on until the run ends.")]
Job = Annotated[str | None, typer.Option("--job", metavar="NAME", help="Only what one job did.", show_default=False)]
Events = Annotated[bool, typer.Option("--events", help="The journal's events instead of the log.")]
POLL_SECONDS: Final = 0.25


@app.command()
def logs(
    run: options.Run = None,
    file: options.File = None,
    state_dir: options.StateDirectory = None,
    job: Job = None,
    follow: Follow = False,
    events: Events = False,
) -> None:
    """Show the log of a run: warnings, failures with their causes, tracebacks of bugs.

    \b
    Examples:
      orchestrate logs
      orchestrate logs --job handbook --follow
      orchestrate logs --events
    """  # noqa: D301 - \b is Typer's mark for a paragraph that isn't wrapped
    directory = read.find(project.find_state_dir(file, state_dir), run)
    for entry in journal.read(directory.journal).entries:
        if (job is None or entry.job == job) and (events or _tells_trouble(entry)):
            terminal.show(_line(entry))
    if not events:
        _show_log(directory, job, follow=follow)


def _tells_trouble(entry: Entry) -> bool:
    return entry.state in {"failed", "timed_out", "partial", "cancelled"} or entry.event == "warning"


def _line(entry: Entry) -> str:
    detail = dict(entry.detail or {})
    error = detail.get("error")
    said = f"{error.get('code')}: {error.get('message')}" if isinstance(error, dict) else str(detail.get("message", ""))
    parts = (entry.at, entry.event.value, entry.job, entry.item, entry.state, said or detail.get("phase"))
    return terminal.printable("  ".join(str(part) for part in parts if part))


def _show_log(run: RunDir, job: str | None, *, follow: bool) -> None:
    if not run.log.exists():
        raise NotFound(f"run {run.run_id} has no log yet")
    rotated = Path(f"{run.log}.1")
    wanted = None if job is None else re.compile(rf"^\S+ \w+\s+{re.escape(job)}(-\d+)?:")
    for path in (rotated, run.log):
        if path.exists():
            with path.open(encoding="utf-8", errors="replace") as lines:
                _copy(lines, wanted)
                if follow and path == run.log:
                    _follow(run, lines, wanted)


def _copy(lines: TextIO, wanted: re.Pattern[str] | None) -> None:
    shown = wanted is None
    for line in lines:
        if wanted is not None and line[:1].isdigit():
            shown = wanted.match(line) is not None
        if shown:
            terminal.show(terminal.printable(line.rstrip("\n")))


def _follow(run: RunDir, lines: TextIO, wanted: re.Pattern[str] | None) -> None:
    pause = threading.Event()
    ended = False
    while not ended:
        seen = read.look(run)
        ended = seen.status.state in FINAL or seen.state is Shown.INTERRUPTED
        _copy(lines, wanted)
        try:
            pause.wait(0 if ended else POLL_SECONDS)
        except KeyboardInterrupt:
            raise typer.Exit(130) from None

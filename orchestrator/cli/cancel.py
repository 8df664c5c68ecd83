"""`orchestrate cancel`: ask a run to stop, and tell the truth about whether it did."""

from __future__ import annotations

import json
import threading
import time
from typing import Annotated

import typer

from orchestrator import files
from orchestrator.cli import options, project, terminal
from orchestrator.cli.launch import duration
from orchestrator.errors import ExitCode
from orchestrator.status import read
from orchestrator.status.layout import RunDir
from orchestrator.status.models import utc
from orchestrator.status.states import FINAL, Shown

app = typer.Typer(rich_markup_mode=None, add_completion=False)
Now = Annotated[bool, typer.Option("--now", help="Don't wait for work in hand.")]
Wait = Annotated[str | None, typer.Option("--wait", metavar="SECONDS", help="Wait for the end.", show_default=False)]


@app.command()
def cancel(
    run: options.Run = None,
    file: options.File = None,
    state_dir: options.StateDirectory = None,
    now: Now = False,
    wait: Wait = None,
) -> None:
    """Ask a run to stop. What is finished stays; nothing half-done becomes visible.

    \b
    Examples:
      orchestrate cancel
      orchestrate cancel --wait 10s
      orchestrate cancel 7f3a1b2c --now
    """  # noqa: D301 - \b is Typer's mark for a paragraph that isn't wrapped
    seconds = None if wait is None else duration(wait, "--wait")
    directory = read.find(project.find_state_dir(file, state_dir), run)
    seen = read.look(directory)
    if seen.status.state in FINAL or seen.state is Shown.INTERRUPTED:
        terminal.say(f"run {directory.run_id} has ended already: {seen.state.value.replace('_', ' ')}")
        return
    ask(directory, at_once=now)
    terminal.say(f"asked run {directory.run_id} to stop" + (" at once" if now else ""))
    if seconds is not None:
        _wait(directory, seconds)


def ask(run: RunDir, *, at_once: bool) -> None:
    """Leave the request for the run; asking twice is the same as once, but `at_once` strengthens an earlier request."""
    request = {"schema_version": 1, "requested_at": utc(time.time()), "mode": "now" if at_once else "graceful"}
    data = json.dumps(request).encode()
    if not files.create_exclusive(run.cancel, data) and at_once:
        files.write_atomic(run.cancel, data)


def _wait(run: RunDir, seconds: float) -> None:
    pause, end = threading.Event(), time.monotonic() + seconds
    while True:
        seen = read.look(run)
        if seen.status.state in FINAL or seen.state is Shown.INTERRUPTED:
            terminal.say(f"stopped: {seen.state.value.replace('_', ' ')}")
            return
        if time.monotonic() >= end:
            terminal.say(f"still {seen.state.value.replace('_', ' ')} after {terminal.seconds(seconds)}")
            terminal.say("  `orchestrate cancel --now` doesn't wait for work in hand")
            raise typer.Exit(int(ExitCode.FAILED))
        pause.wait(0.05)

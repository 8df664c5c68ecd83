"""How a run is shown while it runs: live lines on a terminal, plain lines elsewhere, JSON lines, or nothing."""

from __future__ import annotations

import json
import sys
import time
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from orchestrator.cli import summary, terminal
from orchestrator.status.models import RunStatus
from orchestrator.status.states import State

if TYPE_CHECKING:
    from rich.live import Live
    from rich.text import Text


class View:
    """Shows nothing; the base of the others. `every` is the shortest time between two updates, in seconds."""

    every = 1.0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        """End the display; what was shown stays."""

    def update(self, status: RunStatus) -> None:
        """Show the run as it is now."""

    def note(self, text: str) -> None:
        """Say something to the person at once."""
        terminal.say(text)

    def trouble(self, text: str) -> None:
        """Say at once that something is wrong beside the jobs."""
        terminal.say(text)

    def conclude(self, status: RunStatus) -> None:
        """Show how the run ended."""


class QuietView(View):
    """Speaks only if something is wrong."""

    def note(self, text: str) -> None:
        """Say nothing: notes aren't trouble."""

    def conclude(self, status: RunStatus) -> None:
        """Show how a run ended that didn't succeed."""
        if status.state not in {State.SUCCEEDED, State.SKIPPED}:
            terminal.say("\n".join([summary.headline(status), *summary.conclusion(status)]))


class PlainView(View):
    """One line for each change of state and of phase, and one for each cadence; no control characters."""

    every = 0.2

    def __init__(self) -> None:
        self._seen: dict[str, tuple[State, str | None, int]] = {}
        self._said_at: dict[str, float] = {}
        self._begun = False

    def update(self, status: RunStatus) -> None:
        """Write the lines of the jobs that changed."""
        if not self._begun:
            self._begun = True
            terminal.say(summary.headline(status))
        now = time.time()
        width = max(len(job.name) for job in status.jobs)
        for job in status.jobs:
            mark = (job.state, job.phase, job.attempt)
            due = job.state is State.RUNNING and now - self._said_at.get(job.name, now) >= status.progress_every
            if job.state is State.QUEUED or not (mark != self._seen.get(job.name) or due):
                continue
            self._seen[job.name], self._said_at[job.name] = mark, now
            terminal.say(summary.job_line(job, now, name_width=width))

    def conclude(self, status: RunStatus) -> None:
        """Write how the run ended."""
        terminal.say("\n".join(summary.conclusion(status)))


class LiveView(View):
    """One line a job, redrawn in place at most ten times a second."""

    every = 0.1

    def __init__(self) -> None:
        from rich.console import Console
        from rich.live import Live

        self._console = Console(stderr=True, highlight=False)
        self._live: Live = Live(console=self._console, auto_refresh=False, redirect_stdout=False, redirect_stderr=False)
        self._begun = False
        self._drawn: list[int] = []

    def __enter__(self) -> Self:
        self._live.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._live.stop()

    def update(self, status: RunStatus) -> None:
        """Redraw the jobs."""
        if not self._begun:
            self._begun = True
            self._console.print(summary.headline(status), markup=False)
        lines = self._lines(status)
        self._wipe_wrapped()
        self._live.update(self._one_row_each(lines), refresh=True)
        self._drawn = [min(line.cell_len, self._console.width) for line in lines]

    def note(self, text: str) -> None:
        """Say something above the live lines."""
        self._console.print(text, markup=False)

    trouble = note

    def _wipe_wrapped(self) -> None:
        """Erase the rows that a terminal made narrower has wrapped the last lines into: rich counts one row a line."""
        from rich.control import Control
        from rich.segment import ControlType

        width = max(1, self._console.width)
        rows = sum((length - 1) // width for length in self._drawn if length)
        if rows:
            up = [(ControlType.ERASE_IN_LINE, 2), (ControlType.CURSOR_UP, 1)] * rows
            self._console.control(Control(ControlType.CARRIAGE_RETURN, *up))

    def _lines(self, status: RunStatus) -> list[Text]:
        from rich.text import Text

        now = time.time()
        width = max(len(job.name) for job in status.jobs)
        lines = [Text.from_ansi(summary.job_line(job, now, name_width=width)) for job in status.jobs]
        if status.cancel is not None and status.finished_at is None:
            lines.append(Text("stopping: waiting for work in hand; once more Ctrl-C leaves at once", style="yellow"))
        return lines

    def _one_row_each(self, lines: list[Text]) -> Text:
        from rich.text import Text

        return Text("\n", no_wrap=True, overflow="ellipsis").join(lines)

    def conclude(self, status: RunStatus) -> None:
        """Write how the run ended."""
        terminal.say("\n".join(summary.conclusion(status)))


class JsonView(View):
    """One JSON line on stdout for each change of a job's state or phase, and the whole status at the end."""

    every = 0.2

    def __init__(self) -> None:
        self._seen: dict[str, tuple[State, str | None, int]] = {}

    def update(self, status: RunStatus) -> None:
        """Write a line for each job that changed."""
        for job in status.jobs:
            mark = (job.state, job.phase, job.attempt)
            if mark != self._seen.get(job.name):
                self._seen[job.name] = mark
                self._line("job", {"run_id": status.run_id, "job": job.model_dump(mode="json")})

    def conclude(self, status: RunStatus) -> None:
        """Write the last line."""
        self._line("run", {"run": status.model_dump(mode="json")})

    def _line(self, event: str, document: dict[str, Any]) -> None:
        terminal.show(json.dumps({"format_version": 1, "event": event, **document}, ensure_ascii=False))


def make_view(*, json_lines: bool, quiet: bool) -> View:
    """Return the view for what the person asked for and what stderr is."""
    if json_lines:
        return JsonView()
    if quiet:
        return QuietView()
    return LiveView() if terminal.is_terminal(sys.stderr) else PlainView()

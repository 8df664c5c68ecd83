"""A run as Markdown for the summary page of a CI step."""

from __future__ import annotations

from pathlib import Path

from orchestrator.cli import summary, terminal
from orchestrator.status.models import RunStatus


def append(path: Path, status: RunStatus) -> None:
    """Append the run to the file that the CI system shows; one that can't be written is said on stderr."""
    try:
        with path.open("a", encoding="utf-8") as page:
            page.write(markdown(status))
    except OSError as error:
        terminal.say(f"the step summary can't be written: {error.strerror}")


def markdown(status: RunStatus) -> str:
    """Return a table of the jobs, and the failures behind it."""
    lines = [
        f"### orchestrate: {status.state.value.replace('_', ' ')}",
        "",
        f"Run `{status.run_id}` of `{status.spec_path}`",
        "",
    ]
    lines += ["| job | state | items | changes | took |", "|---|---|---|---|---|"]
    for job in status.jobs:
        total = "?" if job.items.total is None else str(job.items.total)
        took = terminal.seconds(summary.elapsed(job.started_at, job.finished_at))
        cells = (job.name, job.state.value, f"{job.items.done}/{total}", summary.counts(job.result), took)
        lines.append(f"| {' | '.join(map(_cell, cells))} |")
    trouble = [line.strip() for job in status.jobs for line in summary.failures(job)] + status.warnings
    if trouble:
        lines += ["", *(f"- {_cell(line)}" for line in trouble)]
    return "\n".join([*lines, "", ""])


def _cell(text: str) -> str:
    """Return text that Markdown takes literally: a title of a stranger must not become a link or a cell."""
    safe = terminal.printable(text)
    for character in "\\`*_{}[]<>()#+!|":
        safe = safe.replace(character, f"\\{character}")
    return safe

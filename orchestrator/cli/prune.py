"""`orchestrate prune`: remove old runs."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Annotated

import typer

from orchestrator.cli import options, project, terminal
from orchestrator.cli.runs import age

app = typer.Typer(rich_markup_mode=None, add_completion=False)
Keep = Annotated[
    int | None, typer.Option("--keep", metavar="N", min=0, help="Runs to keep; default: the spec's.", show_default=False)
]
OlderThan = Annotated[
    str | None, typer.Option("--older-than", metavar="AGE", help="Also runs older than this.", show_default=False)
]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Only tell what would be removed.")]
DEFAULT_KEEP = 50


@app.command()
def prune(
    file: options.File = None,
    state_dir: options.StateDirectory = None,
    keep: Keep = None,
    older_than: OlderThan = None,
    dry_run: DryRun = False,
    json: options.Json = False,
) -> None:
    """Remove old runs. Never a live one; refuses while a run of this state directory lives.

    \b
    Examples:
      orchestrate prune --dry-run
      orchestrate prune --keep 20
      orchestrate prune --older-than 90d
    """  # noqa: D301 - \b is Typer's mark for a paragraph that isn't wrapped
    from orchestrator.engine import retention

    state = project.find_state_dir(file, state_dir)
    if not dry_run:
        retention.refuse_beside_live_runs(state)
    oldest = time.time() - age(older_than) if older_than else None
    pruned = retention.prune(state, keep=_keep(file, keep), oldest=oldest, dry_run=dry_run)
    if json:
        removed = {"dry_run": dry_run, "runs": list(pruned.run_ids), "bytes": pruned.size}
        terminal.show_json({"format_version": 1, **removed})
        return
    for run_id in pruned.run_ids:
        terminal.show(run_id)
    verb = "would be removed" if dry_run else "removed"
    terminal.say(f"{len(pruned.run_ids)} runs {verb}, {pruned.size / 1e6:.1f} MB")


def _keep(file: Path | None, keep: int | None) -> int:
    """Return how many runs to keep: the flag's, else the spec's, else the default."""
    if keep is not None:
        return keep
    if file is None and not project.DEFAULT_SPEC.is_file():
        return DEFAULT_KEEP
    return project.load(file).spec.retention.runs

"""`orchestrate resume`: continue a run where it stopped."""

from __future__ import annotations

import json as json_format
from pathlib import Path
from typing import Annotated

import typer

from orchestrator.cli import options, project

app = typer.Typer(rich_markup_mode=None, add_completion=False)
Accept = Annotated[bool, typer.Option("--accept-changed-spec", help="Resume although the spec changed.")]


@app.command()
def resume(
    run: options.Run = None,
    file: options.File = None,
    state_dir: options.StateDirectory = None,
    accept_changed_spec: Accept = False,
    engine: options.Engine = None,
    wait: options.Wait = "0s",
    json: options.JsonLines = False,
    quiet: options.Quiet = False,
) -> None:
    """Continue an interrupted, cancelled, failed, timed-out or partial run: only what isn't done.

    \b
    Examples:
      orchestrate resume                                   the latest run
      orchestrate resume 20261121T171003.412Z-7f3a1b2c
      orchestrate resume --accept-changed-spec
      orchestrate resume --engine threads                  without the cluster that was lost
    """  # noqa: D301 - \b is Typer's mark for a paragraph that isn't wrapped
    from orchestrator.cli import launch
    from orchestrator.cli.live import make_view
    from orchestrator.engine.jobrun import GOOD
    from orchestrator.engine.prepare import resumed_run
    from orchestrator.status import read, rebuild

    view = make_view(json_lines=json, quiet=quiet)
    state = project.find_state_dir(file, state_dir)
    directory = read.find(state, run)
    seen = rebuild.look(directory)
    resolved = project.load(file or _spec_beside(state.path, seen.status.spec_path))
    wanted = json_format.loads(directory.spec.read_bytes())
    names = [name for name in wanted["jobs"] if name in resolved.spec.jobs]
    request = launch.request(
        resolved, state.path, jobs=names, engine=engine or wanted["engine"], wait=wait, run_id=directory.run_id
    )
    prepared = resumed_run(request, directory, accept_changed_spec=accept_changed_spec)
    done = sum(state in GOOD for items in prepared.known.values() for state, _ in items.values())
    view.note(f"resuming run {directory.run_id}, attempt {prepared.status.attempt}: {done} items are known from before")
    launch.execute(request, prepared, view)


def _spec_beside(state_dir: Path, name: str) -> Path | None:
    """Return the spec beside the state directory when there is none in the current one."""
    here, beside = Path(name), state_dir.parent / name
    return here if here.is_file() or not beside.is_file() else beside

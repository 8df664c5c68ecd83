"""`orchestrate run`: run the jobs, show what happens, and leave with the code that says how it ended."""

from __future__ import annotations

from typing import Annotated

import typer

from orchestrator.cli import options, project

app = typer.Typer(rich_markup_mode=None, add_completion=False)
SkipIfRunning = Annotated[bool, typer.Option("--skip-if-running", help="Exit 0 if another run holds a target.")]
IfStale = Annotated[
    str | None, typer.Option("--if-stale", metavar="AGE", help="Exit 0 if the last success is younger.", show_default=False)
]


@app.command()
def run(
    spec: options.SpecArgument = None,
    file: options.File = None,
    job: options.Jobs = None,
    state_dir: options.StateDirectory = None,
    engine: options.Engine = None,
    wait: options.Wait = "0s",
    skip_if_running: SkipIfRunning = False,
    if_stale: IfStale = None,
    json: options.JsonLines = False,
    quiet: options.Quiet = False,
) -> None:
    """Run the jobs of a spec.

    \b
    Examples:
      orchestrate run
      orchestrate run jobs.yaml --job boards
      orchestrate run --wait 60s            wait for another run of the same target
      orchestrate run --skip-if-running --if-stale 6h      from cron
    """  # noqa: D301 - \b is Typer's mark for a paragraph that isn't wrapped
    from orchestrator.cli import launch
    from orchestrator.cli.live import make_view
    from orchestrator.engine.prepare import new_run
    from orchestrator.errors import ExitCode, TargetBusy

    view = make_view(json_lines=json, quiet=quiet)
    resolved = project.load(project.named(spec, file))
    request = launch.request(resolved, state_dir, jobs=job or (), engine=engine, wait=wait)
    fresh = launch.last_success(request, if_stale)
    if fresh is not None:
        view.note(f"skipped: run {fresh} succeeded within the last {if_stale}")
        raise typer.Exit(int(ExitCode.OK))
    try:
        prepared = new_run(request)
    except TargetBusy as busy:
        if not skip_if_running:
            raise
        view.note(f"skipped: {busy.message}")
        raise typer.Exit(int(ExitCode.OK)) from busy
    launch.execute(request, prepared, view)

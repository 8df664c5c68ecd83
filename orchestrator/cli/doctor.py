"""`orchestrate doctor`: whether this machine, the state directory and the database are fit for a run."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Annotated, Final

import typer

from orchestrator.cli import options, project, terminal
from orchestrator.errors import ExitCode

if TYPE_CHECKING:
    from orchestrator.cli.checkup import Check

app = typer.Typer(rich_markup_mode=None, add_completion=False, context_settings={"help_option_names": ["-h", "--help"]})
FORMAT_VERSION: Final = 1
_STYLES: Final = {"ok": "green", "warning": "yellow", "failed": "red"}


@app.command()
def doctor(
    spec: options.SpecArgument = None,
    file: options.File = None,
    state_dir: options.StateDirectory = None,
    online: Annotated[bool, typer.Option("--online", help="Also ask whether the hosts of the boards answer.")] = False,
    json: options.Json = False,
) -> None:
    """Check versions, extras, state directory, database, embedding model and time zone; change nothing.

    \b
    Examples:
      orchestrate doctor
      orchestrate doctor --online
      orchestrate doctor --json

    Exit 0: all good. Exit 1: something has to be put right. Exit 4: the state directory or the database fails.
    """  # noqa: D301 - \b is Typer's mark for a paragraph that isn't wrapped
    from orchestrator.cli.checkup import examine

    checks = examine(project.named(spec, file) or project.DEFAULT_SPEC, state_dir, online=online)
    if json:
        terminal.show_json({"format_version": FORMAT_VERSION, "checks": [each._asdict() for each in checks]})
    else:
        _show(checks)
    failed = [each for each in checks if each.state == "failed"]
    if failed:
        storage = any(each.storage for each in failed)
        raise typer.Exit(int(ExitCode.STORAGE if storage else ExitCode.FAILED))


def _show(checks: list[Check]) -> None:
    width = max(len(each.name) for each in checks)
    for each in checks:
        state = terminal.style(f"{each.state:<8}", _STYLES[each.state], sys.stdout)
        terminal.show(f"{state} {each.name:<{width}}  {terminal.printable(each.message)}")
        if each.hint and each.state != "ok":
            terminal.show(f"{' ' * (width + 11)}{each.hint}")
    bad = [each for each in checks if each.state != "ok"]
    terminal.say("all good" if not bad else f"{len(bad)} of {len(checks)} checks need a look")

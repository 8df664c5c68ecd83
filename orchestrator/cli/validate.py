"""`orchestrate validate`: every problem of one or more files, for people, editors and CI."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from orchestrator.cli import terminal
from orchestrator.errors import ExitCode, UsageError

if TYPE_CHECKING:
    from orchestrator.spec.problems import Problem

app = typer.Typer(rich_markup_mode=None, add_completion=False, context_settings={"help_option_names": ["-h", "--help"]})
STANDARD_INPUT: Final = "-"
_LARGEST_INPUT: Final = 8_000_001  # One byte more than is read of a file, so that too much is noticed.


class Format(StrEnum):
    """How problems are written."""

    TEXT = "text"
    CONCISE = "concise"
    JSON = "json"
    GITHUB = "github"
    SARIF = "sarif"


@app.command()
def validate(
    files: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="FILE...",
            help="Files, directories (every jobs.yaml and *.jobs.yaml below), or - for standard input.",
            show_default=False,
        ),
    ] = None,
    style: Annotated[
        Format | None,
        typer.Option("--format", help="Default: text; github where GITHUB_ACTIONS is set.", show_default=False),
    ] = None,
    strict: Annotated[bool, typer.Option("--strict", help="Warnings count as problems.")] = False,
    json: Annotated[bool, typer.Option("--json", help="The same as --format json.")] = False,
) -> None:
    """Report every problem of one or more specs, and start nothing.

    \b
    Examples:
      orchestrate validate
      orchestrate validate team-a/jobs.yaml team-b/
      orchestrate validate --format sarif > problems.sarif
      cat jobs.yaml | orchestrate validate -

    Exit 0: no problem. Exit 1: problems were found.
    """  # noqa: D301 - \b is Typer's mark for a paragraph that isn't wrapped
    chosen = Format.JSON if json else style or _usual_format(os.environ)
    names = expand(files or [])
    problems = [each for name in names for each in _check(name)]
    errors = sum(each.severity == "error" for each in problems)
    _write(problems, chosen)
    _conclude(names, errors, len(problems) - errors)
    if errors or (strict and problems):
        raise typer.Exit(int(ExitCode.FAILED))


def _usual_format(environment: Mapping[str, str]) -> Format:
    return Format.GITHUB if environment.get("GITHUB_ACTIONS") == "true" else Format.TEXT


def expand(files: list[str]) -> list[str]:
    """Return the files that are meant: directories become the specs below them. Raises UsageError if there is none."""
    from orchestrator.cli.project import find_spec

    if not files:
        return [str(find_spec(None))]
    names: list[str] = []
    for file in files:
        found = _specs_below(Path(file)) if file != STANDARD_INPUT and Path(file).is_dir() else [file]
        if not found:
            raise UsageError(f"there is no jobs.yaml and no *.jobs.yaml below {file}", hint="name the files themselves")
        names += found
    return list(dict.fromkeys(names))


def _specs_below(folder: Path) -> list[str]:
    found: list[str] = []
    for place, folders, names in os.walk(folder):
        folders[:] = sorted(each for each in folders if not each.startswith(".") and each != "node_modules")
        found += [str(Path(place) / name) for name in sorted(names) if name == "jobs.yaml" or name.endswith(".jobs.yaml")]
    return found


def _check(name: str) -> tuple[Problem, ...]:
    from orchestrator.spec.load import examine

    if name == STANDARD_INPUT:
        data = sys.stdin.buffer.read(_LARGEST_INPUT)
        return examine(Path("jobs.yaml"), text=data, name="<stdin>")[1]
    return examine(Path(name), name=name)[1]


def _write(problems: list[Problem], style: Format) -> None:
    if problems or style in {Format.JSON, Format.SARIF}:
        from orchestrator.spec.render import render

        terminal.show(render(problems, style.value, colour=terminal.colours(sys.stdout)))


def _conclude(names: list[str], errors: int, warnings: int) -> None:
    what = "standard input" if names == [STANDARD_INPUT] else names[0] if len(names) == 1 else f"{len(names)} files"
    if not errors and not warnings:
        terminal.say(f"{what}: no problems")
        return
    counts = [f"{n} {word}{'' if n == 1 else 's'}" for n, word in ((errors, "error"), (warnings, "warning")) if n]
    terminal.say(f"{what}: {' and '.join(counts)}")

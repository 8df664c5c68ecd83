"""Options that several verbs share, spelled once."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from orchestrator.cli import completion

File = Annotated[
    Path | None,
    typer.Option("--file", "-f", metavar="FILE", help="The spec; default: jobs.yaml in this directory.", show_default=False),
]
SpecArgument = Annotated[Path | None, typer.Argument(metavar="FILE", help="The spec; default: jobs.yaml.", show_default=False)]
StateDirectory = Annotated[
    Path | None,
    typer.Option(
        "--state-dir",
        metavar="DIR",
        envvar="ORCHESTRATE_STATE_DIR",
        help="The state directory; default: the spec's.",
        show_default=False,
    ),
]
Json = Annotated[bool, typer.Option("--json", help="Print JSON on standard output.")]
Run = Annotated[
    str | None,
    typer.Argument(
        metavar="RUN",
        autocompletion=completion.run_ids,
        help="A run's id, or a unique part of it; default: the latest.",
        show_default=False,
    ),
]
Jobs = Annotated[
    list[str] | None,
    typer.Option(
        "--job", metavar="NAME", autocompletion=completion.job_names, help="Only this job; may be repeated.", show_default=False
    ),
]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="Say nothing unless something is wrong.")]
Engine = Annotated[
    str | None,
    typer.Option(
        "--engine",
        metavar="ENGINE",
        help="Where units run: threads, inline, or dask://HOST:PORT; default: as the spec says.",
        show_default=False,
    ),
]
Wait = Annotated[str, typer.Option("--wait", metavar="DURATION", help="Wait this long for a busy target.")]
JsonLines = Annotated[bool, typer.Option("--json", help="Print a JSON line for each change of state on standard output.")]

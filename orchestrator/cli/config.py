"""`orchestrate config`: the spec as it is understood, and where each value comes from."""

from __future__ import annotations

from typing import Final

import typer

from orchestrator.cli import options, terminal
from orchestrator.cli.project import find_spec, named

app = typer.Typer(
    rich_markup_mode=None, add_completion=False, no_args_is_help=True, context_settings={"help_option_names": ["-h", "--help"]}
)
FORMAT_VERSION: Final = 1


@app.callback()
def config() -> None:
    """Show the spec as it is understood.

    \b
    Examples:
      orchestrate config show
      orchestrate config show --json
    """  # noqa: D301 - \b is Typer's mark for a paragraph that isn't wrapped


@app.command()
def show(spec: options.SpecArgument = None, file: options.File = None, json: options.Json = False) -> None:
    """Show the resolved spec with the origin of each value.

    Defaults are filled in; secrets stand as the names that the file has for them.

    \b
    Examples:
      orchestrate config show
      orchestrate config show other/jobs.yaml --json
    """  # noqa: D301 - \b is Typer's mark for a paragraph that isn't wrapped
    from orchestrator.spec.load import check_with_origins
    from orchestrator.spec.origins import annotated, origins

    path = find_spec(named(spec, file))
    resolved, examination = check_with_origins(path)
    if not json:
        terminal.show(annotated(resolved.document, examination, path.name))
        return
    found = origins(resolved.document, examination)
    terminal.show_json(
        {
            "format_version": FORMAT_VERSION,
            "digest": resolved.digest,
            "spec": resolved.document,
            "origins": [
                {"path": each.where, "source": each.source, "line": each.line or None, "file": each.file or path.name}
                for each in found
            ],
        }
    )

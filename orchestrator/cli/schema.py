"""`orchestrate schema`: the JSON Schema of jobs.yaml, and of the files that other programs read."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

import typer

from orchestrator.cli import terminal
from orchestrator.errors import UsageError

app = typer.Typer(rich_markup_mode=None, context_settings={"help_option_names": ["-h", "--help"]})


class Document(StrEnum):
    """The formats that have a schema."""

    SPEC = "spec"
    STATUS = "status"
    JOURNAL = "journal"
    MANIFEST = "manifest"


@app.command()
def schema(
    document: Annotated[Document, typer.Argument(help="Which format.", show_default=True)] = Document.SPEC,
) -> None:
    """Print a JSON Schema (draft-07).

    \b
    Examples:
      orchestrate schema > jobs.schema.json
      orchestrate schema status
    """  # noqa: D301 - \b is Typer's mark for a paragraph that isn't wrapped
    from orchestrator.spec.schema import SCHEMAS, as_json

    make = SCHEMAS.get(document.value)
    if make is None:
        raise UsageError(
            f"there is no schema of the {document.value} yet",
            hint="its fields are described in docs/reference; schemas exist for " + ", ".join(SCHEMAS),
        )
    terminal.show(as_json(make()).rstrip("\n"))

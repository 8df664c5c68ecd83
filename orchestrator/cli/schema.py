"""`orchestrate schema`: the JSON Schema of jobs.yaml, and of the files that other programs read."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

import typer

from orchestrator.cli import terminal

app = typer.Typer(rich_markup_mode=None, add_completion=False, context_settings={"help_option_names": ["-h", "--help"]})


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
      orchestrate schema status > status.schema.json
    """  # noqa: D301 - \b is Typer's mark for a paragraph that isn't wrapped
    from orchestrator.spec.schema import SCHEMAS, as_json, model_schema

    if document is Document.MANIFEST:
        from orchestrator.kinds.ingest.manifest import Manifest

        found = model_schema(Manifest, "MANIFEST.json")
    else:
        found = SCHEMAS[document.value]()
    terminal.show(as_json(found).rstrip("\n"))

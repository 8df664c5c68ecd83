"""`orchestrate init`: a first jobs.yaml that works, with the schema that editors complete it from."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated, Final

import typer

from orchestrator.cli import terminal
from orchestrator.cli.project import DEFAULT_SPEC
from orchestrator.errors import StorageError, UsageError

app = typer.Typer(rich_markup_mode=None, add_completion=False, context_settings={"help_option_names": ["-h", "--help"]})
SCHEMA: Final = "jobs.schema.json"
_USUAL_FOLDERS: Final = ("docs", "doc", "documentation", "handbook", "wiki", "content")
_SUFFIXES: Final = (".md", ".rst", ".txt", ".html")
_MOST_LOOKED_AT: Final = 5000
_WELCOME: Final = """\
# Welcome

This folder is indexed by the job `handbook` of jobs.yaml. Put Markdown, reStructuredText, HTML or text files here, run
`orchestrate run`, and ask them with `orchestrate search handbook "what is indexed"`.
"""
_TEMPLATE: Final = """\
# yaml-language-server: $schema={schema}
# $schema: {schema}
#
# What `orchestrate run` does in this folder. `orchestrate validate` reports every problem, `orchestrate plan` says what a run
# would do, `orchestrate explain jobs.ingest` what the fields mean.

version: 1

# Values for every job that doesn't set the field itself.
defaults:
  timeout: 120s        # the most that one attempt of a job may take, up to 180s
  attempts: 2          # each continues where the last one stopped

jobs:
  # Indexes documents for `orchestrate search handbook "a question"`. Only what changed is computed again.
  handbook:
    kind: ingest
    corpus: {corpus}
    include: [{include}]
    embedding: default # works offline; `none` searches by words only

  # Gathers postings from job boards into a table. Put your companies here and remove `enabled: false`;
  # `orchestrate detect URL` tells board and token of a careers page.
  boards:
    kind: scrape
    enabled: false
    companies:
      - {{name: Acme Robotics, board: greenhouse, token: acmerobotics}}
    max_failures: 1    # companies that may fail with the job still `succeeded`; "5%" works, too

  # Indexes what `boards` stored, after it succeeded.
  openings:
    kind: ingest
    enabled: false
    needs: [boards]
    corpus: {{postings: boards}}
"""


@app.command()
def init(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="The folder; default: this one.", show_default=False)] = Path(),
) -> None:
    """Write a commented jobs.yaml and its JSON Schema; never overwrite anything.

    \b
    Examples:
      orchestrate init
      orchestrate init my-batch
    """  # noqa: D301 - \b is Typer's mark for a paragraph that isn't wrapped
    from orchestrator.spec.schema import as_json, spec_schema

    spec = folder / DEFAULT_SPEC
    if spec.exists() or spec.is_symlink():
        raise UsageError(f"{spec} exists already; nothing was changed", hint="`orchestrate validate` checks it")
    written: list[Path] = []
    try:
        folder.mkdir(parents=True, exist_ok=True)
        corpus = find_documents(folder)
        if corpus is None:
            corpus = "docs"
            _write(folder / corpus / "welcome.md", _WELCOME, written)
        _write(folder / SCHEMA, as_json(spec_schema()), written)
        _write(spec, _text(folder / corpus, corpus), written)
    except OSError as error:
        raise StorageError(f"can't write {Path(error.filename or spec).name}: {error.strerror}") from error
    for path in written:
        terminal.show(f"wrote {path}")
    where = "" if folder.resolve() == Path.cwd() else f"cd {folder} && "
    terminal.say(f"next: {where}orchestrate validate   orchestrate plan   orchestrate run")


def _write(path: Path, text: str, written: list[Path]) -> None:
    """Create a file; one that exists is left as it is."""
    path.parent.mkdir(exist_ok=True)
    try:
        with path.open("x", encoding="utf-8") as file:
            file.write(text)
    except FileExistsError:
        terminal.say(f"{path} exists already and was left as it is")
    else:
        written.append(path)


def find_documents(folder: Path) -> str | None:
    """Return the folder below `folder` that holds documents: one with a usual name, else the one with most of them."""
    counts = {place.name: len(_documents(place)) for place in sorted(folder.iterdir()) if _is_candidate(place)}
    usual = [name for name in _USUAL_FOLDERS if counts.get(name)]
    if usual:
        return usual[0]
    most = max(counts, key=lambda name: counts[name], default=None)
    return most if most is not None and counts[most] else None


def _is_candidate(place: Path) -> bool:
    return place.is_dir() and not place.is_symlink() and not place.name.startswith((".", "_")) and place.name != "node_modules"


def _documents(place: Path) -> list[str]:
    found: list[str] = []
    looked_at = 0
    for _, folders, names in os.walk(place):
        folders[:] = [name for name in folders if not name.startswith(".") and name != "node_modules"]
        found += [name for name in names if name.endswith(_SUFFIXES)]
        looked_at += len(names)
        if looked_at > _MOST_LOOKED_AT:
            break
    return found


def _text(place: Path, corpus: str) -> str:
    from orchestrator.spec.words import flow

    present = {Path(name).suffix for name in _documents(place)}
    globs = [flow(f"**/*{suffix}") for suffix in _SUFFIXES if suffix in present]
    return _TEMPLATE.format(schema=SCHEMA, corpus=flow(corpus), include=", ".join(globs))

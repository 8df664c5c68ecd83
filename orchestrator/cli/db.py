"""`orchestrate db`: statistics, backup and pruning of the database of postings."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Annotated

import typer

from orchestrator.cli import options, terminal
from orchestrator.cli.postings import open_store
from orchestrator.cli.runs import age
from orchestrator.errors import UsageError
from orchestrator.status.models import utc

app = typer.Typer(rich_markup_mode=None, add_completion=False, no_args_is_help=True)


@app.callback()
def db() -> None:
    """Look after the database of postings.

    \b
    Examples:
      orchestrate db stats
      orchestrate db backup postings-backup.db
      orchestrate db prune --older-than 180d --dry-run
    """  # noqa: D301 - \b is Typer's mark for a paragraph that isn't wrapped


@app.command()
def stats(file: options.File = None, state_dir: options.StateDirectory = None, json: options.Json = False) -> None:
    """Count postings: open, closed, new since the latest run, by company.

    \b
    Examples:
      orchestrate db stats
    """  # noqa: D301 - as above
    from orchestrator.kinds.scrape import reading

    with open_store(file, state_dir) as store, store.read() as connection:
        found = reading.statistics(connection)
    if json:
        terminal.show_json({"format_version": 1, **found})
        return
    names = ("job", "company", "open", "new", "closed", "held", "last_complete_at")
    rows = [[str(row[name] if row[name] is not None else "") for name in names] for row in found["by_company"]]
    terminal.show(terminal.table([name.replace("_", " ").upper() for name in names], rows))
    totals = ", ".join(f"{found[name]} {name}" for name in ("open", "new", "closed", "held"))
    terminal.show(f"{found['companies']} companies: {totals}")


@app.command()
def backup(
    target: Annotated[Path, typer.Argument(metavar="FILE", help="Where the copy goes; must not exist.")],
    file: options.File = None,
    state_dir: options.StateDirectory = None,
) -> None:
    """Copy a SQLite database, also while a run writes to it; the copy is checked.

    \b
    Examples:
      orchestrate db backup postings-backup.db
    """  # noqa: D301 - as above
    from orchestrator.kinds.scrape import keeping

    with open_store(file, state_dir) as store:
        size = keeping.backup(store, target)
    terminal.say(f"{target.name}: {size:,} bytes, integrity checked")


@app.command()
def prune(
    older_than: Annotated[str, typer.Option("--older-than", metavar="AGE", help="What was closed before: 180d, 720h ...")],
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would go.")] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Do it.")] = False,
    file: options.File = None,
    state_dir: options.StateDirectory = None,
) -> None:
    """Remove postings that were closed long ago, with their history; what you marked stays.

    \b
    Examples:
      orchestrate db prune --older-than 180d --dry-run
      orchestrate db prune --older-than 180d --yes
    """  # noqa: D301 - as above
    from orchestrator.kinds.scrape import keeping

    if dry_run == yes:
        raise UsageError("say whether to do it", hint="--dry-run says what would go, --yes removes it")
    before = utc(time.time() - age(older_than))
    with open_store(file, state_dir, exclusive=True) as store, store.write() as connection:
        removed = keeping.prune(connection, before, dry_run=dry_run)
    what = ", ".join(f"{count} {name}" for name, count in removed.items())
    terminal.say(f"{'would remove' if dry_run else 'removed'} {what}")

"""`orchestrate postings`: what was found, by filter; one posting; the user's own marks; closings that a guard holds."""

from __future__ import annotations

import csv
import io
import re
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final, Literal

import typer
from typer.core import TyperGroup

from orchestrator import files
from orchestrator.cli import options, project, terminal
from orchestrator.cli.runs import age
from orchestrator.errors import NotFound, UsageError
from orchestrator.kinds.scrape.targets import database_target
from orchestrator.status.layout import StateDir, is_run_id
from orchestrator.status.models import utc

if TYPE_CHECKING:
    from orchestrator.kinds.scrape.store import Store

_FORMULA: Final = re.compile(r"[=+\-@\t\r]")
_RUN_TIME: Final = re.compile(r"(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d\.\d{3})Z-.*")
_DATE: Final = re.compile(r"\d{4}-\d\d-\d\d(T\d\d:\d\d(:\d\d)?Z?)?")
_HEADER: Final = ("ID", "COMPANY", "TITLE", "LOCATION", "PLACE", "POSTED", "PAY")
_WIDEST: Final = 40


class _DefaultGroup(TyperGroup):
    """Takes what isn't one of its verbs as filters of `list`."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Put `list` in front, unless a verb is named."""
        if not args or args[0] not in self.commands:
            args = ["list", *args]
        return super().parse_args(ctx, args)


app = typer.Typer(cls=_DefaultGroup, rich_markup_mode=None, add_completion=False)

State = Annotated[
    Literal["open", "closed", "new", "changed", "reopened", "held", "all"],
    typer.Option("--state", help="new, changed, reopened: since the latest run, or --since; held: a guard keeps it open."),
]
Company = Annotated[str | None, typer.Option("--company", help="Only this company: its name, a part of it, or its key.")]
Since = Annotated[
    str | None, typer.Option("--since", metavar="RUN|AGE", help="What happened since a run, a date, or in the last 7d, 12h ...")
]
Sort = Annotated[Literal["company", "title", "posted", "seen", "salary"], typer.Option("--sort", help="The order.")]
Limit = Annotated[int | None, typer.Option("--limit", min=1, help="At most this many.", show_default=False)]
Format = Annotated[Literal["table", "json", "csv"], typer.Option("--format", help="How to print.")]
PostingId = Annotated[int, typer.Argument(metavar="ID", help="A posting's id, as `orchestrate postings` lists it.")]


@app.command("list")
def postings(
    file: options.File = None,
    state_dir: options.StateDirectory = None,
    job: options.Jobs = None,
    company: Company = None,
    state: State = "open",
    since: Since = None,
    sort: Sort = "company",
    limit: Limit = None,
    output: Format = "table",
    json: options.Json = False,
) -> None:
    """List postings; `show`, `mark` and `accept` do more.

    \b
    Examples:
      orchestrate postings --state new
      orchestrate postings --company acme --sort salary
      orchestrate postings --state changed --since 7d --format csv > changed.csv
      orchestrate postings show 17
      orchestrate postings mark 17 --favorite --status applied --note "sent on Monday"
      orchestrate postings accept "Acme Robotics"
    """  # noqa: D301 - \b is Typer's mark for a paragraph that isn't wrapped
    from orchestrator.kinds.scrape import reading

    wanted = reading.Filter(reading.PostingState(state), tuple(job or ()), company, _since(since), reading.Order(sort), limit)
    with open_store(file, state_dir) as store, store.read() as connection:
        rows = reading.find(connection, wanted)
    if json or output == "json":
        terminal.show_json({"format_version": 1, "postings": rows})
    elif output == "csv":
        terminal.show(_csv(rows))
    elif rows:
        width = terminal.width() if terminal.is_terminal(sys.stdout) else None
        terminal.show(terminal.table(_HEADER, [_line(row) for row in rows], limit=width))
    else:
        terminal.say("no posting matches")


@app.command()
def show(
    posting: PostingId, file: options.File = None, state_dir: options.StateDirectory = None, json: options.Json = False
) -> None:
    """Show one posting with its description and history.

    \b
    Examples:
      orchestrate postings show 17
      orchestrate postings show 17 --json
    """  # noqa: D301 - as above
    from orchestrator.kinds.scrape import reading

    with open_store(file, state_dir) as store, store.read() as connection:
        row = reading.one(connection, posting)
    if json:
        terminal.show_json({"format_version": 1, "posting": row})
    else:
        terminal.show("\n".join(_page(row)))


@app.command()
def mark(
    posting: PostingId,
    favorite: Annotated[
        bool | None, typer.Option("--favorite/--no-favorite", help="Keep it in mind.", show_default=False)
    ] = None,
    status: Annotated[
        str | None, typer.Option("--status", help="Where your application is: applied, interview, declined ...")
    ] = None,
    applied: Annotated[str | None, typer.Option("--applied", metavar="DATE", help="When you applied: 2026-11-21.")] = None,
    note: Annotated[str | None, typer.Option("--note", help="Your own words; an empty one removes them.")] = None,
    file: options.File = None,
    state_dir: options.StateDirectory = None,
) -> None:
    """Set your own columns of a posting; no run ever writes them.

    \b
    Examples:
      orchestrate postings mark 17 --favorite
      orchestrate postings mark 17 --status applied --applied 2026-11-21 --note "sent on Monday"
    """  # noqa: D301 - as above
    from orchestrator.kinds.scrape import keeping

    marks: dict[str, Any] = {} if favorite is None else {"favorite": favorite}
    given = {"application_status": status, "applied_at": _date(applied), "notes": note}
    marks |= {name: value or None for name, value in given.items() if value is not None}
    if not marks:
        raise UsageError("there is nothing to mark", hint="give --favorite, --status, --applied or --note")
    with open_store(file, state_dir) as store, store.write() as connection:
        keeping.mark(connection, posting, marks)
    terminal.say(f"posting {posting} is marked")


@app.command()
def accept(
    company: Annotated[str, typer.Argument(metavar="COMPANY", help="Its name or key, as the warning says.")],
    file: options.File = None,
    state_dir: options.StateDirectory = None,
) -> None:
    """Let pass what a guard holds for a company: its closings happen.

    \b
    Examples:
      orchestrate postings --state held
      orchestrate postings accept "Acme Robotics"
    """  # noqa: D301 - as above
    from orchestrator.kinds.scrape import keeping

    with open_store(file, state_dir, exclusive=True) as store, store.write() as connection:
        closed = keeping.accept(connection, company, utc(time.time()))
    terminal.say(f"{company}: {closed} postings are closed" if closed else f"{company}: the next run isn't held")


@contextmanager
def open_store(file: Path | None, state_dir: Path | None, *, exclusive: bool = False) -> Iterator[Store]:
    """Open the database that the spec names, or the state directory's own one if there is no spec.

    Raises NotFound if there is none yet, TargetBusy if `exclusive` and a run holds it.
    """
    from orchestrator.kinds.scrape.store import Store

    url, state, root = database_of(file, state_dir)
    lock = files.Lock.acquire(database_target(url, state, root).lock, "orchestrate postings") if exclusive else None
    store = Store(url, root)
    try:
        if not store.exists():
            raise NotFound("there are no postings yet", hint="`orchestrate run` gathers them")
        yield store
    finally:
        store.close()
        if lock is not None:
            lock.release()


def database_of(file: Path | None, state_dir: Path | None) -> tuple[str, StateDir, Path]:
    """Return the database's URL, the state directory, and the folder that relative paths start from."""
    if file is None and not project.DEFAULT_SPEC.is_file():
        state = project.find_state_dir(None, state_dir)
        return f"sqlite:///{state.database}", state, Path.cwd()
    resolved = project.load(file)
    state = project.state_dir_of(resolved, state_dir)
    return project.database_url(resolved, state), state, resolved.root


def _since(text: str | None) -> str | None:
    """Return the point in time that a run's id, a date or an age means. Raises UsageError."""
    if text is None:
        return None
    if is_run_id(text) and (parts := _RUN_TIME.fullmatch(text)):
        year, month, day, hour, minute, second = parts.groups()
        return f"{year}-{month}-{day}T{hour}:{minute}:{second}Z"
    if _DATE.fullmatch(text):
        return text
    return utc(time.time() - age(text))


def _date(text: str | None) -> str | None:
    if text and not _DATE.fullmatch(text):
        raise UsageError(f"{text!r} is no date", hint="write it as 2026-11-21")
    return text


def _line(row: dict[str, Any]) -> list[str]:
    return [
        str(row["id"]),
        _cut(row["company"], 18),
        ("* " if row["favorite"] else "") + _cut(row["title"]),
        _cut(_places(row), 24),
        row["workplace"] or "",
        (row["date_posted"] or "")[:10],
        pay(row),
    ]


def _places(row: dict[str, Any]) -> str:
    more = len(row["locations"]) - 1
    return (row["location"] or "") + (f" +{more}" if more > 0 and ";" not in (row["location"] or "") else "")


def _cut(text: str, widest: int = _WIDEST) -> str:
    return text if len(text) <= widest else text[: widest - 1] + "…"


def pay(row: dict[str, Any]) -> str:
    """Return a posting's pay for people: `EUR 60,000-75,000 a year`."""
    low, high = row["salary_min"], row["salary_max"]
    if low is None and high is None:
        return ""
    amounts = "-".join(f"{amount:,.0f}" for amount in dict.fromkeys((low, high)) if amount is not None)
    unit = row["salary_unit"]
    return f"{row['salary_currency']} {amounts}" + (f" a{'n' if unit == 'HOUR' else ''} {unit.lower()}" if unit else "")


def _page(row: dict[str, Any]) -> list[str]:
    facts = {
        "company": row["company"],
        "status": row["status"],
        "location": "; ".join(place["text"] for place in row["locations"]) or row["location"],
        "workplace": row["workplace"],
        "employment": row["employment_type"],
        "department": row["department"],
        "pay": pay(row),
        "posted": row["date_posted"],
        "valid through": row["valid_through"],
        "url": row["url"],
        "apply": row["apply_url"],
        "first seen": row["first_seen_at"],
        "last seen": row["last_seen_at"],
        "application": row["application_status"],
        "applied": row["applied_at"],
        "notes": row["notes"],
    }
    lines = [terminal.style(terminal.printable(row["title"]), "bold")]
    lines += [f"  {name:14}{terminal.printable(str(value))}" for name, value in facts.items() if value]
    lines += [
        "",
        *(terminal.printable(line) for line in (row["description_text"] or "no description").splitlines()),
        "",
    ]
    for event in row["history"]:
        fields = ", ".join(event["fields"] or ())
        lines.append(f"  {event['at']}  {event['event']}" + (f": {fields}" if fields else ""))
    return lines


def _csv(rows: list[dict[str, Any]]) -> str:
    """Return the rows as CSV; cells that a spreadsheet would take for a formula are defused."""
    names = list(rows[0]) if rows else ["id", "company", "title", "url"]
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(names)
    for row in rows:
        flat = {**row, "locations": "; ".join(place["text"] for place in row["locations"])}
        writer.writerow([_cell(flat[name]) for name in names])
    return text.getvalue().rstrip("\n")


def _cell(value: Any) -> str:
    text = "" if value is None else str(value)
    return "'" + text if isinstance(value, str) and _FORMULA.match(text) else text

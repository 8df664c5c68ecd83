"""The report of a job's run: what is new, changed, reopened, closed and held, by company; Markdown, JSON and an Atom feed.

The first two lie in the run's folder, as `report-<job>.md` and `.json`. The feed lies in the state directory, as
`feeds/<job>.atom`, at a place that stays, and holds the latest events of all runs, so that a reader that comes seldom misses
none, and what is held now. Source of its format: RFC 4287. Descriptions stand in none of them.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final, NamedTuple
from urllib.parse import quote
from xml.etree.ElementTree import Element, SubElement, tostring

from pydantic_core import to_json

from orchestrator import files
from orchestrator.kinds.scrape.effects import MOST_EVENTS, Event
from orchestrator.kinds.scrape.sql.transaction import Transaction
from orchestrator.status.layout import StateDir

FORMAT_VERSION: Final = 1
_MOST_LINES: Final = 500
_FEED_ENTRIES: Final = 100
_EVENTS: Final = ("new", "changed", "reopened", "closed")
_SIGNS: Final = re.compile(r"[\\`*_\[\]<>|#]")
_ATOM: Final = "http://www.w3.org/2005/Atom"


class Report(NamedTuple):
    """What a run of a job did, ready to be written in any form."""

    run_id: str
    job: str
    at: str
    result: Mapping[str, Any]
    events: Sequence[Event]
    troubles: Sequence[Mapping[str, Any]]
    """Companies whose fetch failed, was partial, or whose closings are held."""
    latest: Sequence[Event]
    """The last events of all runs of the job, the latest first."""


def events_so_far(transaction: Transaction, run_id: str, job: str) -> list[dict[str, Any]]:
    """Read what happened in a run until now, as far as a report tells it."""
    return _read(transaction, "events_of_run", run=run_id, job=job, most=MOST_EVENTS)


def gather(
    transaction: Transaction, run_id: str, job: str, at: str, result: Mapping[str, Any], events: Sequence[Event]
) -> Report:
    """Return the report of a run and its events; the rest is what the tables say."""
    latest = _read(transaction, "latest_events", job=job, most=_FEED_ENTRIES)
    troubles = transaction.mappings("troubles_of_run", run=run_id, job=job)
    return Report(run_id, job, at, result, events, troubles, latest)


def _read(transaction: Transaction, name: str, **values: Any) -> list[dict[str, Any]]:
    events = transaction.mappings(name, **values)
    for event in events:
        event["fields"] = sorted(json.loads(event["fields"])) if event["fields"] else []
    return events


def write(report: Report, state: StateDir) -> None:
    """Write the three files; without a run's folder only the feed. Raises StorageError."""
    run = state.run(report.run_id).path
    if run.is_dir():
        files.write_atomic(run / f"report-{report.job}.json", as_json(report), durable=False)
        files.write_atomic(run / f"report-{report.job}.md", as_markdown(report).encode(), durable=False)
    if state.path.is_dir():
        feeds = files.make_private_dir(state.path / "feeds")
        files.write_atomic(feed_file(feeds, report.job), as_atom(report), durable=False)


def feed_file(feeds: Path, job: str) -> Path:
    """Return where a job's feed lies."""
    return feeds / f"{job}.atom"


def as_json(report: Report) -> bytes:
    """Return the report as JSON."""
    document = {
        "format_version": FORMAT_VERSION,
        "run_id": report.run_id,
        "job": report.job,
        "at": report.at,
        "result": dict(report.result),
        "events": list(report.events),
        "troubles": list(report.troubles),
    }
    return to_json(document, indent=1)  # Of ten thousand events, in a twentieth of the time that the json module takes.


def as_markdown(report: Report) -> str:
    """Return the report as Markdown: a line of counts, then a section an event, by company."""
    counts = ", ".join(f"{report.result.get(name, 0)} {name}" for name in (*_EVENTS, "unchanged", "held"))
    lines = [f"# {report.job}: {counts}", "", f"Run {report.run_id}, {report.at}.", ""]
    events: dict[str, list[Event]] = {event: [] for event in _EVENTS}
    for row in report.events:
        events[row["event"]].append(row)
    for event, rows in events.items():
        lines += _section(event, rows)
    if report.troubles:
        lines += ["## To look at", ""]
        lines += [f"- **{_escaped(row['company'])}** ({row['outcome']}): {_escaped(row['reason'])}" for row in report.troubles]
        lines.append("")
    return "\n".join(lines)


def _section(event: str, rows: Sequence[Mapping[str, Any]]) -> list[str]:
    if not rows:
        return []
    lines = [f"## {event.capitalize()} ({len(rows)})", ""]
    company = None
    for row in rows[:_MOST_LINES]:
        if row["company"] != company:
            company = row["company"]
            lines += ([""] if lines[-1] else []) + [f"### {_escaped(company)}", ""]
        facts = ", ".join(_escaped(part) for part in (row["location"], row["workplace"]) if part)
        changed = f" (changed: {', '.join(row['fields'])})" if row["fields"] else ""
        lines.append(f"- [{_escaped(row['title'])}](<{row['url']}>){': ' + facts if facts else ''}{changed}")
    if len(rows) > _MOST_LINES:
        lines += ["", f"and {len(rows) - _MOST_LINES} more; `orchestrate postings --state {event}` lists all"]
    return [*lines, ""]


def _escaped(text: str) -> str:
    """Return a stranger's text without anything that Markdown or HTML would take for its own."""
    return _SIGNS.sub(r"\\\g<0>", text).replace("\n", " ")


def as_atom(report: Report) -> bytes:
    """Return the latest events as an Atom feed, behind what is held; ids stay the same for an event for ever."""
    feed = Element("feed", xmlns=_ATOM)
    held = [row for row in report.troubles if row["held"]]
    _text(feed, "id", _name("job", report.job))
    _text(feed, "title", f"Postings of {report.job}")
    _text(feed, "updated", report.at if held or not report.latest else report.latest[0]["at"])
    _text(SubElement(feed, "author"), "name", "orchestrate")
    for row in held:
        name = _name("held", report.run_id, report.job, row["company"])
        entry = _entry(feed, name, f"Held: {row['company']}", report.at)
        _text(entry, "content", str(row["reason"]))
    for row in report.latest:
        title = f"{row['company']}: {row['title']}"
        name = _name("posting", row["company_key"], row["source"], row["identifier"])
        if row["event"] != "new":
            title, name = f"{row['event'].capitalize()}: {title}", f"{name}:{row['event']}:{row['at']}"
        entry = _entry(feed, name, title, row["at"])
        SubElement(entry, "link", rel="alternate", href=row["url"])
        changed = f"changed: {', '.join(row['fields'])}" if row["fields"] else ""
        _text(entry, "summary", ", ".join(part for part in (row["location"], row["workplace"], changed) if part))
    return bytes(tostring(feed, encoding="utf-8", xml_declaration=True))


def _name(*parts: str) -> str:
    """Return an id: a name without blanks and other signs that no IRI may have."""
    return ":".join(("urn:orchestrate", *(quote(part, safe="/:?=&.@~") for part in parts)))


def _entry(feed: Element, name: str, title: str, updated: str) -> Element:
    entry = SubElement(feed, "entry")
    _text(entry, "id", name)
    _text(entry, "title", title)
    _text(entry, "updated", updated)
    return entry


def _text(parent: Element, name: str, text: str) -> None:
    SubElement(parent, name).text = text

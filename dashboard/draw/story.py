"""What stands below a run: what changed, the story that the journal tells, warnings, log, spec."""

from __future__ import annotations

from typing import Final

from dashboard.draw.parts import coded, dotted, when
from dashboard.nodes import Node, h, page
from dashboard.view import RunView, result_words
from dashboard.words import STATE_WORDS, count, counted, short_seconds
from orchestrator.status.journal import Entry, Event
from orchestrator.status.models import JobStatus, RunStatus
from orchestrator.status.states import Shown

MOST_EVENTS: Final = 60
_EVENT_WORDS: Final = {
    Event.RUN_STARTED: "the run started",
    Event.JOB_STARTED: "started",
    Event.PHASE: "went on to",
    Event.JOB_FINISHED: "ended",
    Event.CANCEL_REQUESTED: "somebody asked to stop",
    Event.WARNING: "warning",
    Event.RUN_FINISHED: "the run ended",
}


def changes(status: RunStatus) -> Node | None:
    """Return what each job brought, with links to see it."""
    jobs = [job for job in status.jobs if job.result]
    if not jobs:
        return None
    return h("section.changes", h("h2", "What changed"), h("ul", [_change(job, status.run_id) for job in jobs]), key="changes")


def _change(job: JobStatus, run_id: str) -> Node:
    snapshot = job.result.get("snapshot_id")
    link = None
    if job.kind == "scrape":
        link = h("a", "see the postings", href=page("postings", run=run_id))
    elif snapshot:
        link = h("a", f"snapshot {snapshot}", href=page("snapshots", job=job.name))
    other = ("requests", "retries", "bytes", "bad_rows")
    traffic = [
        f"{count(value)} {name.replace('_', ' ')}" for name in other if isinstance(value := job.result.get(name), int) and value
    ]
    return h("li", h("strong", job.name), " ", dotted(*result_words(job), *traffic, link), key=job.name)


def warnings(view: RunView) -> Node | None:
    """Return the run's warnings."""
    if not view.warnings:
        return None
    more = view.warnings_total - len(view.warnings)
    rest = h("li", f"and {counted(more, 'warning')} more: see the log") if more > 0 else None
    return h(
        "section.warnings", h("h2", "Warnings"), h("ul", [h("li", coded(text)) for text in view.warnings], rest), key="warnings"
    )


def story(events: list[Entry]) -> Node | None:
    """Return the events of the journal beside its items: attempts, phases, requests, ends."""
    if not events:
        return None
    shown = events[-MOST_EVENTS:]
    earlier = len(events) - len(shown)
    return h(
        "details.fold",
        h("summary", f"Story, {counted(len(events), 'event')}"),
        h("div", h("p.faint", f"{count(earlier)} earlier") if earlier else None, h("ol.story", [_event(one) for one in shown])),
        key="story",
    )


def _event(entry: Entry) -> Node:
    detail = entry.detail if isinstance(entry.detail, dict) else {}
    said = detail.get("message") or detail.get("phase") or detail.get("text") or ""
    state = STATE_WORDS[Shown(entry.state)].lower() if entry.state in set(Shown) else (entry.state or "")
    again = f"attempt {entry.attempt}" if entry.attempt and entry.attempt > 1 else None
    words = (_EVENT_WORDS.get(entry.event, str(entry.event)), state, str(said), again, short_seconds(entry.seconds))
    return h(
        "li",
        h("span.faint", when(entry.at, "second")),
        h("span", dotted(h("strong", entry.job) if entry.job else None, *words)),
        key=str(entry.seq),
    )


def log(text: str) -> Node:
    """Return the end of a log as it stands in the file."""
    return h("pre", text, tabindex=0, role="region", aria_label="Log") if text.strip() else h("p.faint", "Nothing was logged.")


def spec(text: str, whole: bool) -> list[Node | None]:
    """Return the resolved spec as text."""
    if not text:
        return [h("p.faint", "The run's spec can't be read.")]
    rest = None if whole else h("p.faint", coded("Only its beginning is shown; `orchestrate config` prints all of it."))
    return [h("pre", text, tabindex=0, role="region", aria_label="Resolved spec"), rest]

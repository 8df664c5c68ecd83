"""The page Run: everything about one run, going on or ended."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from dashboard.compose.now import columns, no_runs, tab, unreadable
from dashboard.draw.items import item_table
from dashboard.draw.parts import chips, empty, fold, pager, search
from dashboard.draw.run import run_sections
from dashboard.draw.story import changes, log, spec, story, warnings
from dashboard.items import Items
from dashboard.nodes import Drawn, Node, h, page
from dashboard.store import Store
from dashboard.view import LIVE, run_view
from orchestrator.status.layout import RunDir
from orchestrator.status.models import RunStatus

ITEMS_A_PAGE: Final = 50
LOG_BYTES: Final = 8_000
SPEC_BYTES: Final = 24_000
STATES: Final = ("failed", "succeeded", "unchanged", "skipped")


@dataclass(frozen=True, slots=True)
class Asked:
    """What stands in the address of the page."""

    run_id: str = ""
    state: str = ""
    job: str = ""
    text: str = ""
    first: int = 0

    def address(self, **other: str | int) -> str:
        """Return the address of this page with some parts replaced; the first row is the first again."""
        values = {"id": self.run_id, "state": self.state, "job": self.job, "q": self.text, "first": 0, **other}
        return page("run", **{name: value or None for name, value in values.items()})


def run_page(store: Store, asked: Asked, *, now: float, place: str = "") -> Drawn:
    """Return the page of the run that is asked for, the latest if none is. What isn't listed is told, not opened."""
    names = store.names()
    if not names:
        return Drawn([no_runs(place)], title="orchestrate")
    if asked.run_id and not store.has(asked.run_id):
        gone = empty("There is no such run", "It may have been pruned.", h("a", "See all runs", href=page("runs")))
        return Drawn([gone], title="no such run")
    asked = asked if asked.run_id else Asked(names[0], asked.state, asked.job, asked.text, asked.first)
    look, run = store.look(asked.run_id), store.state.run(asked.run_id)
    view, items = run_view(look, now=now, place=place), store.items(asked.run_id)
    top = [unreadable(look), run_sections(view) if view else None, warnings(view) if view else None]
    details = [changes(look.status) if look.status else None, story(items.events), *_texts(store, run)]
    tree = columns([top, details], [items_section(items, asked, look.status)])
    return Drawn([tree], title=tab(view), active=look.state in LIVE, searching=not items.complete)


def items_section(items: Items, asked: Asked, status: RunStatus | None) -> Node:
    """Return the table of items with its filters, which are links."""
    state = asked.state if asked.state in STATES else ""
    rows, number = items.select(state=state, job=asked.job, text=asked.text, skip=asked.first, most=ITEMS_A_PAGE)
    by_state = [(words.capitalize(), asked.address(state=words), state == words) for words in STATES]
    jobs = [job.name for job in status.jobs][:12] if status else []
    by_job = [(name, asked.address(job="" if asked.job == name else name), asked.job == name) for name in jobs]
    filters = h(
        "div.filters",
        chips("Items by state", [("All", asked.address(state=""), not state), *by_state]),
        chips("Items by job", by_job) if len(jobs) > 1 else None,
        search(asked.address(q=""), "find an item", asked.text),
    )
    below = pager(asked.first, number, ITEMS_A_PAGE, lambda first: asked.address(first=first))
    return item_table(items, rows, above=filters, below=below, matching=number, hints=True)


def _texts(store: Store, run: RunDir) -> list[Node | None]:
    crash = store.text(run.crash_log, LOG_BYTES)
    return [
        fold("Log, last lines", log(store.text(run.log, LOG_BYTES)), key="log"),
        fold("Crash log", log(crash), key="crash", opened=True) if crash.strip() else None,
        fold("Resolved spec", spec(*resolved_spec(store, run)), key="spec"),
    ]


def resolved_spec(store: Store, run: RunDir) -> tuple[str, bool]:
    """Return the run's spec as indented JSON, and whether that is all of it."""
    document = spec_of(store, run)
    if document is None:
        return "", True
    text = json.dumps(document, ensure_ascii=False, indent=2)
    return text[:SPEC_BYTES], len(text) <= SPEC_BYTES


def spec_of(store: Store, run: RunDir) -> Mapping[str, Any] | None:
    """Return the resolved spec of a run; None if it is missing, damaged or larger than a page can use."""
    try:
        document = json.loads(store.text(run.spec, 4_000_000))
    except (ValueError, RecursionError):
        return None
    spec = document.get("spec") if isinstance(document, dict) else None
    return spec if isinstance(spec, dict) else None

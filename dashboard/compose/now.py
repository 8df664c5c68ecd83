"""The page Now: the run that goes on, else the last one."""

from __future__ import annotations

from typing import Final

from dashboard.draw.items import item_table
from dashboard.draw.parts import badge, command, empty, problem
from dashboard.draw.run import run_sections
from dashboard.draw.strip import strip
from dashboard.nodes import Child, Drawn, Node, h, page
from dashboard.store import Look, Store
from dashboard.summary import Summary
from dashboard.view import LIVE, Command, RunView, run_view, summary_line
from dashboard.words import count

RECENT: Final = 40
NEIGHBOURS: Final = 8
ITEMS_NOW: Final = 30


def now_page(store: Store, *, now: float, place: str = "") -> Drawn:
    """Return the page of the latest run that goes on, else of the latest run."""
    names = store.names()
    if not names:
        return Drawn([no_runs(place)], title="orchestrate")
    recent = [store.summary(name) for name in names[:RECENT]]
    current = _current(recent)
    look = store.look(current.run_id)
    view = run_view(look, now=now, place=place)
    others = [run for run in recent[:NEIGHBOURS] if run.state in LIVE and run.run_id != current.run_id]
    tree = columns(
        [unreadable(look), run_sections(view) if view else None, also(others), strip(recent, current.run_id)],
        [items_now(store, current.run_id)],
    )
    return Drawn([tree], title=tab(view), active=any(run.state in LIVE for run in recent[:NEIGHBOURS]))


def _current(recent: list[Summary]) -> Summary:
    return next((run for run in recent[:NEIGHBOURS] if run.state in LIVE and run.started), recent[0])


def columns(main: Child, aside: Child) -> Node:
    """Return two columns where there is room for them, one below the other elsewhere."""
    return h("div.columns", h("div.main", main, key="main"), h("div.aside", aside, key="aside"), key="columns")


def unreadable(look: Look) -> Node | None:
    """Return the card for a status file that can't be read, None if all is well."""
    if look.problem is None:
        return None
    last = "What stands below is the last state that could be read." if look.status else ""
    return problem(look.problem, f"Run {look.run_id}.", last)


def tab(view: RunView | None) -> str:
    """Return the title of the browser's tab."""
    return summary_line(view) if view else "orchestrate"


def also(others: list[Summary]) -> Node | None:
    """Return links to other runs that go on at the same time."""
    if not others:
        return None
    links = [h("li", badge(run.state), " ", h("a", run.name or run.run_id, href=page("run", id=run.run_id))) for run in others]
    return h("section.also", h("h2", "Also going on"), h("ul", links), key="also")


def items_now(store: Store, run_id: str) -> Node:
    """Return the first items of a run, with a link to all of them."""
    items = store.items(run_id)
    rows, number = items.select(most=ITEMS_NOW)
    more = h("p.more", h("a", f"all {count(number)} items", href=page("run", id=run_id))) if number > len(rows) else None
    return item_table(items, rows, below=more)


def no_runs(place: str = "") -> Node:
    """Return what to do when there is no run yet."""
    start = Command(f"orchestrate run {place}".strip(), "")
    return empty("No run yet", "Start one, and it shows up here by itself.", command(start))

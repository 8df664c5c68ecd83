"""The page Runs: the history, filtered by state and text, a page at a time."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import Final

from dashboard.compose.now import no_runs
from dashboard.draw.parts import chips, pager, search
from dashboard.draw.runs import run_table
from dashboard.nodes import Drawn, Node, h, page
from dashboard.store import Store
from dashboard.summary import Summary
from dashboard.view import LIVE
from dashboard.words import STATE_WORDS, count, percent
from orchestrator.status.states import Shown

RUNS_A_PAGE: Final = 25
WATCHED: Final = 8
SCAN_SECONDS: Final = 0.004  # Of CPU; drawing the rows costs as much again, and a poll may cost 10 ms.
STATES: Final = (
    Shown.RUNNING, Shown.SUCCEEDED, Shown.PARTIAL, Shown.FAILED, Shown.TIMED_OUT, Shown.CANCELLED, Shown.INTERRUPTED,
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Asked:
    """What stands in the address of the page."""

    state: str = ""
    text: str = ""
    first: int = 0

    def address(self, **other: str | int) -> str:
        """Return the address of this page with some parts replaced; the first row is the first again."""
        values = {"state": self.state, "q": self.text, "first": 0, **other}
        return page("runs", **{name: value or None for name, value in values.items()})


@dataclass(frozen=True, slots=True)
class Found:
    """Rows of one page, how many runs match, and how far the search has come."""

    rows: list[Summary]
    number: int
    read: int
    of: int

    @property
    def complete(self) -> bool:
        """Whether every run was looked at."""
        return self.read >= self.of


def runs_page(store: Store, asked: Asked, *, place: str = "") -> Drawn:
    """Return one page of the history. Without a filter only the rows on it are read; with one, a bounded step a poll."""
    names = store.names()
    if not names:
        return Drawn([no_runs(place)], title="orchestrate")
    found = select(store, asked)
    watched = [store.summary(name) for name in names[:WATCHED]]
    live = any(run.state in LIVE for run in watched)
    tree = [_filters(asked, found, store), run_table(found.rows), _below(asked, found)]
    return Drawn(tree, title=f"{count(len(names))} runs", active=live, searching=not found.complete)


def select(store: Store, asked: Asked) -> Found:
    """Return the runs to show."""
    names = store.names()
    if not (asked.state or asked.text):
        rows = [store.summary(name) for name in names[asked.first : asked.first + RUNS_A_PAGE]]
        return Found(rows, len(names), len(names), len(names))
    read, of = store.scan(SCAN_SECONDS)
    matching = store.matching((asked.state, asked.text), lambda run: _matches(run, asked))
    rows = [store.summary(run.run_id) for run in matching[asked.first : asked.first + RUNS_A_PAGE]]
    return Found(rows, len(matching), read, of)


def _matches(run: Summary, asked: Asked) -> bool:
    going_on = asked.state == Shown.RUNNING and run.state in LIVE
    return (not asked.state or run.state == asked.state or going_on) and (not asked.text or run.matches(asked.text))


def _filters(asked: Asked, found: Found, store: Store) -> Node:
    numbers: Counter[Shown] = store.numbers() if found.complete and asked.state else Counter()
    chosen = [("All", asked.address(state=""), not asked.state)]
    chosen += [
        (f"{STATE_WORDS[state]} {count(numbers[state])}" if numbers[state] else STATE_WORDS[state],
         asked.address(state=state), asked.state == state)
        for state in STATES
    ]  # fmt: skip
    return h(
        "div.filters",
        chips("Runs by state", chosen),
        search(asked.address(q=""), "run, name, job, trigger, error", asked.text),
        key="filters",
    )


def _below(asked: Asked, found: Found) -> list[Node | None]:
    reading = None
    if not found.complete:
        share = percent(found.read / found.of)
        reading = h("p.faint", f"{count(found.read)} of {count(found.of)} runs searched so far ({share})", role="status")
    return [reading, pager(asked.first, found.number, RUNS_A_PAGE, lambda first: asked.address(first=first))]

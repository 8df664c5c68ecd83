"""The table of runs."""

from __future__ import annotations

from dashboard.draw.parts import badge, coded, when
from dashboard.nodes import Child, Node, h, page
from dashboard.summary import Summary
from dashboard.words import count, duration, noun
from orchestrator.status.states import Shown

_HEAD = ("State", "Run", "Started", "Took", "Jobs", "Items", "New", "By", "Why")
_NUMBERS = frozenset({"Took", "Jobs", "Items", "New"})


def run_table(runs: list[Summary]) -> Node:
    """Return the runs, one a row, newest first."""
    longest = max((run.seconds or 0.0 for run in runs), default=0.0) or 1.0
    named = len({run.name for run in runs}) > 1
    body = [_row(run, longest, named=named) for run in runs] or h("tr", h("td.faint", "No run matches.", colspan=len(_HEAD)))
    return h(
        "div.scroll.runs",
        h(
            "table",
            h("thead", h("tr", [h("th.number" if name in _NUMBERS else "th", name, scope="col") for name in _HEAD])),
            h("tbody", body),
        ),
        tabindex=0,
        role="region",
        aria_label="Runs",
        key="runs",
    )


def _row(run: Summary, longest: float, *, named: bool) -> Node:
    failed = h("span.bad", f"{count(run.failed)} failed") if run.failed else None
    took = [h("span.meter", css={"w": 100 * (run.seconds or 0.0) / longest}), duration(run.seconds)]
    return h(
        "tr",
        h("td", badge(run.state)),
        h(
            "td.run",
            h("a", run.run_id, href=page("run", id=run.run_id)),
            h("span.faint", run.name) if named and run.name else None,
        ),
        h("td.time", when(run.started)),
        h(f"td.number.took.{run.state}", took if run.seconds is not None else None),
        h("td.number.jobs", f"{run.jobs_done}/{len(run.jobs)}" if run.jobs else None),
        h("td.number", _counted(run.items, noun(run.items, "item")) if run.jobs else None, failed),
        h("td.number", _counted(run.new, "new") if run.new else None),
        h("td.faint.by", run.trigger),
        h("td.why", coded(run.error) if run.state is not Shown.SUCCEEDED else None),
        key=run.run_id,
    )


def _counted(number: int, unit: str) -> list[Child]:
    """Return a figure with its unit, which shows where the table has no head: on a phone."""
    return [count(number), h("span.unit", f" {unit}")]

"""The strip of recent runs: a bar each, as high as the run was long, each a link."""

from __future__ import annotations

from functools import lru_cache
from statistics import median

from dashboard.draw.parts import when
from dashboard.nodes import Node, h, page
from dashboard.summary import Summary
from dashboard.words import STATE_WORDS, duration


def strip(runs: list[Summary], current: str) -> Node | None:
    """Return the recent runs, oldest first, so that now is at the right."""
    if not runs:
        return None
    longest = _scale([run.seconds for run in runs if run.seconds])
    bars = [_bar(run, 100 * (run.seconds or 0.0) / longest, current=run.run_id == current) for run in reversed(runs)]
    return h(
        "section.recent",
        h("div.between", h("h2", "Recent runs"), h("a", "all runs", href=page("runs"))),
        h("ol.strip", bars, css={"n": len(bars)}),
        key="strip",
    )


def _scale(lengths: list[float]) -> float:
    """Return the length of the highest bar: one run that hung for hours doesn't make all others flat."""
    return min(max(lengths), 3 * median(lengths)) if lengths else 1.0


@lru_cache(maxsize=256)
def _bar(run: Summary, share: float, *, current: bool) -> Node:
    """Return the bar of a run. Kept, since old runs look the same at each poll; nobody changes a node."""
    words = f"{STATE_WORDS[run.state]}, {duration(run.seconds) or 'not ended'}, {run.started or run.run_id}"
    return h(
        f"li.{run.state}",
        h(
            "a.current" if current else "a",
            h("span.bar", css={"h": min(100.0, max(10.0, share))}),
            h("span.tip", h("strong", STATE_WORDS[run.state]), " ", duration(run.seconds), " ", when(run.started)),
            href=page("run", id=run.run_id),
            aria_label=words,
            aria_current="true" if current else None,
        ),
        key=run.run_id,
    )

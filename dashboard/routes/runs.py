"""Runs: the history."""

from __future__ import annotations

from dashboard import live
from dashboard.compose.runs import Asked, runs_page
from dashboard.nodes import Drawn


def draw() -> Drawn:
    """Read what is new and draw it."""
    options, store = live.here()
    asked = Asked(live.asked("state"), live.asked("q"), live.asked_row())
    return runs_page(store, asked, place=options.place)


live.poll("runs", draw)

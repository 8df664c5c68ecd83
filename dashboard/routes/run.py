"""Run: everything about one run."""

from __future__ import annotations

import time

from dashboard import live
from dashboard.compose.run import Asked, run_page
from dashboard.nodes import Drawn


def draw() -> Drawn:
    """Read what is new and draw it."""
    options, store = live.here()
    asked = Asked(live.asked("id"), live.asked("state"), live.asked("job"), live.asked("q"), live.asked_row())
    return run_page(store, asked, now=time.time(), place=options.place)


live.poll("run", draw)

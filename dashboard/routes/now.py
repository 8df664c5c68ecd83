"""Now: the run that goes on, or the last one."""

from __future__ import annotations

import time

from dashboard import live
from dashboard.compose.now import now_page
from dashboard.nodes import Drawn


def draw() -> Drawn:
    """Read what is new and draw it."""
    options, store = live.here()
    return now_page(store, now=time.time(), place=options.place)


live.poll("", draw)

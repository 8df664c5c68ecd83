"""Snapshots: what was published."""

from __future__ import annotations

from dashboard import live
from dashboard.compose.snapshots import Asked, snapshots_page
from dashboard.nodes import Drawn


def draw() -> Drawn:
    """Read what is new and draw it."""
    options, store = live.here()
    return snapshots_page(store, Asked(live.asked("job"), live.asked("q")), root=options.root, place=options.place)


live.poll("snapshots", draw)

"""A curve as a small picture: an area and a line, drawn from numbers only."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from dashboard.nodes import Node, h

WIDTH: Final = 100.0
HEIGHT: Final = 24.0
MOST_POINTS: Final = 60


def spark(values: Sequence[float], words: str) -> Node:
    """Return the curve of the values, oldest first, from zero up; a single value is a level line."""
    points = _thinned([*values, values[-1]] if len(values) == 1 else list(values))
    highest = max(points, default=0) or 1
    step = WIDTH / max(1, len(points) - 1)
    places = [f"{number * step:.1f},{HEIGHT - 2 - (HEIGHT - 4) * value / highest:.1f}" for number, value in enumerate(points)]
    area = f"M0,{HEIGHT} L{' L'.join(places)} L{WIDTH},{HEIGHT} Z" if places else ""
    return h(
        "svg.spark",
        h("path", d=area) if area else None,
        h("polyline", points=" ".join(places)) if places else None,
        viewBox=f"0 0 {WIDTH:.0f} {HEIGHT:.0f}",
        preserveAspectRatio="none",
        role="img",
        aria_label=words,
    )


def _thinned(values: list[float]) -> list[float]:
    if len(values) <= MOST_POINTS:
        return values
    last = len(values) - 1
    return [values[round(number * last / (MOST_POINTS - 1))] for number in range(MOST_POINTS)]

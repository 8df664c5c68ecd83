"""The boards, found by discovery: one module a board, named like it, then the entry points `orchestrator.boards`.

A board's module exposes `BOARD`. Only the board that is asked for is imported; all of them are when a URL is looked at.
"""

from __future__ import annotations

import pkgutil
from collections.abc import Iterator, Mapping
from functools import cache
from importlib import import_module
from typing import Final, cast
from urllib.parse import SplitResult, urlsplit

from orchestrator.kinds.scrape.boards.base import Board

ENTRY_POINT_GROUP: Final = "orchestrator.boards"
_NO_BOARDS: Final = frozenset(
    {"base", "fields", "jobposting", "paging", "sitemap"}
)  # Modules of this package that boards share.


@cache
def built_in() -> frozenset[str]:
    """Return the names of this package's boards, without importing any."""
    return frozenset(module.name for module in pkgutil.iter_modules(__path__)) - _NO_BOARDS


@cache
def installed() -> Mapping[str, Board]:
    """Return the boards that other packages add by entry point; looked up only when a board isn't built in."""
    from importlib.metadata import entry_points

    points = entry_points(group=ENTRY_POINT_GROUP)
    return {point.name: cast("Board", point.load()) for point in points if point.name not in built_in()}


@cache
def find_board(name: str) -> Board | None:
    """Return the board of that name, None if nobody has it."""
    if name in built_in():
        return cast("Board", import_module(f"{__name__}.{name}").BOARD)
    return installed().get(name)


def names() -> list[str]:
    """Return the names of all boards, sorted."""
    return sorted(built_in() | installed().keys())


def every_board() -> Iterator[Board]:
    """Yield all boards, by name."""
    for name in names():
        board = find_board(name)
        if board is not None:
            yield board


def detect(url: str) -> tuple[Board, str] | None:
    """Return whose board a public URL leads to, and the token: offline, from its host and path alone. None if nobody knows."""
    parts = split_url(url)
    if parts is None:
        return None
    for board in every_board():
        token = board.detect(parts)
        if token and board.accepts(token):
            return board, token
    return None


def split_url(url: str) -> SplitResult | None:
    """Return the parts of a web address, None if it isn't one."""
    try:
        parts = urlsplit(url)
        usable = parts.scheme in {"http", "https"} and bool(parts.hostname) and (parts.port is None or parts.port > 0)
    except ValueError:
        return None
    return parts if usable else None

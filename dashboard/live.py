"""How a page lives: one fragment that polls, one component that draws. The only module between Streamlit and the views."""

from __future__ import annotations

import gc
import sqlite3
import sys
import time
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any, Final
from urllib.parse import parse_qsl

import streamlit as st

from dashboard import store
from dashboard.draw.parts import notice, page_bar, problem
from dashboard.nodes import PAGES, Drawn, Node, h
from dashboard.options import Options, options
from dashboard.store import Store
from orchestrator.errors import OrchestrateError

HERE: Final = Path(__file__).parent
ASSETS: Final = HERE / "component"


@cache
def _component() -> Any:
    return st.components.v2.component(
        "orchestrate_view",
        css=(ASSETS / "view.css").read_text(encoding="utf-8"),
        js=(ASSETS / "view.js").read_text(encoding="utf-8"),
    )


def here() -> tuple[Options, Store]:
    """Return what the launcher said, and the process's store of that state directory."""
    found = options()
    return found, store.of(found.state_dir)


def poll(page: str, draw: Callable[[], Drawn]) -> None:
    """Draw a page, and again every now and then: at the chosen pace while something is going on, slower otherwise."""
    found = options()
    first = _safely(draw)
    pace = found.pace(active=first.active, searching=first.searching)
    waiting = [first]

    def look() -> None:
        drawn = waiting.pop() if waiting else _safely(draw)
        _mount(page, drawn, pace)
        if (drawn.active, drawn.searching) != (first.active, first.searching):
            st.rerun()

    st.fragment(look, run_every=pace)()


def _safely(draw: Callable[[], Drawn]) -> Drawn:
    """Draw; an error of what is read becomes a card, so that the page stays and looks again."""
    try:
        return draw()
    except OrchestrateError as error:
        return Drawn([problem(error)], title="orchestrate")
    except (OSError, sqlite3.Error, UnicodeError, ValueError, OverflowError, RecursionError) as error:
        words = "The dashboard looks again by itself."
        return Drawn([notice("bad", "This can't be shown", f"{type(error).__name__}: {error}", words)], title="orchestrate")


def _mount(page: str, drawn: Drawn, pace: float) -> None:
    tree: list[Node | str] = h("div", page_bar(page), drawn.tree)[2]
    data = {"tree": tree, "title": drawn.title, "every": pace, "now": time.time()}
    result = _component()(key=f"view-{page}", data=data, on_go_change=_nothing)
    if result.go:
        _go(page, str(result.go))


def _nothing() -> None:
    """Streamlit makes an attribute of a trigger only if a callback is named."""


def _go(current: str, address: str) -> None:
    """Show a page of this dashboard. An address that isn't one is left alone."""
    path, _, query = address.removeprefix("./").partition("?")
    if path not in PAGES:
        return
    asked_for = dict(parse_qsl(query))
    if path == current:
        st.query_params.from_dict(asked_for)
        st.rerun()
    st.switch_page(f"routes/{path or 'now'}.py", query_params=asked_for)


def asked(name: str) -> str:
    """Return a parameter of the page's address, empty if it isn't there."""
    return str(st.query_params.get(name, ""))[:200]


@cache
def settle() -> bool:
    """Take what was imported out of the collector's sight, once: Streamlit collects after every run of a script.

    Without this a poll costs 80 ms of CPU more, since each collection walks every module that was ever imported.
    """
    gc.collect()
    gc.freeze()
    return "streamlit" in sys.modules


def asked_row() -> int:
    """Return the index of the first row that the address asks for, 0 if it asks for none."""
    text = asked("first")
    return int(text) if text.isascii() and text.isdigit() and len(text) < 10 else 0  # noqa: PLR2004

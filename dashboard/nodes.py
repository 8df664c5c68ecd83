"""What a page consists of: a tree of plain values that the component draws. Text is always text, never markup.

A node is the tuple `(tag, attributes, children)`, a child is a node or a string; lists of children are joined. The component
draws the tags and attributes of its own short list only; it sets text as text, and drops a link that isn't http(s) or a page
of this dashboard.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final
from urllib.parse import urlencode, urlsplit

Node = tuple[str, dict[str, Any], list[Any]]
Child = Any  # Node | str | int | None, or a list of children: no recursive alias of mypy's takes lists of subtypes.

PAGES: Final = frozenset({"", "runs", "run", "postings", "snapshots"})


@dataclass(frozen=True, slots=True)
class Drawn:
    """A page as it is right now: the tree, the tab's title, and whether to look again soon, or (while searching) at once."""

    tree: list[Child]
    title: str = ""
    active: bool = False
    searching: bool = False


def h(selector: str, *children: Child, css: Mapping[str, float] | None = None, **attributes: str | float | None) -> Node:
    """Return a node. `selector` is `tag.class.class`; `css` sets numbers as custom properties (`{"w": 34}` is `--w`).

    Attributes that are None are left out; an underscore in a name stands for a dash (`aria_label`).
    """
    tag, classes = _parts(selector)
    found: dict[str, Any] = {"class": classes} if classes else {}
    for name, value in attributes.items():
        if value is not None:
            found[_attribute(name)] = value
    if css:
        found["css"] = {name: round(value, 3) for name, value in css.items()}
    flat: list[Any] = []
    _add(flat, children)
    return tag, found, flat


@lru_cache(maxsize=1024)
def _parts(selector: str) -> tuple[str, str]:
    tag, *classes = selector.split(".")
    return tag, " ".join(filter(None, classes))


@lru_cache(maxsize=256)
def _attribute(name: str) -> str:
    return name.rstrip("_").replace("_", "-")


def _add(flat: list[Any], children: Iterable[Child]) -> None:
    """Append children in order; lists are joined, None is left out. Called for every node of every poll."""
    for child in children:
        kind = type(child)
        if kind is str or kind is tuple:
            flat.append(child)
        elif kind is list:
            _add(flat, child)
        elif child is not None:
            flat.append(str(child))


def page(name: str, **query: str | int | None) -> str:
    """Return the address of a page of this dashboard with its query."""
    assert name in PAGES, name
    asked = {key: value for key, value in query.items() if value not in {None, ""}}
    return f"./{name}?{urlencode(asked)}" if asked else f"./{name}"


def web(url: str | None) -> str | None:
    """Return `url` if a link may lead there: http or https with a host, no credentials. None otherwise."""
    if not url:
        return None
    try:
        parts = urlsplit(url.strip())
    except ValueError:
        return None
    good = parts.scheme.lower() in {"http", "https"} and parts.hostname and "@" not in parts.netloc
    return parts.geturl() if good else None


def texts(node: Node | str) -> list[str]:
    """Return every text of a tree in reading order, so that a test or a log can read a page."""
    if isinstance(node, str):
        return [node]
    return [text for child in node[2] for text in texts(child)]

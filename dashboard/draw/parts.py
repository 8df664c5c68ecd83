"""Parts that every page has: state badges, commands to copy, notices, empty pages."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from dashboard.nodes import Child, Node, h, page
from dashboard.view import Command
from dashboard.words import STATE_WORDS, count
from orchestrator.errors import OrchestrateError
from orchestrator.status.states import Shown

_PAGES: Final = {"": "Now", "runs": "Runs", "postings": "Postings", "snapshots": "Snapshots"}


def icon(state: str) -> Node:
    """Return the sign of a state: a shape of its own beside the colour. The word stands next to it."""
    return h(f"span.icon.{state}", aria_hidden="true")


def badge(state: Shown | str) -> Node:
    """Return the sign and the word of a state."""
    words = STATE_WORDS[state] if isinstance(state, Shown) else state.replace("_", " ").capitalize()
    return h(f"span.badge.{state}", icon(str(state)), words)


def page_bar(current: str) -> Node:
    """Return links to the pages for a window where Streamlit folds its own into a menu; the style shows it there only."""
    links = [h("a", title, href=page(name), aria_current="page" if name == current else None) for name, title in _PAGES.items()]
    return h("nav.pages", links, key="pages", aria_label="Pages")


def command(shown: Command) -> Node:
    """Return a command as it is typed, with a button that copies it."""
    return h(
        "div.command",
        h("code", shown.text),
        h("button", "Copy", copy=shown.text, aria_label=f"Copy the command: {shown.text}"),
        h("span.does", shown.does) if shown.does else None,
    )


def commands(shown: tuple[Command, ...]) -> Node | None:
    """Return the commands that stand where one would look for buttons."""
    return h("div.commands", [command(one) for one in shown], key="commands") if shown else None


def notice(tone: str, title: str, *words: Child) -> Node:
    """Return a card that says what is wrong or worth knowing."""
    said = [h("p", coded(word) if isinstance(word, str) else word) for word in words if word]
    return h(f"section.notice.{tone}", h("strong", title), said, role="status")


def problem(error: OrchestrateError, *words: Child) -> Node:
    """Return the card for a file that can't be read."""
    return notice("bad", sentence(error.message), sentence(error.hint), *words)


def coded(text: str) -> list[Child]:
    """Return a message in which what stands between backticks is set as code. Both remain text."""
    parts = text.split("`")
    if len(parts) % 2 == 0:
        return [text]
    return [h("code", part) if number % 2 else part for number, part in enumerate(parts) if part]


def sentence(text: str) -> str:
    """Return a message with a capital first letter, unless it begins with the name of something."""
    first = text.partition(" ")[0]
    return text[:1].upper() + text[1:] if first.isalpha() else text


def when(at: str | None, as_: str = "minute") -> Node | None:
    """Return a time, which the browser writes in the reader's zone with UTC on hover."""
    return h("time", at=at, as_=as_) if at else None


def clock(since: float | None, stopped: str = "") -> Node | str:
    """Return a duration that goes on since a point in time, or one that has stopped."""
    return h("time", since=since) if since is not None else stopped


def dotted(*parts: Child) -> list[Child]:
    """Return the parts with dots between them, leaving out what is empty."""
    found = [part for part in parts if part]
    return [piece for number, part in enumerate(found) for piece in ([" · ", part] if number else [part])]


def empty(title: str, *words: Child) -> Node:
    """Return what a page says when there is nothing to show yet."""
    return h("section.empty", h("h2", title), [h("p", word) for word in words if word])


def chips(name: str, choices: list[tuple[str, str, bool]]) -> Node:
    """Return links of which one is chosen: words, address, and whether it is the one."""
    links = [
        h("a.chip.chosen" if chosen else "a.chip", words, href=href, aria_current="true" if chosen else None)
        for words, href, chosen in choices
    ]
    return h("nav.chips", links, aria_label=name, key=f"chips {name}")


def search(href: str, words: str, value: str) -> Node:
    """Return a search field that adds `q` to an address of this dashboard."""
    return h("input.search", search=href, value=value, placeholder=words, aria_label=words, maxlength=100, key="search")


def pager(first: int, number: int, size: int, address: Callable[[int], str]) -> Node | None:
    """Return links to the page before and after; `first` is the index of the first row on this one."""
    if number <= size and first == 0:
        return None
    last = min(first + size, number)
    before = h("a", "← earlier rows", href=address(max(0, first - size)), key="before") if first > 0 else None
    after = h("a", "further rows →", href=address(last), key="after") if last < number else None
    return h(
        "nav.pager",
        before,
        h("span", f"{count(first + 1)}\N{EN DASH}{count(last)} of {count(number)}"),
        after,
        aria_label="Pages",
    )


def fold(title: str, *content: Child, key: str, opened: bool = False) -> Node:
    """Return content that a reader may open; what is open stays open."""
    return h("details.fold", h("summary", title), h("div", *content), key=key, open="open" if opened else None)

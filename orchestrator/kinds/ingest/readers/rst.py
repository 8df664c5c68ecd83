"""reStructuredText: titles by their adornments, levels in the order in which the adornments appear."""

from __future__ import annotations

import re
from typing import Final

from orchestrator.kinds.ingest.document import Heading, Parsed
from orchestrator.kinds.ingest.readers import Limits
from orchestrator.kinds.ingest.readers.text import decode

_TITLE: Final = re.compile(
    r"^(?:(?P<over>(?P<o>[!-/:-@\[-`{-~])(?P=o){1,})[ \t]*\r?\n)?"
    r"(?P<title>[^\s][^\n]*|(?<=\n)[ \t]+[^\s][^\n]*)\n"
    r"(?P<under>(?P<u>[!-/:-@\[-`{-~])(?P=u){1,})[ \t]*\r?$",
    re.MULTILINE,
)
_ROLE: Final = re.compile(r":[\w:+.-]+:`([^`<]*?)(?:\s*<[^`]*>)?`|``([^`]*)``|`([^`<]*?)(?:\s*<[^`]*>)?`_*|[*]{1,2}|\|")


def read_rst(name: str, data: bytes, limits: Limits) -> Parsed:
    """Return reStructuredText with its section titles; the first one is the document's."""
    del name, limits
    text = decode(data)
    headings: list[Heading] = []
    levels: list[tuple[str, bool]] = []
    for found in _TITLE.finditer(text):
        title = found["title"].strip()
        if not _is_title(title, found["under"], found["over"]):
            continue
        style = (found["u"], bool(found["over"]))
        if style not in levels:
            levels.append(style)
        headings.append(Heading(found.start(), levels.index(style) + 1, _plain(title)))
    return Parsed(text, headings[0].title if headings else None, tuple(headings))


def _is_title(title: str, under: str, over: str | None) -> bool:
    if title.startswith("..") or not any(character.isalnum() for character in title):
        return False
    if over is not None and over[0] != under[0]:
        return False
    return len(under) >= min(len(title), 4) and len(under) + 2 >= len(title)


def _plain(markup: str) -> str:
    return " ".join(_ROLE.sub(lambda found: found[1] or found[2] or found[3] or "", markup).split())[:200]

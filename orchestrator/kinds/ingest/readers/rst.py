"""reStructuredText: titles by their adornments, levels in the order in which the adornments appear."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from orchestrator.kinds.ingest.document import Heading, Parsed
from orchestrator.kinds.ingest.readers import Limits
from orchestrator.kinds.ingest.readers.text import decode

_ADORNMENT: Final = re.compile(r"\n(?P<under>(?P<u>[!-/:-@\[-`{-~])(?P=u)+)[ \t]*\r?(?=\n|\Z)")
"""A line of one sign. Looked for first, since few lines are: titles are what stands above."""
_OVERLINE: Final = re.compile(r"(?P<over>(?P<o>[!-/:-@\[-`{-~])(?P=o)+)[ \t]*\r?\n")
_ROLE: Final = re.compile(r":[\w:+.-]+:`([^`<]*?)(?:\s*<[^`]*>)?`|``([^`]*)``|`([^`<]*?)(?:\s*<[^`]*>)?`_*|[*]{1,2}|\|")


def read_rst(name: str, data: bytes, limits: Limits) -> Parsed:
    """Return reStructuredText with its section titles; the first one is the document's."""
    del name, limits
    text = decode(data)
    headings: list[Heading] = []
    levels: list[tuple[str, bool]] = []
    for start, title, under, over in _candidates(text):
        if not _is_title(title, under, over):
            continue
        style = (under[0], over is not None)
        if style not in levels:
            levels.append(style)
        headings.append(Heading(start, levels.index(style) + 1, _plain(title)))
    return Parsed(text, headings[0].title if headings else None, tuple(headings))


def _candidates(text: str) -> Iterator[tuple[int, str, str, str | None]]:
    """Yield where a title may begin, its words, the line below and the line above if that is one of signs."""
    taken = 0
    for found in _ADORNMENT.finditer(text):
        start = text.rfind("\n", 0, found.start()) + 1
        words = text[start : found.start()].lstrip(" \t")
        if start < taken or not words or words[0].isspace() or (start == 0 and text[0] in " \t"):
            continue
        over = _OVERLINE.match(text, above := text.rfind("\n", 0, max(0, start - 1)) + 1, start) if start else None
        if over is not None and (above < taken or over.end() != start):
            over = None
        taken = found.end()
        yield (start if over is None else above), words.strip(), found["under"], over and over["over"]


def _is_title(title: str, under: str, over: str | None) -> bool:
    if title.startswith("..") or not any(character.isalnum() for character in title):
        return False
    if over is not None and over[0] != under[0]:
        return False
    return len(under) >= min(len(title), 4) and len(under) + 2 >= len(title)


def _plain(markup: str) -> str:
    return " ".join(_ROLE.sub(lambda found: found[1] or found[2] or found[3] or "", markup).split())[:200]

"""Markdown: ATX and setext headings outside of fences, front matter as metadata. Offsets are those of the source."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

from orchestrator.kinds.ingest.document import Heading, Parsed
from orchestrator.kinds.ingest.readers import Limits
from orchestrator.kinds.ingest.readers.text import decode

_FRONT: Final = re.compile(r"\A---[ \t]*\r?\n(.*?)^(?:---|\.\.\.)[ \t]*\r?$\n?", re.DOTALL | re.MULTILINE)
_INTERESTING: Final = re.compile(
    r"\n {0,3}(?:(?P<marks>#{1,6})(?:[ \t]+(?P<title>[^\n]*?))?[ \t]*#*[ \t]*\r?(?=\n|\Z)"
    r"|(?P<fence>`{3,}|~{3,})(?P<info>[^\n]*)"
    r"|(?P<under>=+|-+)[ \t]*\r?(?=\n|\Z))"
)
_WORDS: Final = re.compile(r" {0,3}(?P<words>[^\s#>`~|=-][^\n]*)\n")
"""What may stand above a line of signs as a heading."""
_MARKUP: Final = re.compile(r"!?\[([^\]]*)\]\([^)]*\)|[`*]+|\{\s*[#.][^}]*\}|<[^>]+>")


def read_markdown(name: str, data: bytes, limits: Limits) -> Parsed:
    """Return Markdown with its headings; the title is the front matter's, else the first heading's."""
    del name, limits
    text = decode(data)
    metadata: Mapping[str, str] = {}
    body = 0
    front = _FRONT.match(text)
    if front is not None:
        metadata = _front_matter(front[1])
        body = front.end()
    headings = tuple(_headings(text, body))
    title = metadata.get("title") or (headings[0].title if headings else None)
    return Parsed(text, title, headings, body, metadata)


def _headings(text: str, start: int) -> list[Heading]:
    headings: list[Heading] = []
    fence = ""
    taken = start
    for found in _INTERESTING.finditer("\n" + text, start):
        # With a line feed in front, a match begins where its line does in the text.
        if found["fence"]:
            if not fence:
                fence = found["fence"]
            elif found["fence"].startswith(fence) and not found["info"].strip():
                fence = ""
        elif not fence:
            heading = _heading(text, found, taken)
            if heading is not None:
                headings.append(heading)
                taken = found.end() - 1
    return headings


def _heading(text: str, found: re.Match[str], taken: int) -> Heading | None:
    """Return the heading that a match is or stands below. `taken` is the end of what belongs to the one before."""
    line = found.start()
    if found["marks"]:
        title = _plain(found["title"] or "")
        return Heading(line, len(found["marks"]), title) if title else None
    above = text.rfind("\n", 0, max(0, line - 1)) + 1
    words = _WORDS.fullmatch(text, above, line) if above >= taken else None
    title = _plain(words["words"]) if words is not None else ""
    return Heading(above, 1 if found["under"].startswith("=") else 2, title) if title else None


def _plain(markup: str) -> str:
    return " ".join(_MARKUP.sub(lambda found: found[1] or "", markup).split())[:200]


def _front_matter(source: str) -> Mapping[str, str]:
    """Return scalars and lists of scalars as text; front matter that is no YAML mapping has none."""
    import yaml

    try:
        document = yaml.load(source, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))  # noqa: S506 - both are safe
    except (yaml.YAMLError, ValueError, RecursionError):
        return {}
    if not isinstance(document, dict):
        return {}
    metadata = {}
    for key, value in document.items():
        values = value if isinstance(value, list) else [value]
        if all(isinstance(each, (str, int, float, bool)) or hasattr(each, "isoformat") for each in values):
            metadata[str(key)[:100]] = ", ".join(str(each) for each in values)[:1000]
    return metadata

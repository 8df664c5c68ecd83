"""HTML: the text of the main part with its headings; navigation, scripts and styles are left out. Offsets are of the text."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from orchestrator.kinds.ingest.document import Heading, Parsed
from orchestrator.kinds.ingest.readers import Limits, check_marks
from orchestrator.kinds.ingest.readers.text import decode

if TYPE_CHECKING:
    from selectolax.lexbor import LexborNode

_LEFT_OUT_TAGS: Final = (
    "script style template noscript svg head nav iframe object form button select footer aside -comment -doctype"
)
_LINE_TAGS: Final = (
    "p div section article main header ul ol dl dd dt li table tr blockquote figure figcaption details summary hr"
)
_LEFT_OUT: Final = frozenset(_LEFT_OUT_TAGS.split())
_LINES: Final = frozenset(_LINE_TAGS.split())
_LEVELS: Final = {f"h{level}": level for level in range(1, 7)}
_SPACES: Final = re.compile(r"\s+")
_META_CHARSET: Final = re.compile(rb"<meta[^>]+charset=[\"']?\s*([\w-]+)", re.IGNORECASE)


def read_html(name: str, data: bytes, limits: Limits) -> Parsed:
    """Return the text of a page. Raises Unreadable if it is neither UTF-8 nor in the encoding that it names."""
    del name, limits
    return parse_html(_markup(data))


def parse_html(markup: str) -> Parsed:
    """Return the text of a page that is decoded already. Raises Unreadable if it has too many tags."""
    from selectolax.lexbor import LexborHTMLParser

    check_marks(markup.count("<") + markup.count("="))
    tree = LexborHTMLParser(markup)
    root = tree.css_first("main, [role=main], article") or tree.body
    text = _Text()
    if root is not None:
        text.walk(root)
    named = tree.css_first("title")
    title = _SPACES.sub(" ", named.text()).strip() if named is not None else ""
    metadata = {
        key: content
        for meta in tree.css("meta[name]")
        if (key := (meta.attributes.get("name") or "").lower()) in {"description", "author", "keywords"}
        and (content := (meta.attributes.get("content") or "").strip()[:1000])
    }
    headings = tuple(text.headings)
    return Parsed(text.value(), title or (headings[0].title if headings else None), headings, 0, metadata)


def _markup(data: bytes) -> str:
    named = _META_CHARSET.search(data[:4096])
    if named is not None and named[1].lower() in {b"iso-8859-1", b"latin1", b"windows-1252", b"iso-8859-15"}:
        encoding = "cp1252" if named[1].lower() != b"iso-8859-15" else "iso-8859-15"
        return data.decode(encoding, errors="replace")
    return decode(data)


class _Text:
    """Collects text in reading order, one line a block, with the offsets of headings."""

    def __init__(self) -> None:
        self._parts: list[str] = []
        self._length = 0
        self._end = "\n"
        self._preformatted = 0
        self._heading_start = 0
        self.headings: list[Heading] = []

    def value(self) -> str:
        return "".join(self._parts)

    def walk(self, root: LexborNode) -> None:
        """Visit all nodes without recursion: nesting in a page has no bound."""
        stack: list[tuple[LexborNode | None, str, int]] = [(root, "", 0)]
        while stack:
            node, closing, mark = stack.pop()
            if node is None:
                self._close(closing, mark)
                continue
            tag = node.tag or ""
            if tag == "-text":
                self._words(node.text_content or "", preformatted=self._preformatted > 0)
                continue
            if tag in _LEFT_OUT or tag.startswith("-") or tag == "_comment":
                continue
            stack.append((None, tag, self._open(tag)))
            children = []
            child = node.child
            while child is not None:
                children.append((child, "", 0))
                child = child.next
            stack.extend(reversed(children))

    def _open(self, tag: str) -> int:
        if tag in _LEVELS:
            self._break(2)
        elif tag == "pre":
            self._break(2)
            self._preformatted += 1
        elif tag == "br":
            self._add("\n")
        elif tag in _LINES:
            self._break(2 if tag in {"p", "table", "blockquote", "ul", "ol"} else 1)
        self._heading_start = self._length if tag in _LEVELS else self._heading_start
        return len(self._parts)

    def _close(self, tag: str, mark: int) -> None:
        if tag in _LEVELS:
            title = _SPACES.sub(" ", "".join(self._parts[mark:])).strip(" ¶#")
            if title:
                self.headings.append(Heading(self._heading_start, _LEVELS[tag], title[:200]))
            self._break(2)
        elif tag == "pre":
            self._preformatted -= 1
            self._break(2)
        elif tag in {"td", "th"}:
            self._add(" | ")
        elif tag in _LINES:
            self._break(2 if tag in {"p", "table", "blockquote"} else 1)

    def _words(self, text: str, *, preformatted: bool) -> None:
        if not preformatted:
            text = _SPACES.sub(" ", text)
            if self._end in "\n ":
                text = text.lstrip(" ")
        self._add(text)

    def _break(self, lines: int) -> None:
        if not self._length:
            return
        tail = "".join(self._parts[-2:])[-2:]
        have = len(tail) - len(tail.rstrip("\n"))
        self._add("\n" * max(0, lines - have))

    def _add(self, text: str) -> None:
        if text:
            self._parts.append(text)
            self._length += len(text)
            self._end = text[-1]

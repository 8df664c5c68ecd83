"""DOCX (ECMA-376) by python-docx, and EPUB: both are zip archives of markup, read with bounds on what they unpack to."""

from __future__ import annotations

import io
import posixpath
import re
import zipfile
import zlib
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import unquote
from xml.etree import ElementTree as ET

from orchestrator.errors import MissingExtra
from orchestrator.kinds.ingest.document import Heading, Parsed, Unreadable
from orchestrator.kinds.ingest.readers import BROKEN, Limits, check_marks

if TYPE_CHECKING:
    from docx.document import Document

_W: Final = "{http://schemas.openxmlformats.org/wordprocessingml/2006/main}"
_BROKEN: Final = (*BROKEN, zipfile.BadZipFile, zlib.error)
_FALLBACK: Final = "{http://schemas.openxmlformats.org/markup-compatibility/2006}Fallback"
_BREAKS: Final = {f"{_W}tab": "\t", f"{_W}br": "\n", f"{_W}cr": "\n"}
_HEADING: Final = re.compile(r"title|heading ([1-9])", re.IGNORECASE)
_MOST_STYLES: Final = 10
"""How many styles may be based on each other; a broken file may have a circle."""
_MOST_UNPACKED: Final = 64_000_000
"""Bytes of markup: a book of a thousand pages has a third of it. As a tree it takes several times as much memory."""


class _Archive:
    """A zip archive whose unpacked content is bounded: a small file can unpack to more than the memory."""

    def __init__(self, data: bytes, code: str) -> None:
        self._code = code
        self._left = _MOST_UNPACKED
        self._marks = 0
        try:
            self._zip = zipfile.ZipFile(io.BytesIO(data))
        except _BROKEN:
            raise Unreadable("the file is broken", code=code) from None

    def check_whole(self) -> None:
        """Raise Unreadable if all members together are too much, for what reads the archive by itself."""
        self._check(self._left - sum(member.file_size for member in self._zip.infolist()))
        count = 0
        for member in self._zip.infolist():
            with suppress(*_BROKEN):
                count += _marks(self._zip.read(member))
        check_marks(count)

    def _check(self, left: int) -> None:
        if left < 0:
            raise Unreadable(f"it unpacks to more than {_MOST_UNPACKED} bytes", code="too-large")

    def read(self, name: str) -> bytes:
        """Return a member. Raises Unreadable if it is missing, damaged or encrypted, or if what was read is too much by now."""
        try:
            self._left -= self._zip.getinfo(name).file_size
            self._check(self._left)  # Before anything is unpacked: no member yields more than it says.
            content = self._zip.read(name)
        except _BROKEN:
            raise Unreadable(f"{name} can't be unpacked", code=self._code) from None
        self._marks += _marks(content)
        check_marks(self._marks)
        return content

    def markup(self, name: str) -> bytes:
        """Return a member that is XML. A document type is refused: it is how XML bombs are made."""
        content = self.read(name)
        if b"<!DOCTYPE" in content[:4096] or b"<!ENTITY" in content:
            raise Unreadable(f"{name} declares entities", code=self._code)
        return content

    def xml(self, name: str) -> ET.Element:
        """Return a member as XML."""
        try:
            return ET.fromstring(self.markup(name))  # noqa: S314 - without a document type there is nothing to expand
        except ET.ParseError:
            raise Unreadable(f"{name} is no XML", code=self._code) from None


def _marks(content: bytes) -> int:
    return content.count(b"<") + content.count(b"=")


def read_docx(name: str, data: bytes, limits: Limits) -> Parsed:
    """Return the paragraphs of a document, also those of tables, content controls and text boxes, in their order.

    Its headings are the paragraphs in a style that is `Heading 1` to `9` or `Title`, or based on one; their ids are in the
    author's language, their names aren't. What was deleted in a tracked change is left out, what was inserted isn't.
    """
    del name
    try:
        import docx
        from docx.exceptions import PythonDocxError
        from docx.opc.exceptions import OpcError
        from docx.oxml.exceptions import XmlchemyError
    except ImportError as error:
        raise MissingExtra("reading DOCX", "ingest") from error
    archive = _Archive(data, "unreadable-docx")
    archive.check_whole()
    archive.markup("word/document.xml")
    try:
        return _document(docx.Document(io.BytesIO(data)), limits)
    except (*_BROKEN, PythonDocxError, OpcError, XmlchemyError) as error:
        raise Unreadable(f"the file is broken ({type(error).__name__})", code="unreadable-docx") from None


def _document(document: Document, limits: Limits) -> Parsed:
    from docx.oxml.ns import qn

    levels: dict[str | None, int] = {}
    parts: list[str] = []
    headings: list[Heading] = []
    length = 0
    for paragraph in document.element.body.iter(qn("w:p")):
        if any(each.tag == _FALLBACK for each in paragraph.iterancestors()):
            continue  # The same text box once more, for older programs.
        words = _words(paragraph)
        if not words.strip():
            continue
        if paragraph.style not in levels:
            levels[paragraph.style] = _level(document, paragraph)
        if levels[paragraph.style]:
            headings.append(Heading(length, levels[paragraph.style], " ".join(words.split())[:200]))
        parts.append(words + "\n\n")
        length += len(parts[-1])
        if length > limits.characters:
            break  # The caller refuses it; reading on would only take memory.
    author = (document.core_properties.author or "").strip()
    title = headings[0].title if headings else (document.core_properties.title or "").strip() or None
    return Parsed("".join(parts), title, tuple(headings), 0, {"author": author[:1000]} if author else {})


def _words(paragraph: Any) -> str:
    """Return the words of a paragraph, without those of paragraphs inside of it."""
    words = []
    stack = list(reversed(paragraph))
    while stack:
        element = stack.pop()
        if element.tag == f"{_W}t":
            words.append(element.text or "")
        elif element.tag in _BREAKS:
            words.append(_BREAKS[element.tag])
        elif element.tag != f"{_W}p":
            stack.extend(reversed(element))
    return "".join(words)


def _level(document: Document, paragraph: Any) -> int:
    """Return the level of the heading that a paragraph is, 0 if it is none."""
    from docx.text.paragraph import Paragraph

    style = Paragraph(paragraph, document).style
    for _ in range(_MOST_STYLES):
        if style is None:
            break
        found = _HEADING.fullmatch(style.name or "")
        if found:
            return int(found[1] or 1)
        style = style.base_style
    return 0


def read_epub(name: str, data: bytes, limits: Limits) -> Parsed:
    """Return the chapters of a book in reading order."""
    from orchestrator.kinds.ingest.readers.html import parse_html

    del name
    archive = _Archive(data, "unreadable-epub")
    title, chapters = _spine(archive)
    parts: list[str] = []
    headings: list[Heading] = []
    length = 0
    for chapter in chapters:
        page = parse_html(archive.read(chapter).decode("utf-8", "replace"))
        headings.extend(Heading(length + each.start, each.level, each.title) for each in page.headings)
        parts.append(page.text.rstrip() + "\n\n")
        length += len(parts[-1])
        if length > limits.characters:
            break
    return Parsed("".join(parts), title or (headings[0].title if headings else None), tuple(headings))


def _spine(archive: _Archive) -> tuple[str | None, list[str]]:
    """Return title and chapters from the package document (EPUB 3, section 3)."""
    rootfile = archive.xml("META-INF/container.xml").find(".//{*}rootfile")
    package_name = rootfile.get("full-path", "") if rootfile is not None else ""
    package = archive.xml(package_name)
    folder = posixpath.dirname(package_name)
    items = {item.get("id"): item.get("href", "") for item in package.iterfind(".//{*}manifest/{*}item")}
    order = [items.get(each.get("idref"), "") for each in package.iterfind(".//{*}spine/{*}itemref")]
    title = package.findtext(".//{http://purl.org/dc/elements/1.1/}title")
    return (title.strip() if title else None), [posixpath.join(folder, unquote(href)) for href in order if href]

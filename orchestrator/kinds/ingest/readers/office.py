"""DOCX (ECMA-376) and EPUB: both are zip archives of markup, read with bounds on what they unpack to."""

from __future__ import annotations

import io
import posixpath
import re
import zipfile
import zlib
from typing import Final
from urllib.parse import unquote
from xml.etree import ElementTree as ET

from orchestrator.kinds.ingest.document import Heading, Parsed, Unreadable
from orchestrator.kinds.ingest.readers import Limits

_W: Final = "{http://schemas.openxmlformats.org/wordprocessingml/2006/main}"
_HEADING: Final = re.compile(r"heading\s*([1-6])$", re.IGNORECASE)
_MOST_UNPACKED: Final = 64_000_000
"""Bytes of markup: a book of a thousand pages has a third of it. As a tree it takes several times as much memory."""


class _Archive:
    """A zip archive whose unpacked content is bounded: a small file can unpack to more than the memory."""

    def __init__(self, data: bytes, code: str) -> None:
        self._code = code
        self._left = _MOST_UNPACKED
        try:
            self._zip = zipfile.ZipFile(io.BytesIO(data))
        except (zipfile.BadZipFile, ValueError):
            raise Unreadable("the file is broken", code=code) from None

    def read(self, name: str) -> bytes:
        """Return a member. Raises Unreadable if it is missing, damaged, encrypted or too large."""
        try:
            self._left -= self._zip.getinfo(name).file_size
            if self._left < 0:  # Before anything is unpacked: no member yields more than it says.
                raise Unreadable(f"it unpacks to more than {_MOST_UNPACKED} bytes", code="too-large")
            return self._zip.read(name)
        except (KeyError, zipfile.BadZipFile, zlib.error, EOFError, RuntimeError):
            raise Unreadable(f"{name} can't be unpacked", code=self._code) from None

    def xml(self, name: str) -> ET.Element:
        """Return a member as XML. A document type is refused: it is how XML bombs are made."""
        content = self.read(name)
        if b"<!DOCTYPE" in content[:4096] or b"<!ENTITY" in content:
            raise Unreadable(f"{name} declares entities", code=self._code)
        try:
            return ET.fromstring(content)  # noqa: S314 - without a document type there is nothing to expand
        except ET.ParseError:
            raise Unreadable(f"{name} is no XML", code=self._code) from None


def read_docx(name: str, data: bytes, limits: Limits) -> Parsed:
    """Return the paragraphs and tables of a document; styles `Heading 1` to `6` are headings."""
    del name, limits
    archive = _Archive(data, "unreadable-docx")
    body = archive.xml("word/document.xml").find(f"{_W}body")
    parts: list[str] = []
    headings: list[Heading] = []
    length = 0
    for paragraph in body.iter(f"{_W}p") if body is not None else ():
        words = _words(paragraph)
        if not words.strip():
            continue
        level = _level(paragraph)
        if level:
            headings.append(Heading(length, level, " ".join(words.split())[:200]))
        parts.append(words + "\n\n")
        length += len(parts[-1])
    return Parsed("".join(parts), headings[0].title if headings else None, tuple(headings))


def _words(paragraph: ET.Element) -> str:
    breaks = {f"{_W}tab": "\t", f"{_W}br": "\n", f"{_W}cr": "\n"}
    return "".join((each.text or "") if each.tag == f"{_W}t" else breaks.get(each.tag, "") for each in paragraph.iter())


def _level(paragraph: ET.Element) -> int:
    style = paragraph.find(f"{_W}pPr/{_W}pStyle")
    name = style.get(f"{_W}val", "") if style is not None else ""
    found = _HEADING.search(name)
    return int(found[1]) if found else 1 if name.lower() == "title" else 0


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

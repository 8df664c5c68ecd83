"""Plain text and source code, and the decoding that every text format shares."""

from __future__ import annotations

import codecs
import re
from typing import Final

from orchestrator.kinds.ingest.document import Heading, Parsed, Unreadable
from orchestrator.kinds.ingest.readers import Limits

_MARKS: Final = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
_MAGIC: Final = {
    b"PK\x03\x04": "a zip archive",
    b"PK\x05\x06": "a zip archive",
    b"\x1f\x8b": "a gzip archive",
    b"%PDF-": "a PDF",
    b"\x89PNG": "a PNG image",
    b"\xff\xd8\xff": "a JPEG image",
    b"GIF8": "a GIF image",
    b"\x7fELF": "a program",
    b"SQLite format 3\x00": "a database",
    b"\xd0\xcf\x11\xe0": "an Office document of the old kind",
    b"BZh": "a bzip2 archive",
    b"\xfd7zXZ": "an xz archive",
}
_DEFINITION: Final = re.compile(
    r"^(?P<indent>[ \t]*)(?:export |pub |public |static |async |default )*"
    r"(?P<what>(?:def|class|func|fn|function|interface|struct|enum|trait|impl|type|module)\s+[^\s({:<;]+)",
    re.MULTILINE,
)


def decode(data: bytes) -> str:
    """Return text of UTF-8 or, by its mark or its pattern of zeros, UTF-16. Raises Unreadable `binary` or `encoding`."""
    for mark, encoding in _MARKS:
        if data.startswith(mark):
            return _decoded(data[len(mark) :], encoding)
    for magic, name in _MAGIC.items():
        if data.startswith(magic):
            raise Unreadable(f"the content is {name}", code="binary", hint="exclude the file, or give it its suffix")
    head = data[:4096]
    if b"\0" in head and len(data) % 2 == 0 and (encoding := _utf16_without_mark(head)):
        return _decoded(data, encoding)
    return _decoded(data, "utf-8")


def _utf16_without_mark(head: bytes) -> str:
    """Return the byte order of text that is mostly Latin, empty if every second byte isn't zero."""
    even, odd = head[0::2], head[1::2]
    if even.count(0) == 0 and odd.count(0) > len(odd) * 0.7:
        return "utf-16-le"
    if odd.count(0) == 0 and even.count(0) > len(even) * 0.7:
        return "utf-16-be"
    return ""


def _decoded(data: bytes, encoding: str) -> str:
    try:
        text = data.decode(encoding)
    except UnicodeDecodeError as error:
        raise Unreadable(
            f"the text is no {encoding.upper()}: byte {error.start} can't be decoded",
            code="encoding",
            hint="save the file as UTF-8",
        ) from None
    if "\0" in text:
        raise Unreadable("the content is binary: it has NUL characters", code="binary", hint="exclude the file")
    return text


def read_text(name: str, data: bytes, limits: Limits) -> Parsed:
    """Return plain text; it has no headings, and its title is its name."""
    del name, limits
    return Parsed(decode(data))


def read_code(name: str, data: bytes, limits: Limits) -> Parsed:
    """Return source code as text; definitions at the left and one level deeper count as headings."""
    del name, limits
    text = decode(data)
    headings = []
    for found in _DEFINITION.finditer(text):
        depth = len(found["indent"].expandtabs(4)) // 4
        if depth <= 1:
            headings.append(Heading(found.start(), depth + 1, " ".join(found["what"].split())))
    return Parsed(text, headings=tuple(headings))

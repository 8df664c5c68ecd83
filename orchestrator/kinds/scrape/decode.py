"""Bodies of answers: inflated within a bound, and read strictly as JSON, XML or text. A body that isn't right is never guessed.

Everything here raises BadBody for what a server may get wrong, and nothing else.
"""

from __future__ import annotations

import json
import math
import re
import zlib
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from xml.etree.ElementTree import Element

_GZIP_OR_ZLIB: Final = 47
_RAW_DEFLATE: Final = -15
_CHUNK: Final = 65536
_CHARSET: Final = re.compile(r"charset\s*=\s*[\"']?([\w.:-]+)", re.IGNORECASE)
_META: Final = re.compile(rb"<meta[^>]{0,200}charset\s*=\s*[\"']?([\w.:-]+)", re.IGNORECASE)
_GZIP_MAGIC: Final = b"\x1f\x8b"
_NAMED_ENCODING: Final = re.compile(rb"\xef\xbb\xbf|\xff\xfe|\xfe\xff|<\?xml[^>]{0,100}\sencoding\s*=")
_UTF_16: Final = (b"\xff\xfe", b"\xfe\xff")
_CONTROLS: Final = bytes([*range(9), 11, 12, *range(14, 32)])
_LARGEST_FILE: Final = 64_000_000
"""Bytes of a gzip file's content; the protocol of sitemaps allows 50 MiB."""
_BOM: Final = "\ufeff"


class BadBody(Exception):
    """A body is truncated, damaged, of an unknown encoding, or not what was asked for."""


class BodyTooLarge(Exception):
    """A body is longer than the cap, after decompression."""


class Inflater:
    """Undoes `Content-Encoding` piece by piece; memory stays below the cap whatever the server sends."""

    def __init__(self, encoding: str, cap: int) -> None:
        self._encoding = encoding.strip().lower()
        self._cap = cap
        self._parts: list[bytes] = []
        self._size = 0
        self._inflate: Any = None
        self._begun = False
        if self._encoding not in {"", "identity", "gzip", "x-gzip", "deflate"}:
            raise BadBody(f"the answer has an unknown content encoding, {self._encoding[:40]!r}")
        if self._encoding not in {"", "identity"}:
            self._inflate = zlib.decompressobj(_GZIP_OR_ZLIB)

    def feed(self, data: bytes) -> None:
        """Take the next bytes from the wire. Raises BodyTooLarge, BadBody."""
        if self._inflate is None:
            self._keep(data)
            return
        while data:
            if self._inflate.eof:  # A second gzip member, or zero padding behind the last one.
                data = data.lstrip(b"\0")
                if not data:
                    return
                self._inflate = zlib.decompressobj(_GZIP_OR_ZLIB)
            self._keep(self._decompress(data))
            data = self._inflate.unconsumed_tail or self._inflate.unused_data

    def _decompress(self, data: bytes) -> bytes:
        try:
            piece: bytes = self._inflate.decompress(data, _CHUNK)
        except zlib.error as error:
            if self._begun or self._encoding != "deflate":
                raise BadBody("the compressed answer is damaged") from error
            self._inflate = zlib.decompressobj(_RAW_DEFLATE)  # Some servers mean the bare format by `deflate`.
            self._begun = True
            return self._decompress(data)
        self._begun = True
        return piece

    def _keep(self, piece: bytes) -> None:
        self._size += len(piece)
        if self._size > self._cap:
            raise BodyTooLarge(f"the answer is longer than {self._cap} bytes")
        if piece:
            self._parts.append(piece)

    def finish(self) -> bytes:
        """Return the whole body. Raises BadBody if the compressed stream ends early."""
        if self._inflate is not None and self._begun and not self._inflate.eof:
            raise BadBody("the compressed answer ends early")
        return b"".join(self._parts)


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a key stands twice in one object")
    return found


def _number(text: str) -> float:
    value = float(text)
    if math.isinf(value):
        raise ValueError("a number is too large")
    return value


def _refuse(name: str) -> float:
    raise ValueError(f"{name} is no JSON")


_decoder: Final = json.JSONDecoder(object_pairs_hook=_object, parse_float=_number, parse_constant=_refuse)


def decoded(accept: str, body: bytes, headers: Mapping[str, str]) -> Any:
    """Return a body as its request wants it (`json`, `xml`, `text`); names of headers are in lower case. Raises BadBody."""
    kind = headers.get("content-type", "")
    if accept == "json":
        return parse_json(body, kind)
    return parse_xml(body, kind) if accept == "xml" else parse_text(body, kind)


def parse_json(body: bytes, content_type: str = "") -> Any:
    """Return the values of a JSON document: UTF-8, another declared charset, or UTF-16/32 as its first bytes tell.

    A BOM is skipped. Duplicate keys, NaN, infinite numbers, numbers of thousands of digits and endless nesting are refused.
    """
    charset = _declared(content_type) or json.detect_encoding(body)
    try:
        return _decoder.decode(body.decode(charset).removeprefix(_BOM))
    except (ValueError, LookupError, RecursionError) as error:
        start = body[:200].lstrip().lower()
        if start.startswith((b"<!doctype", b"<html", b"<head", b"<!--")):
            raise BadBody("the answer is a web page instead of JSON") from error
        raise BadBody("the answer is no valid JSON") from error


def parse_xml(body: bytes, content_type: str = "") -> Element:
    """Return the root of an XML document. A document type is refused, so that no entity can expand or lead elsewhere.

    Names keep their prefixes (`content:encoded`), declared or not. A document that is a gzip file is read too: sitemaps are.
    A charset of the header counts where the document names none. Two mistakes of feeds that cost nothing are forgiven: blank
    lines in front, and control characters, which XML has none of and texts lose anyway.
    """
    if body.startswith(_GZIP_MAGIC):
        body = _unzipped(body)
    body = body.lstrip(b" \t\r\n")
    charset = None if _NAMED_ENCODING.match(body) else _declared(content_type)
    try:
        return _tree(body, charset)
    except BadBody:
        bare = body.translate(None, _CONTROLS)
        if len(bare) == len(body) or body.startswith(_UTF_16):
            raise
    return _tree(bare, charset)


def _tree(body: bytes, charset: str | None) -> Element:
    from xml.etree.ElementTree import TreeBuilder
    from xml.parsers import expat

    builder = TreeBuilder()
    parser = expat.ParserCreate(charset)
    parser.buffer_text = True
    parser.StartDoctypeDeclHandler = _refuse_doctype
    parser.StartElementHandler = builder.start
    parser.EndElementHandler = builder.end
    parser.CharacterDataHandler = builder.data
    try:
        parser.Parse(body, True)  # noqa: FBT003 - expat's own signature
        return builder.close()
    except (expat.ExpatError, AssertionError, ValueError, LookupError, RecursionError) as error:
        raise BadBody("the answer is no valid XML") from error


def _unzipped(body: bytes) -> bytes:
    inflater = Inflater("gzip", _LARGEST_FILE)
    try:
        inflater.feed(body)
        return inflater.finish()
    except BodyTooLarge as error:
        raise BadBody(str(error)) from error


def _refuse_doctype(*_: object) -> None:
    raise BadBody("the answer's XML declares a document type, which is refused")


def parse_text(body: bytes, content_type: str = "") -> str:
    """Return a page as text: by its declared charset, its own `<meta>`, or as UTF-8; bytes that don't fit are replaced."""
    charset = _declared(content_type)
    if not charset and (declared := _META.search(body, 0, 4096)):
        charset = declared[1].decode("ascii")
    try:
        return body.decode(charset or "utf-8", "replace").removeprefix(_BOM)
    except LookupError:
        return body.decode("utf-8", "replace").removeprefix(_BOM)


def _declared(content_type: str) -> str | None:
    found = _CHARSET.search(content_type)
    if found is None or found[1].lower() in {"utf-8", "utf8"}:
        return None
    return found[1]

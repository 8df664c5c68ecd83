"""Cutting a document into pieces at headings and paragraphs, by character offsets into its text."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from typing import Final, NamedTuple

from orchestrator.kinds.ingest.document import Heading, Parsed

VERSION: Final = 1
"""Part of the cache's keys: raise it when the pieces of a text change."""

_PARAGRAPH: Final = re.compile(r"\S[^\n]*+(?:\n[^\S\n]*+\S[^\n]*+)*+")
"""Lines that aren't blank. Possessive, so that not even a megabyte of spaces costs more than one look at each."""
_SENTENCE: Final = re.compile(r"[.!?;:][\"')\]]*\s")
_SMALL: Final = 4
"""A piece shorter than a quarter of the size goes on over a heading instead of standing alone."""


class Piece(NamedTuple):
    """A stretch of a document: offsets, the line that it starts in (from 1), and the headings above it."""

    start: int
    end: int
    line: int
    path: tuple[str, ...]


_Span = tuple[int, int, tuple[str, ...], bool]
"""A stretch that stays whole: offsets, the headings above it, and whether a section begins here.

A plain tuple: there are some hundred thousand, and making named ones takes a tenth of the time of cutting.
"""


def cut(parsed: Parsed, size: int, overlap: int = 0) -> list[Piece]:
    """Return pieces of at most `size` characters that cover all the text but white space, in order.

    With `overlap`, a piece inside a section starts up to so many characters before the end of the one before.
    """
    text = parsed.text
    pieces: list[Piece] = []
    line, counted = 1, 0
    fresh = size - overlap  # What a piece has of its own, so that the repeated part fits in front of it.
    for start, end, path in _packed(_spans(parsed, fresh), text, fresh):
        first = _stepped_back(text, start, pieces, overlap) if overlap else start
        line += text.count("\n", counted, first) if first >= counted else -text.count("\n", first, counted)
        counted = first
        pieces.append(Piece(first, end, line, path))
    return pieces


def _packed(spans: Iterable[_Span], text: str, size: int) -> Iterator[tuple[int, int, tuple[str, ...]]]:
    start = end = -1
    path: tuple[str, ...] = ()
    for first, last, above, opens in spans:
        fits = start >= 0 and last - start <= size
        if fits and (not opens or end - start < size // _SMALL):
            if opens and (not path or _only_headings(text, start, end, path)):
                path = above  # What stands before is a label or a bare heading, and belongs to what follows.
            end = last
            continue
        if start >= 0:
            yield start, end, path
        start, end, path = first, last, above
    if start >= 0:
        yield start, end, path


def _only_headings(text: str, start: int, end: int, path: tuple[str, ...]) -> bool:
    """Whether a stretch holds a heading and nothing below it."""
    return end - start < len(path[-1]) * 3 + 20 and "\n\n" not in text[start:end]


def _stepped_back(text: str, start: int, pieces: Sequence[Piece], overlap: int) -> int:
    if not pieces or pieces[-1].end > start:
        return start
    earliest = max(start - overlap, pieces[-1].start + 1)
    space = text.find(" ", earliest, start)
    return space + 1 if 0 <= space < start - 1 else start


def _spans(parsed: Parsed, size: int) -> Iterator[_Span]:
    """Yield paragraphs, none longer than `size`; long ones are cut at lines, sentences, words, or hard."""
    text = parsed.text
    for start, end, path in sections(parsed):
        opens = True
        for found in _PARAGRAPH.finditer(text, start, end):
            first, last = found.span()
            if text[last - 1].isspace():
                last = first + len(found[0].rstrip())
            if last - first <= size:
                yield first, last, path, opens
                opens = False
                continue
            for a, b in _bounded(text, first, last, size):
                yield a, b, path, opens
                opens = False


def sections(parsed: Parsed) -> Iterator[tuple[int, int, tuple[str, ...]]]:
    """Yield the stretches between headings, each with the titles above it."""
    stack: list[Heading] = []
    position = parsed.body
    for heading in parsed.headings:
        if heading.start > position:
            yield position, heading.start, tuple(each.title for each in stack)
        while stack and stack[-1].level >= heading.level:
            stack.pop()
        stack.append(heading)
        position = max(position, heading.start)
    yield position, len(parsed.text), tuple(each.title for each in stack)


def _stripped(text: str, start: int, end: int) -> Iterator[tuple[int, int]]:
    stretch = text[start:end]
    inner = stretch.strip()
    if inner:
        first = start + len(stretch) - len(stretch.lstrip())
        yield first, first + len(inner)


def _bounded(text: str, start: int, end: int, size: int) -> Iterator[tuple[int, int]]:
    while end - start > size:
        middle = _break_before(text, start, start + size)
        yield from _stripped(text, start, middle)
        start = middle
    if end > start:
        yield from _stripped(text, start, end)


def _break_before(text: str, start: int, limit: int) -> int:
    """Return the best place to cut in the second half: behind a line, a sentence, a word; else right at the limit."""
    half = start + (limit - start) // 2
    line = text.rfind("\n", half, limit)
    if line > 0:
        return line + 1
    sentences = [found.end() for found in _SENTENCE.finditer(text, half, limit)]
    if sentences:
        return sentences[-1]
    space = text.rfind(" ", half, limit)
    return space + 1 if space > 0 else limit

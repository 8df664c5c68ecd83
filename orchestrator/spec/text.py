"""The text of a spec: bytes become characters, within bounds, and what can't stand in YAML is found beforehand."""

from __future__ import annotations

import re
from typing import Final

from orchestrator.spec.problems import Problem, Span, problem

MOST_BYTES: Final = 8_000_000
_UNPRINTABLE: Final = "[^\t\n\r\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]"
_ODD_INDENT: Final = r"(?m)^[ -]*[\xa0\u1680\u2000-\u200d\u202f\u205f\u2060\u3000\ufeff]"
_PRINTABLE_ASCII: Final = bytes([9, 10, 13, *range(32, 127)])


class Unreadable(Exception):
    """Reading can't go on behind this problem."""

    def __init__(self, found: Problem) -> None:
        super().__init__(found.message)
        self.problem = found


def decoded(data: bytes | str) -> str:
    """Return the text of a file's content. Raises Unreadable with the first place that can't be read."""
    if len(data) > MOST_BYTES:
        raise Unreadable(problem("too-large", f"the file has {len(data):,} bytes; up to {MOST_BYTES:,} are read", Span()))
    text = data if isinstance(data, str) else _from_utf8(data)
    text = text.removeprefix("\ufeff")
    odd = None if text.isascii() and not text.encode().translate(None, _PRINTABLE_ASCII) else re.search(_UNPRINTABLE, text)
    if odd is not None:
        raise Unreadable(
            problem(
                "bad-character",
                f"the character U+{ord(odd[0]):04X} can't stand in YAML",
                span_at(text, odd.start()),
                hint="remove it, or write it as an escape in double quotes",
            )
        )
    odd = None if text.isascii() else re.search(_ODD_INDENT, text)
    if odd is not None:
        at = span_at(text, odd.end() - 1)
        message = f"U+{ord(odd[0][-1]):04X} looks like a space, but can't indent YAML"
        raise Unreadable(problem("bad-character", message, at, hint="write plain spaces here"))
    return text


def _from_utf8(data: bytes) -> str:
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as error:
        before = data[: error.start].decode("utf-8")
        raise Unreadable(
            problem("not-utf8", "the file isn't UTF-8", span_at(before, len(before)), hint="save it as UTF-8")
        ) from None


def span_at(text: str, offset: int) -> Span:
    """Return the span of the one character at `offset`."""
    line = text.count("\n", 0, offset) + 1
    column = offset - (text.rfind("\n", 0, offset) + 1) + 1
    return Span(line, column, line, column + 1)

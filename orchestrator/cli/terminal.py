"""How verbs print: results on stdout, everything else on stderr, colours only where somebody sees them."""

from __future__ import annotations

import json
import os
import re
import shutil
import sys
from collections.abc import Iterable, Sequence
from typing import Any, Final, TextIO

_CODES: Final = {"red": "31", "green": "32", "yellow": "33", "blue": "34", "cyan": "36", "dim": "2", "bold": "1"}
_CONTROL: Final = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")


def is_terminal(stream: TextIO | None) -> bool:
    """Whether a person sees the stream as it is written."""
    return stream is not None and not stream.closed and stream.isatty() and os.environ.get("TERM") != "dumb"


def colours(stream: TextIO | None) -> bool:
    """Whether to colour what goes to the stream: NO_COLOR wins, then FORCE_COLOR, then whether it is a terminal."""
    if os.environ.get("NO_COLOR"):
        return False
    return bool(os.environ.get("FORCE_COLOR")) or is_terminal(stream)


def style(text: str, name: str, stream: TextIO | None = None) -> str:
    """Return `text` in a style (`red`, `dim`, `bold` ...) if the stream (default: stdout) takes colours."""
    return f"\x1b[{_CODES[name]}m{text}\x1b[0m" if colours(stream or sys.stdout) else text


def printable(text: str) -> str:
    """Return text of a stranger (a title, a message) without control characters and bidirectional overrides."""
    return _CONTROL.sub("\N{REPLACEMENT CHARACTER}", text)


def say(text: str = "") -> None:
    """Write a message for the person to stderr."""
    _write(sys.stderr, text)


def show(text: str = "") -> None:
    """Write a result to stdout."""
    _write(sys.stdout, text)


def show_json(document: Any) -> None:
    """Write a JSON document to stdout, indented, UTF-8."""
    show(json.dumps(document, ensure_ascii=False, indent=2))


def _write(stream: TextIO | None, text: str) -> None:
    if stream is None or stream.closed:
        return
    try:
        stream.write(text + "\n")
        stream.flush()
    except BrokenPipeError:
        # Whoever read has enough; a second error at exit would hide that this is fine.
        os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


def width(stream: TextIO | None = None) -> int:
    """Return how many columns the terminal has, 100 where there is none."""
    return shutil.get_terminal_size((100, 24)).columns if is_terminal(stream or sys.stdout) else 100


def table(header: Sequence[str], rows: Iterable[Sequence[str]], *, limit: int | None = None) -> str:
    """Return aligned columns; the last one is cut so that a line stays within `limit` columns."""
    cells = [list(header), *([printable(cell) for cell in row] for row in rows)]
    widths = [max(len(row[i]) for row in cells) for i in range(len(header))]
    lines = []
    for row in cells:
        line = "  ".join(cell.ljust(size) for cell, size in zip(row, widths, strict=True)).rstrip()
        lines.append(line if limit is None or len(line) <= limit else line[: limit - 1] + "…")
    return "\n".join(lines)


def seconds(value: float | None) -> str:
    """Return a duration for people: `0.4s`, `31.2s`, `1m04s`, `2h05m`; `?` if it isn't known."""
    minute, hour = 60, 3600
    if value is None:
        return "?"
    if value < minute:
        return f"{value:.1f}s"
    if value < hour:
        return f"{int(value // minute)}m{int(value % minute):02d}s"
    return f"{int(value // hour)}h{int(value % hour // minute):02d}m"

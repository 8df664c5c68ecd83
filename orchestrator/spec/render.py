"""Problems as text for people, one line each, JSON, GitHub annotations and SARIF."""

from __future__ import annotations

import json
import unicodedata
from collections.abc import Callable, Iterable, Sequence
from typing import Final

from orchestrator.spec.problems import Problem, visible

FORMAT_VERSION: Final = 1
_MOST_ANNOTATIONS: Final = 10  # GitHub shows this many errors and warnings of a step, and drops the rest silently.
_COLOURS: Final = {"error": "\x1b[1;31m", "warning": "\x1b[1;33m", "bold": "\x1b[1m", "frame": "\x1b[34m"}
_RESET: Final = "\x1b[0m"


def as_text(problems: Iterable[object], *, colour: bool = False) -> str:
    """Return the problems with the line and a caret span below each; empty if there are none."""
    return "\n\n".join(_block(each, colour=colour) for each in _real(problems))


def _real(problems: Iterable[object]) -> list[Problem]:
    return [each for each in problems if isinstance(each, Problem)]


def _block(found: Problem, *, colour: bool) -> str:
    def paint(text: str, name: str) -> str:
        return f"{_COLOURS[name]}{text}{_RESET}" if colour else text

    head = paint(f"{found.severity}[{found.code}]", found.severity) + paint(f": {visible(found.message)}", "bold")
    gutter = " " * len(str(found.line))
    lines = [head, f"{gutter} {paint('-->', 'frame')} {found.file}:{found.line}:{found.column}"]
    if found.snippet.strip():
        bar = paint("|", "frame")
        before, width = _caret(found)
        carets = paint("^" * width, found.severity)
        hint = f" {visible(found.hint)}" if found.hint else ""
        lines += [
            f" {gutter} {bar}",
            f" {paint(str(found.line), 'frame')} {bar} {visible(found.snippet)}".rstrip(),
            f" {gutter} {bar} {' ' * before}{carets}{hint}",
        ]
    elif found.hint:
        lines.append(f"{gutter}  {visible(found.hint)}")
    return "\n".join(lines)


def _caret(found: Problem) -> tuple[int, int]:
    """Return how many columns stand before the carets, and how many carets there are."""
    start = found.column - 1
    # Of a block of several lines: as far as its first line goes.
    one_line = found.end_line == found.line
    end = found.end_column - 1 if one_line else max(start + 1, len(found.snippet.rstrip()))
    return _columns(found.snippet[:start]), max(1, _columns(found.snippet[start:end]))


def _columns(text: str) -> int:
    if text.isascii():
        return len(text)
    return sum(0 if unicodedata.combining(c) else 2 if unicodedata.east_asian_width(c) in "WF" else 1 for c in text)


def as_concise(problems: Sequence[Problem]) -> str:
    """Return one line a problem: `file:line:column: severity[code] message`."""
    return "\n".join(
        f"{each.file}:{each.line}:{each.column}: {each.severity}[{each.code}] {visible(each.message)}"
        + (f" ({visible(each.hint)})" if each.hint else "")
        for each in problems
    )


def as_json(problems: Sequence[Problem]) -> str:
    """Return a JSON document with every problem; `format_version` grows when a field changes its meaning."""
    document = {
        "format_version": FORMAT_VERSION,
        "errors": sum(each.severity == "error" for each in problems),
        "warnings": sum(each.severity == "warning" for each in problems),
        "problems": [{**each._asdict(), "path": each.where} for each in problems],
    }
    return json.dumps(document, ensure_ascii=False, indent=2)


def as_github(problems: Sequence[Problem]) -> str:
    """Return workflow commands that annotate the lines: errors first, at most ten of each, then how many more there are.

    Source of the format: GitHub's documentation, "Workflow commands for GitHub Actions", and its toolkit's escaping rules.
    """
    lines: list[str] = []
    left: list[str] = []
    for severity in ("error", "warning"):
        matching = [each for each in problems if each.severity == severity]
        lines += [_annotation(each) for each in matching[:_MOST_ANNOTATIONS]]
        more = len(matching) - _MOST_ANNOTATIONS
        if more > 0:
            left.append(f"{more} more {severity}{'s' if more > 1 else ''}")
    if left:
        lines.append(f"{' and '.join(left)}: GitHub shows {_MOST_ANNOTATIONS} of each; here are all")
        lines += [line.replace("::", ": :") for line in as_concise(problems).splitlines()]
    return "\n".join(lines)


def _annotation(found: Problem) -> str:
    properties = {
        "title": found.code,
        "file": found.file,
        "line": found.line,
        "col": found.column,
        "endLine": found.end_line,
        "endColumn": found.end_column,
    }
    written = ",".join(f"{key}={_property(str(value))}" for key, value in properties.items())
    text = f"{found.message}: {found.hint}" if found.hint else found.message
    return f"::{found.severity} {written}::{_data(text)}"


def _data(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")


def _sarif(problems: Sequence[Problem]) -> str:
    from orchestrator.spec.sarif import as_sarif

    return as_sarif(problems)


FORMATS: Final[dict[str, Callable[[Sequence[Problem]], str]]] = {
    "text": as_text,
    "concise": as_concise,
    "json": as_json,
    "github": as_github,
    "sarif": _sarif,
}


def render(problems: Sequence[Problem], style: str, *, colour: bool = False) -> str:
    """Return the problems in one of `FORMATS`; colours exist in `text` only."""
    return as_text(problems, colour=colour) if style == "text" else FORMATS[style](problems)

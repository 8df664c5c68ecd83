"""What the YAML parser complains about, in sentences for people."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from orchestrator.spec.problems import Problem, Span, problem
from orchestrator.spec.references import GITHUB_HINT

if TYPE_CHECKING:
    from yaml import MarkedYAMLError

_INDENT: Final = "check the indentation of this line and the one above"
_NEVER_CLOSED: Final = ("',' or", "end of stream", "document indicator", "alphabetic or numeric")
_SENTENCES: Final = (
    (
        "mapping values are not allowed",
        "a `:` can't stand here",
        'text with ": " needs quotes; or is a line indented wrongly?',
    ),
    ("could not find expected ':'", "a key without its `:`", "write `key: value`, or quote the text"),
    ("did not find expected key", "this isn't the next key of the mapping", _INDENT),
    ("expected <block end>", "this line doesn't fit the block that it stands in", _INDENT),
    ("did not find expected '-' indicator", "this isn't the next item of the list", _INDENT),
    (
        "did not find expected ',' or ']'",
        "the list that was opened with `[` isn't closed",
        "add `]`, or a `,` between the items",
    ),
    (
        "did not find expected ',' or '}'",
        "the mapping that was opened with `{` isn't closed",
        "add `}`, or a `,` between the entries",
    ),
    ("expected ',' or ']'", "the list that was opened with `[` isn't closed", "add `]`, or a `,` between the items"),
    ("expected ',' or '}'", "the mapping that was opened with `{` isn't closed", "add `}`, or a `,` between the entries"),
    ("found unexpected end of stream", "the file ends inside a quoted text", "close the quote"),
    ("found unexpected document indicator", "a quoted text isn't closed", "close the quote"),
    ("block sequence entries are not allowed", "a list item `- ` can't stand here", "put it on a line of its own"),
    (
        "unknown escape character",
        "this escape doesn't exist in double quotes",
        "write `\\\\` for a backslash, or use single quotes",
    ),
    ("did not find expected hexdecimal number", "an escape needs hexadecimal digits here", "write `\\\\` for a backslash"),
    ("block mapping values are not allowed", "a mapping can't stand here", "put it on a line of its own"),
    ("block mapping keys are not allowed", "a key can't stand here", "put it on a line of its own"),
    ("while scanning a directive", "this `%` line is no YAML directive", "remove it"),
    ("found incompatible YAML document", "this YAML version isn't known", "remove the `%YAML` line"),
    ("found undefined tag handle", "this tag isn't known", "remove it"),
    ("did not find expected <document start>", "the text ends before this line", _INDENT),
    ("did not find expected node content", "a value is missing here", "write it, or quote the text"),
    (
        "did not find expected alphabetic or numeric character",
        "text that starts with `*` or `&` needs quotes",
        'write it as "**/*.md"; `*name` without quotes repeats an anchor',
    ),
)


def syntax_problem(error: MarkedYAMLError, text: str) -> Problem:
    """Return the problem that stopped the parser, at the place where it noticed."""
    said = f"{error.context or ''}; {error.problem or ''}"
    opening = error.context_mark if any(part in said for part in _NEVER_CLOSED) else None
    mark = opening or error.problem_mark or error.context_mark
    line, column = (mark.line, mark.column) if mark is not None else (0, 0)
    lines = text.splitlines() or [""]
    if line >= len(lines):  # The end of the file: the last line is what a person can look at.
        line, column = len(lines) - 1, len(lines[-1])
    span = Span(line + 1, column + 1, line + 1, column + 2)
    reference = _unquoted_reference(error, lines)
    if reference is not None:
        return reference
    at = lines[line][column : column + 1]
    return _seen(error, said, lines, span) or _said(error, said, opening, span, lines[line], at)


def _seen(error: MarkedYAMLError, said: str, lines: list[str], span: Span) -> Problem | None:
    """Return the problem of a line around the place that explains what the parser noticed there."""
    if "could not find expected ':'" in said and error.context_mark is not None:
        return _key_line(lines, error.context_mark.line)
    if "mapping values are not allowed" in said:
        line = span.line - 1
        return _line_above(lines, line) or _dash(lines, line) or _deeper(lines, line)
    return None


def _said(error: MarkedYAMLError, said: str, opening: object, span: Span, line: str, at: str) -> Problem:
    """Return the problem at the place itself, in words for what the parser said."""
    if "cannot start any token" in said or "a plain scalar" in said:
        return _bad_start(at, span, line)
    if at and at in "]}" and "did not find expected key" in said:
        return problem("yaml-syntax", f"this `{at}` closes nothing", span, hint="remove it, or open it before")
    for part, message, hint in _SENTENCES:
        if part in said:
            hint = _comment(line, opening) or (hint if opening else _since(hint, error))  # noqa: PLW2901 - the sentence's own
            return problem("yaml-syntax", message, span, hint=hint)
    return problem("yaml-syntax", f"this isn't YAML: {error.problem or error.context}", span)


def _unquoted_reference(error: MarkedYAMLError, lines: list[str]) -> Problem | None:
    """Return the problem of a `${...}` without quotes inside `{ }` or `[ ]`, where its braces belong to YAML."""
    mark = error.problem_mark
    if mark is None or "flow" not in (error.context or "") or mark.line >= len(lines):
        return None
    column = lines[mark.line].rfind("${", 0, mark.column + 1)
    if column < 0:
        return None
    span = Span(mark.line + 1, column + 1, mark.line + 1, max(column, mark.column) + 2)
    if lines[mark.line].startswith("${{", column):
        return problem("yaml-syntax", "`${{ }}` belongs to GitHub Actions", span, hint=GITHUB_HINT)
    return problem("yaml-syntax", "a reference inside `{ }` or `[ ]` needs quotes", span, hint='write `"${env:NAME}"`')


def _comment(line: str, opening: object) -> str:
    """Return what cut a list or mapping off that stays open on its line: a comment that wasn't meant as one, or was."""
    if opening and re.search(r"\s#", line):
        return "` #` begins a comment: quote the text, or close it before"
    return "comments begin with `#`" if opening and re.search(r"\s//\s", line) else ""


def _dash(lines: list[str], line: int) -> Problem | None:
    """Return the problem of a line whose dash has no space behind it."""
    text = lines[line].lstrip()
    if not re.match(r"-[^\s-]", text):
        return None
    start = len(lines[line]) - len(text) + 1
    span = Span(line + 1, start, line + 1, start + 1)
    return problem("yaml-syntax", "a space is missing behind `-`", span, hint=f"write `- {text[1:40].rstrip()}`")


def _deeper(lines: list[str], line: int) -> Problem | None:
    """Return the problem of a key that is indented more than the one above, which has its value already."""
    text = lines[line].lstrip()
    indent = len(lines[line]) - len(text)
    above = next((each for each in reversed(lines[:line]) if each.strip() and not each.lstrip().startswith("#")), "")
    beside = re.match(r"\s*(?:- )?", above)
    key = re.match(r"([\w-]+):(?:\s|$)", text)
    if key is None or beside is None or not re.match(r"[\w-]+:\s+\S", above[beside.end() :]) or indent <= beside.end():
        return None
    span = Span(line + 1, indent + 1, line + 1, indent + 1 + len(key[1]))
    hint = f"begin it in column {beside.end() + 1}, as the line above"
    return problem(
        "yaml-syntax", f"`{key[1]}` is indented more than the line above, which has a value already", span, hint=hint
    )


def _line_above(lines: list[str], line: int) -> Problem | None:
    """Return the problem of the line before, if it is a key without `:`, or one without a space behind it."""
    number = next((n for n in range(line - 1, -1, -1) if lines[n].strip() and not lines[n].lstrip().startswith("#")), None)
    return None if number is None else _key_line(lines, number)


def _key_line(lines: list[str], number: int) -> Problem | None:
    """Return the problem of a line that is a key without `:`, or one without a space behind it."""
    text = lines[number].strip().removeprefix("- ")
    start = lines[number].index(text) + 1
    span = Span(number + 1, start, number + 1, start + len(text))
    if re.fullmatch(r"[\w-]+", text):
        return problem("yaml-syntax", f"a `:` is missing behind `{text[:60]}`", span, hint=f"write `{text[:60]}:`")
    key = re.match(r"([\w-]+):(?!//)\S", text)
    if key is not None:
        return problem("yaml-syntax", f"a space is missing behind `{key[1]}:`", span, hint=f"write `{key[1]}: ...`")
    return None


def _bad_start(at: str, span: Span, line: str) -> Problem:
    if "{%" in line:
        hint = "write plain YAML; `${env:NAME}` works in values"
        return problem("yaml-syntax", "templates aren't rendered", span, hint=hint)
    if at == "\t":
        return problem("tab", "a tab can't indent YAML", span, hint="use spaces")
    return problem("yaml-syntax", f"text can't start with `{at}`", span, hint="quote it")


def _since(hint: str, error: MarkedYAMLError) -> str:
    start, end = error.context_mark, error.problem_mark
    if start is None or end is None or start.line == end.line:
        return hint
    return f"{hint} (it begins on line {start.line + 1})"

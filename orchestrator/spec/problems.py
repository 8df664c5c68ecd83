"""Problems of a spec: what is wrong, where it stands, and what to write instead."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final, Literal, NamedTuple

_IN_A_JOB: Final = 2  # jobs, name
_SHORTEST_BEGINNING: Final = 4
_OF_A_VALUE: Final = frozenset({"ambiguous-scalar", "bad-reference", "key-not-text", "unreadable-file", "unset-variable"})
Severity = Literal["error", "warning"]
Path = tuple[str | int, ...]


class Span(NamedTuple):
    """A place in a file: lines and columns count from 1, the end is the column behind the last character."""

    line: int = 1
    column: int = 1
    end_line: int = 1
    end_column: int = 1
    file: str = ""
    """The name of an included file; empty for the file that was asked for."""


class Problem(NamedTuple):
    """One problem of a spec, in the order and with the names that every format shows.

    `path` leads from the document's root to the value; lines and columns count from 1; `file` is the name as it was given.
    """

    severity: Severity
    code: str
    message: str
    path: Path = ()
    line: int = 1
    column: int = 1
    end_line: int = 1
    end_column: int = 1
    hint: str = ""
    file: str = ""
    snippet: str = ""
    """The line of the file as it may be shown: secrets are masked."""

    @property
    def where(self) -> str:
        """The path as people write it: `jobs.boards.companies[3].token`."""
        return dotted(self.path)


def problem(code: str, message: str, span: Span, *, hint: str = "", path: Path = (), severity: Severity = "error") -> Problem:
    """Return a problem at a place."""
    return Problem(severity, code, message, path, *span[:4], hint, span.file)


def in_order(problems: Iterable[Problem]) -> tuple[Problem, ...]:
    """Return the problems by position, each once; those of included files follow, file by file.

    What an anchor brings into several jobs is told of the first one, and of a key that doesn't exist only that.
    """

    def position(each: Problem) -> tuple[str | int, ...]:
        return each.file, each.line, each.column, each.severity, each.code, each.message

    found = sorted(dict.fromkeys(problems), key=position)
    unknown = {each.path for each in found if each.code == "unknown-key"}
    once = {_identity(each): each for each in reversed(found) if not _lies_in(each, unknown)}
    return tuple(reversed(once.values()))


def _identity(each: Problem) -> tuple[object, ...]:
    """Return what two problems share that stand at one place and differ in the job only that an alias brings them into."""
    shared = len(each.path) > _IN_A_JOB and each.path[0] == "jobs"
    return each[:2] + (each[3][2:] if shared else each[2:4]) + each[4:8] + (each.hint, each.file)


def _lies_in(each: Problem, unknown: set[Path]) -> bool:
    ends = range(len(each.path) + (each.code != "unknown-key"))
    return bool(unknown) and each.code in _OF_A_VALUE and any(each.path[:end] in unknown for end in ends)


def dotted(path: Iterable[str | int]) -> str:
    """Return a path as people write it."""
    text = ""
    for part in path:
        text += f"[{part}]" if isinstance(part, int) else f".{part}" if text else part
    return text


def suggest(word: str, known: Iterable[str], *, cutoff: float = 0.6) -> str | None:
    """Return the known word that was probably meant, None if nothing is close; `cutoff` is 1 for the same word."""
    import difflib

    choices = {each.lower().replace("-", "_"): each for each in known}
    wanted = word.lower().replace("-", "_")[:100]
    found = difflib.get_close_matches(wanted, choices, n=1, cutoff=cutoff)
    if not found and len(wanted) >= _SHORTEST_BEGINNING:
        found = [each for each in choices if each.startswith(wanted)]
    return choices[found[0]] if found else None


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """Return the hint with the word that was probably meant, or with all of them if they are few."""
    words = list(known)
    meant = suggest(word, words)
    if meant is not None:
        return f"did you mean `{meant}`?"
    return f"possible: {', '.join(words)}" if 0 < len(words) <= 20 else ""  # noqa: PLR2004 - more are no help


def listed(words: Iterable[str], last: str = "or") -> str:
    """Return words as a person lists them: `a, b or c`."""
    items = list(words)
    return f" {last} ".join([", ".join(items[:-1]), items[-1]]) if len(items) > 1 else "".join(items)


def visible(text: str) -> str:
    """Return text in one line without control characters, each character as wide as before."""
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else " " if c.isspace() else "\N{REPLACEMENT CHARACTER}" for c in text)

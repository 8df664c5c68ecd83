"""Globs over paths that are relative to a corpus: `*` and `?` stay within a folder, `**` crosses folders.

A glob that names a folder stands for all that lies in it: `drafts`, `drafts/` and `drafts/**` mean the same.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from functools import cache
from typing import Final

_TOKENS: Final = re.compile(r"\*\*/|\*\*|\*|\?|\[!?\]?[^\]]*\]|[^*?\[]+|\[")
_MEANT: Final = re.compile(r"[\\\[\]&~|]")
"""What means something else in a set of an expression than in one of a glob."""
_BACKSLASHED: Final = r"\\\g<0>"


def _part(token: str) -> str:
    match token:
        case "**/":
            return "(?:[^/]+/)*"
        case "**":
            return ".*"
        case "*":
            return "[^/]*"
        case "?":
            return "[^/]"
    if token.startswith("[") and token.endswith("]"):
        return _one_of(token[1:-1].removeprefix("!"), "^" if token.startswith("[!") else "") or re.escape(token)
    return re.escape(token)


def _one_of(characters: str, negation: str) -> str:
    """Return the expression of one character of a set, but never a slash; empty if the set is.

    A range that runs backwards has no character.
    """
    if not characters:
        return ""
    expression = f"(?!/)[{negation}{_MEANT.sub(_BACKSLASHED, characters)}]"
    try:
        re.compile(expression)
    except re.error:
        return "(?!)"
    return expression


@cache
def compile_glob(glob: str) -> re.Pattern[str]:
    """Return the expression that matches a whole relative path in POSIX form."""
    body = "".join(_part(token) for token in _TOKENS.findall(glob.strip("/").removeprefix("./")))
    return re.compile(f"(?s:{body}(?:/.*)?)\\Z")


def matcher(globs: Sequence[str]) -> Callable[[str], bool]:
    """Return a test whether a path matches one of the globs; no globs match nothing."""
    patterns = [compile_glob(glob) for glob in globs]
    if not patterns:
        return lambda _: False
    return lambda path: any(pattern.match(path) for pattern in patterns)

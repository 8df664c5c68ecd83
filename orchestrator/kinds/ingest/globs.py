"""Globs over paths that are relative to a corpus: `*` and `?` stay within a folder, `**` crosses folders.

A glob that names a folder stands for all that lies in it: `drafts`, `drafts/` and `drafts/**` mean the same.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from functools import cache
from typing import Final

_TOKENS: Final = re.compile(r"\*\*/|\*\*|\*|\?|\[!?\]?[^\]]*\]|[^*?\[]+|\[")


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
    if token.startswith("[") and token.endswith("]") and len(token) > 2:  # noqa: PLR2004 - brackets and something between
        inner = token[1:-1].replace("\\", "\\\\")
        return f"(?!/)[^{inner[1:]}]" if inner.startswith("!") else f"(?!/)[{inner}]"
    return re.escape(token)


@cache
def compile_glob(glob: str) -> re.Pattern[str]:
    """Return the expression that matches a whole relative path in POSIX form."""
    body = "".join(_part(token) for token in _TOKENS.findall(glob.strip("/").removeprefix("./")))
    return re.compile(f"(?s:{body}(?:/.*)?)\\Z")


def matcher(globs: Sequence[str]) -> Callable[[str], bool]:
    """Return a test whether a path matches one of the globs; no globs match nothing."""
    patterns = [compile_glob(glob) for glob in globs]
    return lambda path: any(pattern.match(path) for pattern in patterns)

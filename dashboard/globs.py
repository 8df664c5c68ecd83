"""Globs of a corpus as an ingest reads them: `*` and `?` within a folder, `**` across folders, a folder for all in it."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Final

_PIECES: Final = {"**/": "(?:[^/]+/)*", "**": ".*", "*": "[^/]*", "?": "[^/]"}
_PIECE: Final = re.compile(r"\*\*/|\*\*|\*|\?|\[(!?)(\]?[^\]]*)\]")


def matcher(globs: Sequence[str]) -> Callable[[str], bool]:
    """Return a test whether a relative path matches one of the globs; no globs match nothing.

    It says the same as the ingest's own (a test compares the two), without importing that kind of job.
    """
    patterns = [_pattern(glob) for glob in globs]
    return lambda path: any(pattern.match(path) for pattern in patterns)


@lru_cache(maxsize=512)
def _pattern(glob: str) -> re.Pattern[str]:
    """Return the expression of a glob. One that can't be an expression matches nothing: validation tells of it."""
    text, body, start = glob.strip("/").removeprefix("./"), "", 0
    for found in _PIECE.finditer(text):
        body += re.escape(text[start : found.start()]) + (_PIECES.get(found[0]) or _one_of(found))
        start = found.end()
    try:
        return re.compile(f"(?s:{body}{re.escape(text[start:])}(?:/.*)?)\\Z")
    except re.error:
        return re.compile(r"(?!)")


def _one_of(found: re.Match[str]) -> str:
    """Return the expression of `[...]` or `[!...]`, which never match a slash; `[]` is two plain characters."""
    inside = found[2].replace("\\", "\\\\").replace("[", "\\[")
    if not inside:
        return re.escape(found[0])
    return f"(?!/)[{'^' if found[1] else ''}{inside}]"

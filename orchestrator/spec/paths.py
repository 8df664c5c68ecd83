"""Paths and globs that can't be meant as they stand: what shells and other tools replace. Imported when one looks odd."""

from __future__ import annotations

import re
from collections.abc import Iterable
from itertools import islice
from typing import Final

_BELOW: Final = "every path lies below the folder of jobs.yaml and is relative to it"
_FOREIGN: Final = (
    (re.compile(r"~\w*(/|$)"), "`~` isn't replaced by anybody's home"),
    (re.compile(r"[A-Za-z][A-Za-z0-9+.-]+://"), "this is an address, not a path"),
    (re.compile(r"[A-Za-z]:($|[\\/])"), "drives don't exist here"),
)
_VARIABLE: Final = re.compile(r"\$(?:\{?([A-Za-z_]\w*)\}?)|%([A-Za-z_]\w*)%")
_SLASHES: Final = re.compile(r"\\+")
_BRACES: Final = re.compile(r"\{([^{}]*,[^{}]*)\}")
_EXPRESSION: Final = re.compile(r"\(\?|\\[.dbws]|^\^|\$$|\w\|\w|\)\|\(")
_OF_TITLES: Final = re.compile(rf"{_EXPRESSION.pattern}|\.[*+]")
_MOST_WRITTEN: Final = 4


def refused(path: str) -> tuple[str, str] | None:
    """Return why a path can't be meant as it stands, and what to write; None if it can."""
    if "\0" in path:
        return "a path can't contain a NUL character", ""
    for form, message in _FOREIGN:
        if form.match(path):
            return message, _BELOW
    if "\\" in path:
        return "folders are separated by `/`", f"write `{_SLASHES.sub('/', path)}`"
    variable = _VARIABLE.search(path)
    if variable is not None:
        return f"`{variable[0]}` isn't replaced", f"`${{env:{variable[1] or variable[2]}}}` is; {_BELOW}"
    return None


def odd_glob(glob: str) -> tuple[str, str] | None:
    """Return why a glob over paths can't be meant as it stands, and what to write; None if nothing is known."""
    odd = _regular(_EXPRESSION.search(glob)) or refused(glob)
    if odd is not None:
        return odd
    if glob.startswith("!"):
        return "`!` doesn't turn a glob round", f"put `{glob[1:]}` into the other list: `include` takes, `exclude` leaves out"
    if glob.startswith("../"):
        return "a glob can't lead out of the corpus", "globs are relative to the corpus"
    braces = _BRACES.search(glob)
    if braces is not None:
        each = (f"{glob[: braces.start()]}{part.strip()}{glob[braces.end() :]}" for part in braces[1].split(","))
        return "braces aren't expanded", f"write one glob for each: {_listed(each)}"
    if ", " in glob:
        return "this is one glob, not several", f"write each by itself: {_listed(glob.split(','))}"
    return None


def odd_title(glob: str) -> tuple[str, str] | None:
    """Return what to say of a glob over titles that looks like a regular expression, None if it doesn't."""
    return _regular(_OF_TITLES.search(glob))


def _regular(found: re.Match[str] | None) -> tuple[str, str] | None:
    if found is None:
        return None
    return f"this looks like a regular expression (`{found[0]}`), which a glob is not", "globs know `*`, `?`, `[...]` and `**`"


def _listed(globs: Iterable[str]) -> str:
    return ", ".join(f'"{glob.strip()}"' for glob in islice(globs, _MOST_WRITTEN))

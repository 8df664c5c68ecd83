"""Globs of a spec that match nothing, or can't: what was probably meant. Reads file names at most."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Final

from orchestrator.kinds.ingest.globs import compile_glob
from orchestrator.kinds.ingest.spec import IngestSpec
from orchestrator.spec.kinds import Finding
from orchestrator.spec.paths import odd_glob

_MOST_LOOKED_AT: Final = 20_000
_Place = tuple[str | int, ...]


def unmatched(spec: IngestSpec, folders: Sequence[str], root: Path) -> Iterator[Finding]:
    """Yield globs that match no file of the corpus; of `exclude`, which may look ahead, only those that never could."""
    walked = {folder: names_below(root / folder) for folder in folders if (root / folder).is_dir()}
    names = [name for found in walked.values() for name in found]
    # In a corpus of several folders, `expect` names a document with its folder.
    documents = (
        names if len(folders) == 1 else [f"{Path(at).as_posix()}/{name}" for at, found in walked.items() for name in found]
    )
    for place, glob in _globs(spec):
        if len(names) < _MOST_LOOKED_AT and _matches(glob, documents if place[0] == "checks" else names):
            continue
        odd = odd_glob(glob)
        if odd is not None:
            yield Finding(place, "odd-glob", f"`{glob}`: {odd[0]}", odd[1], "warning")
        elif place[0] != "exclude" and walked and len(names) < _MOST_LOOKED_AT:
            message = f"{glob!r} matches no file of the corpus"
            yield Finding(place, "glob-matches-nothing", message, _hint(glob, folders, names), "warning")


def _globs(spec: IngestSpec) -> Iterator[tuple[_Place, str]]:
    yield from ((("include", number), glob) for number, glob in enumerate(spec.include))
    yield from ((("exclude", number), glob) for number, glob in enumerate(spec.exclude))
    yield from ((("checks", "smoke", number, "expect"), smoke.expect) for number, smoke in enumerate(spec.checks.smoke))


def _matches(glob: str, names: Iterable[str]) -> bool:
    pattern = compile_glob(glob)
    return any(map(pattern.match, names))


def _hint(glob: str, folders: Sequence[str], names: Sequence[str]) -> str:
    """Return the glob that was probably meant, if it would match something."""
    inside = (glob.strip("/").removeprefix(f"{folder.strip('/')}/") for folder in folders)
    ending = [f"**/*.{glob.removeprefix('.')}"] if re.fullmatch(r"\.?\w{1,8}", glob) else []
    for other in (*inside, *ending, f"**/{glob}"):
        if other != glob and _matches(other, names):
            return f'write "{other}": globs are relative to the corpus'
    return "globs are relative to the corpus"


def names_below(place: Path) -> list[str]:
    """Return the paths of the files below a folder, relative to it; the walk ends after 20,000."""
    found: list[str] = []
    for folder, _, names in os.walk(place):
        found += (Path(folder, name).relative_to(place).as_posix() for name in names)
        if len(found) >= _MOST_LOOKED_AT:
            break
    return found

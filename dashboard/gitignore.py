"""What `.gitignore` files leave out of a corpus, as an ingest reads them: the last matching rule wins, deeper files first."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Final, NamedTuple

from dashboard.globs import matcher

_LONGEST: Final = 1_000_000


class _Rule(NamedTuple):
    matches: Callable[[str], bool]
    keeps: bool
    folders_only: bool


class Ignored:
    """The rules of the folders that a walk has entered, each before those in it.

    It says the same as the ingest's own (a test compares the two), without importing that kind of job.
    """

    def __init__(self) -> None:
        self._rules: dict[str, list[_Rule]] = {}

    def enter(self, relative: str, folder: Path) -> None:
        """Read the rules of a folder; `relative` is empty for the root and ends with a slash elsewhere."""
        file = folder / ".gitignore"
        try:
            if file.is_symlink() or not file.is_file() or file.stat().st_size > _LONGEST:
                return
            lines = file.read_text(encoding="utf-8", errors="replace").splitlines()
        except OSError:
            return
        self._rules[relative] = [rule for line in lines if (rule := _rule(line)) is not None]

    def __call__(self, relative: str, *, folder: bool) -> bool:
        """Whether a path below the entered folders is left out."""
        base = relative
        while base:
            base = relative[: base.rstrip("/").rfind("/") + 1]
            for rule in reversed(self._rules.get(base, [])):
                if (folder or not rule.folders_only) and rule.matches(relative[len(base) :]):
                    return not rule.keeps
        return False


def _rule(line: str) -> _Rule | None:
    text = line.rstrip()
    if not text or text.startswith("#"):
        return None
    keeps = text.startswith("!")
    text = text.removeprefix("!").removeprefix("\\")
    glob = text.rstrip("/")
    if not glob:
        return None
    # A rule without a slash holds at any depth; one with a slash holds from its own folder.
    return _Rule(matcher([glob.lstrip("/") if "/" in glob else f"**/{glob}"]), keeps, text.endswith("/"))

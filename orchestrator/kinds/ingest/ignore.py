"""What `.gitignore` files leave out, as gitignore(5) says: the last matching rule wins, deeper files over higher ones."""

from __future__ import annotations

from pathlib import Path
from typing import Final, NamedTuple

from orchestrator.kinds.ingest.globs import compile_glob

_LONGEST: Final = 1_000_000


class _Rule(NamedTuple):
    glob: str
    keep: bool
    folders_only: bool


class IgnoreRules:
    """The rules of the folders that a walk has entered, from the top down."""

    def __init__(self) -> None:
        self._rules: list[tuple[str, list[_Rule]]] = []

    def enter(self, relative: str, path: Path) -> None:
        """Read the rules of a folder; `relative` is empty for the root and ends with a slash elsewhere."""
        while self._rules and not relative.startswith(self._rules[-1][0]):
            self._rules.pop()
        file = path / ".gitignore"
        if file.is_symlink() or not file.is_file() or file.stat().st_size > _LONGEST:
            return
        lines = file.read_text(encoding="utf-8", errors="replace").splitlines()
        self._rules.append((relative, [rule for line in lines if (rule := _parse(line))]))

    def ignores(self, relative: str, *, folder: bool) -> bool:
        """Whether a path is left out."""
        for base, rules in reversed(self._rules):
            if not relative.startswith(base):
                continue
            inner = relative[len(base) :]
            for rule in reversed(rules):
                if (folder or not rule.folders_only) and compile_glob(rule.glob).match(inner):
                    return not rule.keep
        return False


def _parse(line: str) -> _Rule | None:
    text = line.rstrip("\n").rstrip()
    if not text or text.startswith("#"):
        return None
    keep = text.startswith("!")
    text = text.removeprefix("!").removeprefix("\\")
    folders_only = text.endswith("/")
    text = text.rstrip("/")
    if not text:
        return None
    # A rule without a slash holds at any depth; one with a slash holds from its own folder.
    glob = text.lstrip("/") if "/" in text else f"**/{text}"
    return _Rule(glob, keep, folders_only)

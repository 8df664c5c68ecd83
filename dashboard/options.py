"""What the launcher tells the pages, behind `--` on Streamlit's command line."""

from __future__ import annotations

import argparse
import shlex
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Final

FASTEST: Final = 0.1
SLOWEST: Final = 10.0
WATCH_SECONDS: Final = 5.0
SEARCH_SECONDS: Final = 0.1


@dataclass(frozen=True, slots=True)
class Options:
    """The state directory, the folder that paths of the spec are relative to, and the pace."""

    state_dir: Path
    root: Path
    refresh: float = 1.0

    def pace(self, *, active: bool, searching: bool = False) -> float:
        """Return the seconds between two looks: fewer while something goes on, fewest while a search is under way."""
        if searching:
            return min(self.refresh, SEARCH_SECONDS)
        return self.refresh if active else max(self.refresh, WATCH_SECONDS)

    @property
    def place(self) -> str:
        """Flags that a command needs to find this state directory from the current directory."""
        here = Path.cwd()
        if self.state_dir == here / ".orchestrate":
            return ""
        inside = self.state_dir.is_relative_to(here)
        return f"--state-dir {shlex.quote(str(self.state_dir.relative_to(here) if inside else self.state_dir))}"


def options(arguments: list[str] | None = None) -> Options:
    """Return what stands on the command line. Raises SystemExit for what can't be read there."""
    parser = argparse.ArgumentParser(prog="dashboard")
    parser.add_argument("--state-dir", type=Path, default=Path(".orchestrate"))
    parser.add_argument("--root", type=Path)
    parser.add_argument("--refresh", type=_pace, default=1.0)
    found = parser.parse_args(sys.argv[1:] if arguments is None else arguments)
    state_dir = found.state_dir.absolute()
    return Options(state_dir, (found.root or state_dir.parent).absolute(), found.refresh)


def _pace(text: str) -> float:
    pace = float(text)
    if not FASTEST <= pace <= SLOWEST:
        raise argparse.ArgumentTypeError(f"{text} isn't within {FASTEST} and {SLOWEST}")
    return pace

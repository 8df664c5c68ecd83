"""The live view on a real terminal: one row a job, also when the window becomes narrower while a run goes on."""

from __future__ import annotations

import shlex
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from threading import Event
from typing import Any, Final

import pytest

SPEC: Final = """\
version: 1
jobs:
  alpha: {kind: drill, items: 30, seconds: 0.1, behaviour: wait, concurrency: 1}
  beta: {kind: drill, items: 20, seconds: 0.1, behaviour: wait, concurrency: 1}
"""
PATIENCE: Final = 30.0


class Window:
    """A window of tmux on a server of its own."""

    def __init__(self, socket: Path) -> None:
        self._socket = socket

    def tmux(self, *words: str) -> str:
        command = ["tmux", "-S", str(self._socket), "-f", "/dev/null", *words]
        return subprocess.run(command, check=True, capture_output=True, text=True, timeout=20).stdout

    def rows(self) -> list[str]:
        return [row for row in self.tmux("capture-pane", "-p").splitlines() if row.strip()]

    def until(self, shown: Callable[[list[str]], bool]) -> list[str]:
        end = time.monotonic() + PATIENCE
        while not shown(rows := self.rows()):
            assert time.monotonic() < end, rows
            Event().wait(0.05)
        return rows


@pytest.fixture
def window(tmp_path: Path) -> Iterator[Window]:
    if shutil.which("tmux") is None:
        pytest.skip("needs tmux")
    made = Window(tmp_path / "tmux")
    yield made
    made.tmux("kill-server")


def test_a_narrower_window_leaves_one_row_a_job(
    window: Window, project: Callable[..., Any], clean_environment: dict[str, str]
) -> None:
    words = [sys.executable, "-m", "orchestrator", "run"]
    path = shlex.quote(clean_environment["PYTHONPATH"])
    run = f"env -u COLUMNS -u LINES -u NO_COLOR PYTHONPATH={path} {shlex.join(words)}"
    command = f"cd {shlex.quote(str(project(SPEC)))}; {run}; echo ended; cat"
    window.tmux("new-session", "-d", "-x", "100", "-y", "20", command)
    window.until(lambda rows: any("left" in row and row.startswith("...   alpha") for row in rows))
    window.tmux("resize-window", "-x", "40", "-y", "20")
    narrow = window.until(lambda rows: [row[:11] for row in rows if "alpha" in row or "beta" in row] == JOBS)
    assert all(len(row) <= 40 for row in narrow)
    ended = window.until(lambda rows: "ended" in rows)
    assert [row for row in ended if row.startswith("... ")] == []
    assert [row[:11] for row in ended if row.startswith("ok ")] == ["ok    alpha", "ok    beta "]


JOBS: Final = ["...   alpha", "...   beta "]

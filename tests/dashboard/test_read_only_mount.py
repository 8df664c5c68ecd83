"""The state directory on a file system that is mounted read-only: every page polls, and nothing is touched."""

from __future__ import annotations

import errno
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

PAGES = ("now", "run", "runs", "postings", "snapshots")
POLLS = 720  # An hour's worth, at one look in five seconds.


@pytest.fixture
def read_only(tmp_path: Path, builder: Any) -> Iterator[Any]:
    """A project in a memory file system of its own, filled and then mounted read-only."""
    if sys.platform != "linux" or os.geteuid() != 0 or shutil.which("mount") is None:
        pytest.skip("only root on Linux can mount")
    place = tmp_path / "mounted"
    place.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=64m", "tmpfs", place], capture_output=True, text=True, check=False
    )
    if mounted.returncode:
        pytest.skip(f"this machine doesn't let us mount: {mounted.stderr.strip()}")
    made = builder(place)
    try:
        fill(made)
        subprocess.run(["mount", "-o", "remount,ro", place], check=True, capture_output=True)
        yield made
    finally:
        made.close()
        subprocess.run(["umount", "--lazy", place], check=True)


def fill(build: Any) -> None:
    """Write runs of several sorts, postings (in WAL mode, as a writer leaves them) and two snapshots."""
    (build.root / "docs").mkdir()
    (build.root / "docs" / "a.md").write_text("one")
    build.run("failed", begun=900, jobs=[build.job(state="failed", failures=[build.failure("Acme")])])
    build.run("running", lease=False, begun=500)
    run = build.run("succeeded")
    build.journal(run, [{"key": f"company {number}"} for number in range(50)])
    build.spec(run, {"jobs": {"handbook": {"kind": "ingest", "corpus": "docs", "include": ["**/*.md"]}}})
    build.database([{"id": 1, "title": "Engineer"}], [{"posting_id": 1, "event": "new"}])
    build.snapshot({"a.md": "one"}, ago=100)
    build.snapshot({"a.md": "two"}, ago=50)


def test_an_hour_of_polls_on_a_read_only_mount_changes_nothing(
    read_only: Any, draw_page_of: Callable[..., Any], digest_of: Callable[[Path], str]
) -> None:
    with pytest.raises(OSError, match="Read-only") as refused:
        (read_only.root / "x").write_text("x")
    assert refused.value.errno == errno.EROFS
    before = digest_of(read_only.root)
    for page in PAGES:
        query = {"q": "one", "job": "handbook"} if page == "snapshots" else {"id": "1"} if page == "postings" else {}
        shown = draw_page_of(read_only, page, **query)
        for _ in range(POLLS // len(PAGES)):
            shown.look()
        assert "can't" not in shown.text
    assert "Interrupted" in draw_page_of(read_only, "runs").text
    assert digest_of(read_only.root) == before

"""What `.gitignore` leaves out: the dashboard's reading and the ingest's say the same, and a walk heeds it."""

from __future__ import annotations

import os
from pathlib import Path

from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from dashboard.freshness import Rules, Walk, rules_of
from dashboard.gitignore import Ignored
from orchestrator.kinds.ingest.ignore import IgnoreRules

RULES = [
    "*.log",
    "build/",
    "/only.md",
    "!keep.log",
    "# words",
    "sub/*.md",
    "a?.md",
    "\\#x",
    "**/deep",
    "!",
    "/",
    "x/",
    "[ab].md",
]
PATHS = ["a.log", "keep.log", "only.md", "sub/only.md", "sub/a.md", "ab.md", "#x", "sub/deep/x.md", "x", "sub/b.md", "build"]


@settings(deadline=None, max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    top=st.lists(st.sampled_from(RULES), max_size=6),
    inner=st.lists(st.sampled_from(RULES), max_size=6),
    path=st.sampled_from(PATHS),
    folder=st.booleans(),
)
@example(top=["*.log", "!keep.log"], inner=[], path="keep.log", folder=False)
@example(top=["build/"], inner=[], path="build", folder=False)
def test_both_readings_leave_out_the_same(tmp_path: Path, top: list[str], inner: list[str], path: str, folder: bool) -> None:
    (tmp_path / "sub").mkdir(exist_ok=True)
    (tmp_path / ".gitignore").write_text("\n".join(top))
    (tmp_path / "sub" / ".gitignore").write_text("\n".join(inner))
    ours, theirs = Ignored(), IgnoreRules()
    for place in ("", "sub/")[: 1 + path.startswith("sub/")]:
        ours.enter(place, tmp_path / place)
        theirs.enter(place, tmp_path / place)
    assert ours(path, folder=folder) == theirs.ignores(path, folder=folder)


def test_a_new_file_that_is_ignored_makes_no_snapshot_stale(tmp_path: Path) -> None:
    for name in ("a.md", "draft.md", "build/b.md"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("x")
    os.utime(tmp_path / "a.md", (0, 0))
    (tmp_path / ".gitignore").write_text("draft.md\nbuild/\n")
    known, made_at = frozenset({"a.md"}), 1.0
    heeding = Walk({"": tmp_path}, known, made_at, rules=rules_of({"respect_gitignore": True})).advance(60)
    assert (heeding.complete, heeding.stale) == (True, False)
    assert Walk({"": tmp_path}, known, made_at, rules=Rules()).advance(60).new == ("build/b.md", "draft.md")

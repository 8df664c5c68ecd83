"""`orchestrate resume`: after a kill, a cancel, a failure; and what it refuses."""

from __future__ import annotations

import json
import signal
import subprocess
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

Maker = Callable[..., Any]


def _drill(**fields: Any) -> str:
    return "version: 1\njobs:\n  drill: " + json.dumps({"kind": "drill", **fields}) + "\n"


def _lines(root: Path) -> list[str]:
    path = root / "out.txt"
    return path.read_text(encoding="utf-8").splitlines() if path.exists() else []


def _journalled(root: Path) -> set[str]:
    journal = next((root / ".orchestrate" / "runs").glob("2*/journal.jsonl"))
    entries = [json.loads(line) for line in journal.read_bytes().splitlines()]
    return {entry["item"] for entry in entries if entry["event"] == "item_finished"}


def test_a_killed_run_reads_as_interrupted_and_is_resumed_without_repeating_what_it_knows(
    start: Maker, verb: Maker, project: Maker, wait_until: Maker
) -> None:
    root = project(_drill(items=40, behaviour="wait", seconds=0.1, concurrency=2, output="out.txt"))
    process = start("run", cwd=root, stderr=subprocess.DEVNULL)
    wait_until(lambda: len(_lines(root)) >= 8, what="work")
    process.send_signal(signal.SIGKILL)
    process.wait()
    seen = verb("status", "--json", cwd=root).json()
    assert (seen["state"], seen["jobs"][0]["state"]) == ("interrupted", "interrupted")
    assert "interrupted" in verb("status", cwd=root).stdout
    assert [run["state"] for run in verb("runs", "--json", cwd=root).json()["runs"]] == ["interrupted"]
    known, applied = _journalled(root), Counter(_lines(root))
    done = verb("resume", cwd=root)
    assert done.code == 0
    assert f"{len(known)} items are known from before" in done.stderr
    counted = Counter(_lines(root))
    assert set(counted) == {f"item-{number:07d}" for number in range(40)}
    assert all(counted[key] == applied[key] for key in known), "an item that the journal knows was repeated"
    assert sum(counted.values()) - 40 <= 6, "more was repeated than was in flight"
    status = verb("status", "--json", cwd=root).json()
    assert (status["state"], status["attempt"], status["jobs"][0]["adopted"]) == ("succeeded", 2, len(known))


def test_after_a_kill_a_new_run_works_as_well(start: Maker, verb: Maker, project: Maker, wait_until: Maker) -> None:
    root = project(_drill(items=200, behaviour="wait", seconds=0.1, concurrency=1, output="out.txt"))
    process = start("run", cwd=root, stderr=subprocess.DEVNULL)
    wait_until(lambda: _lines(root), what="work")
    process.kill()
    process.wait()
    (root / "jobs.yaml").write_text(_drill(items=3, output="out.txt"), encoding="utf-8")
    assert verb("run", cwd=root).code == 0
    states = [run["state"] for run in verb("runs", "--json", cwd=root).json()["runs"]]
    assert states == ["succeeded", "interrupted"]


def test_a_failed_run_is_resumed_by_id_or_part_of_it(verb: Maker, project: Maker) -> None:
    root = project(_drill(items=3, behaviour="fail", unlucky=1))
    assert verb("run", cwd=root).code == 1
    run_id = verb("status", "--json", cwd=root).json()["run_id"]
    for name in (run_id, run_id[-8:]):
        done = verb("resume", name, cwd=root)
        assert done.code == 1
        assert f"resuming run {run_id}" in done.stderr
        assert "2 items are known" in done.stderr


def test_what_cant_be_resumed_says_why(verb: Maker, project: Maker, tmp_path: Path) -> None:
    none = verb("resume", cwd=tmp_path)
    assert (none.code, "no run yet" in none.stderr) == (5, True)
    root = project(_drill())
    assert verb("run", cwd=root).code == 0
    done = verb("resume", cwd=root)
    assert (done.code, "succeeded" in done.stderr) == (5, True)
    assert verb("resume", "nothing", cwd=root).code == 5


def test_a_changed_spec_is_refused_until_it_is_accepted(verb: Maker, project: Maker) -> None:
    root = project(_drill(items=3, behaviour="fail", unlucky=1))
    verb("run", cwd=root)
    before = {path: path.read_bytes() for path in (root / ".orchestrate").rglob("*") if path.is_file()}
    (root / "jobs.yaml").write_text(_drill(items=3), encoding="utf-8")
    refused = verb("resume", cwd=root)
    assert refused.code == 5
    assert "--accept-changed-spec" in refused.stderr
    assert {path: path.read_bytes() for path in (root / ".orchestrate").rglob("*") if path.is_file()} == before
    assert verb("resume", "--accept-changed-spec", cwd=root).code == 0
    assert verb("status", "--json", cwd=root).json()["jobs"][0]["items"]["succeeded"] == 3


def test_a_live_run_isnt_resumed(start: Maker, verb: Maker, project: Maker, wait_until: Maker) -> None:
    root = project(_drill(items=1, behaviour="wait", seconds=60))
    start("run", cwd=root, stderr=subprocess.DEVNULL)
    wait_until(lambda: list((root / ".orchestrate" / "runs").glob("2*")), what="the run")
    done = verb("resume", cwd=root)
    assert (done.code, "still" in done.stderr) == (5, True)


def test_a_run_that_was_killed_again_and_again_is_still_whole(
    start: Maker, verb: Maker, project: Maker, wait_until: Maker
) -> None:
    root = project(_drill(items=30, behaviour="wait", seconds=0.05, concurrency=2, output="out.txt"))
    verbs = iter(["run", "resume"])
    for name in verbs:
        before = len(_lines(root))
        process = start(name, cwd=root, stderr=subprocess.DEVNULL)
        wait_until(lambda count=before: len(_lines(root)) >= count + 6, what="work")
        process.kill()
        process.wait()
    assert verb("resume", cwd=root).code == 0
    status = verb("status", "--json", cwd=root).json()
    assert (status["attempt"], status["jobs"][0]["items"]["succeeded"]) == (3, 30)
    assert set(_lines(root)) == {f"item-{number:07d}" for number in range(30)}

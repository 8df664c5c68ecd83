"""`orchestrate run`: every exit code that the engine yields, and what is said where."""

from __future__ import annotations

import errno
import json
import os
import re
import subprocess
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Maker = Callable[..., Any]
CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")


def _drill(**fields: Any) -> str:
    return "version: 1\ngrace: 500ms\njobs:\n  drill: " + json.dumps({"kind": "drill", **fields}) + "\n"


def _runs(root: Path) -> list[Path]:
    return sorted((root / ".orchestrate" / "runs").glob("2*"))


@pytest.mark.parametrize(
    ("fields", "code", "state"),
    [
        ({"items": 3}, 0, "succeeded"),
        ({"items": 0}, 0, "succeeded"),
        ({"items": 3, "behaviour": "fail"}, 1, "failed"),
        ({"items": 3, "behaviour": "fail", "unlucky": 1}, 1, "partial"),
        ({"items": 3, "behaviour": "fail", "unlucky": 1, "max_failures": 1}, 0, "succeeded"),
        ({"items": 3, "behaviour": "crash"}, 1, "failed"),
        ({"items": 3, "behaviour": "progress", "updates": 100}, 0, "succeeded"),
        ({"fail_at": "plan"}, 1, "failed"),
        ({"fail_at": "apply"}, 1, "failed"),
        ({"fail_at": "commit"}, 1, "failed"),
        ({"behaviour": "wait", "seconds": 60, "timeout": 0.3}, 124, "timed_out"),
    ],
)
def test_a_run_exits_as_the_contract_says(verb: Maker, project: Maker, fields: dict[str, Any], code: int, state: str) -> None:
    root = project(_drill(**fields))
    done = verb("run", "--json", cwd=root)
    assert (done.code, json.loads(done.stdout.splitlines()[-1])["run"]["state"]) == (code, state)
    assert verb("status", "--json", cwd=root).json()["state"] == state


@pytest.mark.parametrize(
    ("spec", "arguments", "said"),
    [
        ("version: 1\njobs: {drill: {kind: drill, items: -1}}\n", [], "items"),
        ("version: 1\njobs: {drill: {kind: nothing}}\n", [], "nothing"),
        (_drill(), ["--job", "other"], "no job `other`"),
        (_drill(enabled=False), [], "enabled"),
        (_drill(), ["missing.yaml"], "missing.yaml"),
        (_drill(), ["--wait", "long"], "--wait"),
        (_drill(), ["--engine", "steam"], "steam"),
        (_drill(), ["--no-such-flag"], "--no-such-flag"),
        (_drill(timeout="180.1s"), [], "timeout"),
    ],
)
def test_wrong_usage_and_an_invalid_spec_start_nothing(
    verb: Maker, project: Maker, spec: str, arguments: list[str], said: str
) -> None:
    root = project(spec)
    done = verb("run", *arguments, cwd=root)
    assert done.code == 2
    assert said in done.stderr
    assert done.stdout == ""
    assert not (root / ".orchestrate").exists()


def test_a_state_directory_that_cant_be_made_is_a_storage_error(verb: Maker, project: Maker) -> None:
    root = project(_drill(), {".orchestrate": "a file"})
    done = verb("run", cwd=root)
    assert (done.code, done.stdout) == (4, "")
    assert "error" in done.stderr
    assert str(root) not in done.stderr


def test_a_second_run_on_the_same_target_is_refused_and_the_first_isnt_harmed(
    verb: Maker, start: Maker, project: Maker, wait_until: Maker
) -> None:
    root = project(_drill(items=40, behaviour="wait", seconds=0.1, concurrency=4, output="out.txt"))
    first = start("run", cwd=root)
    wait_until((root / "out.txt").exists, what="the first run's work")
    before = _runs(root)
    refused = verb("run", cwd=root)
    assert (refused.code, refused.stdout) == (3, "")
    assert "out.txt" in refused.stderr
    assert "process" in refused.stderr
    assert _runs(root) == before
    skipped = verb("run", "--skip-if-running", cwd=root)
    assert (skipped.code, _runs(root)) == (0, before)
    assert "skipped" in skipped.stderr
    first.communicate(timeout=30)
    assert first.returncode == 0
    assert len((root / "out.txt").read_text(encoding="utf-8").splitlines()) == 40


def test_a_run_that_waits_for_a_busy_target_begins_when_it_is_free(
    verb: Maker, start: Maker, project: Maker, wait_until: Maker
) -> None:
    root = project(_drill(items=5, behaviour="wait", seconds=0.2, concurrency=1, output="out.txt"))
    first = start("run", cwd=root)
    wait_until((root / "out.txt").exists, what="the first run's work")
    assert verb("run", "--wait", "30s", cwd=root).code == 0
    assert first.wait(20) == 0
    assert len((root / "out.txt").read_text(encoding="utf-8").splitlines()) == 10
    assert len(_runs(root)) == 2


def test_jobs_with_other_targets_dont_wait_for_each_other(verb: Maker, start: Maker, project: Maker, wait_until: Maker) -> None:
    busy = {"kind": "drill", "items": 100, "behaviour": "wait", "seconds": 0.2, "output": "one.txt"}
    jobs = json.dumps({"one": busy, "two": {"kind": "drill", "output": "two.txt"}})
    root = project(f"version: 1\njobs: {jobs}\n")
    start("run", "--job", "one", cwd=root)
    wait_until((root / "one.txt").exists)
    assert verb("run", "--job", "two", cwd=root).code == 0
    assert verb("run", "--job", "one", cwd=root).code == 3


def test_of_racing_starts_one_wins_and_the_others_touch_nothing(
    start: Maker, verb: Maker, project: Maker, wait_until: Maker
) -> None:
    root = project(_drill(behaviour="wait", seconds=60, output="out.txt"))
    racers = [start("run", "--quiet", cwd=root) for _ in range(4)]
    wait_until(lambda: sum(racer.poll() is not None for racer in racers) >= 3, what="the refusals")
    assert [len(_runs(root)), verb("cancel", cwd=root).code] == [1, 0]
    assert Counter(racer.wait(20) for racer in racers) == Counter({130: 1, 3: 3})


def test_a_job_is_skipped_by_age_only_after_a_success_of_the_same_spec(verb: Maker, project: Maker) -> None:
    root = project(_drill(output="out.txt"))
    assert verb("run", "--if-stale", "6h", cwd=root).code == 0
    fresh = verb("run", "--if-stale", "6h", cwd=root)
    assert (fresh.code, len(_runs(root))) == (0, 1)
    assert "skipped" in fresh.stderr
    assert verb("run", "--if-stale", "0s", cwd=root).code == 0
    assert len(_runs(root)) == 2
    (root / "jobs.yaml").write_text(_drill(output="out.txt", items=2), encoding="utf-8")
    verb("run", "--if-stale", "6h", cwd=root)
    assert len(_runs(root)) == 3


def test_json_lines_tell_each_change_of_a_job_and_end_with_the_whole_run(verb: Maker, project: Maker) -> None:
    done = verb("run", "--json", cwd=project(_drill(items=3)))
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    assert {line["format_version"] for line in lines} == {1}
    assert [line["event"] for line in lines][-1] == "run"
    assert lines[-1]["run"]["jobs"][0]["items"]["done"] == 3
    assert all(line["event"] == "job" for line in lines[:-1])


def test_a_quiet_run_says_nothing_unless_something_is_wrong(verb: Maker, project: Maker) -> None:
    good = verb("run", "--quiet", cwd=project(_drill()))
    assert (good.code, good.text) == (0, "")
    bad = verb("run", "--quiet", cwd=project(_drill(behaviour="fail")))
    assert bad.code == 1
    assert "drills do" in bad.stderr


def test_plain_output_has_no_control_characters_and_leaves_stdout_alone(orchestrate: Maker, project: Maker) -> None:
    root = project(_drill(items=30, behaviour="fail", unlucky=3, seconds=0.1))
    done = orchestrate("run", cwd=root)
    assert (done.code, done.stdout) == (1, "")
    assert not CONTROL.search(done.stderr)
    assert "30/30 items" in done.stderr
    assert "next: orchestrate resume" in done.stderr


def test_failures_are_told_with_reason_hint_and_what_to_do_next(verb: Maker, project: Maker) -> None:
    said = verb("run", cwd=project(_drill(items=9, behaviour="fail", unlucky=8))).stderr
    assert "item-0000000  drill: the drill fails" in said
    assert "drills do" in said
    assert "and 3 more: orchestrate logs --job drill" in said


def test_a_run_with_closed_or_broken_output_ends_as_it_would_have(start: Maker, project: Maker, clean_environment: Any) -> None:
    import sys

    root = project(_drill(items=2, behaviour="fail", unlucky=1))
    shell = f"{sys.executable} -m orchestrator run --json >&- 2>&-; echo $? >code"
    subprocess.run(["sh", "-c", shell], cwd=root, env=clean_environment, check=True, timeout=30)
    assert (root / "code").read_text(encoding="utf-8").strip() == "1"
    process = start("run", "--json", cwd=root)
    process.stdout.close()
    process.stdout = None
    _, said = process.communicate(timeout=30)
    assert process.returncode == 1, said.decode()
    assert b"Traceback" not in said
    assert b"Exception ignored" not in said


def test_the_files_of_a_run_are_private_and_name_no_absolute_path(verb: Maker, project: Maker) -> None:
    root = project(_drill(items=3, behaviour="crash", unlucky=1, output="out.txt"))
    verb("run", cwd=root)
    (run,) = _runs(root)
    assert {path.name for path in run.iterdir()} == {"spec.json", "lease.lock", "status.json", "journal.jsonl", "run.log"}
    for path in [root / ".orchestrate", *run.iterdir(), run]:
        assert path.stat().st_mode & 0o077 == 0, path.name
    for path in run.iterdir():
        if path.name != "run.log":
            assert str(root) not in path.read_text(encoding="utf-8"), path.name


def test_old_runs_beyond_the_retention_are_removed_after_a_run(verb: Maker, project: Maker) -> None:
    root = project("retention: {runs: 2}\n" + _drill())
    for _ in range(4):
        assert verb("run", cwd=root).code == 0
    assert len(_runs(root)) == 2


def test_a_journal_that_cant_be_written_ends_the_run_with_exit_4_and_readable_files(
    verb: Maker, project: Maker, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = project(_drill(items=10, behaviour="wait", seconds=0.2, concurrency=1))
    write = os.write

    def full(descriptor: int, data: Any) -> int:
        if Path(f"/proc/self/fd/{descriptor}").readlink().name == "journal.jsonl":
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return write(descriptor, data)

    monkeypatch.setattr(os, "write", full)
    done = verb("run", cwd=root)
    assert done.code == 4
    assert done.stderr.count("the journal can't be written") == 1
    assert "no space is left on the device" in done.stderr
    monkeypatch.undo()
    (run,) = _runs(root)
    assert json.loads((run / "status.json").read_bytes())["jobs"][0]["items"]["done"] == 0


def test_a_status_that_cant_be_written_doesnt_fail_the_run(
    verb: Maker, project: Maker, monkeypatch: pytest.MonkeyPatch
) -> None:
    """PR-06: the run goes on, the trouble is said once, and the last status is written when it can be again."""
    root = project(_drill(items=4, behaviour="wait", seconds=0.2, concurrency=1, progress_every=0.2))
    write, failed = os.write, []

    def faulty(descriptor: int, data: Any) -> int:
        name = Path(f"/proc/self/fd/{descriptor}").readlink().name
        if "status.json" in name and _runs(root) and b'"running"' in bytes(data):
            failed.append(len(data))
            raise OSError(errno.EIO, os.strerror(errno.EIO))
        return write(descriptor, data)

    monkeypatch.setattr(os, "write", faulty)
    done = verb("run", cwd=root)
    assert (done.code, len(failed) > 1) == (0, True)
    assert done.stderr.count("the status file can't be written") == 1
    (run,) = _runs(root)
    assert json.loads((run / "status.json").read_bytes())["state"] == "succeeded"


def test_a_secret_reaches_nothing_that_is_written_or_printed(
    verb: Maker, project: Maker, monkeypatch: pytest.MonkeyPatch
) -> None:
    canary = "c4n4ry-7f3a1b2c"
    monkeypatch.setenv("ACME_SECRET", canary)
    root = project('name: "for ${env:ACME_SECRET}"\n' + _drill(items=3, behaviour="fail", unlucky=1))
    said = [verb(*arguments, cwd=root).text for arguments in (["run", "--json"], ["status"], ["status", "--json"], ["logs"])]
    said += [verb("resume", cwd=root).text, verb("runs", "--json", cwd=root).text, verb("plan", "--json", cwd=root).text]
    assert all(canary not in text for text in said)
    for path in root.rglob("*"):
        assert not path.is_file() or canary.encode() not in path.read_bytes(), path.name
    assert "***" in said[2]

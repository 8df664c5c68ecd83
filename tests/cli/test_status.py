"""`orchestrate status`, `runs` and `logs`: what is read, what is said where there is nothing, and damaged files."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Maker = Callable[..., Any]
CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")
SPEC = "version: 1\njobs:\n  drill: {kind: drill, items: 4, behaviour: fail, unlucky: 1}\n"


@pytest.fixture
def ended(project: Maker, verb: Maker) -> Path:
    """Return a project with one run that was partial."""
    root: Path = project(SPEC)
    assert verb("run", "--quiet", cwd=root).code == 1
    return root


def _run(root: Path) -> Path:
    return next((root / ".orchestrate" / "runs").glob("2*"))


def test_a_run_is_told_in_words_with_what_failed_and_what_to_do(ended: Path, verb: Maker) -> None:
    done = verb("status", cwd=ended)
    assert (done.code, done.stderr) == (0, "")
    for words in ("partial", "4/4 items", "item-0000000  drill: the drill fails", "drills do", "next: orchestrate resume"):
        assert words in done.stdout
    assert not CONTROL.search(done.stdout)


def test_the_json_of_a_run_is_its_status_file_with_the_derived_state(ended: Path, verb: Maker) -> None:
    document = verb("status", "--json", cwd=ended).json()
    on_disk = json.loads((_run(ended) / "status.json").read_bytes())
    assert document.pop("format_version") == 1
    assert document == on_disk
    assert document["schema_version"] == 1


def test_a_run_is_chosen_by_its_id_a_part_of_it_or_as_the_latest(ended: Path, verb: Maker) -> None:
    first = _run(ended).name
    verb("run", "--quiet", cwd=ended)
    latest = verb("status", "--json", cwd=ended).json()["run_id"]
    assert latest > first
    for name in (first, first[-8:]):
        assert verb("status", name, "--json", cwd=ended).json()["run_id"] == first
    unknown = verb("status", "nothing", cwd=ended)
    assert (unknown.code, unknown.stdout) == (5, "")
    assert "orchestrate runs" in unknown.stderr


@pytest.mark.parametrize("name", ["status", "logs", "resume", "cancel"])
def test_in_a_folder_without_runs_a_sentence_says_so_and_nothing_is_made(verb: Maker, tmp_path: Path, name: str) -> None:
    done = verb(name, cwd=tmp_path)
    assert (done.code, done.stdout) == (5, "")
    assert "no run yet" in done.stderr
    assert list(tmp_path.iterdir()) == []


def test_no_runs_are_no_error_for_the_list(verb: Maker, tmp_path: Path) -> None:
    assert verb("runs", cwd=tmp_path).code == 0
    assert verb("runs", "--json", cwd=tmp_path).json() == {"format_version": 1, "runs": []}
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("damage", [b"", b'{"schema_version": 7}', b"\0" * 64])
def test_a_damaged_status_is_a_sentence_and_the_list_goes_on(ended: Path, verb: Maker, damage: bytes) -> None:
    damaged = _run(ended)
    (damaged / "status.json").write_bytes(damage)
    verb("run", "--quiet", cwd=ended)
    done = verb("status", damaged.name, cwd=ended)
    assert (done.code, done.stdout) == (4, "")
    assert done.stderr.startswith("error: ")
    assert "Traceback" not in done.stderr
    rows = verb("runs", "--json", cwd=ended).json()["runs"]
    assert [row["state"] for row in rows] == ["partial", "unreadable"]
    assert verb("runs", cwd=ended).code == 0


def test_a_damaged_status_is_made_again_from_the_journal(ended: Path, verb: Maker) -> None:
    before = verb("status", "--json", cwd=ended).json()
    (_run(ended) / "status.json").write_bytes(b"{")
    rebuilt = verb("status", "--rebuild", "--json", cwd=ended).json()
    for seen in (rebuilt, verb("status", "--json", cwd=ended).json()):
        for field in ("run_id", "state", "attempt", "spec_digest"):
            assert seen[field] == before[field]
        for field in ("name", "state", "items", "failures", "result"):
            assert seen["jobs"][0][field] == before["jobs"][0][field]


def test_the_history_is_filtered_by_state_age_and_count(ended: Path, verb: Maker) -> None:
    (ended / "jobs.yaml").write_text("version: 1\njobs: {drill: {kind: drill}}\n", encoding="utf-8")
    verb("run", "--quiet", cwd=ended)

    def states(*arguments: str) -> list[str]:
        return [row["state"] for row in verb("runs", "--json", *arguments, cwd=ended).json()["runs"]]

    assert states() == ["succeeded", "partial"]
    assert states("--state", "partial") == ["partial"]
    assert states("--state", "interrupted") == []
    assert states("--limit", "1") == ["succeeded"]
    assert states("--last", "7d") == ["succeeded", "partial"]
    assert states("--last", "0s") == []
    for wrong in (("--state", "melting"), ("--last", "long"), ("--limit", "0")):
        assert verb("runs", *wrong, cwd=ended).code == 2


def test_following_a_run_that_has_ended_shows_it_once_and_ends(ended: Path, verb: Maker) -> None:
    done = verb("status", "--follow", "--json", cwd=ended)
    assert (done.code, done.json()["state"]) == (0, "partial")


def test_following_a_live_run_shows_it_until_its_end(start: Maker, project: Maker, wait_until: Maker) -> None:
    root = project("version: 1\njobs:\n  drill: {kind: drill, items: 4, behaviour: wait, seconds: 0.5, concurrency: 1}\n")
    run = start("run", cwd=root, stderr=subprocess.DEVNULL)
    wait_until(lambda: list((root / ".orchestrate" / "runs").glob("2*")), what="the run")
    follower = start("status", "--follow", cwd=root)
    stdout, _ = follower.communicate(timeout=40)
    assert follower.returncode == 0
    assert b"succeeded" in stdout
    assert run.wait(10) == 0


@pytest.mark.parametrize("arguments", [["status"], ["runs"], ["logs"]])
def test_a_reader_that_has_enough_is_no_error(ended: Path, clean_environment: Any, arguments: list[str]) -> None:
    command = f"{sys.executable} -m orchestrator {' '.join(arguments)} 2>said | true; exit 0"
    subprocess.run(["sh", "-c", command], cwd=ended, env=clean_environment, check=True, timeout=30)
    assert (ended / "said").read_text(encoding="utf-8") == ""


def test_a_closed_stdout_is_no_error(ended: Path, clean_environment: Any) -> None:
    command = f"{sys.executable} -m orchestrator status >&- 2>said; echo $? >code"
    subprocess.run(["sh", "-c", command], cwd=ended, env=clean_environment, check=True, timeout=30)
    assert (ended / "code").read_text(encoding="utf-8").strip() == "0"
    assert (ended / "said").read_text(encoding="utf-8") == ""


def test_reading_changes_nothing_and_works_on_a_state_of_its_own(ended: Path, verb: Maker, tmp_path: Path) -> None:
    before = {path: path.stat().st_mtime_ns for path in (ended / ".orchestrate").rglob("*")}
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    for name in ("status", "runs", "logs"):
        done = verb(name, "--state-dir", str(ended / ".orchestrate"), cwd=elsewhere)
        assert (done.code, bool(done.stdout)) == (0, True)
    assert {path: path.stat().st_mtime_ns for path in (ended / ".orchestrate").rglob("*")} == before


def test_strangers_text_reaches_a_terminal_without_its_control_characters(ended: Path, verb: Maker) -> None:
    path = _run(ended) / "status.json"
    document = json.loads(path.read_bytes())
    document["jobs"][0]["failures"][0]["key"] = "evil\x1b[2J\u202etxt"
    document["jobs"][0]["failures"][0]["message"] = "more \x1b]0;title\x07 evil"
    document["jobs"][0]["message"] = "\x1b[31mred"
    path.write_text(json.dumps(document), encoding="utf-8")
    for name in ("status", "runs"):
        shown = verb(name, cwd=ended).text
        assert not CONTROL.search(shown)
        assert "\u202e" not in shown

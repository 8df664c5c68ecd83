"""After a power loss at any step each file is what it was or what it became. The same programs without syncs fail."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from orchestrator import files
from orchestrator.cli import launch
from orchestrator.deadline import SYSTEM_CLOCK
from orchestrator.engine.prepare import new_run
from orchestrator.engine.recorder import Recorder
from orchestrator.redact import Redactor
from orchestrator.spec.load import load_spec
from orchestrator.status import journal
from orchestrator.status.journal import Event, JournalWriter
from orchestrator.status.layout import RunDir, is_run_id
from orchestrator.status.models import JobStatus, RunStatus
from orchestrator.status.states import FINAL, State

OLD, NEW = b"the old content", b"the new content" * 9
Judged = Callable[..., tuple[int, list[str]]]
Tree = dict[str, bytes]


def _replace(root: Path) -> tuple[Callable[[], None], Callable[[Tree], str]]:
    files.write_atomic(root / "status.json", OLD)
    done = []

    def program() -> None:
        files.write_atomic(root / "status.json", NEW)
        done.append(True)
        files.write_atomic(root / "other", OLD)

    def judge(tree: Tree) -> str:
        allowed = [NEW] if done else [OLD, NEW]
        return "" if tree.get("status.json") in allowed else "status.json is torn, gone or old again"

    return program, judge


def _create(root: Path) -> tuple[Callable[[], None], Callable[[Tree], str]]:
    done = []

    def program() -> None:
        files.create_exclusive(root / "cancel.json", NEW)
        done.append(True)
        files.create_exclusive(root / "other", OLD)

    def judge(tree: Tree) -> str:
        allowed = [NEW] if done else [None, NEW]
        return "" if tree.get("cancel.json") in allowed else "cancel.json is torn, or gone although it was created"

    return program, judge


def _publish(root: Path) -> tuple[Callable[[], None], Callable[[Tree], str]]:
    """Publish a second folder and let a pointer follow."""
    (root / "one").mkdir()
    (root / "one" / "data").write_bytes(OLD)
    files.write_atomic(root / "CURRENT", b"one")
    contents = {"one": {"data": OLD}, "two": {"data": NEW, "deep/data": NEW}}

    def program() -> None:
        staging = root / ".staging"
        staging.mkdir()
        (staging / "deep").mkdir()
        files.write_atomic(staging / "data", NEW, durable=False)
        files.write_atomic(staging / "deep" / "data", NEW, durable=False)
        files.publish_dir(staging, root / "two")
        files.write_atomic(root / "CURRENT", b"two")
        files.remove_tree(root / "nothing")

    def judge(tree: Tree) -> str:
        current = tree.get("CURRENT", b"").decode(errors="replace")
        if current not in contents:
            return "CURRENT is torn"
        for name, whole in contents.items():
            found = {path.removeprefix(f"{name}/"): data for path, data in tree.items() if path.startswith(f"{name}/")}
            if (found or name == current) and found != whole:
                return f"{name} isn't whole"
        return ""

    return program, judge


def _append(root: Path) -> tuple[Callable[[], None], Callable[[Tree], str]]:
    (root / "journal.jsonl").touch()
    synced = [0]

    def program() -> None:
        writer = JournalWriter(root / "journal.jsonl")
        for number in range(1, 5):
            writer.record("2026-01-01T00:00:00.000Z", Event.ITEM_FINISHED, item=f"item-{number}", state="succeeded")
            if number % 2 == 0:
                writer.flush()
                synced[0] = number
        writer.close()

    def judge(tree: Tree) -> str:
        seqs = [entry.seq for entry, _ in journal.scan(tree.get("journal.jsonl", b""))]
        if seqs != list(range(1, len(seqs) + 1)):
            return "the journal is no prefix of history"
        return "" if len(seqs) >= synced[0] else "an entry that was durable is lost"

    return program, judge


def _record(root: Path) -> tuple[Callable[[], None], Callable[[Tree], str]]:
    """Record three items and the end of a run, with a status after each."""
    directory = RunDir(root)
    directory.journal.touch()
    head = _status()
    files.write_atomic(directory.status, head.model_dump_json().encode())

    def program() -> None:
        recorder = Recorder(directory, head, SYSTEM_CLOCK, Redactor(), lambda text: None)
        for number in range(3):
            recorder.event(Event.ITEM_FINISHED, job="drill", item=f"item-{number}", state="succeeded")
            head.jobs[0].items.done = head.jobs[0].items.succeeded = number + 1
            recorder.changed()
            recorder.tick(1e6 * (number + 1), lambda: head)
        head.state = State.SUCCEEDED
        recorder.event(Event.RUN_FINISHED, state=State.SUCCEEDED)
        recorder.settle(head)
        recorder.close()

    return program, _status_knows_more


def _status() -> RunStatus:
    at = "2026-01-01T00:00:00.000Z"
    job = JobStatus(name="drill", kind="drill", state=State.RUNNING)
    fields: dict[str, Any] = {"run_id": "20260101T000000.000Z-00000000", "spec_path": "jobs.yaml", "spec_digest": "0"}
    return RunStatus(**fields, state=State.RUNNING, created_at=at, updated_at=at, host="here", pid=1, jobs=[job])


def _status_knows_more(tree: Tree) -> str:
    """Say whether the status file knows something that the journal doesn't: the view may not be ahead of the truth."""
    try:
        status = json.loads(tree.get("status.json", b""))
    except ValueError:
        return "status.json can't be parsed"
    entries = [entry for entry, _ in journal.scan(tree.get("journal.jsonl", b""))]
    finished = sum(entry.event is Event.ITEM_FINISHED for entry in entries)
    if status["jobs"][0]["items"]["done"] > finished:
        return "the status counts an item that the journal doesn't know"
    ended = any(entry.event is Event.RUN_FINISHED for entry in entries)
    return "the status is final and the journal isn't" if State(status["state"]) in FINAL and not ended else ""


def _begin_run(root: Path) -> tuple[Callable[[], None], Callable[[Tree], str]]:
    """Create a run: its directory appears whole, or not at all."""
    (root / "jobs.yaml").write_text("version: 1\njobs: {drill: {kind: drill}}\n", encoding="utf-8")
    request = launch.request(load_spec(root / "jobs.yaml"), None)
    begun: list[str] = []

    def program() -> None:
        prepared = new_run(request)
        begun.append(prepared.directory.run_id)
        prepared.holds.close()
        files.write_atomic(root / "other", OLD)

    def judge(tree: Tree) -> str:
        found: dict[str, set[str]] = {run_id: set() for run_id in begun}
        for path, data in tree.items():
            *_, folder, name = Path(path).parts if "/runs/" in path else ("", "")
            if is_run_id(folder):
                found.setdefault(folder, set()).add(name)
                if name.endswith(".json") and not _parses(data):
                    return f"{name} can't be parsed"
        whole = {"spec.json", "status.json", "journal.jsonl", "lease.lock"}
        return "" if all(names == whole for names in found.values()) else "a run isn't whole, or gone although it began"

    return program, judge


def _parses(data: bytes) -> bool:
    try:
        return bool(json.loads(data))
    except ValueError:
        return False


PROGRAMS = [_begin_run, _replace, _create, _publish, _append, _record]


@pytest.mark.parametrize("make", PROGRAMS, ids=lambda make: make.__name__.strip("_"))
def test_no_power_loss_leaves_a_bad_state(tmp_path: Path, bad_states: Judged, make: Callable[..., Any]) -> None:
    seen, bad = bad_states(tmp_path, *make(tmp_path))
    assert seen >= 8, "the model saw next to nothing"
    assert bad == []


@pytest.mark.parametrize("make", PROGRAMS, ids=lambda make: make.__name__.strip("_"))
def test_the_same_model_finds_bad_states_when_nothing_is_synced(
    tmp_path: Path, bad_states: Judged, make: Callable[..., Any]
) -> None:
    _, bad = bad_states(tmp_path, *make(tmp_path), syncs=False)
    assert len(bad) >= 5

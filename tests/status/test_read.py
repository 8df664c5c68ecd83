"""Reading runs: the state that follows from file, lease and request, and a sentence for every damaged file."""

from __future__ import annotations

import json
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from orchestrator import disk, files
from orchestrator.errors import NotFound, UnreadableState
from orchestrator.status import read
from orchestrator.status.layout import RunDir, StateDir
from orchestrator.status.states import Shown

RUN = "20261121T165300.123Z-1a2b3c4d"
Maker = Callable[..., RunDir]


def _document(**fields: Any) -> dict[str, Any]:
    at = "2026-11-21T16:53:00.123Z"
    base = {"schema_version": 1, "run_id": RUN, "spec_path": "jobs.yaml", "spec_digest": "0", "state": "running"}
    return {**base, "created_at": at, "updated_at": at, "host": socket.gethostname(), "pid": 1, **fields}


@pytest.fixture
def a_run(tmp_path: Path) -> Maker:
    """Return a maker of runs with the given status document, or with these bytes as status file."""

    def make(run_id: str = RUN, raw: bytes | None = None, **fields: Any) -> RunDir:
        run = StateDir(tmp_path).run(run_id)
        run.path.mkdir(parents=True)
        data = json.dumps(_document(**{"run_id": run_id, **fields})).encode() if raw is None else raw
        run.status.write_bytes(data)
        run.lease.touch()
        return run

    return make


def test_a_run_whose_process_lives_is_what_its_file_says(a_run: Maker) -> None:
    run = a_run()
    with files.Lock.acquire(run.lease):
        assert read.look(run).state is Shown.RUNNING


def test_a_run_that_isnt_final_with_a_free_lease_is_interrupted(a_run: Maker) -> None:
    assert read.look(a_run()).state is Shown.INTERRUPTED


def test_a_queued_run_whose_process_is_gone_is_interrupted_too(a_run: Maker) -> None:
    assert read.look(a_run(state="queued")).state is Shown.INTERRUPTED


@pytest.mark.parametrize("state", ["succeeded", "partial", "failed", "timed_out", "cancelled"])
def test_a_final_state_stays_with_the_lease_free_held_or_gone(a_run: Maker, state: str) -> None:
    run = a_run(state=state)
    with files.Lock.acquire(run.lease):
        assert read.look(run).state == state
    assert read.look(run).state == state
    run.lease.unlink()
    assert read.look(run).state == state


def test_without_a_lease_file_nobody_can_tell(a_run: Maker) -> None:
    run = a_run()
    run.lease.unlink()
    assert read.look(run).state is Shown.UNKNOWN


def test_a_run_of_another_host_on_a_network_file_system_is_unknown(a_run: Maker, monkeypatch: pytest.MonkeyPatch) -> None:
    run = a_run(host="elsewhere")
    monkeypatch.setattr(disk, "network_file_system", lambda path: "nfs4")
    assert read.look(run).state is Shown.UNKNOWN


def test_a_request_shows_until_the_run_noticed_it_and_then_it_is_stopping(a_run: Maker) -> None:
    run = a_run()
    with files.Lock.acquire(run.lease):
        run.cancel.write_text("{}", encoding="utf-8")
        assert read.look(run).state is Shown.CANCEL_REQUESTED
        noticed = {
            "requested_at": "2026-11-21T16:53:01.000Z",
            "mode": "graceful",
            "acknowledged_at": "2026-11-21T16:53:02.000Z",
        }
        run.status.write_text(json.dumps(_document(cancel=noticed)), encoding="utf-8")
        assert read.look(run).state is Shown.STOPPING
    assert read.look(run).state is Shown.INTERRUPTED


def test_a_run_that_ends_while_it_is_looked_at_isnt_called_interrupted(a_run: Maker, monkeypatch: pytest.MonkeyPatch) -> None:
    run = a_run()

    def ends_now(path: Path) -> bool:
        run.status.write_text(json.dumps(_document(state="succeeded")), encoding="utf-8")
        return False

    monkeypatch.setattr(files, "is_locked", ends_now)
    assert read.look(run).state is Shown.SUCCEEDED


def test_fields_of_a_newer_minor_version_are_ignored(a_run: Maker) -> None:
    run = a_run(brand_new={"x": 1}, jobs=[{"name": "drill", "kind": "drill", "colour": "red"}], state="succeeded")
    assert read.look(run).status.jobs[0].name == "drill"


@pytest.mark.parametrize("fields", [{"schema_version": 2}, {"schema_version": 2, "state": "melting"}, {"schema_version": 99}])
def test_a_newer_major_version_is_a_sentence_with_what_to_do(a_run: Maker, fields: dict[str, Any]) -> None:
    with pytest.raises(UnreadableState, match="schema version") as raised:
        read.look(a_run(**fields))
    assert "update" in raised.value.hint


DAMAGED = [b"", b"{", b"\0" * 100, b"[]", b"null", b"12", b'"text"', b'{"schema_version": 1}', b"\xff\xfe", b"[" * 5000]


@pytest.mark.parametrize("raw", DAMAGED, ids=lambda raw: repr(raw[:10]))
def test_whatever_stands_in_the_file_the_answer_is_a_sentence(a_run: Maker, tmp_path: Path, raw: bytes) -> None:
    with pytest.raises(UnreadableState) as raised:
        read.look(a_run(raw=raw))
    assert raised.value.message
    assert "\n" not in raised.value.message
    assert str(tmp_path) not in raised.value.message


def test_a_status_cut_at_any_byte_is_a_sentence(a_run: Maker) -> None:
    run = a_run()
    whole = run.status.read_bytes()
    for size in range(len(whole)):
        run.status.write_bytes(whole[:size])
        with pytest.raises(UnreadableState):
            read.look(run)


@pytest.mark.parametrize("field", ["state", "created_at", "host", "jobs", "pid", "cancel", "warnings"])
@pytest.mark.parametrize("value", [1.5, {"x": []}, [[1]]])
def test_a_field_of_another_type_is_a_sentence(a_run: Maker, field: str, value: Any) -> None:
    with pytest.raises(UnreadableState, match=field):
        read.look(a_run(**{field: value}))


def test_a_status_file_that_is_a_directory_is_a_sentence(a_run: Maker) -> None:
    run = a_run()
    run.status.unlink()
    run.status.mkdir()
    with pytest.raises(UnreadableState, match="can't read"):
        read.look(run)


def test_a_run_that_was_removed_isnt_found(a_run: Maker) -> None:
    run = a_run()
    run.status.unlink()
    with pytest.raises(NotFound, match=RUN):
        read.look(run)


def test_runs_are_listed_newest_first_and_strangers_are_left_out(a_run: Maker, tmp_path: Path) -> None:
    older, newer = "20261121T165300.123Z-1a2b3c4d", "20261122T165300.123Z-00000000"
    a_run(older)
    a_run(newer)
    for name in (".tmp-20261121T165300.123Z-1a2b3c4d", "notes", f"{older}.bak"):
        (tmp_path / "runs" / name).mkdir()
    assert read.run_ids(StateDir(tmp_path)) == [newer, older]
    assert read.run_ids(StateDir(tmp_path / "missing")) == []


def test_a_run_is_found_by_its_id_a_unique_part_or_as_the_latest(a_run: Maker, tmp_path: Path) -> None:
    state = StateDir(tmp_path)
    older, newer = a_run("20261121T165300.123Z-1a2b3c4d"), a_run("20261122T165300.123Z-00000000")
    assert read.find(state) == newer
    assert read.find(state, older.run_id) == older
    assert read.find(state, "1a2b") == older
    for part, reason in (("T165300", "2 runs match"), ("nothing", "no run"), ("../../etc", "no run")):
        with pytest.raises(NotFound, match=reason):
            read.find(state, part)
    with pytest.raises(NotFound, match="no run yet"):
        read.find(StateDir(tmp_path / "missing"))


def test_reading_opens_nothing_for_writing(a_run: Maker, tmp_path: Path) -> None:
    run = a_run()
    before = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*")}
    read.look(run)
    read.find(StateDir(tmp_path))
    assert {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*")} == before

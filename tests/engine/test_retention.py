"""Pruning beside runs that are made or resumed at the same moment: neither loses its directory."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from orchestrator import files
from orchestrator.engine import prepare, retention
from orchestrator.errors import TargetBusy
from orchestrator.spec.base import JobSpec
from orchestrator.status.layout import StateDir

Maker = Callable[..., Any]
JOBS = {"job": JobSpec(kind="stand-in-job")}


def test_a_directory_without_a_lease_stays_while_a_run_is_being_made(tmp_path: Path) -> None:
    state = StateDir(tmp_path)
    hidden = files.make_private_dir(state.runs / ".tmp-20200101T000000.000Z-00000000")
    files.make_private_dir(state.locks)
    with files.sharing(state.births), files.sharing(state.births):
        retention.sweep(state)
        assert hidden.is_dir()
    retention.sweep(state)
    assert not hidden.exists()


def test_a_run_has_its_lease_before_anybody_may_sweep(
    a_run: Maker, function_job: Maker, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    state = StateDir(tmp_path / ".orchestrate")
    hold, refusals = prepare._hold, []

    def held_beside_a_prune(path: Path, run_id: str) -> files.Lock:
        lease = hold(path, run_id)
        if path.name == "lease.lock":
            with pytest.raises(TargetBusy) as refused:
                files.Lock.acquire(state.births, patience=1)
            refusals.append(refused.value)
        return lease

    monkeypatch.setattr(prepare, "_hold", held_beside_a_prune)
    made = a_run(JOBS, {"job": function_job})
    assert len(refusals) == 1
    retention.prune(state, keep=0)
    assert made.execute().exit_code == 0


def test_a_run_cant_be_resumed_while_it_is_being_removed(
    a_run: Maker, function_job: Maker, monkeypatch: pytest.MonkeyPatch
) -> None:
    ended = a_run(JOBS, {"job": function_job}).execute()
    ended.prepared.holds.close()
    remove, removed = files.remove_tree, []

    def removed_beside_a_resume(path: Path) -> None:
        with pytest.raises(TargetBusy):
            files.Lock.acquire(ended.directory.lease, patience=1)
        removed.append(path)
        remove(path)

    monkeypatch.setattr(files, "remove_tree", removed_beside_a_resume)
    retention.prune(StateDir(ended.directory.path.parent.parent), keep=0)
    assert removed == [ended.directory.path]
    assert not ended.directory.path.exists()


def test_a_run_that_was_resumed_after_it_was_chosen_for_removal_stays(
    a_run: Maker, function_job: Maker, monkeypatch: pytest.MonkeyPatch
) -> None:
    ended = a_run(JOBS, {"job": function_job}).execute()
    ended.prepared.holds.close()
    leases = []

    def resumed_meanwhile(path: Path) -> int:
        leases.append(files.Lock.acquire(path / "lease.lock", "a resumed run"))
        return 0

    monkeypatch.setattr(retention, "_size", resumed_meanwhile)
    retention.prune(StateDir(ended.directory.path.parent.parent), keep=0)
    assert ended.directory.status.is_file()
    leases[0].release()

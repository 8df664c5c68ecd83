"""Names and places: run ids sort by time, are safe as file names, and nothing else is joined to a path."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.status.layout import RunDir, StateDir, is_run_id, new_run_id

MOMENTS = st.floats(0, 4e9)


@given(MOMENTS)
def test_a_run_id_is_one_whatever_the_time(moment: float) -> None:
    run_id = new_run_id(moment)
    assert is_run_id(run_id)
    assert run_id.replace(".", "").replace("-", "").isalnum()


@given(MOMENTS, MOMENTS)
def test_run_ids_sort_by_time(one: float, other: float) -> None:
    first, second = sorted((one, other))
    assert new_run_id(first)[:20] <= new_run_id(second)[:20]


def test_runs_of_the_same_millisecond_have_different_names() -> None:
    assert len({new_run_id(1e9) for _ in range(1000)}) == 1000


@pytest.mark.parametrize(
    "text", ["", "..", "../x", "20261121T165300.123Z-1a2b3c4d/..", "20261121T165300.123Z-1a2b3c4d\n", "x" * 99]
)
def test_what_is_no_run_id_is_never_joined_to_a_path(text: str) -> None:
    assert not is_run_id(text)
    with pytest.raises(ValueError, match="no run id"):
        StateDir(Path("/state")).run(text)


def test_the_files_of_a_run_are_those_of_the_design() -> None:
    run = RunDir(Path("/state/runs/20261121T165300.123Z-1a2b3c4d"))
    found = {run.spec, run.lease, run.status, run.journal, run.cancel, run.log, run.crash_log}
    names = {"spec.json", "lease.lock", "status.json", "journal.jsonl", "cancel.json", "run.log", "crash.log"}
    assert {path.name for path in found} == names
    assert {path.parent for path in found} == {run.path}

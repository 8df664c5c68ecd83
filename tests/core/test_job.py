"""The contract between engine and kinds: what crosses a process survives it, and the drill keeps the contract."""

from __future__ import annotations

import pickle
from pathlib import Path

import orchestrate_drill
import pytest

from orchestrator.deadline import CancelToken, Deadline, WorkContext
from orchestrator.errors import Failure
from orchestrator.job import ItemOutcome, ItemState, Job, Postponement, Surroundings, Unit, UnitResult


def _drill(tmp_path: Path, **fields: object) -> orchestrate_drill.DrillJob:
    spec = orchestrate_drill.DrillSpec.model_validate({"kind": "drill", **fields})
    return orchestrate_drill.build(spec, Surroundings("drill", "run", tmp_path, tmp_path, "sqlite://"))


def _context() -> WorkContext:
    return WorkContext(Deadline.after(10), CancelToken())


def test_the_drill_is_a_job(tmp_path: Path) -> None:
    assert isinstance(_drill(tmp_path), Job)


@pytest.mark.parametrize(
    "result",
    [
        UnitResult((ItemOutcome("a", ItemState.FAILED, error=Failure("x", "y", "z", retryable=True)),), data={"rows": [1]}),
        UnitResult(postponed=Postponement(Unit("a", ("a",), payload=(1, "x")), 2.5, "Retry-After")),
    ],
)
def test_results_survive_the_way_to_another_process(result: UnitResult) -> None:
    assert pickle.loads(pickle.dumps(result)) == result


@pytest.mark.parametrize("behaviour", ["return", "fail", "progress", "wait", "spin", "block"])
def test_every_unit_and_result_of_the_drill_survives_the_way_to_another_process(tmp_path: Path, behaviour: str) -> None:
    job = _drill(tmp_path, items=3, batch=2, behaviour=behaviour, updates=3)
    units = job.plan(_context()).units
    work = pickle.loads(pickle.dumps(job.work))
    for unit in units:
        copy = pickle.loads(pickle.dumps(unit))
        assert copy == unit
        result = work(copy, _context())
        assert pickle.loads(pickle.dumps(result)) == result
        assert [outcome.key for outcome in result.outcomes] == list(unit.items)


def test_the_units_of_a_plan_have_different_keys_and_cover_every_item_once(tmp_path: Path) -> None:
    plan = _drill(tmp_path, items=7, batch=3).plan(_context())
    assert len({unit.key for unit in plan.units}) == len(plan.units) == 3
    assert [key for unit in plan.units for key in unit.items] == [item.key for item in plan.items]


def test_planning_twice_gives_the_same_units_so_that_a_resume_finds_them_again(tmp_path: Path) -> None:
    first, second = (_drill(tmp_path, items=5, batch=2).plan(_context()) for _ in range(2))
    assert first == second

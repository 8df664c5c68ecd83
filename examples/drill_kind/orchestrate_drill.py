"""A kind of job for drills and benchmarks, as another package would add one: items that return, wait, block, spin or fail.

    jobs:
      drill: {kind: drill, items: 1000, behaviour: return}

It writes one line for each applied item to `output`, so that a drill can tell what was done and how often.
"""

from __future__ import annotations

import ctypes
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Final, Literal

from pydantic import Field

from orchestrator.deadline import WorkContext
from orchestrator.errors import Failure, JobError
from orchestrator.job import (
    Change,
    ItemOutcome,
    ItemState,
    Outcome,
    Plan,
    PlannedItem,
    Surroundings,
    Target,
    Unit,
    UnitResult,
)
from orchestrator.spec.base import JobSpec
from orchestrator.spec.kinds import Kind, Phases
from orchestrator.spec.types import Duration, ProjectPath

Behaviour = Literal["return", "wait", "block", "spin", "hold", "fail", "crash", "progress"]


class DrillSpec(JobSpec):
    """A drill."""

    kind: Literal["drill"]
    items: int = Field(default=1, ge=0, le=10_000_000, description="How many items.")
    batch: int = Field(default=1, ge=1, le=1000, description="Items in a unit.")
    behaviour: Behaviour = Field(default="return", description="What the unlucky items do; the others return.")
    unlucky: int | None = Field(default=None, ge=0, description="How many of the first items misbehave; default: all.")
    seconds: Duration = Field(default=0.0, description="How long an item waits, blocks, spins or holds the interpreter.")
    updates: int = Field(default=0, ge=0, description="Progress updates of an item that makes progress.")
    fail_at: Literal["plan", "apply", "commit"] | None = Field(default=None, description="The verb that fails.")
    output: ProjectPath | None = Field(default=None, description="A file that gets one line for each applied item.")
    begun: ProjectPath | None = Field(default=None, description="A file that is there once an unlucky item has begun.")


class DrillJob:
    """The four verbs of a drill."""

    world = None

    def __init__(self, spec: DrillSpec, surroundings: Surroundings) -> None:
        self.work = work
        self._spec = spec
        self._output = surroundings.root / spec.output if spec.output else None
        self._begun = str(surroundings.root / spec.begun) if spec.begun else None
        self._applied = 0

    def plan(self, context: WorkContext) -> Plan:
        """Plan every item as new."""
        self._fail_at("plan")
        context.checkpoint()
        keys = [f"item-{number:07d}" for number in range(self._spec.items)]
        size = self._spec.batch
        units = [self._unit(tuple(keys[start : start + size]), start) for start in range(0, len(keys), size)]
        return Plan([PlannedItem(key, Change.NEW, "a drill") for key in keys], units)

    def _unit(self, keys: tuple[str, ...], start: int) -> Unit:
        spec = self._spec
        unlucky = spec.unlucky is None or start < spec.unlucky
        behaviour, begun = (spec.behaviour, self._begun) if unlucky else ("return", None)
        return Unit(keys[0], keys, (behaviour, spec.seconds, spec.updates, begun))

    def prepare(self) -> None:
        """Do nothing: there is nothing to open."""

    def apply(self, unit: Unit, result: UnitResult, context: WorkContext) -> None:
        """Write one line for each item."""
        del result
        context.checkpoint()
        self._fail_at("apply")
        self._applied += len(unit.items)
        if self._output is not None:
            with self._output.open("a", encoding="utf-8") as lines:
                lines.writelines(f"{key}\n" for key in unit.items)

    def commit(self, context: WorkContext) -> Outcome:
        """Settle the job."""
        self._fail_at("commit")
        context.commit_point()
        return Outcome(self.tally())

    def abandon(self) -> None:
        """Leave nothing behind: there is nothing."""

    def tally(self) -> Mapping[str, int | str | None]:
        """Count what was applied."""
        return {"applied": self._applied}

    def _fail_at(self, verb: str) -> None:
        if self._spec.fail_at == verb:
            raise JobError(f"the drill fails at {verb}", code="drill")


def work(unit: Unit, context: WorkContext) -> UnitResult:
    """Do what the unit's behaviour says."""
    behaviour, seconds, updates, begun = unit.payload
    if begun is not None:
        Path(begun).touch()
    match behaviour:
        case "wait":
            context.sleep(seconds)
        case "block":
            threading.Event().wait(seconds)
        case "spin":
            _spin(seconds)
        case "hold":
            ctypes.PyDLL(None).usleep(int(seconds * 1e6))
        case "crash":
            raise ValueError("the drill crashes")
        case "progress":
            for done in range(updates):
                context.checkpoint(done + 1, updates)
        case "fail":
            failure = Failure("drill", "the drill fails", "drills do", retryable=True)
            return UnitResult(tuple(ItemOutcome(key, ItemState.FAILED, error=failure) for key in unit.items))
    return UnitResult(tuple(ItemOutcome(key, ItemState.SUCCEEDED, found=1) for key in unit.items))


def _spin(seconds: float) -> None:
    end = threading.Event()
    timer = threading.Timer(seconds, end.set)
    timer.daemon = True
    timer.start()
    while not end.is_set():
        pass


def build(spec: DrillSpec, surroundings: Surroundings) -> DrillJob:
    """Return the job."""
    return DrillJob(spec, surroundings)


def targets(spec: DrillSpec, surroundings: Surroundings) -> list[Target]:
    """Return the output as target, if there is one."""
    if spec.output is None:
        return []
    return [Target(spec.output, surroundings.root / f".{Path(spec.output).name}.lock")]


KIND: Final = Kind(
    name="drill",
    summary="items that return, wait, block, spin or fail on demand",
    phases=Phases("plan", "work", "commit", ("plan", "work", "commit", "done")),
    noun="items",
    model="orchestrate_drill:DrillSpec",
    build="orchestrate_drill:build",
    targets="orchestrate_drill:targets",
)

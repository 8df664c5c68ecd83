"""Runs in this process: real files, threads and engine, with jobs made of a few functions."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from orchestrator.deadline import WorkContext
from orchestrator.engine import prepare
from orchestrator.engine.prepare import Prepared, Request, new_run, resumed_run
from orchestrator.engine.run import Result, Run
from orchestrator.job import Change, ItemOutcome, ItemState, Outcome, Plan, PlannedItem, Surroundings, Unit, UnitResult
from orchestrator.spec.base import JobSpec
from orchestrator.spec.kinds import Kind, Phases, find_kind
from orchestrator.spec.model import Spec
from orchestrator.spec.resolved import Resolved
from orchestrator.status import journal
from orchestrator.status.journal import Entry, Event
from orchestrator.status.layout import RunDir, StateDir, new_run_id
from orchestrator.status.models import JobStatus, RunStatus
from orchestrator.status.read import parse_status

Work = Callable[[Unit, WorkContext], UnitResult]


def _all_succeed(unit: Unit) -> UnitResult:
    return UnitResult(tuple(ItemOutcome(key, ItemState.SUCCEEDED) for key in unit.items))


@pytest.fixture
def all_succeed() -> Callable[[Unit], UnitResult]:
    """Return what a unit's work returns if nothing goes wrong."""
    return _all_succeed


def succeed(unit: Unit, context: WorkContext) -> UnitResult:
    context.checkpoint()
    return _all_succeed(unit)


@dataclass
class FunctionJob:
    """A job whose verbs are functions; what isn't given does the least. `calls` tells which verbs were called."""

    items: Sequence[str] = ("a", "b", "c")
    work: Work = succeed
    on_plan: Callable[[WorkContext], Plan | None] = lambda context: None
    on_apply: Callable[[Unit, WorkContext], None] = lambda unit, context: None
    on_commit: Callable[[WorkContext], Outcome | None] = lambda context: None
    on_abandon: Callable[[], None] = lambda: None
    counts: Callable[[], Mapping[str, int | str | None]] = dict
    world: Callable[[], AbstractContextManager[Any]] | None = None
    applied: list[str] = field(default_factory=list)
    calls: list[str] = field(default_factory=list)

    def plan(self, context: WorkContext) -> Plan:
        self.calls.append("plan")
        made = self.on_plan(context)
        units = [Unit(key, (key,)) for key in self.items]
        return made or Plan([PlannedItem(key, Change.NEW) for key in self.items], units)

    def prepare(self) -> None:
        """Do nothing: there is nothing to open."""

    def apply(self, unit: Unit, result: UnitResult, context: WorkContext) -> None:
        del result
        self.on_apply(unit, context)
        self.applied.extend(unit.items)

    def commit(self, context: WorkContext) -> Outcome:
        self.calls.append("commit")
        return self.on_commit(context) or Outcome()

    def abandon(self) -> None:
        self.calls.append("abandon")
        self.on_abandon()

    def tally(self) -> Mapping[str, int | str | None]:
        return self.counts()


PHASES = Phases("plan", "work", "commit", ("plan", "work", "commit", "done"))


class FunctionKind(Kind):
    """A kind whose jobs are made by a function; each attempt builds one."""

    make: Callable[[], FunctionJob]

    def load_build(self) -> Callable[[Any, Surroundings], Any]:
        return lambda spec, surroundings: self.make()

    def find_targets(self, spec: JobSpec, surroundings: Surroundings) -> list[Any]:
        return []


@dataclass
class Executed:
    """A run and what it left."""

    run: Run
    prepared: Prepared
    request: Request
    result: Result | None = None
    revisions: list[RunStatus] = field(default_factory=list)

    def execute(self) -> Executed:
        self.result = self.run.execute()
        return self

    @property
    def directory(self) -> RunDir:
        return self.prepared.directory

    @property
    def status(self) -> RunStatus:
        """The status as it stands on disk."""
        return parse_status(self.directory.status.read_bytes())

    @property
    def job(self) -> JobStatus:
        return self.status.jobs[0]

    @property
    def entries(self) -> tuple[Entry, ...]:
        return journal.read(self.directory.journal).entries

    def events(self, event: Event) -> list[Entry]:
        return [entry for entry in self.entries if entry.event is event]

    @property
    def exit_code(self) -> int:
        assert self.result is not None
        return int(self.result.exit_code)


@pytest.fixture
def function_job() -> type[FunctionJob]:
    return FunctionJob


@pytest.fixture
def request_of(tmp_path: Path) -> Callable[..., Request]:
    """Return a maker of requests: jobs by name, each a spec, or a function that makes the job (kind `stand-in`)."""

    def make(jobs: Mapping[str, JobSpec], **fields: Any) -> Request:
        fields = {"grace": 0.3, "max_parallel_jobs": 4, **fields}
        spec = Spec.model_validate({"version": 1, "jobs": dict(jobs), **fields})
        digest = str(hash(spec.model_dump_json()))
        resolved = Resolved(spec, tmp_path / "jobs.yaml", tmp_path, spec.model_dump(mode="json"), digest)
        run_id = new_run_id(1e9)
        surroundings = {name: Surroundings(name, run_id, tmp_path, tmp_path, "sqlite://") for name in jobs}
        return Request(resolved, StateDir(tmp_path / ".orchestrate"), surroundings, tuple(jobs), engine=str(spec.engine))

    return make


@pytest.fixture
def a_run(request_of: Callable[..., Request], monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., Executed]]:
    """Return a maker of runs that weren't executed yet. `makes` has the functions that make the jobs of kind `stand-in`.

    `resumes` is a run to take up again.
    """
    prepared: list[Prepared] = []

    def make(
        jobs: Mapping[str, JobSpec],
        makes: Mapping[str, Callable[[], FunctionJob]] | None = None,
        *,
        resumes: Executed | None = None,
        **fields: Any,
    ) -> Executed:
        kinds = {f"stand-in-{name}": _kind(f"stand-in-{name}", made) for name, made in (makes or {}).items()}
        monkeypatch.setattr(prepare, "find_kind", lambda name: kinds.get(name) or find_kind(name))
        request = request_of(jobs, **fields)
        if resumes is None:
            prepared.append(new_run(request))
        else:
            prepared.append(resumed_run(request, resumes.directory, accept_changed_spec=True))
        executed = Executed(None, prepared[-1], request)  # type: ignore[arg-type]
        copies = executed.revisions
        executed.run = Run(
            request, prepared[-1], observer=lambda status: copies.append(status.model_copy(deep=True)), observe_every=0
        )
        return executed

    yield make
    for each in prepared:
        each.holds.close()


def _kind(name: str, make: Callable[[], FunctionJob]) -> FunctionKind:
    kind = FunctionKind(name, name, PHASES, "items", "", "", "")
    kind.make = make
    return kind


@pytest.fixture
def run_job(a_run: Callable[..., Executed]) -> Callable[..., Executed]:
    """Run one job made of functions; keywords are fields of its spec, and `grace`."""

    def run(
        job: FunctionJob | Callable[[], FunctionJob], *, grace: float = 0.3, engine: str = "threads", **spec: Any
    ) -> Executed:
        make = job if not isinstance(job, FunctionJob) else lambda: job
        jobs = {"job": JobSpec(kind="stand-in-job", **spec)}
        return a_run(jobs, {"job": make}, grace=grace, engine=engine).execute()

    return run


@pytest.fixture
def later() -> Iterator[Callable[..., threading.Thread]]:
    """Run a function on another thread that is joined when the test ends."""
    threads: list[threading.Thread] = []

    def call(function: Callable[..., Any], *arguments: Any) -> threading.Thread:
        thread = threading.Thread(target=function, args=arguments, name="later", daemon=True)
        threads.append(thread)
        thread.start()
        return thread

    yield call
    for thread in threads:
        thread.join(10)


@pytest.fixture(params=["plan", "work", "apply", "commit"])
def every_verb(request: pytest.FixtureRequest) -> str:
    """Name a verb of a job; a test that asks for it is run for each."""
    return str(request.param)


@pytest.fixture
def busy() -> float:
    """Return the seconds that a loaded machine may add; the figures of the release bar are measured by torture."""
    return 1.0


class Verbs:
    """Verbs of a job that tell when they were reached and then wait, for the context or for the gate only."""

    def __init__(self, gate: threading.Event, where: str, *, deaf: bool) -> None:
        self.reached = threading.Event()
        self._gate = gate
        self._where = where
        self._deaf = deaf

    def stay(self, verb: str, context: WorkContext) -> None:
        if verb != self._where:
            return
        self.reached.set()
        if self._deaf:
            self._gate.wait(20)
        else:
            context.sleep(20)

    def job(self, function_job: Callable[..., Any], items: str = "abc") -> Any:
        return function_job(
            items=tuple(items),
            work=self._work,
            on_plan=lambda context: self.stay("plan", context),
            on_apply=lambda unit, context: self.stay("apply", context),
            on_commit=lambda context: self.stay("commit", context),
        )

    def _work(self, unit: Unit, context: WorkContext) -> UnitResult:
        self.stay("work", context)
        return _all_succeed(unit)


@pytest.fixture
def verbs(gate: threading.Event) -> Callable[..., Verbs]:
    return lambda where, *, deaf=False: Verbs(gate, where, deaf=deaf)


@pytest.fixture
def prepared(a_run: Callable[..., Executed]) -> Callable[..., Any]:
    """Return a run of one job that wasn't executed yet."""
    return lambda job, *, grace=0.3, **spec: a_run(
        {"job": JobSpec(kind="stand-in-job", **spec)}, {"job": lambda: job}, grace=grace
    )


@pytest.fixture
def ask() -> Callable[..., None]:
    """Return a function that leaves a cancel request for a run once its work was reached."""

    def leave(run: Any, reached: threading.Event, mode: str = "graceful") -> None:
        assert reached.wait(10)
        run.directory.cancel.write_text(json.dumps({"schema_version": 1, "mode": mode}), encoding="utf-8")

    return leave

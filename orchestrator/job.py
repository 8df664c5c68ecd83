"""The contract between the engine and the kinds: a job is four verbs, `plan`, `work`, `apply`, `commit`, and `abandon`.

The engine knows no kind; a kind knows no engine. Units and results cross threads, processes and machines, so they are plain
picklable values: no clients, handles or exceptions. Errors travel as `Failure`. They are named tuples: a
class takes a sixth of the time of a frozen dataclass at start-up, a value half of it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Final, NamedTuple, Protocol, runtime_checkable

from orchestrator.deadline import WorkContext
from orchestrator.errors import Failure

if TYPE_CHECKING:
    from pathlib import Path

_NOTHING: Final[Mapping[str, Any]] = {}


class Change(StrEnum):
    """What a plan says of an item."""

    NEW = "new"
    CHANGED = "changed"
    UNCHANGED = "unchanged"
    GONE = "gone"


class ItemState(StrEnum):
    """How an item ended. `unchanged` is done without work, `skipped` was left out on purpose."""

    SUCCEEDED = "succeeded"
    UNCHANGED = "unchanged"
    SKIPPED = "skipped"
    FAILED = "failed"


class PlannedItem(NamedTuple):
    """One item (a company, a document), what happens to it, and why: `reason` is a few words for a person."""

    key: str
    change: Change
    reason: str = ""


class Unit(NamedTuple):
    """What the engine schedules: one item, or a small batch.

    `key` is unique within a job and names the work, not its place in a list: a resumed run leaves out units whose key the
    journal knows, so content and settings that change the result belong into it (an ingest puts their digest there).
    """

    key: str
    items: tuple[str, ...]
    payload: Any = None


class ItemOutcome(NamedTuple):
    """How one item ended: `found` counts what it yielded (postings, nodes), `attempts` its requests or tries."""

    key: str
    state: ItemState
    found: int | None = None
    attempts: int = 1
    error: Failure | None = None


class Postponement(NamedTuple):
    """Asks the engine to run `unit` again, `delay` seconds from now, without holding a slot meanwhile (a `Retry-After`)."""

    unit: Unit
    delay: float
    reason: str = ""


class UnitResult(NamedTuple):
    """What `work` returns: one outcome per item, and the data that `apply` needs. Or a postponement, and neither.

    `size` is about how many bytes of memory the data take until they are applied; results that wait are bounded by it.
    """

    outcomes: tuple[ItemOutcome, ...] = ()
    data: Any = None
    postponed: Postponement | None = None
    size: int = 0


class Plan(NamedTuple):
    """What a job would do: every item with its change, and the units that follow, in the order they should start.

    Items of the plan that stand in no unit need no work; `UNCHANGED` ones count as done, `GONE` ones aren't counted.
    `self_resuming` says that the plan itself left out what earlier attempts did (it found their effects), so the engine
    leaves nothing out by the journal. `estimate_seconds` is what the units took before, None if nobody knows. `pending` are
    effects that no item stands for, in a few words each: what an earlier run left undone. `spare` units may be in hand beyond
    the spec's `concurrency`: those that wait for processes of the job's own. The job keeps the bound for the others then.
    """

    items: Sequence[PlannedItem]
    units: Sequence[Unit]
    warnings: tuple[str, ...] = ()
    self_resuming: bool = False
    estimate_seconds: float | None = None
    pending: tuple[str, ...] = ()
    spare: int = 0


class Outcome(NamedTuple):
    """How a job was settled. `result` holds the kind's counts for the status file (ints, or a short string or None).

    The engine derives the state: an `error` makes the job `failed`, else failed items beyond `max_failures` make it
    `partial` or `failed`, and `partial=True` makes a job `partial` that has no failed item (a guard held something).
    """

    result: Mapping[str, int | str | None] = _NOTHING
    warnings: tuple[str, ...] = ()
    error: Failure | None = None
    partial: bool = False
    message: str = ""


@runtime_checkable
class Job(Protocol):
    """One job of a run. The engine calls plan and prepare once, work on any thread or machine, apply and commit one at a time.

    `plan`, `apply` and `commit` get a context too: they run under the job's deadline and cancel, and may `enter` phases.
    """

    work: Callable[[Unit, WorkContext], UnitResult]
    """A top-level function, pure and picklable. A bad item is an outcome; an exception is a bug of the unit."""

    world: Callable[[], AbstractContextManager[Any]] | None
    """A picklable factory of what `work` needs to reach the world; opened once per job and process, shared by threads."""

    def plan(self, context: WorkContext) -> Plan:
        """Say what would be done. Reads, but has no effect: `orchestrate plan` calls this and nothing else."""

    def prepare(self) -> None:
        """Get ready what `apply` needs (imports, connections). Called when the first units are on their way, and only then."""

    def apply(self, unit: Unit, result: UnitResult, context: WorkContext) -> None:
        """Make the result effective, in the parent only: one transaction, safe to repeat."""

    def commit(self, context: WorkContext) -> Outcome:
        """Settle the job, with every unit applied or failed. An ingest publishes here; a scrape sums up."""

    def abandon(self) -> None:
        """Leave nothing behind after a cancel, a timeout or a failure. Also called if nothing was planned."""

    def tally(self) -> Mapping[str, int | str | None]:
        """Return the result's counts so far: cheap, called at the cadence from another thread."""


class Surroundings(NamedTuple):
    """What a kind is told of the run when its job is built. Paths are absolute; nothing of it may reach a durable file."""

    job: str
    run_id: str
    root: Path
    state_dir: Path
    database: str
    settings: Mapping[str, Any] = _NOTHING
    helpers: int = 0
    """Processes that units may start to help them: none where they run beside those of other workers, or of other runs."""


class Target(NamedTuple):
    """What a job writes to, and the file whose lock guards it. Two jobs with one `name` have the same target."""

    name: str
    lock: Path

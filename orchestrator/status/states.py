"""States of runs and jobs, the transitions between them, and the two that only readers know."""

from __future__ import annotations

from enum import StrEnum
from typing import Final


class State(StrEnum):
    """What stands on disk for a run or a job."""

    QUEUED = "queued"
    RUNNING = "running"
    SUCCEEDED = "succeeded"
    PARTIAL = "partial"
    FAILED = "failed"
    TIMED_OUT = "timed_out"
    CANCELLED = "cancelled"
    SKIPPED = "skipped"


class Shown(StrEnum):
    """What readers show: the states on disk, and those that follow from the lease and the cancel request."""

    QUEUED = "queued"
    RUNNING = "running"
    SUCCEEDED = "succeeded"
    PARTIAL = "partial"
    FAILED = "failed"
    TIMED_OUT = "timed_out"
    CANCELLED = "cancelled"
    SKIPPED = "skipped"
    CANCEL_REQUESTED = "cancel_requested"
    STOPPING = "stopping"
    INTERRUPTED = "interrupted"
    UNKNOWN = "unknown"


FINAL: Final = frozenset({State.SUCCEEDED, State.PARTIAL, State.FAILED, State.TIMED_OUT, State.CANCELLED, State.SKIPPED})
_ALLOWED: Final = {
    State.QUEUED: frozenset({State.RUNNING, State.CANCELLED, State.SKIPPED, State.FAILED, State.TIMED_OUT}),
    State.RUNNING: FINAL - {State.SKIPPED},
}


def advance(current: State, new: State) -> State:
    """Return the state after a transition. A final state never changes: the first one wins, so the current is returned.

    Raises ValueError for a transition that can't happen (`running` to `queued`, `queued` to `succeeded`).
    """
    if current in FINAL or current == new:
        return current
    if new not in _ALLOWED[current]:
        raise ValueError(f"a {current} run or job can't become {new}")
    return new


def shown(state: State, *, alive: bool | None, cancel_requested: bool, cancel_acknowledged: bool) -> Shown:
    """Return what a reader shows. `alive` is what the lease says: None if it can't be told (another host)."""
    if state in FINAL:
        return Shown(state)
    if alive is False:
        return Shown.INTERRUPTED
    if alive is None:
        return Shown.UNKNOWN
    if cancel_acknowledged:
        return Shown.STOPPING
    if cancel_requested:
        return Shown.CANCEL_REQUESTED
    return Shown(state)


def settle(states: list[State]) -> State:
    """Return the state of a run from the final states of its jobs: the gravest one. A run without jobs succeeded."""
    for state in (State.CANCELLED, State.FAILED, State.TIMED_OUT, State.PARTIAL, State.SUCCEEDED, State.SKIPPED):
        if state in states:
            return state
    return State.SUCCEEDED

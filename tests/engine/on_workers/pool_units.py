"""Work for the suites of pools: top-level functions, since a pool of other processes finds them by name."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any

from orchestrator.deadline import WorkContext
from orchestrator.errors import JobError
from orchestrator.job import ItemOutcome, ItemState, Unit, UnitResult


def give_back(unit: Unit, context: WorkContext) -> UnitResult:
    """Return the payload as what was found."""
    context.checkpoint(1, 1, "nearly")
    return UnitResult((ItemOutcome(unit.items[0], ItemState.SUCCEEDED, found=unit.payload),), size=10)


def raise_payload(unit: Unit, context: WorkContext) -> UnitResult:
    """Raise the payload if it is an error."""
    if isinstance(unit.payload, BaseException):
        raise unit.payload
    return give_back(unit, context)


def log_beginning(unit: Unit, context: WorkContext) -> UnitResult:
    """Add a line to the file that the payload names."""
    _note(unit.payload, unit.key)
    return UnitResult((ItemOutcome(unit.items[0], ItemState.SUCCEEDED),))


def sleep(unit: Unit, context: WorkContext) -> UnitResult:
    """Sleep through the context, and note beginning and end; the payload is (file, seconds)."""
    path, seconds = unit.payload
    _note(path, f"begin {unit.key}")
    try:
        context.sleep(seconds)
    finally:
        _note(path, f"end {unit.key}")
    return UnitResult((ItemOutcome(unit.items[0], ItemState.SUCCEEDED),))


def wait_for_file(unit: Unit, context: WorkContext) -> UnitResult:
    """Report progress, then wait for the file that the payload names."""
    context.checkpoint(1, 9, "page 1")
    context.checkpoint(3, 9)
    while not Path(unit.payload).exists():
        context.sleep(0.01)
    return UnitResult((ItemOutcome(unit.items[0], ItemState.SUCCEEDED),))


def block(unit: Unit, context: WorkContext) -> UnitResult:
    """Wait, deaf to the context; the payload is (file, seconds)."""
    path, seconds = unit.payload
    _note(path, unit.key)
    threading.Event().wait(seconds)
    return UnitResult((ItemOutcome(unit.items[0], ItemState.SUCCEEDED),))


def tell_process(unit: Unit, context: WorkContext) -> UnitResult:
    """Wait as long as the payload says, and return the process."""
    context.sleep(unit.payload)
    return UnitResult((ItemOutcome(unit.items[0], ItemState.SUCCEEDED),), os.getpid())


def kill_worker(unit: Unit, context: WorkContext) -> UnitResult:
    """Kill the process as often as the payload, (file, times), says; then return. Never the one that runs the tests."""
    path, times = unit.payload
    _note(path, str(os.getpid()))
    if len(Path(path).read_text(encoding="utf-8").splitlines()) <= times:
        os.kill(os.getpid(), signal.SIGKILL)
    return UnitResult((ItemOutcome(unit.items[0], ItemState.SUCCEEDED),))


def kill_or_give_back(unit: Unit, context: WorkContext) -> UnitResult:
    """Kill the process if the payload is (file, times); else return it as what was found."""
    return kill_worker(unit, context) if isinstance(unit.payload, tuple) else give_back(unit, context)


def return_a_lock(unit: Unit, context: WorkContext) -> UnitResult:
    """Return what can't be pickled."""
    return UnitResult((), threading.Lock())


def tell_world(unit: Unit, context: WorkContext) -> UnitResult:
    """Return the world and the process."""
    return UnitResult((ItemOutcome(unit.items[0], ItemState.SUCCEEDED),), (context.world, os.getpid()))


@contextmanager
def open_world(path: Path) -> Iterator[int]:
    """Note in a file when the world opens and closes; the world is the process's id."""
    _note(path, f"open {os.getpid()}")
    yield os.getpid()
    _note(path, f"close {os.getpid()}")


def open_nothing() -> AbstractContextManager[Any]:
    """Fail to open a world."""
    raise JobError("there is no world", code="no-world", hint="make one")


def _note(path: Path, line: str) -> None:
    with Path(path).open("a", encoding="utf-8") as lines:
        lines.write(f"{line}\n")

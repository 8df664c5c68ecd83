"""What goes between a run and the workers of a cluster: pickled parcels whose content no log of Dask's can show."""

from __future__ import annotations

import pickle
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any, Final, Literal, NamedTuple

from orchestrator import __version__
from orchestrator.deadline import WorkContext
from orchestrator.errors import Failure
from orchestrator.job import Unit, UnitResult

TOPIC: Final = "orchestrate"
"""Workers tell here which units they have in hand: (session, ((key, index, done, total, note), ...))."""

VERSION: Final = __version__


class Parcel:
    """Pickled bytes. Dask logs the arguments of a task that fails; of a parcel it can only tell the size."""

    __slots__ = ("data",)

    def __init__(self, data: bytes) -> None:
        self.data = data

    def __repr__(self) -> str:
        return f"<{len(self.data)} bytes>"


class Brief(NamedTuple):
    """What the units of a job's attempt have in common. Functions are pickled by name, never by value."""

    work: Callable[[Unit, WorkContext], UnitResult]
    world: Callable[[], AbstractContextManager[Any]] | None


class Order(NamedTuple):
    """Units on their way to a worker, as one task of Dask's named `key`. Short units travel together: a task costs some ms.

    It carries the seconds that are left, since clocks differ between machines.
    """

    session: str
    key: str
    seconds: float
    brief: bytes
    units: tuple[bytes, ...]


Word = Literal["returned", "raised", "interrupted", "unfit", "undone"]


class Report(NamedTuple):
    """What became of a unit. `unfit` says that the process can't run units of this job.

    `undone` is one to be handed over again: Dask took it back and then its answer after all, or those before it took long.

    `value` is the UnitResult of a unit that returned, else a Failure. `log` holds (level, text) of what was logged.
    """

    word: Word
    value: UnitResult | Failure
    seconds: float
    log: tuple[tuple[int, str], ...] = ()


def pack(value: object) -> bytes:
    """Return a value as bytes. Raises what pickle raises for a value that can't travel."""
    return pickle.dumps(value, protocol=5)


def unpack(data: bytes) -> Any:
    """Return the value of bytes that this program packed at the other end of a cluster's connection."""
    return pickle.loads(data)  # noqa: S301 - the cluster runs our code anyway: it is trusted like this machine


def sealed(order: Order) -> Parcel:
    """Return an order with the version before it, which any version of this program can read."""
    return Parcel(pack((VERSION, pack(tuple(order)))))


def opened(parcel: Parcel) -> Order | str:
    """Return the order of a parcel, or the version that sent it if that isn't ours."""
    version, order = unpack(parcel.data)
    return Order(*unpack(order)) if version == VERSION else str(version)

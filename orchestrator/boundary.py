"""The boundary between what keeps a run going and the code it calls: whatever is raised behind it comes back as data.

The one broad `except` of the program stands here, since a bug in one unit must not end the worker that others need.
"""

from __future__ import annotations

import logging
import traceback
from collections.abc import Callable
from typing import Any, Final, Generic, NamedTuple, TypeVar

from orchestrator.errors import Failure, Interruption, OrchestrateError

_log: Final = logging.getLogger("orchestrator.engine")
T = TypeVar("T")


class Returned(Generic[T]):
    """The code returned."""

    __slots__ = ("value",)
    __match_args__ = ("value",)

    def __init__(self, value: T) -> None:
        self.value = value


class Raised(NamedTuple):
    """The code raised an error, ours or a bug's."""

    failure: Failure
    error: BaseException


class Interrupted(NamedTuple):
    """The code noticed a cancel or its deadline."""

    interruption: Interruption


def guarded(call: Callable[..., T], *arguments: Any) -> Returned[T] | Raised | Interrupted:
    """Call a kind's code and return what came of it; never raises."""
    try:
        return Returned(call(*arguments))
    except Interruption as interruption:
        return Interrupted(interruption)
    except OrchestrateError as error:
        return Raised(error.failure(), error)
    except BaseException as error:  # noqa: BLE001 - the worker's boundary, see above
        where = traceback.extract_tb(error.__traceback__)[-1]
        _log.error("unexpected %s\n%s", type(error).__name__, "".join(traceback.format_exception(error)).rstrip())
        return Raised(
            Failure(
                "internal-error",
                f"unexpected {type(error).__name__} in {where.name}, line {where.lineno}",
                "this is a bug; `orchestrate logs` has the traceback",
            ),
            error,
        )

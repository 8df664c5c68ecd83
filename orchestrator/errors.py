"""What can go wrong, as one tree; callers catch at the level of their decision.

    OrchestrateError                 has a stable code, a message, a hint, and whether a retry may pass
    ├── UsageError                   the command line is wrong                               exit 2
    ├── SpecError                    the spec is invalid; carries every problem              exit 2
    ├── TargetBusy                   another run holds the target                            exit 3
    ├── StorageError                 state directory, database or disk failed                exit 4
    │   └── UnreadableState          a file of a run can't be read                       exit 4
    │       └── NewerState           a newer version of this program wrote it            exit 4
    ├── EngineError                  the cluster that units run on can't be used or was lost   exit 4
    ├── NotFound                     no such run, job, posting or snapshot                   exit 5
    ├── NotResumable                 the run can't be resumed                                exit 5
    ├── JobError                     a job can't go on; becomes the error of its status
    │   └── MissingExtra             an optional package isn't installed
    └── Interruption                 raised by checkpoints only, caught by the engine only
        ├── Cancelled                somebody asked the run or the job to stop
        └── DeadlineExceeded         the attempt's time is over

Errors that cross a thread, a process or a file travel as data: `Failure`.
"""

from __future__ import annotations

from enum import IntEnum
from typing import ClassVar, NamedTuple


class ExitCode(IntEnum):
    """What the process returns; the whole table is in docs/reference/exit-codes.md."""

    OK = 0
    FAILED = 1
    USAGE = 2
    BUSY = 3
    STORAGE = 4
    NOT_FOUND = 5
    CHANGES = 10
    TIMED_OUT = 124
    SIGINT = 130
    SIGTERM = 143


class Failure(NamedTuple):
    """An error as data: what is wrong, what to do, and whether another attempt may pass."""

    code: str
    message: str
    hint: str = ""
    retryable: bool = False

    def as_dict(self) -> dict[str, object]:
        """Return plain values, as they stand in journal and status file."""
        return self._asdict()


class OrchestrateError(Exception):
    """Base of everything this program raises on purpose."""

    code: ClassVar[str] = "error"
    exit_code: ClassVar[ExitCode] = ExitCode.FAILED

    def __init__(self, message: str, *, hint: str = "", code: str | None = None, retryable: bool = False) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        self.failure_code = code or self.code
        self.retryable = retryable

    def failure(self) -> Failure:
        """Return the same as data."""
        return Failure(self.failure_code, self.message, self.hint, self.retryable)


class UsageError(OrchestrateError):
    """The command line asks for something that can't be done as written."""

    code = "usage"
    exit_code = ExitCode.USAGE


class SpecError(OrchestrateError):
    """The spec is invalid. `problems` holds each one, sorted by position; nothing was started."""

    code = "invalid-spec"
    exit_code = ExitCode.USAGE

    def __init__(self, message: str, problems: tuple[object, ...] = (), *, hint: str = "") -> None:
        super().__init__(message, hint=hint)
        self.problems = problems


class TargetBusy(OrchestrateError):
    """Another run holds the target; nothing was touched."""

    code = "target-busy"
    exit_code = ExitCode.BUSY


class StorageError(OrchestrateError):
    """The state directory, the database or the disk failed."""

    code = "storage"
    exit_code = ExitCode.STORAGE


class UnreadableState(StorageError):
    """A file of a run can't be read: damaged or foreign."""

    code = "unreadable-state"


class NewerState(UnreadableState):
    """A file of a run was written by a newer version of this program."""

    code = "newer-state"

    def __init__(self, name: str, version: int, known: int) -> None:
        super().__init__(f"{name} has schema version {version}; this program reads up to {known}", hint="update orchestrate")


class EngineError(OrchestrateError):
    """The cluster that units should run on can't be reached, was lost, has no workers, or runs other code than this run."""

    code = "engine-lost"
    exit_code = ExitCode.STORAGE
    codes: ClassVar[frozenset[str]] = frozenset(
        {"engine-lost", "engine-unreachable", "engine-without-workers", "engine-mismatch"}
    )


class NotFound(OrchestrateError):
    """There is no such run, job, posting or snapshot."""

    code = "not-found"
    exit_code = ExitCode.NOT_FOUND


class NotResumable(OrchestrateError):
    """The run exists, but can't be resumed."""

    code = "not-resumable"
    exit_code = ExitCode.NOT_FOUND


class JobError(OrchestrateError):
    """A job can't go on. Its code, message and hint become the error of the job's status."""

    code = "job-failed"


class MissingExtra(JobError):
    """A feature needs a package that isn't installed."""

    code = "missing-extra"

    def __init__(self, feature: str, extra: str) -> None:
        super().__init__(
            f"{feature} needs the extra `{extra}`, which isn't installed",
            hint=f"pip install 'orchestrate[{extra}]'",
        )


class Interruption(OrchestrateError):
    """Running work was asked to end. Raised by checkpoints, never caught by a kind."""

    code = "interrupted"


class Cancelled(Interruption):
    """The run or the job was cancelled."""

    code = "cancelled"


class DeadlineExceeded(Interruption):
    """The attempt's deadline has passed."""

    code = "deadline-exceeded"
    exit_code = ExitCode.TIMED_OUT

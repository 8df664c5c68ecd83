"""The supervisor of a run: starts jobs by their needs, watches deadlines, signals and the cancel request, records, ends.

It runs on the caller's thread and wakes every 50 ms, or at once when a job ends. Nothing it does waits for a job.
"""

from __future__ import annotations

import json
import logging
import threading
from collections.abc import Callable
from typing import Final, Literal, NamedTuple

from orchestrator.deadline import SYSTEM_CLOCK, Clock
from orchestrator.engine.attempt import TICK_SECONDS, timed_out
from orchestrator.engine.coordinator import LEFT_BEHIND, Coordinator
from orchestrator.engine.jobrun import Ending, JobRun
from orchestrator.engine.log import RunLog
from orchestrator.engine.prepare import Prepared, Request
from orchestrator.engine.recorder import Recorder
from orchestrator.engine.signals import Signals
from orchestrator.engine.watchdog import Watchdog
from orchestrator.errors import EngineError, ExitCode, Failure, StorageError
from orchestrator.redact import Redactor
from orchestrator.status.journal import Event
from orchestrator.status.models import Cancel, RunStatus, utc
from orchestrator.status.states import FINAL, State, settle

_log: Final = logging.getLogger("orchestrator.engine")
CANCEL_POLL_SECONDS: Final = 0.25
OVERDUE_SECONDS: Final = 0.45  # Beyond the deadline, a coordinator that hasn't ended its attempt is given up.
COMMIT_PATIENCE: Final = 10.0  # What lies behind a commit point takes milliseconds; a disk that hangs isn't waited for.
NOW_PATIENCE: Final = 0.25
GIVE_UP_SECONDS: Final = 0.1  # Beyond its patience.
_SATISFIED: Final = {"succeeded": frozenset({State.SUCCEEDED}), "finished": frozenset({State.SUCCEEDED, State.PARTIAL})}

Observer = Callable[[RunStatus], None]


class Result(NamedTuple):
    """How a run ended: its last status, the exit code that follows, and whether threads were left behind."""

    status: RunStatus
    exit_code: ExitCode
    threads_left: bool


class Run:
    """One attempt of a run, from its first tick to its final status."""

    def __init__(
        self,
        request: Request,
        prepared: Prepared,
        *,
        observer: Observer | None = None,
        observe_every: float = 0.1,
        on_trouble: Callable[[str], None] = _log.error,
        clock: Clock = SYSTEM_CLOCK,
    ) -> None:
        """Take a prepared run. `observer` is called with the status, at most every `observe_every` seconds."""
        self._request = request
        self._prepared = prepared
        self._observer = observer
        self._observe_every = observe_every
        self._observed_at = 0.0
        self._clock = clock
        self._wake = threading.Event()
        self._redact = Redactor(request.resolved.secrets)
        self.status = prepared.status
        self._recorder = Recorder(prepared.directory, self.status, clock, self._redact, on_trouble)
        self._jobs = [self._job(head.name) for head in self.status.jobs]
        self._coordinators: dict[str, Coordinator] = {}
        self._signals = Signals()
        self._watchdog = Watchdog(prepared.directory.crash_log, self._grace)
        self._cancelled_at: float | None = None
        self._cancel_checked_at = 0.0
        self._storage: Failure | None = None

    def execute(self) -> Result:
        """Run every job to its end and leave the final status on disk. Raises StorageError if that can't be written."""
        log = RunLog(self._prepared.directory.log, self._redact)
        try:
            with self._prepared.holds, self._signals, self._watchdog:
                self._begin()
                while not all(job.final for job in self._jobs):
                    self._tick()
                    self._wake.wait(TICK_SECONDS)
                    self._wake.clear()
                return self._end()
        finally:
            self._recorder.close()
            log.close()

    def _job(self, name: str) -> JobRun:
        head = self.status.job(name)
        assert head is not None, "the status was made from these jobs"
        spec = self._request.resolved.spec.jobs[name]
        run = JobRun(name, spec, self._prepared.kinds[name], self._recorder, self._clock, head)
        run.known = dict(self._prepared.known.get(name, {}))
        return run

    def _begin(self) -> None:
        now = utc(self._clock.time())
        self.status.state = State.RUNNING
        self.status.started_at = self.status.started_at or now
        detail = {"attempt": self.status.attempt, "engine": self.status.engine, "jobs": [job.name for job in self._jobs]}
        self._recorder.event(Event.RUN_STARTED, state=State.RUNNING, detail=detail)
        _log.info("run %s, attempt %d, of %s", self.status.run_id, self.status.attempt, self.status.spec_path)
        for warning in self._request.resolved.warnings:
            self._recorder.warn(warning)

    def _tick(self) -> None:
        now = self._clock.monotonic()
        self._notice_signals()
        self._notice_cancel_request(now)
        self._notice_broken_storage()
        self._watchdog.tick(now, self._last_deadline())
        self._start_jobs()
        self._give_up_overdue(now)
        self._recorder.tick(now, self._sample)
        self._show(now)

    def _last_deadline(self) -> float:
        """Return when the last attempt ends that runs or may begin now, in monotonic seconds."""
        soonest = self._clock.monotonic()
        waiting = (soonest + job.spec.timeout for job in self._jobs if job.status.state is State.QUEUED)
        running = (job.deadline.at for job in self._jobs if job.status.state is State.RUNNING)
        return max([soonest, *waiting, *running])

    def _sample(self) -> RunStatus:
        now = self._clock.monotonic()
        self.status.jobs = [job.sample(now) for job in self._jobs]
        return self.status

    def _show(self, now: float) -> None:
        if self._observer is not None and now - self._observed_at >= self._observe_every:
            self._observed_at = now
            self._sample()
            self._observer(self._public())

    def _public(self) -> RunStatus:
        """Return the status as it may be shown: redacted, as it is in its file."""
        return RunStatus.model_validate(self._redact.tree(self.status.model_dump()))

    # Starting.

    def _start_jobs(self) -> None:
        running = sum(job.status.state is State.RUNNING for job in self._jobs)
        for job in self._jobs:
            if job.status.state is not State.QUEUED:
                continue
            blocker = self._blocker(job)
            if blocker is not None:
                job.finish(Ending(State.SKIPPED, message=f"needs {blocker.name}, which was {blocker.status.state}"))
            elif self.status.cancel is not None:
                job.finish(job.stopped_as or Ending(State.CANCELLED, message="cancelled before it began"))
            elif running < self._request.resolved.spec.max_parallel_jobs and self._ready(job):
                running += 1
                self._start(job)

    def _start(self, job: JobRun) -> None:
        surroundings = self._request.surroundings[job.name]
        coordinator = Coordinator(job, surroundings, self.status.engine, self._recorder, self._wake.set)
        self._coordinators[job.name] = coordinator
        coordinator.start()

    def _blocker(self, job: JobRun) -> JobRun | None:
        """Return a job that this one needs and that ended otherwise."""
        for need, other in self._needed(job):
            if other.final and other.status.state not in _SATISFIED[need]:
                return other
        return None

    def _ready(self, job: JobRun) -> bool:
        return all(other.status.state in _SATISFIED[need] for need, other in self._needed(job))

    def _needed(self, job: JobRun) -> list[tuple[Literal["succeeded", "finished"], JobRun]]:
        """Return the jobs that a job waits for; those that aren't part of this run don't count."""
        by_name = {other.name: other for other in self._jobs}
        return [(need.when, by_name[need.job]) for need in job.spec.needs if need.job in by_name]

    # Ending.

    def _notice_signals(self) -> None:
        signals = self._signals
        if signals.first is None:
            return
        if self._cancelled_at is None:
            self._cancel(f"stopped by {signals.first.name}", "graceful", self._request.resolved.spec.grace)
        if signals.count > 1:
            self._end_at_once(f"stopped at once by a second {signals.first.name}")

    def _notice_cancel_request(self, now: float) -> None:
        if now - self._cancel_checked_at < CANCEL_POLL_SECONDS:
            return
        self._cancel_checked_at = now
        try:
            request = json.loads(self._prepared.directory.cancel.read_bytes())
        except (OSError, ValueError):
            return
        at_once = isinstance(request, dict) and request.get("mode") == "now"
        if self._cancelled_at is None:
            self._cancel("cancelled", "now" if at_once else "graceful", NOW_PATIENCE if at_once else self._grace)
        elif at_once and self.status.cancel is not None and self.status.cancel.mode != "now":
            self.status.cancel.mode = "now"
            self._end_at_once("cancelled at once")

    @property
    def _grace(self) -> float:
        return self._request.resolved.spec.grace

    def _cancel(self, reason: str, mode: Literal["graceful", "now"], patience: float) -> None:
        """Ask every job to end. The request is in the journal and the status before it takes effect."""
        now = self._clock.monotonic()
        at = utc(self._clock.time())
        self.status.cancel = Cancel(requested_at=at, mode=mode, acknowledged_at=at)
        self._recorder.event(Event.CANCEL_REQUESTED, detail={"reason": reason, "mode": mode})
        self._recorder.changed()
        self._recorder.tick(now, self._sample)
        self._cancelled_at = now
        for job in self._jobs:
            job.stop(Ending(State.CANCELLED, message=reason), patience)

    def _end_at_once(self, reason: str) -> None:
        """End every job now, but for one that is making its effect visible: its own ending is milliseconds away."""
        self._watchdog.stand_down()  # This thread is alive, and so is the end: a slow disk must not make it an abort.
        for job in self._jobs:
            if job.beyond_commit_point and not job.final:
                continue
            left = len(job.slots())
            if job.finish(job.stopped_as or Ending(State.CANCELLED, message=reason), abandoned=left) and left:
                self._recorder.warn(LEFT_BEHIND, job.name)

    def _notice_broken_storage(self) -> None:
        """Stop admitting when the journal can't be written: what isn't recorded must not be claimed."""
        error = self._recorder.journal_error
        if error is None or self._storage is not None:
            return
        self._storage = error.failure()
        for job in self._jobs:
            job.stop(Ending(State.FAILED, self._storage, error.message), NOW_PATIENCE)

    def _give_up_overdue(self, now: float) -> None:
        """End jobs whose coordinator doesn't come back in time; a late result finds its attempt closed."""
        if self._cancelled_at is not None and now >= self._cancelled_at + self._grace - TICK_SECONDS:
            self._watchdog.stand_down()
        for job in self._jobs:
            if job.status.state is not State.RUNNING:
                continue
            extra = COMMIT_PATIENCE if job.beyond_commit_point else 0.0
            if now >= job.deadline.at + OVERDUE_SECONDS + extra:
                self._give_up(job, timed_out(job))
            elif self._cancelled_at is not None and job.stopped_as is not None:
                patience = job.patience + GIVE_UP_SECONDS
                if now >= self._cancelled_at + patience + extra:
                    self._give_up(job, job.stopped_as)

    def _give_up(self, job: JobRun, ending: Ending) -> None:
        if job.finish(ending, abandoned=1 + len(job.slots())):
            self._recorder.warn(LEFT_BEHIND, job.name)

    def _end(self) -> Result:
        status = self.status
        self._sample()
        status.state = settle([job.status.state for job in self._jobs])
        status.finished_at = utc(self._clock.time())
        if status.cancel is not None and status.state is not State.CANCELLED:
            status.cancel.too_late = True
        self._recorder.event(Event.RUN_FINISHED, state=status.state)
        _log.info("run %s is %s", status.run_id, status.state)
        self._recorder.settle(status)
        if self._observer is not None:
            self._observer(self._public())
        left = any(coordinator.alive for coordinator in self._coordinators.values())
        return Result(self._public(), self._exit_code(), left or any(job.status.abandoned_threads for job in self._jobs))

    def _exit_code(self) -> ExitCode:
        errors = {job.status.error.code for job in self._jobs if job.status.error is not None}
        if self._storage is not None or errors & {StorageError.code, *EngineError.codes}:
            return ExitCode.STORAGE
        return exit_code(self.status, self._signals.first)


def exit_code(status: RunStatus, signal: int | None = None) -> ExitCode:
    """Return the exit code of a run from its final status and the signal that ended it."""
    if status.state is State.CANCELLED:
        return ExitCode.SIGINT if signal in {None, 2} else ExitCode.SIGTERM
    bad = {job.state for job in status.jobs if job.state in FINAL} - {State.SUCCEEDED, State.SKIPPED}
    if not bad:
        return ExitCode.OK
    return ExitCode.TIMED_OUT if bad == {State.TIMED_OUT} else ExitCode.FAILED

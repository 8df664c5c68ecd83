"""The coordinator of a job: one daemon thread, named after the job, that runs its attempts until it is settled."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Final

from orchestrator.boundary import Raised, Returned, guarded
from orchestrator.deadline import Deadline
from orchestrator.engine.attempt import Attempt
from orchestrator.engine.jobrun import Ending, JobRun
from orchestrator.engine.recorder import Recorder
from orchestrator.job import Job, Surroundings
from orchestrator.status.states import State

LEFT_BEHIND: Final = "a thread didn't come back in time and was left behind"
MOST_ABANDONED: Final = 64  # Threads that didn't come back; a job that leaves more behind gets no further attempt.


class Coordinator:
    """Runs one job to its end on a thread of its own. The supervisor may give up on it, never the other way round."""

    def __init__(
        self, run: JobRun, surroundings: Surroundings, engine: str, recorder: Recorder, on_end: Callable[[], None]
    ) -> None:
        self.run = run
        self._surroundings = surroundings
        self._engine = engine
        self._recorder = recorder
        self._on_end = on_end
        self._thread = threading.Thread(target=self._main, name=run.name, daemon=True)

    def start(self) -> None:
        """Start the job's first attempt; its deadline counts from here."""
        self.run.begin(Deadline.after(self.run.spec.timeout))
        self._thread.start()

    @property
    def alive(self) -> bool:
        """Whether the thread still runs."""
        return self._thread.is_alive()

    def _main(self) -> None:
        answer = guarded(self._attempts)
        if isinstance(answer, Raised):
            self.run.finish(Ending(State.FAILED, answer.failure, answer.failure.message))
        self._on_end()

    def _attempts(self) -> None:
        run = self.run
        abandoned = 0
        while True:
            ending = self._attempt()
            abandoned += self._left_behind
            if self._left_behind:
                self._recorder.warn(LEFT_BEHIND, run.name)
            if not self._goes_on(ending, abandoned):
                run.finish(ending, abandoned=abandoned)
                return
            message = f"attempt {run.status.attempt} of {run.status.attempts} was {ending.state}: {ending.message}"
            self._recorder.warn(message, run.name)
            run.begin(Deadline.after(run.spec.timeout))

    def _goes_on(self, ending: Ending, abandoned: int) -> bool:
        status = self.run.status
        left = status.attempt < status.attempts and abandoned <= MOST_ABANDONED
        return left and ending.retryable and not self.run.final and self.run.stopped_as is None

    def _attempt(self) -> Ending:
        self._left_behind = 0
        built = guarded(self._build)
        if not isinstance(built, Returned):
            failure = built.failure if isinstance(built, Raised) else built.interruption.failure()
            return Ending(State.FAILED, failure, failure.message)
        attempt = Attempt(self.run, built.value, self._engine)
        ending = attempt()
        self._left_behind = attempt.abandoned
        for warning in attempt.warnings:
            self._recorder.warn(warning, self.run.name)
        return ending

    def _build(self) -> Job:
        return self.run.kind.load_build()(self.run.spec, self._surroundings)

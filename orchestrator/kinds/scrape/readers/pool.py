"""Readings in processes of their own: the interpreter that asks and syncs isn't the one that reads then (docs/adr/0019).

Each reading stays in the process that took its first answer: the one for which the fewest wait. Until then it is in this
process, since what a board asks first needs no answer.
"""

from __future__ import annotations

import itertools
import logging
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from orchestrator.deadline import WorkContext
from orchestrator.errors import JobError
from orchestrator.kinds.scrape.boards.base import BadAnswer, Request, Unanswered
from orchestrator.kinds.scrape.decode import BadBody
from orchestrator.kinds.scrape.readers import messages
from orchestrator.kinds.scrape.readers.here import Answer, Begin, HereReading, Listed, Task
from orchestrator.kinds.scrape.readers.messages import Message, Missing, Reply
from orchestrator.kinds.scrape.readers.process import HINT, ReaderLost, ReaderProcess

_log: Final = logging.getLogger("orchestrator.scrape")
_MOST_STARTS: Final = 10
"""Processes that a job starts at most, with those that take the place of lost ones: answers might kill one after the other."""


@contextmanager
def open_readers(count: int) -> Iterator[Begin]:
    """Give what begins readings that go on in `count` processes. They end with the context."""
    readers = Readers(count)
    try:
        yield readers.begin
    finally:
        readers.close()


class Readers:
    """The processes of a job, started with its first reading. Thread-safe."""

    def __init__(self, count: int) -> None:
        self._lock = threading.Lock()
        self._numbers = itertools.count()
        self._all: list[ReaderProcess] = []
        self._usable: list[ReaderProcess] = []
        self._count = count

    def _start(self) -> None:
        try:
            process = ReaderProcess()
        except OSError as error:
            _log.warning("no process can be started to read answers, others do it: %s", error)
            return
        self._all.append(process)
        self._usable.append(process)

    def begin(self, task: Task) -> PoolReading:
        """Return a reading that goes on in one of the processes."""
        number = next(self._numbers)
        if not number:  # They start up while the first answers are awaited. Before, they would only hold the requests up.
            with self._lock:
                for _ in range(self._count):
                    self._start()
        return PoolReading(self, number, task)

    def chosen(self) -> ReaderProcess | None:
        """Return the process for which the fewest wait; None if none is left. A lost one is replaced if it ever began."""
        with self._lock:
            for lost in [process for process in self._usable if process.lost]:
                self._usable.remove(lost)
                if lost.began and len(self._all) < _MOST_STARTS:
                    self._start()
            return min(self._usable, key=lambda process: process.waiting, default=None)

    @property
    def can_be_started(self) -> bool:
        """Whether any process ever began."""
        return any(process.began for process in self._all)

    def close(self) -> None:
        """End every process."""
        with self._lock:
            self._usable, self._count = [], 0
            for process in self._all:
                process.end()


class PoolReading:
    """A reading that goes on in a process. Implements `Reading`."""

    def __init__(self, readers: Readers, number: int, task: Task) -> None:
        self._readers = readers
        self._number = number
        self._task = task
        self._here = HereReading(task)
        self._stays_here = False
        """Whether it goes on in this process: because its first answer didn't come, or no other process can be started."""
        self._process: ReaderProcess | None = None
        self._is_over = False
        """Whether it ended without anything listed, by an answer that didn't come."""
        self._listed: Listed | None = None

    def begin(self) -> Request | None:
        """Return the first request."""
        return self._here.begin()

    def take(self, answer: Answer, context: WorkContext) -> Request | None:
        """Read an answer. Raises ReaderLost, too, if the process doesn't survive it."""
        if self._process is None and not self._stays_here:
            reply = self._first_reply(answer, context)
        elif self._process is not None:
            reply = self._reply(self._process, answer._replace(body=b""), answer.body, context)
        else:
            reply = None
        if reply is None:
            self._stays_here = True
            return self._here.take(answer, context)
        return self._understood(reply)

    def _first_reply(self, answer: Answer, context: WorkContext) -> Reply | None:
        """Return what the first process says that can be used, which keeps the reading; None if none can be started.

        A second process takes the answer if one ends with it: it may have been killed for another reason. Raises ReaderLost.
        """
        message = Message(self._number, answer._replace(body=b""), self._task)
        again = False
        while (process := self._readers.chosen()) is not None:
            try:
                reply = process.exchange(message, answer.body, context)
            except ReaderLost as lost:
                if process.began and again:
                    raise
                again |= process.began
                _log.warning("%s: another one reads it", lost.message)
                continue
            if reply is not None:
                self._process = process
                return reply
        if self._readers.can_be_started:  # Here, what ended one after the other of them would end the run.
            raise ReaderLost("the processes that read answers ended again and again", hint=HINT, retryable=True)
        return None

    def _reply(self, process: ReaderProcess, answer: Answer | Missing, body: bytes, context: WorkContext) -> Reply:
        reply = process.exchange(Message(self._number, answer), body, context)
        if reply is None:
            raise ReaderLost("the process that read the company's answers ended", hint=HINT, retryable=True)
        return reply

    def _understood(self, reply: Reply) -> Request | None:
        match reply:
            case messages.Following(request):
                return request
            case messages.Unreadable(message):
                raise BadBody(message)
            case messages.NotAsDocumented(message):
                raise BadAnswer(message)
            case messages.Broken(failure, texts):
                for text in texts:
                    _log.error("%s", text)
                raise JobError(failure.message, hint=failure.hint, code=failure.code, retryable=failure.retryable)
            case Missing(failure, status, gone):
                self._is_over = True
                raise Unanswered(failure, status=status, gone=gone)
            case Listed():
                self._listed = reply
        return None

    def fail(self, unanswered: Unanswered, context: WorkContext) -> Request | None:
        """Go on without an answer."""
        if self._process is None:
            self._stays_here = True
            return self._here.fail(unanswered, context)
        if self._is_over:
            raise unanswered
        missing = Missing(unanswered.failure, unanswered.status, unanswered.gone)
        return self._understood(self._reply(self._process, missing, b"", context))

    def listed(self) -> Listed:
        """Return what was listed."""
        return self._here.listed() if self._listed is None else self._listed

    def close(self) -> None:
        """Give up what hasn't ended."""
        self._here.close()
        if self._process is not None and self._listed is None:
            self._process.dropped.append(self._number)

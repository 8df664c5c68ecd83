"""What a process that reads answers does: takes a message, reads, replies. It ends when its pipe is closed, so with its run."""

from __future__ import annotations

import gc
import logging
import os
import signal
from contextlib import suppress
from typing import BinaryIO, Final

from orchestrator.boundary import Interrupted, Raised, Returned, guarded
from orchestrator.kinds.scrape import text
from orchestrator.kinds.scrape.boards.base import BadAnswer, Unanswered
from orchestrator.kinds.scrape.decode import BadBody
from orchestrator.kinds.scrape.readers import messages
from orchestrator.kinds.scrape.readers.here import Answer, HereReading
from orchestrator.kinds.scrape.readers.messages import Message, Reply

_SPARE_SECONDS: Final = 1.0
_LONGEST_SECONDS: Final = 3600.0


class _Kept(logging.Handler):
    """Keeps what is logged: the log is the run's, so it travels with the reply."""

    def __init__(self) -> None:
        super().__init__()
        self.texts: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.texts.append(self.format(record))


class Child:
    """The readings of a process, by number."""

    def __init__(self) -> None:
        self._readings: dict[int, HereReading] = {}
        self._kept = _Kept()
        logging.getLogger("orchestrator").addHandler(self._kept)

    def reply(self, message: Message, body: bytes) -> bytes:
        """Make one step of a reading, and return its reply, packed. Whatever the board raises, or asks for, is a reply."""
        reply = self._made(message, body)
        match guarded(messages.packed_reply, reply):
            case Returned(packed):
                return packed
            case Raised(failure):  # A board's request holds what can't be pickled.
                self._readings.pop(message.reading, None)
                return messages.packed_reply(messages.Broken(failure, tuple(self._kept.texts)))
            case Interrupted(interruption):
                return messages.packed_reply(messages.Broken(interruption.failure(), ()))

    def _made(self, message: Message, body: bytes) -> Reply:
        for number in message.dropped:
            self._readings.pop(number, None)
        self._kept.texts = []
        reply: Reply
        match guarded(self._step, message, body):
            case Returned(reply):
                pass
            case Raised(failure):
                reply = messages.Broken(failure, tuple(self._kept.texts))
            case Interrupted(interruption):
                reply = messages.Broken(interruption.failure(), ())
        if not isinstance(reply, messages.Following | messages.Unreadable):
            self._readings.pop(message.reading, None)
        return reply

    def _step(self, message: Message, body: bytes) -> Reply:
        if message.task is not None:
            self._readings[message.reading] = HereReading(message.task._replace(seconds=message.seconds))
            self._readings[message.reading].begin()
        reading = self._readings[message.reading]
        try:
            if isinstance(message.answer, Answer):
                request = reading.take(message.answer._replace(body=body))
            else:
                missing = message.answer
                request = reading.fail(Unanswered(missing.failure, status=missing.status, gone=missing.gone))
        except BadBody as bad:
            return messages.Unreadable(str(bad))
        except BadAnswer as bad:
            return messages.NotAsDocumented(str(bad))
        except Unanswered as unanswered:
            return messages.Missing(unanswered.failure, unanswered.status, unanswered.gone)
        return reading.listed() if request is None else messages.Following(request)


def serve(source: BinaryIO, target: BinaryIO) -> None:
    """Reply to each message until there is none."""
    child = Child()
    text.sanitise("<p>")  # What it needs is imported while the first answers are awaited.
    gc.freeze()  # What was imported stays: collections needn't look at it.
    target.write(messages.READY)
    target.flush()
    while len(head := source.read(messages.HEAD_SIZE)) == messages.HEAD_SIZE:
        length, size = messages.sizes(head)
        packed, body = source.read(length), source.read(size)
        if len(packed) < length or len(body) < size:
            return  # The run is gone in the middle of a message.
        message = messages.unpacked_message(packed)
        # A step that never ends isn't waited for: by default, this signal ends a process, whatever it is doing.
        signal.setitimer(signal.ITIMER_REAL, min(max(0.0, message.seconds), _LONGEST_SECONDS) + _SPARE_SECONDS)
        reply = child.reply(message, body)
        signal.setitimer(signal.ITIMER_REAL, 0)
        target.write(reply)
        target.flush()


def main() -> None:
    """Serve the standard streams, and end at once when that is over. What a board prints goes nowhere."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    source, target = os.fdopen(os.dup(0), "rb", messages.AT_ONCE), os.fdopen(os.dup(1), "wb", messages.AT_ONCE)
    os.dup2(2, 1)
    with suppress(BrokenPipeError):  # The run is gone.
        serve(source, target)
    os._exit(0)

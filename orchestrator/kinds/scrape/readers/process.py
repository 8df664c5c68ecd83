"""One process that reads answers: started, given a message, waited for within the unit's own bounds, and ended."""

from __future__ import annotations

import os
import select
import subprocess
import sys
import threading
from collections import deque
from collections.abc import Sequence
from contextlib import suppress
from typing import IO, Final

from orchestrator.deadline import WorkContext
from orchestrator.errors import JobError
from orchestrator.kinds.scrape.readers import messages
from orchestrator.kinds.scrape.readers.messages import AT_ONCE, Message, Reply

_SLICE: Final = 0.2
"""Seconds that a wait takes at most before it looks for a cancel."""
_ENDING_SECONDS: Final = 0.5
HINT: Final = "run it again; if it happens again, look at the machine's memory"
# With the paths of this process, so that the other one finds the same packages and no others.
_START: Final = "import sys; sys.path[:] = sys.argv[1:]; from orchestrator.kinds.scrape.readers.child import main; main()"


class ReaderLost(JobError):
    """A process ended, or had to be given up, while it read an answer."""

    code = "reader-lost"


class ReaderProcess:
    """A child process. Thread-safe: it takes one message at a time, other threads wait for their turn."""

    def __init__(self) -> None:
        """Start it. Raises OSError."""
        try:
            self._process = _started(AT_ONCE)
        except PermissionError:  # A user who has many pipes may not widen more of them.
            self._process = _started()
        self._to, self._from = _unblocked(self._process.stdin), _unblocked(self._process.stdout)
        self._buffer = bytearray(AT_ONCE)
        self._turn = threading.Lock()
        self._counting = threading.Lock()
        self.waiting = 0
        """Threads that have it in hand or wait for it."""
        self.lost = False
        self.began = False
        """Whether it said that it is ready. One that is lost before could never be started."""
        self.dropped: deque[int] = deque()
        """Readings that it needn't keep: told along with the next message."""

    def exchange(self, message: Message, body: bytes, context: WorkContext) -> Reply | None:
        """Return the reply to a message, None if the process was lost before it was sent.

        Raises ReaderLost and what the context raises; the process is lost then, since nobody else may take its reply.
        """
        self._count(1)
        try:
            while not self._turn.acquire(timeout=_SLICE):
                context.checkpoint()
            try:
                return None if self.lost else self._exchanged(message, body, context)
            finally:
                self._turn.release()
        finally:
            self._count(-1)

    def _count(self, more: int) -> None:
        with self._counting:
            self.waiting += more

    def _exchanged(self, message: Message, body: bytes, context: WorkContext) -> Reply:
        dropped = tuple(self.dropped.popleft() for _ in range(len(self.dropped)))
        message = message._replace(seconds=context.remaining(), dropped=dropped)
        whole = False
        try:
            if not self.began:
                self._receive(memoryview(bytearray(len(messages.READY))), context)
                self.began = True
            self._send([messages.packed_message(message, body), body], context)
            reply = messages.unpacked_reply(self._received(context))
            whole = True
        except (BrokenPipeError, EOFError) as error:
            raise self._loss() from error
        finally:
            self.lost = not whole
        return reply

    # Each call that may block gives the interpreter away, and beside other threads it takes up to a millisecond to get it back.

    def _send(self, parts: Sequence[bytes], context: WorkContext) -> None:
        """Send parts one behind the other, in one call if the pipe has room."""
        views = [memoryview(part) for part in parts]
        while views:
            try:
                sent = os.writev(self._to, views)
            except BlockingIOError:
                _wait(self._to, select.POLLOUT, context)
                continue
            while views and sent >= len(views[0]):
                sent -= len(views.pop(0))
            if sent:
                views[0] = views[0][sent:]

    def _received(self, context: WorkContext) -> memoryview:
        """Return a whole reply, without its length. It holds until the next one is received."""
        view, received = memoryview(self._buffer), 0
        while received < messages.LENGTH_SIZE:
            received += self._receive(view[received:], context)
        whole = messages.LENGTH_SIZE + messages.size(view)
        if whole > len(view):
            begun, view = view[:received], memoryview(bytearray(whole))
            view[:received] = begun
        while received < whole:
            received += self._receive(view[received:], context)
        return view[messages.LENGTH_SIZE : whole]

    def _receive(self, target: memoryview, context: WorkContext) -> int:
        """Read what is there, as far as it fits, and return how many bytes. Raises EOFError, and what the context raises."""
        _wait(self._from, select.POLLIN, context)
        received = os.readv(self._from, [target])
        if not received:
            raise EOFError
        return received

    def _loss(self) -> ReaderLost:
        """Return how the process ended."""
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(_ENDING_SECONDS)
        code = self._process.returncode
        how = f"was killed by signal {-code}" if code is not None and code < 0 else "ended"
        return ReaderLost(f"the process that read the answer {how}", hint=HINT, retryable=True)

    def end(self) -> None:
        """End it: by itself, as its pipe is closed. One that still reads is killed, since nobody waits for it any more."""
        reads = self.lost
        if self._turn.acquire(timeout=_SLICE):
            self.lost = True
            for pipe in (self._process.stdin, self._process.stdout):
                assert pipe is not None
                pipe.close()
            self._turn.release()
        else:  # Its pipes stay open: the thread that is in the middle of a message may still use them.
            reads = True
        if reads:
            self._process.kill()
        try:
            self._process.wait(_ENDING_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()


def _started(pipe_size: int = -1) -> subprocess.Popen[bytes]:
    # In a group of its own: Ctrl-C reaches the run alone, which ends the child by closing its pipe.
    return subprocess.Popen(  # noqa: S603 - our own interpreter and code
        [sys.executable, "-P", "-c", _START, *sys.path],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        bufsize=0,
        pipesize=pipe_size,
        process_group=0,
    )


def _unblocked(pipe: IO[bytes] | None) -> int:
    assert pipe is not None
    os.set_blocking(pipe.fileno(), False)
    return pipe.fileno()


def _wait(pipe: int, event: int, context: WorkContext) -> None:
    """Wait until a pipe can be used. Raises what the context raises."""
    poll = select.poll()
    poll.register(pipe, event)
    while not poll.poll(min(_SLICE, max(0.0, context.remaining())) * 1000):
        context.checkpoint()

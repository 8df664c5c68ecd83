"""The last resort: ends a process whose interpreter is held by a call that never gives it back.

Python's signal handlers and threads need the interpreter; when a C call holds it, neither the supervisor nor a signal gets
through. Two guards don't need it. A signal's number is also written to a pipe by the interpreter's C handler, and a small
shell at its other end aborts the process if it hasn't ended by the grace. Beyond the last deadline, faulthandler ends it.
Both leave tracebacks in crash.log; the run then reads as interrupted, which is the truth.
"""

from __future__ import annotations

import faulthandler
import logging
import os
import signal
import threading
from contextlib import suppress
from pathlib import Path
from typing import Final, Self

from orchestrator import files

_log: Final = logging.getLogger("orchestrator.engine")
SLACK_SECONDS: Final = 0.2
LATE_SECONDS: Final = 2.0
"""Behind deadline and grace: a supervisor that waits for a slow disk or a busy processor doesn't tick, but isn't stuck."""
_REARM_SECONDS: Final = 1.0
# Waits for a first byte (a signal), then up to the grace for a second one or for the end of the process, which closes the
# pipe. A second signal leaves the supervisor a moment to end by itself.
_SCRIPT: Final = """
head -c 1 | grep -q . || exit 0
next=$(timeout "$1" head -c 1; echo "code$?")
case "$next" in
  code0) exit 0 ;;
  code124) ;;
  *) timeout 0.2 cat >/dev/null; [ $? = 124 ] || exit 0 ;;
esac
kill -ABRT "$2"
"""


class Watchdog:
    """Guards one run. Signals are guarded only on the main thread, which is where they arrive."""

    def __init__(self, crash_log: Path, grace: float) -> None:
        self._crash_log = crash_log
        self._grace = grace
        self._descriptor = -1
        self._pipe = -1
        self._child = 0
        self._enabled = False
        self._armed_at = float("-inf")

    def __enter__(self) -> Self:
        return self

    def tick(self, now: float, deadline: float) -> None:
        """Keep the guards armed. `now` and `deadline` are monotonic seconds.

        Near the deadline and behind it every tick puts the end off: a supervisor that is alive ends the run by itself.
        """
        if deadline - now > _REARM_SECONDS > now - self._armed_at:
            return
        self._armed_at = now
        try:
            self._begin()
        except OSError as error:  # No descriptor, no process left: a run without a last resort is better than none.
            _log.warning("the watchdog can't be armed: %s", error.strerror)
        if self._descriptor < 0:
            return
        left = max(0.0, deadline - now) if deadline < float("inf") else 3600.0
        faulthandler.dump_traceback_later(left + self._grace + LATE_SECONDS, exit=True, file=self._descriptor)

    def _begin(self) -> None:
        if self._descriptor >= 0:
            return
        _reap()
        flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC
        self._descriptor = os.open(self._crash_log, flags, files.PRIVATE_FILE)
        if threading.current_thread() is threading.main_thread():
            self._watch_signals()

    def _watch_signals(self) -> None:
        faulthandler.enable(self._descriptor)
        self._enabled = True
        reading, self._pipe = os.pipe()
        os.set_blocking(self._pipe, False)
        arguments = ["sh", "-c", _SCRIPT, "watchdog", f"{self._grace + SLACK_SECONDS:.2f}", str(os.getpid())]
        null = os.open(os.devnull, os.O_RDWR | os.O_CLOEXEC)
        actions = [(os.POSIX_SPAWN_DUP2, reading, 0), (os.POSIX_SPAWN_DUP2, null, 1), (os.POSIX_SPAWN_DUP2, null, 2)]
        ignored = [signal.SIGINT, signal.SIGHUP, signal.SIGTERM]
        try:
            # A group of its own: a terminal's Ctrl-C goes to every process of the foreground group.
            self._child = os.posix_spawn("/bin/sh", arguments, os.environ, file_actions=actions, setpgroup=0, setsigdef=ignored)
            signal.set_wakeup_fd(self._pipe, warn_on_full_buffer=False)
        finally:
            os.close(reading)
            os.close(null)

    def stand_down(self) -> None:
        """Stop guarding signals: the supervisor is alive and ends the run in its own time."""
        if self._child:
            signal.set_wakeup_fd(-1)
            os.close(self._pipe)
            _ended.append(self._child)
            self._child = 0

    def __exit__(self, *_: object) -> None:
        """Disarm both guards."""
        faulthandler.cancel_dump_traceback_later()
        self.stand_down()
        if self._enabled:
            faulthandler.disable()
            self._enabled = False
        if self._descriptor >= 0:
            os.close(self._descriptor)
            with suppress(OSError):
                if not self._crash_log.stat().st_size:
                    self._crash_log.unlink()


_ended: Final[list[int]] = []  # Shells whose pipe is closed. Nobody waits for them: that would cost a short run 10 ms.


def _reap() -> None:
    """Take note of shells that have ended meanwhile, so that a process of many runs keeps no zombies."""
    for child in list(_ended):
        with suppress(ChildProcessError):
            if os.waitpid(child, os.WNOHANG) == (0, 0):
                continue
        _ended.remove(child)

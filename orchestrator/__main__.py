"""The `orchestrate` command, also as `python -m orchestrator`: the command line, and a short way out of the process."""

from __future__ import annotations

import errno
import os
import signal
import sys

from orchestrator import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Final, NoReturn

_FULL: Final = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO})
_INTERRUPTED: Final = 130  # ExitCode.SIGINT, which may not be imported yet.


def run() -> NoReturn:
    """Run the command line and end the process with its exit code.

    Python's own way out takes five hundred modules apart, which is a twentieth of a short run, and waits for a stuck thread.
    Nothing here needs it: what was opened is closed by then, and locks go with the process.
    """
    code = 0
    try:
        _imported()()
    except KeyboardInterrupt:  # Before Typer looks out for it.
        code = _INTERRUPTED
    except SystemExit as leaving:
        if isinstance(leaving.code, str):
            raise
        code = leaving.code or 0
    except OSError as error:
        if error.errno not in _FULL or error.filename is not None:
            raise
        code = _not_written(error)
    os._exit(_flushed(code))


def _imported() -> Callable[[], None]:
    """Return the command line. Ctrl-C while it is imported ends the process: as an exception it can get lost in an import."""
    before = signal.getsignal(signal.SIGINT)
    if before is not signal.SIG_IGN:
        signal.signal(signal.SIGINT, lambda *_: os._exit(_INTERRUPTED))
    from orchestrator.cli.main import main

    signal.signal(signal.SIGINT, before)
    return main


def _flushed(code: int) -> int:
    """Write out what is buffered, and return the exit code: another one if a result couldn't be written."""
    for stream in (sys.stdout, sys.stderr):
        try:
            if stream is not None and not stream.closed:
                stream.flush()
        except BrokenPipeError:
            continue  # Whoever read has seen enough.
        except OSError as error:
            return _not_written(error)
    return code


def _not_written(error: OSError) -> int:
    from orchestrator.errors import ExitCode

    os.write(2, f"error: the output can't be written: {error.strerror}\n".encode())
    return int(ExitCode.STORAGE)


if __name__ == "__main__":
    run()

"""The run's log: redacted, size-capped, one file a run."""

from __future__ import annotations

import logging
import time
from contextlib import suppress
from io import TextIOWrapper
from pathlib import Path
from typing import Final

from orchestrator import files
from orchestrator.redact import Redactor

MOST_BYTES: Final = 5_000_000
_ROOT: Final = logging.getLogger("orchestrator")


class _Redacting(logging.Formatter):
    converter = staticmethod(time.gmtime)

    def __init__(self, redact: Redactor) -> None:
        super().__init__("%(asctime)s.%(msecs)03dZ %(levelname)-7s %(threadName)s: %(message)s", "%Y-%m-%dT%H:%M:%S")
        self._redact = redact

    def format(self, record: logging.LogRecord) -> str:
        return self._redact(super().format(record))


class _CappedFile(logging.FileHandler):
    """Appends to a file; one that has grown to the cap is kept once more under another name, and a new one begins.

    The standard library's rotating handler imports sockets and pickle, a tenth of the start-up time of a short run.
    """

    def _open(self) -> TextIOWrapper:
        Path(self.baseFilename).touch(files.PRIVATE_FILE)
        return super()._open()

    def emit(self, record: logging.LogRecord) -> None:
        try:
            super().emit(record)
            if self.stream is not None and self.stream.tell() > MOST_BYTES:
                self.close()
                files.set_aside(Path(self.baseFilename))
        except (OSError, ValueError):
            self.handleError(record)

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802 - the base's name
        """Forget the record: a log isn't worth a run."""


class RunLog:
    """Sends what the program logs to the run's file while it is open. Never raises: a log isn't worth a run."""

    def __init__(self, path: Path, redact: Redactor) -> None:
        """Open the log (0600), behind what an earlier attempt wrote."""
        self._handler: logging.Handler = logging.NullHandler()
        with suppress(OSError):
            self._handler = _CappedFile(path, encoding="utf-8", delay=False)
        self._handler.setFormatter(_Redacting(redact))
        self._propagated, self._level = _ROOT.propagate, _ROOT.level
        _ROOT.addHandler(self._handler)
        _ROOT.propagate = False
        _ROOT.setLevel(logging.INFO)

    def close(self) -> None:
        """Close the file and leave logging as it was."""
        _ROOT.removeHandler(self._handler)
        _ROOT.propagate, _ROOT.level = self._propagated, self._level
        with suppress(OSError, ValueError):
            self._handler.close()

"""Keeping Dask's own words off the terminal: its logs go to the run's log, its warnings nowhere."""

from __future__ import annotations

import logging
import warnings
from typing import Final

_OURS: Final = logging.getLogger("orchestrator.dask")
_TOPS: Final = ("distributed", "dask", "tornado", "bokeh", "asyncio")
_MOST: Final = 300


class _Forward(logging.Handler):
    """Hands the first line of a record on to the run's log, as long as there is one; never a traceback with its paths."""

    def emit(self, record: logging.LogRecord) -> None:
        if logging.getLogger("orchestrator").handlers:
            first = record.getMessage().strip().partition("\n")[0]
            _OURS.info("%s: %s", record.name, first[:_MOST])


def quieten() -> None:
    """Turn aside what Dask logs and warns of in this process. Called after its import, which sets up handlers of its own."""
    warnings.filterwarnings("ignore", module=r"(distributed|dask|tornado)(\.|$)")
    names = [name for name in logging.root.manager.loggerDict if name.partition(".")[0] in _TOPS]
    for name in names:
        logger = logging.getLogger(name)
        logger.handlers.clear()
        logger.propagate = True
    for name in _TOPS:
        top = logging.getLogger(name)
        top.addHandler(_Forward(logging.WARNING))
        top.propagate = False

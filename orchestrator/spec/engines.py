"""Where units run, as it is written: in the spec (`{dask: "tcp://host:8786"}`), on the command line and in a run's files.

The last two use one text: `threads`, `inline`, or the scheduler's address as `dask://host:port` (`dask+tls://` with TLS).
"""

from __future__ import annotations

import re
from typing import Annotated, Any, Final

from pydantic import BeforeValidator, WithJsonSchema
from pydantic_core import PydanticCustomError

from orchestrator.spec.base import JobSpec

LOCAL: Final = ("threads", "inline")
_ADDRESS: Final = r"(tcp|tls)://([A-Za-z0-9._-]+|\[[0-9a-fA-F:.]+\]):([1-9]\d{0,4})"
_WRITTEN: Final = {"dask": "tcp", "dask+tls": "tls"}


def parse_scheduler(value: Any) -> str:
    """Return a scheduler's address, `tcp://host:port` or `tls://host:port`. Raises PydanticCustomError."""
    text = value.strip() if isinstance(value, str) else ""
    parts = re.fullmatch(_ADDRESS, text)
    if parts is None or int(parts[3]) > 65_535:  # noqa: PLR2004 - the highest port
        raise PydanticCustomError(
            "bad-scheduler",
            "{problem}",
            {
                "problem": "this is no address of a Dask scheduler",
                "hint": 'write what `dask scheduler` prints, such as "tcp://scheduler:8786"; tls:// uses the certificates '
                "of Dask's own configuration",
            },
        )
    return text


SchedulerAddress = Annotated[
    str, BeforeValidator(parse_scheduler), WithJsonSchema({"type": "string", "pattern": rf"^\s*{_ADDRESS}\s*$"})
]


def engine_at(address: str) -> str:
    """Return the text of the engine whose scheduler has this address: `dask://host:port` for `tcp://host:port`."""
    scheme, _, place = address.partition("://")
    return f"{'dask' if scheme == 'tcp' else 'dask+tls'}://{place}"


def scheduler_of(engine: str) -> str:
    """Return the address of an engine's scheduler: `tcp://host:port` for `dask://host:port`. Raises PydanticCustomError."""
    scheme, _, place = engine.partition("://")
    return parse_scheduler(f"{_WRITTEN.get(scheme, scheme)}://{place}")


def parse_engine(text: str) -> str:
    """Return an engine's text from what somebody typed; `tcp://` and `tls://` are taken, too. Raises PydanticCustomError."""
    return text if text in LOCAL else engine_at(scheduler_of(text))


def needs_one_process(job: JobSpec) -> bool:
    """Whether the units of a job have to share a process: a recording is one file that one client writes."""
    return bool(job.model_dump(include={"record"}).get("record"))

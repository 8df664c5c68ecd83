"""What the units of a scrape job need to reach the world: one client, opened once per job and process."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path
from typing import NamedTuple

from orchestrator import extras
from orchestrator.kinds.scrape.client import Client, Manners
from orchestrator.kinds.scrape.fetch import Wishes, World
from orchestrator.kinds.scrape.gates import Gates
from orchestrator.kinds.scrape.readers.here import Begin, HereReading
from orchestrator.kinds.scrape.wire import Wire


class Settings(NamedTuple):
    """How the world is reached; plain and picklable."""

    manners: Manners = Manners()
    wishes: Wishes = Wishes()
    max_body: int = 32_000_000
    allowed: tuple[str, ...] = ()
    proxy: str | None = None
    replay: str | None = None
    record: str | None = None
    concurrency: int | None = None
    """Requests in flight at most."""
    readers: int = 0
    """Processes that read answers; with none, the units' own threads do."""


@contextmanager
def open_world(settings: Settings) -> Iterator[World]:
    """Open the client of a job, and its readers. Raises MissingExtra, or JobError if the recording can't be read."""
    extras.require("a scrape job", "scrape")
    with _readers(settings.readers) as begin:
        wire = _wire(settings)
        client = Client(wire, settings.manners, Gates(most=settings.concurrency))
        try:
            yield World(client, settings.wishes, begin)
        finally:
            client.close()


def _readers(count: int) -> AbstractContextManager[Begin]:
    if not count:
        return nullcontext(HereReading)
    from orchestrator.kinds.scrape.readers.pool import open_readers

    return open_readers(count)


def _wire(settings: Settings) -> Wire:
    from orchestrator.kinds.scrape.har import RecordingWire, open_replay

    if settings.replay is not None:
        return open_replay(Path(settings.replay), max_body=settings.max_body)
    from orchestrator.kinds.scrape.addresses import Allowed
    from orchestrator.kinds.scrape.http import NetworkWire

    network = NetworkWire(Allowed(settings.allowed), max_body=settings.max_body, proxy=settings.proxy)
    return network if settings.record is None else RecordingWire(network, Path(settings.record))

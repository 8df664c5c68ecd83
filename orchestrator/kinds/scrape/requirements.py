"""Which modules a job imports when it runs: `orchestrate doctor` looks whether they are installed."""

from __future__ import annotations

from collections.abc import Iterator

from orchestrator import extras
from orchestrator.job import Surroundings
from orchestrator.kinds.scrape.spec import ScrapeSpec


def requirements(spec: ScrapeSpec, surroundings: Surroundings) -> Iterator[tuple[str, str]]:
    """Yield each module with what needs it; nothing is imported."""
    del spec
    yield from ((module, "a scrape job") for module in extras.MODULES["scrape"])
    if not surroundings.database.startswith("sqlite"):
        yield from ((module, "a database server") for module in extras.MODULES["postgres"])

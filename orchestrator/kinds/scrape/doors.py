"""Where the companies of a spec are asked: host and port of each one's first request. Offline."""

from __future__ import annotations

from collections.abc import Iterator
from urllib.parse import urlsplit

from orchestrator.kinds.scrape import boards, companies
from orchestrator.kinds.scrape.companies import Located
from orchestrator.kinds.scrape.listing import Collector
from orchestrator.kinds.scrape.spec import ScrapeSpec

_PORTS = {"http": 80, "https": 443}


def doors(spec: ScrapeSpec) -> dict[tuple[str, int], list[str]]:
    """Return the companies by the door that they are behind; none if the job replays, and the proxy alone if it has one."""
    if spec.replay is not None:
        return {}
    found: dict[tuple[str, int], list[str]] = {}
    for company in spec.companies:
        first = companies.locate(company)
        for place in _tiers(first, companies.locate(company.fallback) if company.fallback else None):
            names = found.setdefault(_door(spec.http.proxy or _first_url(place, spec)), [])
            name = companies.name_of(company, first)
            if name not in names:
                names.append(name)
    return found


def _tiers(first: Located, second: Located | None) -> Iterator[Located]:
    yield first
    if second is not None:
        yield second


def _first_url(place: Located, spec: ScrapeSpec) -> str:
    board = boards.find_board(place.board)
    assert board is not None, "a located company has a board"
    base = spec.http.base_urls.get(board.name)
    return base or next(board.postings(place.source, Collector(board, place.source))).url


def _door(url: str) -> tuple[str, int]:
    parts = urlsplit(url)
    return parts.hostname or "", parts.port or _PORTS[parts.scheme]

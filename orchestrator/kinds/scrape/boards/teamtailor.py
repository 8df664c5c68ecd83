"""Teamtailor: a JSON feed of all postings, `jobs.json` at the company's own host, each with its schema.org JobPosting.

Source of the format: https://www.jsonfeed.org/version/1.1/ and https://schema.org/JobPosting; older sites have the RSS feed
`jobs.rss` only. `addressRegion` is often one of Teamtailor's own regions (`Europe`), which is no region of a country. A token
with a dot in it is the company's own domain, or one of Teamtailor's (`acme.na`).
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final
from urllib.parse import SplitResult

from orchestrator.kinds.scrape.boards import jobposting, rss
from orchestrator.kinds.scrape.boards.base import Board, Listing, Request, Source, Steps, Unanswered, host_of
from orchestrator.kinds.scrape.boards.fields import Fields, document, first, rows
from orchestrator.kinds.scrape.boards.paging import MOST_PAGES
from orchestrator.kinds.scrape.boards.sitemap import on_site
from orchestrator.kinds.scrape.row import Place, RawPosting

_DOMAIN: Final = ".teamtailor.com"
_NUMBER: Final = re.compile(r"/jobs/(\d+)")
_SHARDS: Final = (".na", ".eu", ".au")
_OWN: Final = frozenset({"www", "app", "api", "docs", "support", "status", "partner", "help"})
_NO_REGIONS: Final = frozenset({
    "africa", "americas", "apac", "asia", "asia pacific", "australia", "benelux", "dach", "emea", "eu", "europe", "global",
    "latam", "latin america", "mea", "mena", "middle east", "nordic", "nordics", "north america", "oceania", "south america",
    "southeast asia", "uk & ireland", "worldwide",
})  # fmt: skip
_NATIONS: Final = frozenset({"england", "northern ireland", "scotland", "wales"})


class Teamtailor(Board):
    """See the module."""

    name = "teamtailor"
    title = "Teamtailor"
    hosts = ("*.teamtailor.com",)
    example = "acme"

    def detect(self, url: SplitResult) -> str | None:
        """Return what stands in front of teamtailor.com."""
        host = host_of(url)
        label = host.removesuffix(_DOMAIN)
        known = label != host and ("." not in label or label.endswith(_SHARDS))
        return label if known and label not in _OWN else None

    def public_url(self, source: Source) -> str:
        """Return the company's page."""
        return f"https://{_host(source.token)}/jobs"

    def postings(self, source: Source, found: Listing) -> Steps:
        """Read the feed, and the next one as long as one is named; without one, the RSS feed."""
        url = f"https://{_host(source.token)}/jobs.json"
        for number in range(MOST_PAGES):
            try:
                answer = yield Request(url)
            except Unanswered as unanswered:
                if number or not unanswered.gone:
                    raise
                yield from _older_feed(source, found)
                return
            before = len(found)
            for row in rows(document(answer.body).get(), found, "items"):
                found.add(_raw(row))
            following = Fields(answer.body).text("next_url")
            if not following:
                return
            address = next(iter(on_site(url, [following])), url)
            if address == url or len(found) == before:
                break
            url = address
        found.incomplete("the feed's next page leads nowhere new")


def _host(token: str) -> str:
    return token if "." in token and not token.endswith(_SHARDS) else token + _DOMAIN


def _older_feed(source: Source, found: Listing) -> Steps:
    """Read the RSS feed. Its ids are others than those of the JSON feed, which stand in the addresses as well."""
    answer = yield Request(f"https://{_host(source.token)}/jobs.rss", accept="xml")
    for item in rss.items(answer.body):
        row = rss.read(item, answer.url)
        number = _NUMBER.search(row.url)
        found.add(row._replace(identifier=number[1] if number else row.identifier))


def _raw(row: Fields) -> RawPosting:
    posting = row.part("_jobposting")
    read = jobposting.read(posting, row.text("url"))
    return read._replace(
        identifier=first(posting.text("identifier", "value"), row.text("id")),
        title=first(row.text("title"), read.title),
        url=row.text("url"),
        places=_places(read.places),
        date_posted=first(row.text("date_published"), posting.text("datePosted")),
        description_html=first(row.text("content_html"), posting.text("description")),
        description_text=row.text("content_text"),
    )


def _places(listed: Sequence[Place]) -> list[Place]:
    """Return the places, each once: a town stands twice when it is offered in a country and in Europe."""
    places: dict[tuple[str, ...], Place] = {}
    for place in map(_place, listed):
        places.setdefault(place[1:], place)
    return list(places.values())


def _place(place: Place) -> Place:
    """Return a place without a region that is Teamtailor's own, or that is the country: that one names it in the words."""
    from orchestrator.kinds.scrape.countries import code

    region = place.region.casefold()
    if region in _NO_REGIONS:
        return Place("", place.locality, "", place.country)
    if region and region not in _NATIONS and code(region) == code(place.country):
        return Place(", ".join(filter(None, [place.locality, place.region])), place.locality, "", place.country)
    return place


BOARD: Final = Teamtailor()

"""Teamtailor: a JSON feed of all postings, `jobs.json` at the company's own host, each with its schema.org JobPosting.

Source of the format: https://www.jsonfeed.org/version/1.1/ and https://schema.org/JobPosting. `addressRegion` is often one of
Teamtailor's own regions (`Europe`), which is no region of a country. A token with a dot in it is the company's own domain,
or one of Teamtailor's (`acme.na`).
"""

from __future__ import annotations

from typing import Final
from urllib.parse import SplitResult

from orchestrator.kinds.scrape.boards import jobposting
from orchestrator.kinds.scrape.boards.base import Board, Listing, Request, Source, Steps, host_of
from orchestrator.kinds.scrape.boards.fields import Fields, document, first, rows
from orchestrator.kinds.scrape.boards.paging import MOST_PAGES
from orchestrator.kinds.scrape.boards.sitemap import on_site
from orchestrator.kinds.scrape.row import Place, RawPosting

_DOMAIN: Final = ".teamtailor.com"
_SHARDS: Final = (".na", ".eu", ".au")
_OWN: Final = frozenset({"www", "app", "api", "docs", "support", "status", "partner", "help"})
_NO_REGIONS: Final = frozenset({
    "africa", "americas", "apac", "asia", "asia pacific", "australia", "emea", "europe", "latam", "latin america",
    "middle east", "nordics", "north america", "oceania", "south america", "worldwide",
})  # fmt: skip


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
        """Read the feed, and the next one as long as one is named."""
        url = f"https://{_host(source.token)}/jobs.json"
        for _ in range(MOST_PAGES):
            answer = yield Request(url)
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


def _raw(row: Fields) -> RawPosting:
    posting = row.part("_jobposting")
    read = jobposting.read(posting, row.text("url"))
    return read._replace(
        identifier=first(posting.text("identifier", "value"), row.text("id")),
        title=first(row.text("title"), read.title),
        url=row.text("url"),
        places=[_place(place) for place in read.places],
        date_posted=first(row.text("date_published"), posting.text("datePosted")),
        description_html=first(row.text("content_html"), posting.text("description")),
        description_text=row.text("content_text"),
    )


def _place(place: Place) -> Place:
    if place.region.casefold() not in _NO_REGIONS:
        return place
    words = ", ".join(part for part in (place.locality, place.country) if part)
    return Place(words, place.locality, "", place.country)


BOARD: Final = Teamtailor()

"""Breezy: one answer with all postings, `{company}.breezy.hr/json`; descriptions stand in the pages, as JSON-LD.

Source of the format: answers seen of Breezy's public list. `salary` is free text (`$1.40k - $1.80k`), which isn't read.
"""

from __future__ import annotations

from typing import Final
from urllib.parse import SplitResult

from orchestrator.kinds.scrape.boards import jobposting
from orchestrator.kinds.scrape.boards.base import Board, Listing, Request, Source, Steps, subdomain
from orchestrator.kinds.scrape.boards.fields import Fields, first, rows
from orchestrator.kinds.scrape.boards.paging import Details
from orchestrator.kinds.scrape.row import Place, RawPosting


class Breezy(Board):
    """See the module."""

    name = "breezy"
    title = "Breezy HR"
    hosts = ("*.breezy.hr",)
    example = "acme"
    details = True

    def detect(self, url: SplitResult) -> str | None:
        """Return the label in front of breezy.hr."""
        label = subdomain(url, "breezy.hr")
        return label if label not in {"app", "api", "developer", "help", "status", "marketing"} else None

    def public_url(self, source: Source) -> str:
        """Return the company's page."""
        return f"https://{source.token}.breezy.hr"

    def postings(self, source: Source, found: Listing) -> Steps:
        """Read the list, then the pages."""
        host = f"{source.token}.breezy.hr".lower()
        answer = yield Request(f"https://{host}/json")
        details = Details(found)
        for row in list(rows(answer.body, found)):
            page = row.text("url")
            wanted = page.startswith(f"https://{host}/") and row.text("id") and row.text("name")
            request = Request(page, accept="text", page=True)
            detail = (yield from details.of(row.text("id"), request)) if wanted else None
            found.add(_raw(row, detail.body if detail else ""))


def _raw(row: Fields, page: str) -> RawPosting:
    said = next(iter(jobposting.found_in(page)), Fields(None)) if page else Fields(None)
    where = row.parts("locations") or [row.part("location")]
    return RawPosting(
        identifier=row.get("id"),
        title=row.text("name"),
        url=row.text("url"),
        location=row.text("location", "name"),
        places=[_place(place) for place in where],
        workplace="remote" if row.flag("location", "is_remote") else "",
        employment_types=[row.text("type", "id"), row.text("type", "name")],
        department=row.text("department"),
        date_posted=row.get("published_date"),
        description_html=first(jobposting.read(said, row.text("url")).description_html, row.text("description")),
        company=row.text("company", "name"),
    )


def _place(place: Fields) -> Place:
    country = first(place.text("country", "id"), place.text("country", "name"))
    return Place(place.text("name"), place.text("city"), first(place.text("state", "name"), place.text("state", "id")), country)


BOARD: Final = Breezy()

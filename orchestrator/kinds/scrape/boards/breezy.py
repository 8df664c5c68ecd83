"""Breezy: one answer with all postings, `{company}.breezy.hr/json`; descriptions stand in the pages, as JSON-LD.

Source of the format: answers seen of Breezy's public list. `salary` is a text that Breezy makes (`$1.40k - $1.80k`,
`£35,000 - £40,000 / year`): it is read where it is understood as a whole.
"""

from __future__ import annotations

from typing import Final
from urllib.parse import SplitResult

from orchestrator.kinds.scrape.boards import jobposting
from orchestrator.kinds.scrape.boards.base import Board, Listing, Request, Source, Steps, subdomain
from orchestrator.kinds.scrape.boards.fields import Fields, first, rows
from orchestrator.kinds.scrape.boards.paging import Details
from orchestrator.kinds.scrape.pay import pay_in
from orchestrator.kinds.scrape.row import Place, RawPosting, RawSalary


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
            wanted = page.startswith(f"https://{host}/") and _identifier(row) and row.text("name")
            request = Request(page, accept="text", page=True)
            detail = (yield from details.of(_identifier(row), request)) if wanted else None
            found.add(_raw(row, detail.body if detail else ""))


def _identifier(row: Fields) -> str:
    return first(row.text("id"), row.text("_id"))


def _raw(row: Fields, page: str) -> RawPosting:
    said = next(iter(jobposting.found_in(page)), Fields(None)) if page else Fields(None)
    where = row.parts("locations") or [row.part("location")]
    country = first(row.text("location", "country", "id"), where[0].text("country", "id"))
    return RawPosting(
        identifier=_identifier(row),
        title=row.text("name"),
        url=row.text("url"),
        location=row.text("location", "name"),
        places=[_place(place) for place in where],
        workplace=_workplace([row.part("location")] if row.get("location") else where),
        employment_types=[row.text("type", "id"), row.text("type", "name")],
        department=row.text("department"),
        salary=_salary(row.text("salary"), country) or jobposting.salary(said),
        date_posted=row.get("published_date"),
        description_html=first(jobposting.read(said, row.text("url")).description_html, row.text("description")),
        company=row.text("company", "name"),
    )


def _salary(text: str, country: str) -> RawSalary | None:
    """Return the pay of a text whose sign names a currency: a dollar without a country doesn't."""
    from orchestrator.kinds.scrape.words import currency

    pay = pay_in(text, country)
    return pay if pay and currency(pay.currency) else None


def _workplace(where: list[Fields]) -> str:
    """Return the way of working that all places have: `is_remote` is set for hybrid postings too, the details say which."""
    said = {place.text("remote_details", "value").partition("-")[0] or _flagged(place) for place in where}
    return said.pop() if len(said) == 1 else ""


def _flagged(place: Fields) -> str:
    return "remote" if place.flag("is_remote") else ""


def _place(place: Fields) -> Place:
    country = first(place.text("country", "id"), place.text("country", "name"))
    return Place(place.text("name"), place.text("city"), first(place.text("state", "name"), place.text("state", "id")), country)


BOARD: Final = Breezy()

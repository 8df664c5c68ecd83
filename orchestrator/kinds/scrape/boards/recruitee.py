"""Recruitee: one answer with all postings, `/api/offers/` at the company's own host, also on a domain of its own.

Source of the format: Recruitee's Careers Site API. Dates look like `2026-08-05 09:41:37 UTC`, pay comes as digits in text, and
what isn't `published` is no opening. A token with a dot in it is the company's own domain.
"""

from __future__ import annotations

from typing import Final
from urllib.parse import SplitResult

from orchestrator.kinds.scrape.boards.base import Board, Listing, Request, Source, Steps, subdomain
from orchestrator.kinds.scrape.boards.fields import Fields, document, rows
from orchestrator.kinds.scrape.row import Place, RawPosting, RawSalary


class Recruitee(Board):
    """See the module."""

    name = "recruitee"
    title = "Recruitee"
    hosts = ("*.recruitee.com",)
    example = "acme"
    min_interval = 0.5

    def detect(self, url: SplitResult) -> str | None:
        """Return the label in front of recruitee.com."""
        label = subdomain(url, "recruitee.com")
        return label if label not in {"api", "docs", "support", "app"} else None

    def public_url(self, source: Source) -> str:
        """Return the company's page."""
        return f"https://{_host(source)}"

    def postings(self, source: Source, found: Listing) -> Steps:
        """Read the one answer."""
        answer = yield Request(f"https://{_host(source)}/api/offers/")
        for row in rows(document(answer.body).get(), found, "offers"):
            if row.text("status") in {"published", ""}:
                found.add(_raw(row))


def _host(source: Source) -> str:
    return source.token if "." in source.token else f"{source.token}.recruitee.com"


def _raw(row: Fields) -> RawPosting:
    pay = row.part("salary")
    return RawPosting(
        identifier=row.get("id"),
        title=row.text("title"),
        url=row.text("careers_url"),
        apply_url=row.text("careers_apply_url"),
        location=row.text("location"),
        places=[_place(place) for place in row.parts("locations")] or [_only_place(row)],
        workplace=next((word for word in ("remote", "hybrid", "on_site") if row.flag(word)), ""),
        employment_types=row.texts("employment_type_code"),
        department=row.text("department"),
        salary=RawSalary(pay.get("min"), pay.get("max"), pay.text("currency"), pay.text("period")),
        date_posted=row.get("published_at"),
        valid_through=row.get("close_at"),
        description_html=f"{row.text('description')}\n{row.text('requirements')}",
        company=row.text("company_name"),
    )


def _place(place: Fields) -> Place:
    parts = (place.text("city"), place.text("state"), place.text("country"))
    words = ", ".join(dict.fromkeys(part for part in parts if part)) or place.text("name")
    return Place(words, parts[0], parts[1], place.text("country_code") or parts[2])


def _only_place(row: Fields) -> Place:
    country = row.text("country_code") or row.text("country")
    return Place(row.text("location"), row.text("city"), row.text("state_name"), country)


BOARD: Final = Recruitee()

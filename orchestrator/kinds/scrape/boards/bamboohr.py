"""BambooHR: one answer with all postings, `{company}.bamboohr.com/careers/list`; dates and descriptions one by one.

Source of the format: answers seen of BambooHR's careers sites. An unknown company is redirected to the vendor's own site.
`locationType` is `0` on site, `1` remote, `2` hybrid. Of `location` and `atsLocation` either may be all null.
"""

from __future__ import annotations

from typing import Final
from urllib.parse import SplitResult

from orchestrator.kinds.scrape.boards.base import Board, Listing, Request, Source, Steps, segments, subdomain
from orchestrator.kinds.scrape.boards.fields import Fields, document, first, rows
from orchestrator.kinds.scrape.boards.paging import Details
from orchestrator.kinds.scrape.row import Place, RawPosting

_WORKPLACES: Final = {"0": "onsite", "1": "remote", "2": "hybrid"}
_NO_COMPANIES: Final = frozenset({"api", "app", "documentation", "help", "marketplace", "partners"})


class BambooHR(Board):
    """See the module."""

    name = "bamboohr"
    title = "BambooHR"
    hosts = ("*.bamboohr.com",)
    example = "acme"
    details = True
    min_interval = 0.34
    one_backend = True

    def detect(self, url: SplitResult) -> str | None:
        """Return the company of its careers pages."""
        company = subdomain(url, "bamboohr.com")
        return company if company not in _NO_COMPANIES and segments(url)[:1] in ([], ["careers"], ["jobs"]) else None

    def public_url(self, source: Source) -> str:
        """Return the company's page."""
        return f"https://{source.token}.bamboohr.com/careers"

    def postings(self, source: Source, found: Listing) -> Steps:
        """Read the list, then the details."""
        page = self.public_url(source)
        answer = yield Request(f"{page}/list")
        found.expect(document(answer.body).get("meta", "totalCount"))
        details = Details(found)
        for row in list(rows(answer.body, found, "result")):
            identifier = row.text("id")
            asked = Request(f"{page}/{identifier}/detail")
            detail = (yield from details.of(identifier, asked)) if identifier.isalnum() and row.text("jobOpeningName") else None
            found.add(_raw(row, Fields(detail.body if detail else None).part("result", "jobOpening"), page))


def _raw(row: Fields, detail: Fields, page: str) -> RawPosting:
    return RawPosting(
        identifier=row.get("id"),
        title=row.text("jobOpeningName"),
        url=f"{page}/{row.text('id')}",
        places=[_place(row, detail)],
        workplace=_WORKPLACES.get(row.text("locationType")) or ("remote" if _remote(row) else ""),
        employment_types=row.texts("employmentStatusLabel"),
        department=row.text("departmentLabel"),
        date_posted=first(detail.text("datePosted"), row.text("datePosted")),
        description_html=detail.text("description"),
    )


def _remote(row: Fields) -> bool:
    """Whether a row says so: some companies' rows have a text there."""
    return row.flag("isRemote") or row.text("isRemote") == "true"


def _place(row: Fields, detail: Fields) -> Place:
    """Return the place. The list's words go first: the details say more, such as the country, but not in every run."""
    listed, told = _named(row), _named(detail)
    if listed and told and not listed.country and (listed.locality, listed.region) == (told.locality, told.region):
        return listed._replace(country=told.country)
    return listed or told or Place()


def _named(row: Fields) -> Place | None:
    """Return the place of a row, None without any."""
    own, other = row.part("location"), row.part("atsLocation")
    if own.text("city") or own.text("state"):
        country = other.text("country") if other.text("city") in {"", own.text("city")} else ""
        words = ", ".join(part for part in (own.text("city"), own.text("state")) if part)
        return Place(words, own.text("city"), own.text("state"), own.text("addressCountry") or country)
    region = first(other.text("state"), other.text("province"))
    country = first(other.text("country"), own.text("addressCountry"))
    return Place("", other.text("city"), region, country) if other.text("city") or region or country else None


BOARD: Final = BambooHR()

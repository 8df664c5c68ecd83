"""Ashby: one answer with all postings, `api.ashbyhq.com/posting-api/job-board/{name}`.

Source of the format: Ashby's public job posting API. Names of boards may hold blanks and capitals. A row that isn't listed
is no opening. `workplaceType` goes before `isRemote`: rows are known that say `Hybrid` and true.
"""

from __future__ import annotations

import re
from typing import Final
from urllib.parse import SplitResult, quote

from orchestrator.kinds.scrape.boards.base import Board, Listing, Request, Source, Steps, host_of, segments
from orchestrator.kinds.scrape.boards.fields import Fields, document, first, rows, span
from orchestrator.kinds.scrape.row import Place, RawPosting, RawSalary

_API: Final = "api.ashbyhq.com"


class Ashby(Board):
    """See the module."""

    name = "ashby"
    title = "Ashby"
    hosts = (_API,)
    example = "acme"
    token = re.compile(r"[^\W_](?:[\w .&+',()-]{0,126}[\w.)+])?")
    case_sensitive = True
    conditional = True

    def detect(self, url: SplitResult) -> str | None:
        """Return the name of a board's page or of an API address."""
        path = segments(url)
        if host_of(url) == _API:
            return path[2] if path[:2] == ["posting-api", "job-board"] and len(path) > 2 else None  # noqa: PLR2004 - the name
        return path[0] if host_of(url) == "jobs.ashbyhq.com" and path else None

    def public_url(self, source: Source) -> str:
        """Return the board's page."""
        return f"https://jobs.ashbyhq.com/{quote(source.token, safe='')}"

    def postings(self, source: Source, found: Listing) -> Steps:
        """Read the one answer."""
        name = quote(source.token, safe="")
        answer = yield Request(f"https://{_API}/posting-api/job-board/{name}?includeCompensation=true")
        for row in rows(document(answer.body).get(), found, "jobs"):
            if row.flag("isListed") is not False:
                found.add(_raw(row))


def _raw(row: Fields) -> RawPosting:
    return RawPosting(
        identifier=row.get("id"),
        title=row.text("title"),
        url=row.text("jobUrl"),
        apply_url=row.text("applyUrl"),
        location=row.text("location"),
        places=[_place(row), *map(_place, row.parts("secondaryLocations"))],
        workplace=row.text("workplaceType") or ("remote" if row.flag("isRemote") else ""),
        employment_types=row.texts("employmentType"),
        department=first(row.text("department"), row.text("team")),
        salary=_salary(row.part("compensation")),
        date_posted=row.get("publishedAt"),
        description_html=row.text("descriptionHtml"),
        description_text=row.text("descriptionPlain"),
    )


def _place(row: Fields) -> Place:
    address = row.part("address", "postalAddress") if row.part("address", "postalAddress").get() else row.part("address")
    parts = (address.text(name) for name in ("addressLocality", "addressRegion", "addressCountry"))
    return Place(row.text("location"), *parts)


def _salary(compensation: Fields) -> RawSalary | None:
    """Return the range over all tiers, or of their summary; equity and bonuses are no salary."""
    parts = [part for tier in compensation.parts("compensationTiers") for part in tier.parts("components")]
    return span(_bands(parts)) or span(_bands(compensation.parts("summaryComponents")))


def _bands(components: list[Fields]) -> list[RawSalary]:
    paid = (part for part in components if part.text("compensationType") == "Salary" and part.text("currencyCode"))
    return [RawSalary(p.get("minValue"), p.get("maxValue"), p.text("currencyCode"), p.text("interval")) for p in paid]


BOARD: Final = Ashby()

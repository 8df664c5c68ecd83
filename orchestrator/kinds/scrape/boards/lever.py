"""Lever: numbered pages of postings, `api.lever.co/v0/postings/{site}` and, for tenants in the EU, `api.eu.lever.co`.

Source of the format: Lever's Postings API. There is no total: the last page is the one that is shorter than asked for. The
requirements of a posting stand in `lists`, not in `description`; `createdAt` is in milliseconds and not documented.
"""

from __future__ import annotations

from collections.abc import Generator
from typing import Final
from urllib.parse import SplitResult, urlsplit

from orchestrator.kinds.scrape.boards.base import (
    Board,
    Listing,
    Request,
    Response,
    Source,
    Steps,
    Unanswered,
    host_of,
    segments,
)
from orchestrator.kinds.scrape.boards.fields import Fields, first, rows
from orchestrator.kinds.scrape.boards.paging import Page, Paging
from orchestrator.kinds.scrape.row import Place, RawPosting, RawSalary

_US: Final = "api.lever.co"
_EU: Final = "api.eu.lever.co"
_PAGE: Final = 100


class Lever(Board):
    """See the module."""

    name = "lever"
    title = "Lever"
    hosts = (_US, _EU)
    example = "acme"
    case_sensitive = True
    conditional = True

    def detect(self, url: SplitResult) -> str | None:
        """Return the site of a public page or of an API address; the EU ones are told apart by their URL again later."""
        path = segments(url)
        if host_of(url) in {_US, _EU}:
            return path[2] if path[:2] == ["v0", "postings"] and len(path) > 2 else None  # noqa: PLR2004 - v0/postings/{site}
        return path[0] if host_of(url) in {"jobs.lever.co", "jobs.eu.lever.co"} and path else None

    def public_url(self, source: Source) -> str:
        """Return the site's page."""
        return f"https://jobs.{'eu.' if _is_european(source) else ''}lever.co/{source.token}"

    def postings(self, source: Source, found: Listing) -> Steps:
        """Read page after page until one isn't full."""
        host, opened = yield from self._first_page(source)
        paging = Paging(
            ask=lambda skip: Request(_address(host, source, skip)),
            read=lambda answer: Page(list(rows(answer.body, found)), len(answer.body)),
            identify=lambda row: row.text("id"),
            size=_PAGE,
            limit=source.limit,
        )
        for row in (yield from paging.all_rows(found, opened)):
            found.add(_raw(row))

    def _first_page(self, source: Source) -> Generator[Request, Response, tuple[str, Response]]:
        if _is_european(source):
            return _EU, (yield Request(_address(_EU, source, 0)))
        try:
            return _US, (yield Request(_address(_US, source, 0)))
        except Unanswered as unanswered:
            if not unanswered.gone:
                raise
        return _EU, (yield Request(_address(_EU, source, 0)))  # The US host answers 404 for tenants of the EU.


def _is_european(source: Source) -> bool:
    return ".eu." in (urlsplit(source.url).hostname or "") if source.url else False


def _address(host: str, source: Source, skip: int) -> str:
    return f"https://{host}/v0/postings/{source.token}?mode=json&skip={skip}&limit={_PAGE}"


def _raw(row: Fields) -> RawPosting:
    categories = row.part("categories")
    place = categories.text("location")
    country = row.text("country")
    names = categories.texts("allLocations") or categories.texts("location") or [place]
    return RawPosting(
        identifier=row.get("id"),
        title=row.text("text"),
        url=row.text("hostedUrl"),
        apply_url=row.text("applyUrl"),
        location=place,
        places=[Place(name, country=country if name == place else "") for name in names],
        workplace=row.text("workplaceType"),
        employment_types=categories.texts("commitment"),
        department=first(categories.text("department"), categories.text("team")),
        salary=_salary(row.part("salaryRange")),
        date_posted=row.get("createdAt"),
        description_html=_description(row),
    )


def _salary(pay: Fields) -> RawSalary:
    return RawSalary(pay.get("min"), pay.get("max"), pay.text("currency"), pay.text("interval"))


def _description(row: Fields) -> str:
    body = first(row.text("description"), row.text("opening") + row.text("descriptionBody"), _marked(row, "descriptionPlain"))
    lists = [f"<h3>{each.text('text')}</h3><ul>{each.text('content')}</ul>" for each in row.parts("lists")]
    return "\n".join([body, *lists, first(row.text("additional"), _marked(row, "additionalPlain"))])


def _marked(row: Fields, name: str) -> str:
    from html import escape

    text = escape(row.text(name), quote=False).replace("\n", "<br>")
    return f"<p>{text}</p>" if text else ""


BOARD: Final = Lever()

"""SmartRecruiters: numbered pages of `api.smartrecruiters.com/v1/companies/{id}/postings`, descriptions one by one.

Source of the format: SmartRecruiters' Posting API. An unknown company is answered like one without postings, so nothing
follows from an empty answer. `ref` is an API address; the public one is built from company and id, since the address with
the title in it, which only the details know, changes with the title.
"""

from __future__ import annotations

from typing import Final
from urllib.parse import SplitResult

from orchestrator.kinds.scrape.boards.base import BadAnswer, Board, Listing, Request, Response, Source, Steps, host_of, segments
from orchestrator.kinds.scrape.boards.fields import Fields, document, first, rows
from orchestrator.kinds.scrape.boards.paging import Details, Page, Paging
from orchestrator.kinds.scrape.row import Place, RawPosting, RawSalary

_API: Final = "api.smartrecruiters.com"
_PAGE: Final = 100
_PAGES: Final = frozenset({"jobs.smartrecruiters.com", "careers.smartrecruiters.com"})
_SECTIONS: Final = ("companyDescription", "jobDescription", "qualifications", "additionalInformation")


class SmartRecruiters(Board):
    """See the module."""

    name = "smartrecruiters"
    title = "SmartRecruiters"
    hosts = (_API,)
    example = "AcmeRobotics"
    details = True
    empty_means_empty = False
    concurrency = 8

    def detect(self, url: SplitResult) -> str | None:
        """Return the company of a page or of an API address."""
        path = segments(url)
        if host_of(url) == _API:
            return path[2] if path[:2] == ["v1", "companies"] and len(path) > 2 else None  # noqa: PLR2004 - the company
        return path[0] if host_of(url) in _PAGES and path and path[0] != "oneclick-ui" else None

    def public_url(self, source: Source) -> str:
        """Return the company's page."""
        return f"https://jobs.smartrecruiters.com/{source.token}"

    def postings(self, source: Source, found: Listing) -> Steps:
        """Read the pages, then the details."""
        address = f"https://{_API}/v1/companies/{source.token}/postings"
        paging = Paging(
            ask=lambda offset: Request(f"{address}?limit={_PAGE}&offset={offset}"),
            read=lambda answer: _page(answer, found),
            identify=lambda row: row.text("id"),
            size=_PAGE,
            limit=source.limit,
        )
        listed = yield from paging.all_rows(found)
        details = Details(found)
        for row in listed:
            identifier = row.text("id")
            answer = (yield from details.of(identifier, Request(f"{address}/{identifier}"))) if identifier.isalnum() else None
            found.add(_raw(row, Fields(answer.body if answer else None), source.token))


def _page(answer: Response, found: Listing) -> Page:
    body = document(answer.body)
    listed = list(rows(answer.body, found, "content"))
    total = body.get("totalFound")
    if not isinstance(total, int) or isinstance(total, bool):
        raise BadAnswer("`totalFound` isn't a number")
    return Page(listed, len(body.get("content")), total)


def _raw(row: Fields, detail: Fields, token: str) -> RawPosting:
    where = row.part("location")
    company = first(row.text("company", "identifier"), token)
    full = ", ".join(part for each in where.text("fullLocation").split(",") if (part := each.strip()))  # `London, , UK`
    place = Place(full, where.text("city"), where.text("region"), where.text("country"))
    return RawPosting(
        identifier=row.get("id"),
        title=row.text("name"),
        url=f"https://jobs.smartrecruiters.com/{company}/{row.text('id')}",
        apply_url=detail.text("applyUrl"),
        places=[place],
        workplace="remote" if where.flag("remote") else "hybrid" if where.flag("hybrid") else "",
        employment_types=_employment(row.part("typeOfEmployment")),
        department=row.text("department", "label"),
        salary=_salary(detail.part("compensation")),
        date_posted=row.get("releasedDate"),
        language=row.text("language", "code"),
        description_html=_description(detail.part("jobAd", "sections")),
        company=row.text("company", "name"),
    )


def _employment(kind: Fields) -> list[str]:
    """Return the label, which may be in any language, and the id, of which `permanent` is what English calls full-time."""
    return [kind.text("label"), "full-time" if kind.text("id") == "permanent" else kind.text("id")]


def _salary(compensation: Fields) -> RawSalary:
    """Return the pay, which stands in `compensation` itself or, as documented, one object deeper."""
    pay = compensation.part("salary") if compensation.get("salary") else compensation
    return RawSalary(pay.get("min"), pay.get("max"), pay.text("currency"), pay.text("period"))


def _description(sections: Fields) -> str:
    parts = [sections.part(name) for name in _SECTIONS]
    return "\n".join(f"<h3>{part.text('title')}</h3>{part.text('text')}" for part in parts if part.text("text"))


BOARD: Final = SmartRecruiters()

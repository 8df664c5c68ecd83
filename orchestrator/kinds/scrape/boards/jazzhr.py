"""JazzHR: one XML feed with all postings, `app.jazz.co/feeds/export/jobs/{company}`.

Source of the format: answers seen of JazzHR's syndication feed, which the server keeps for a day. A company that doesn't
syndicate is answered like one without postings. The first 14 digits of an id say when the posting was made.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final
from urllib.parse import SplitResult

from orchestrator.kinds.scrape.boards.base import (
    BadAnswer,
    Board,
    Listing,
    Request,
    Source,
    Steps,
    host_of,
    segments,
    subdomain,
)
from orchestrator.kinds.scrape.row import Place, RawPosting

if TYPE_CHECKING:
    from xml.etree.ElementTree import Element

_FEEDS: Final = "app.jazz.co"
_MADE: Final = re.compile(r"job_(\d{4})(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)_")


class JazzHR(Board):
    """See the module."""

    name = "jazzhr"
    title = "JazzHR"
    hosts = (_FEEDS,)
    example = "acme"
    empty_means_empty = False

    def detect(self, url: SplitResult) -> str | None:
        """Return the company of its pages or of its feed."""
        path = segments(url)
        if host_of(url) == _FEEDS:
            return path[3] if path[:3] == ["feeds", "export", "jobs"] and len(path) > 3 else None  # noqa: PLR2004 - the company
        label = subdomain(url, "applytojob.com", "jazz.co")
        return label if label != "app" else None

    def public_url(self, source: Source) -> str:
        """Return the company's page."""
        return f"https://{source.token}.applytojob.com/apply"

    def postings(self, source: Source, found: Listing) -> Steps:
        """Read the one answer."""
        answer = yield Request(f"https://{_FEEDS}/feeds/export/jobs/{source.token}", accept="xml")
        if answer.body.tag != "jobs":
            raise BadAnswer(f"the answer is a document `{answer.body.tag[:40]}` instead of `jobs`")
        company = _said(answer.body, "company")
        for job in answer.body.findall("job"):
            if _said(job, "status").casefold() in {"open", ""}:
                found.add(_raw(job, company))


def _said(job: Element, name: str) -> str:
    return (job.findtext(name) or "").strip()


def _raw(job: Element, company: str) -> RawPosting:
    identifier = _said(job, "id")
    made = _MADE.match(identifier)
    return RawPosting(
        identifier=identifier,
        title=_said(job, "title"),
        url=_said(job, "url"),
        places=[Place("", _said(job, "city"), _said(job, "state"), _said(job, "country"))],
        employment_types=[_said(job, "type")],
        department=_said(job, "department"),
        date_posted="{}-{}-{}T{}:{}:{}Z".format(*made.groups()) if made else None,
        description_html=_said(job, "description"),
        company=company,
    )


BOARD: Final = JazzHR()

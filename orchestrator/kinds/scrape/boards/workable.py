"""Workable: the widget's one answer, or, for accounts that switched it off, the pages of the careers site's own API (v3).

Source of the format: Workable's widget documentation, and answers seen of `apply.workable.com/api/v3`. A requisition that is
open in several countries stands in the widget's list once for each, under one shortcode.
"""

from __future__ import annotations

from collections.abc import Generator
from typing import Final
from urllib.parse import SplitResult

from orchestrator.kinds.scrape.boards.base import (
    BadAnswer,
    Board,
    Listing,
    Request,
    Response,
    Source,
    Steps,
    Unanswered,
    host_of,
    segments,
    subdomain,
)
from orchestrator.kinds.scrape.boards.fields import Fields, document, first, rows
from orchestrator.kinds.scrape.boards.paging import MOST_PAGES, Details
from orchestrator.kinds.scrape.row import Place, RawPosting

_HOST: Final = "apply.workable.com"
_NO_ACCOUNTS: Final = frozenset({"api", "j", "jobs", "www", "apply", "help", "resources", "get"})
_EVERYTHING: Final = {"query": "", "location": [], "department": [], "worktype": []}
_TYPES: Final = {"full": "full time", "part": "part time"}


class Workable(Board):
    """See the module."""

    name = "workable"
    title = "Workable"
    hosts = (_HOST,)
    example = "acme"
    details = True
    repeats = "merge"
    concurrency = 1
    min_interval = 0.34

    def detect(self, url: SplitResult) -> str | None:
        """Return the account of a page, of an API address, or of an old address with the account in front."""
        path = segments(url)
        if host_of(url) != _HOST:
            account = subdomain(url, "workable.com")
            return account if account not in _NO_ACCOUNTS else None
        if path[:1] == ["api"]:
            return path[path.index("accounts") + 1] if "accounts" in path[:-1] else None
        return path[0] if path and path[0] not in _NO_ACCOUNTS else None

    def public_url(self, source: Source) -> str:
        """Return the account's page."""
        return f"https://{_HOST}/{source.token}/"

    def postings(self, source: Source, found: Listing) -> Steps:
        """Read the widget; if there is none, the pages."""
        try:
            answer = yield Request(f"https://{_HOST}/api/v1/widget/accounts/{source.token}?details=true")
        except Unanswered as unanswered:
            if not unanswered.gone:
                raise
        else:
            for row in rows(document(answer.body).get(), found, "jobs"):
                found.add(_from_widget(row))
            return
        listed = yield from _pages(source, found)
        details = Details(found)
        for row in listed:
            code = row.text("shortcode")
            about = f"https://{_HOST}/api/v2/accounts/{source.token}/jobs/{code}"
            answer_or_none = (yield from details.of(code, Request(about))) if code.isalnum() else None
            found.add(_from_page(row, Fields(answer_or_none.body if answer_or_none else None), source.token))


def _from_widget(row: Fields) -> RawPosting:
    return RawPosting(
        identifier=row.get("shortcode"),
        title=row.text("title"),
        url=row.text("url"),
        apply_url=row.text("application_url"),
        places=_places(row) or [_own_place(row)],
        workplace="remote" if row.flag("telecommuting") or row.flag("location", "telecommuting") else "",
        employment_types=row.texts("employment_type"),
        department=row.text("department"),
        date_posted=first(row.text("published_on"), row.text("created_at")),
        description_html=row.text("description"),
    )


def _places(row: Fields) -> list[Place]:
    shown = [place for place in row.parts("locations") if not place.flag("hidden")]
    return [_place(place) for place in shown]


def _own_place(row: Fields) -> Place:
    """Return the place that stands in the row itself; older widgets have it as an object."""
    flat = Place("", row.text("city"), row.text("state"), row.text("country"))
    return flat if any(flat) else _place(row.part("location"))


def _place(place: Fields) -> Place:
    city, region, country = place.text("city"), place.text("region"), place.text("country")
    words = ", ".join(dict.fromkeys(part for part in (city, region, country) if part))
    return Place(words, city, region, first(place.text("countryCode"), country))


def _pages(source: Source, found: Listing) -> Generator[Request, Response, list[Fields]]:
    """Return the rows of the careers site's API: each answer holds the token of the next one, so a lost page ends it."""
    listed: list[Fields] = []
    seen: set[str] = set()
    token = ""
    for number in range(1, MOST_PAGES + 1):
        asked = {**_EVERYTHING, "token": token} if token else _EVERYTHING
        try:
            url = f"https://{_HOST}/api/v3/accounts/{source.token}/jobs"
            answer = yield Request(url, method="POST", json=asked, reads_only=True)
            body, page = document(answer.body), list(rows(answer.body, found, "results"))
        except (Unanswered, BadAnswer) as error:
            if number == 1:
                raise
            found.incomplete(f"page {number}: {error}")
            return listed
        found.expect(body.get("total"))
        new = {row.text("shortcode") for row in page} - seen
        token = body.text("nextPage")
        if new or not token:
            listed += page
        if not token or not new:
            break
        seen |= new
    if token:
        found.incomplete(f"page {number} repeats what came before")
    return listed


def _from_page(row: Fields, detail: Fields, account: str) -> RawPosting:
    code = row.text("shortcode")
    kind = row.text("type")
    return RawPosting(
        identifier=row.get("shortcode"),
        title=row.text("title"),
        url=f"https://{_HOST}/{account}/j/{code}/",
        apply_url=f"https://{_HOST}/{account}/j/{code}/apply/",
        places=_places(row) or [_place(row.part("location"))],
        workplace=row.text("workplace") or ("remote" if row.flag("remote") else ""),
        employment_types=[_TYPES.get(kind, kind)],
        department=", ".join(row.texts("department")),
        date_posted=row.get("published"),
        language=row.text("language"),
        description_html="\n".join(detail.text(name) for name in ("description", "requirements", "benefits")),
    )


BOARD: Final = Workable()

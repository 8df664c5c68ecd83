"""Rippling: one answer with all postings, `api.rippling.com/platform/api/ats/v1/board/{board}/jobs`; the rest one by one.

Source of the format: answers seen of Rippling's job boards. A posting with several locations stands in the list once for
each. Pay comes per location; `employmentType.label` is a code (`SALARIED_FT`), its `id` the words. Where the first version of
the API knows no board, the second one is asked (`v2`): it has pages, and rows that hold all locations with the way of working.
"""

from __future__ import annotations

import re
from collections.abc import Generator
from itertools import count
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
)
from orchestrator.kinds.scrape.boards.fields import Fields, document, first, rows, span
from orchestrator.kinds.scrape.boards.paging import Details, Page, Paging
from orchestrator.kinds.scrape.row import Place, RawPosting, RawSalary

_API: Final = "api.rippling.com"
_PAGES: Final = re.compile(r"ats(?:\.[a-z]{2}\d)?\.rippling\.com")
_LOCALE: Final = re.compile(r"[a-z]{2}-[A-Z]{2}")
_ID: Final = re.compile(r"[\w-]{1,64}")
_PATHS: Final = tuple(["platform", "api", "ats", version, "board"] for version in ("v1", "v2"))
_PAGE: Final = 1000
_TELLING: Final = frozenset({"CONTRACTOR", "TEMP"})


class Rippling(Board):
    """See the module."""

    name = "rippling"
    title = "Rippling"
    hosts = (_API,)
    example = "acme"
    details = True
    repeats = "merge"
    case_sensitive = True

    def detect(self, url: SplitResult) -> str | None:
        """Return the board of a page or of an API address."""
        path = segments(url)
        if host_of(url) == _API:
            return path[5] if path[:5] in _PATHS and len(path) > 5 else None  # noqa: PLR2004 - behind the fixed parts
        if not _PAGES.fullmatch(host_of(url)):
            return None
        if path[:1] == ["api"] and path[2:3] == ["board"]:  # What the page itself asks: api/v2/board/{board}/jobs
            return next(iter(path[3:]), None)
        while path and (path[0] == "embed" or _LOCALE.fullmatch(path[0])):
            path = path[1:]
        return path[0] if path and path[0] != "api" else None

    def public_url(self, source: Source) -> str:
        """Return the board's page."""
        return f"https://ats.rippling.com/{source.token}/jobs"

    def postings(self, source: Source, found: Listing) -> Steps:
        """Read the list, then the details of each posting once."""
        address, listed = yield from _listed(source, found)
        details = Details(found)
        known: dict[str, Fields] = {}
        for row in listed:
            uuid = _identifier(row)
            if uuid not in known and _ID.fullmatch(uuid) and row.text("name"):
                detail = yield from details.of(uuid, Request(f"{address}/{uuid}"))
                known[uuid] = Fields(detail.body if detail else None)
            found.add(_raw(row, known.get(uuid, Fields(None)), source.token))


def _address(version: str, source: Source) -> str:
    return f"https://{_API}/platform/api/ats/{version}/board/{source.token}/jobs"


def _listed(source: Source, found: Listing) -> Generator[Request, Response, tuple[str, list[Fields]]]:
    """Return the rows, and the address that the details of each are below."""
    address = _address("v1", source)
    try:
        answer = yield Request(address)
    except Unanswered as unanswered:
        if not unanswered.gone:
            raise
    else:
        return address, list(rows(answer.body, found))
    address = _address("v2", source)
    number = count()
    paging = Paging(
        ask=lambda _offset: Request(f"{address}?groupJobsByLocation=true&page={next(number)}&pageSize={_PAGE}"),
        read=lambda answer: _page(answer, found),
        identify=_identifier,
        size=_PAGE,
        limit=source.limit,
    )
    return address, (yield from paging.all_rows(found))


def _page(answer: Response, found: Listing) -> Page:
    body = document(answer.body)
    listed = list(rows(answer.body, found, "items"))
    total = body.get("totalItems")
    if not isinstance(total, int) or isinstance(total, bool):
        raise BadAnswer("`totalItems` isn't a number")
    return Page(listed, len(body.get("items")), total)


def _identifier(row: Fields) -> str:
    return first(row.text("uuid"), row.text("id"))


def _raw(row: Fields, detail: Fields, board: str) -> RawPosting:
    kind = detail.part("employmentType")
    own, other = row.part("department"), detail.part("department")
    return RawPosting(
        identifier=_identifier(row),
        title=row.text("name"),
        url=row.text("url") or f"https://ats.rippling.com/{board}/jobs/{_identifier(row)}",
        places=_places(row, detail),
        workplace=_workplace(row.parts("locations")),
        employment_types=[_employment(kind)],
        department=first(own.text("label"), own.text("name"), other.text("name"), other.text("label")),
        salary=_salary(detail.parts("payRangeDetails")),
        date_posted=detail.get("createdOn"),
        language=row.text("language"),
        description_html=_description(detail),
        company=detail.text("companyName"),
    )


def _places(row: Fields, detail: Fields) -> list[Place]:
    """Return the places of a row: one in words, or a list of them with their parts. Only without any those of the details."""
    label = first(row.text("workLocation", "label"), row.text("workLocation"))
    if label:
        return [Place(label)]
    own = [
        Place(at.text("name"), at.text("city"), at.text("state"), first(at.text("countryCode"), at.text("country")))
        for at in row.parts("locations")
    ]
    return own or [Place(text) for text in _locations(detail)]


def _workplace(where: list[Fields]) -> str:
    """Return the way of working that all places have; nothing if they differ."""
    said = {at.text("workplaceType") for at in where}
    return said.pop() if len(said) == 1 else ""


def _locations(detail: Fields) -> list[str]:
    return detail.texts("workLocations") or [
        first(each.text("name"), each.text("label")) for each in detail.parts("workLocations")
    ]


def _employment(kind: Fields) -> str:
    """Return what the code says if it says anything, else the tenant's own words."""
    code = kind.text("label")
    if code.endswith(("_FT", "_PT")):
        return "full time" if code.endswith("_FT") else "part time"
    return code if code in _TELLING else first(kind.text("id"), code, kind.text())


def _description(detail: Fields) -> str:
    """Return the parts of a description, the company's and the role's first, or the one text that it is."""
    parts = detail.get("description")
    if not isinstance(parts, dict):
        return detail.text("description")
    described = detail.part("description")
    return "\n".join(text for name in dict.fromkeys(["company", "role", *parts]) for text in described.texts(name))


def _salary(bands: list[Fields]) -> RawSalary | None:
    return span([RawSalary(b.get("rangeStart"), b.get("rangeEnd"), b.text("currency"), b.text("frequency")) for b in bands])


BOARD: Final = Rippling()

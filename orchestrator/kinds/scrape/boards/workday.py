"""Workday: numbered pages of the careers site's own API (CXS), descriptions and dates one by one.

Source of the format: answers seen of `{tenant}.{instance}.myworkdayjobs.com/wday/cxs`. A token is `tenant/instance/site`; a
tenant's underscore is a hyphen in its host. What is seen at `{instance}.myworkdaysite.com` is served there, too.
A page holds at most 20 rows. Only the first page's total is true; some tenants cap it at 2,000 and start over behind that.
A row without title and path is a posting that the site doesn't show (any more, or yet): it counts, and closes nothing.
One requisition on several sites gets `-1`, `-2` behind its number. `Posted Yesterday` is no date, and `3 Locations` is no
place: which ones these are stands in the details, so with `details: none` such a posting has no location.
"""

from __future__ import annotations

import re
from typing import Any, Final
from urllib.parse import SplitResult

from orchestrator.kinds.scrape.boards.base import Board, Listing, Request, Response, Source, Steps, host_of, segments
from orchestrator.kinds.scrape.boards.fields import Fields, document, first, rows
from orchestrator.kinds.scrape.boards.paging import Details, Page, Paging
from orchestrator.kinds.scrape.row import Place, RawPosting

_PAGE: Final = 20
_CAPPED: Final = 2000
_ENGLISH: Final = {"accept-language": "en-US,en;q=0.9"}
"""Some tenants answer a request without a language with 500, and the words for hours are ours then."""
_HOST: Final = re.compile(r"(?:([a-z0-9-]+)\.)?(wd\d{1,3})\.myworkday(?:jobs|site)\.com")
_LOCALE: Final = re.compile(r"[a-z]{2}(?:-[A-Z][a-z]{3})?-(?:[A-Z]{2}|[a-z]{2}|\d{3})")
_LANGUAGE: Final = re.compile(r"[a-z]{2}")
_BELOW_A_SITE: Final = frozenset({"job", "details"})
_MIRROR: Final = re.compile(r"(.*\d{3,})(?<!\b20\d\d)-\d{1,2}")  # But `R-2024-12` is the twelfth of a year.
_COUNTED: Final = re.compile(r"\d{1,3} \w+")  # `3 Locations`, `2 Standorte`; but `10115 Berlin` is a place.
_NUMBER: Final = re.compile(r"(?!\d{4}-\d\d-\d\d$)(?=\S*\d)[\w.-]+")
_REMOTE: Final = re.compile(
    r"(?<!non-)(?<!non )(?<!not )(?<!no )"
    r"\b(?:remote|virtual|tele(?:commut|work)\w*|work (?:from|at) home|home[- ](?:based|office))\b",
    re.IGNORECASE,
)
_ONSITE: Final = re.compile(
    r"\b(?:on[- ]?site|in[- ](?:person|office)|office|on[- ]premises?|(?:non|not|no)[- ]remote)\b", re.IGNORECASE
)
_HYBRID: Final = re.compile(r"\b(?:hybrid|flex(?:ible)?|partial(?:ly)?|occasional(?:ly)?)\b", re.IGNORECASE)


class Workday(Board):
    """See the module."""

    name = "workday"
    title = "Workday"
    hosts = ("*.myworkdayjobs.com",)
    example = "acme/wd5/External"
    token = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}/wd\d{1,3}/[A-Za-z0-9][A-Za-z0-9._-]{0,127}")
    details = True
    concurrency = 2

    def detect(self, url: SplitResult) -> str | None:
        """Return tenant, instance and site of a page or of an API address."""
        host, path = _HOST.fullmatch(host_of(url)), _without_locale(segments(url))
        if host is None:
            return None
        tenant = (host[1] or "").replace("-", "_")
        behind = 2 if path[:2] == ["wday", "cxs"] else 1 if path[:1] == ["recruiting"] and not tenant else 0
        if behind:
            tenant, path = next(iter(path[behind:]), ""), path[behind + 1 :]
        return f"{tenant}/{host[2]}/{path[0]}" if tenant and path else None

    def public_url(self, source: Source) -> str:
        """Return the site's page."""
        tenant, instance, site = source.token.split("/")
        return f"https://{_host(tenant, instance)}/{site}"

    def postings(self, source: Source, found: Listing) -> Steps:
        """Read the pages, then the details."""
        tenant, instance, site = source.token.split("/")
        api = f"https://{_host(tenant, instance)}/wday/cxs/{tenant}/{site}"
        paging = Paging(
            ask=lambda offset: Request(f"{api}/jobs", "json", "POST", _question(offset), _ENGLISH, reads_only=True),
            read=lambda answer: _page(answer, found),
            identify=_identifier,
            size=_PAGE,
            limit=source.limit,
        )
        listed = yield from paging.all_rows(found)
        details = Details(found)
        for row in listed:
            path, number, title = _path(row), _identifier(row), row.text("title")
            if number and not path and not title:
                found.unshown(number)
                continue
            usable = path and "/../" not in path and title
            answer = (yield from details.of(number, Request(api + path, headers=_ENGLISH))) if usable else None
            info = Fields(answer.body if answer else None).get("jobPostingInfo")
            told_before = not isinstance(info, dict) and found.has_details(number)
            found.add(_raw(row, Fields(info), self.public_url(source), told_before=told_before))


def _host(tenant: str, instance: str) -> str:
    return f"{tenant.replace('_', '-')}.{instance}.myworkdayjobs.com"


def _without_locale(path: list[str]) -> list[str]:
    """Return a path without the language in front. A site may have a name of two letters, so a language alone is one."""
    if path and _LOCALE.fullmatch(path[0]):
        return path[1:]
    return path[1:] if len(path) > 1 and _LANGUAGE.fullmatch(path[0]) and path[1] not in _BELOW_A_SITE else path


def _question(offset: int) -> dict[str, Any]:
    return {"appliedFacets": {}, "limit": _PAGE, "offset": offset, "searchText": ""}


def _page(answer: Response, found: Listing) -> Page:
    body = document(answer.body)
    listed = list(rows(answer.body, found, "jobPostings"))
    total = body.get("total")
    length = len(body.get("jobPostings"))
    if not isinstance(total, int) or isinstance(total, bool):
        return Page(listed, length)
    return Page(listed, length, least=_CAPPED) if total == _CAPPED else Page(listed, length, total)


def _path(row: Fields) -> str:
    path = row.text("externalPath").lstrip("/")
    return f"/{path}" if path else ""


def _identifier(row: Fields) -> str:
    """Return the requisition's number: the bullet that the path ends with, else the first bullet, else the path's end.

    Tenants choose their bullets: a place, a date, the hours and the pay stand among them; none of these is a number.
    """
    path = _path(row)
    bullets = row.texts("bulletFields")
    numbers = [bullet for bullet in bullets if _NUMBER.fullmatch(bullet)]
    ending = next((bullet for bullet in numbers if f"_{bullet}" in path), "")
    tail = path.rpartition("/")[2].rpartition("_")[2]
    heading = numbers[0] if numbers and numbers[0] == bullets[0] else ""
    number = first(ending, heading, tail if _NUMBER.fullmatch(tail) else "", *numbers, tail)
    mirror = _MIRROR.fullmatch(number)
    return mirror[1] if mirror else number


def _raw(row: Fields, detail: Fields, page: str, *, told_before: bool) -> RawPosting:
    """Return the posting of a row and its details; `told_before` says that what they told is stored, and stays."""
    mode = first(detail.text("remoteType"), row.text("remoteType"))
    listed = "" if _COUNTED.fullmatch(row.text("locationsText")) else row.text("locationsText")
    return RawPosting(
        identifier=_identifier(row),
        title=row.text("title"),
        url=page + _path(row) if _path(row) else "",
        location=listed,
        places=() if told_before else _places(listed, detail),
        workplace=_workplace(mode) or ("remote" if detail.flag("remote") else ""),
        workplace_elsewhere=told_before,
        employment_types=[first(detail.text("timeType"), row.text("timeType"))],
        date_posted=detail.get("startDate"),
        valid_through=detail.get("endDate"),
        description_html=detail.text("jobDescription"),
    )


def _places(listed: str, detail: Fields) -> list[Place]:
    """Return the places of the details, which alone know what `3 Locations` are; without, the list's own words if any.

    The country is that of the first one. The requisition's own is asked last: it may be opened elsewhere.
    """
    main, more = detail.text("location"), detail.texts("additionalLocations")
    country = first(
        detail.text("country", "descriptor"),
        detail.text("country"),
        detail.text("jobRequisitionLocation", "country", "alpha2Code"),
    )
    told = [Place(main, country=country)] if main else []
    return [*told, *map(Place, more)] or [Place(listed)]


def _workplace(mode: str) -> str:
    """Return what a tenant's own word for the way of working means: they are free to choose it (`Non-Remote`, `Flexible`)."""
    if _HYBRID.search(mode):
        return "hybrid"
    return "remote" if _REMOTE.search(mode) else "onsite" if _ONSITE.search(mode) else ""


BOARD: Final = Workday()

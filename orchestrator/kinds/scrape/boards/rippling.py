"""Rippling: one answer with all postings, `api.rippling.com/platform/api/ats/v1/board/{board}/jobs`; the rest one by one.

Source of the format: answers seen of Rippling's job boards. A posting with several locations stands in the list once for
each. Pay comes per location; `employmentType.label` is a code (`SALARIED_FT`), its `id` the words.
"""

from __future__ import annotations

import re
from typing import Final
from urllib.parse import SplitResult

from orchestrator.kinds.scrape.boards.base import Board, Listing, Request, Source, Steps, host_of, segments
from orchestrator.kinds.scrape.boards.fields import Fields, first, rows, span
from orchestrator.kinds.scrape.boards.paging import Details
from orchestrator.kinds.scrape.row import Place, RawPosting, RawSalary

_API: Final = "api.rippling.com"
_PAGES: Final = re.compile(r"ats(?:\.[a-z]{2}\d)?\.rippling\.com")
_LOCALE: Final = re.compile(r"[a-z]{2}-[A-Z]{2}")
_ID: Final = re.compile(r"[\w-]{1,64}")
_PATH: Final = ["platform", "api", "ats", "v1", "board"]


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
            return path[len(_PATH)] if path[: len(_PATH)] == _PATH and len(path) > len(_PATH) else None
        if not _PAGES.fullmatch(host_of(url)):
            return None
        if path and _LOCALE.fullmatch(path[0]):
            path = path[1:]
        return path[0] if path and path[0] != "api" else None

    def public_url(self, source: Source) -> str:
        """Return the board's page."""
        return f"https://ats.rippling.com/{source.token}/jobs"

    def postings(self, source: Source, found: Listing) -> Steps:
        """Read the list, then the details of each posting once."""
        address = f"https://{_API}/platform/api/ats/v1/board/{source.token}/jobs"
        answer = yield Request(address)
        details = Details(found)
        known: dict[str, Fields] = {}
        for row in list(rows(answer.body, found)):
            uuid = row.text("uuid")
            if uuid not in known and _ID.fullmatch(uuid) and row.text("name"):
                detail = yield from details.of(uuid, Request(f"{address}/{uuid}"))
                known[uuid] = Fields(detail.body if detail else None)
            found.add(_raw(row, known.get(uuid, Fields(None)), source.token))


def _raw(row: Fields, detail: Fields, board: str) -> RawPosting:
    description = detail.part("description")
    kind = detail.part("employmentType")
    label = first(row.text("workLocation", "label"), row.text("workLocation"))
    places = [label] if label else _locations(detail)
    return RawPosting(
        identifier=row.get("uuid"),
        title=row.text("name"),
        url=row.text("url") or f"https://ats.rippling.com/{board}/jobs/{row.text('uuid')}",
        places=[Place(text) for text in places],
        employment_types=[_employment(kind)],
        department=first(
            row.text("department", "label"), detail.text("department", "name"), detail.text("department", "label")
        ),
        salary=_salary(detail.parts("payRangeDetails")),
        date_posted=detail.get("createdOn"),
        description_html=f"{description.text('company')}\n{description.text('role')}",
        company=detail.text("companyName"),
    )


def _locations(detail: Fields) -> list[str]:
    return detail.texts("workLocations") or [
        first(each.text("name"), each.text("label")) for each in detail.parts("workLocations")
    ]


def _employment(kind: Fields) -> str:
    words = first(kind.text("id"), kind.text("label"), kind.text())
    code = kind.text("label")
    return "full time" if code.endswith("_FT") else "part time" if code.endswith("_PT") else words


def _salary(bands: list[Fields]) -> RawSalary | None:
    return span([RawSalary(b.get("rangeStart"), b.get("rangeEnd"), b.text("currency"), b.text("frequency")) for b in bands])


BOARD: Final = Rippling()

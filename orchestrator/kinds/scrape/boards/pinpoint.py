"""Pinpoint: one answer with all postings, `{company}.pinpointhq.com/postings.json`.

Source of the format: answers seen of Pinpoint's careers sites. A description comes in four parts with their headings.
`deadline_at` is when applications close; when a posting was made isn't told.
"""

from __future__ import annotations

from typing import Final
from urllib.parse import SplitResult

from orchestrator.kinds.scrape.boards.base import Board, Listing, Request, Source, Steps, subdomain
from orchestrator.kinds.scrape.boards.fields import Fields, document, first, rows
from orchestrator.kinds.scrape.row import Place, RawPosting, RawSalary

_OWN: Final = frozenset({"app", "api", "developers", "docs", "help", "marketing-assets", "status", "support"})
"""The vendor's own hosts."""
_MOST: Final = 1000
"""So many postings and never more were seen of large boards."""
_PARTS: Final = ("key_responsibilities", "skills_knowledge_expertise", "benefits")


class Pinpoint(Board):
    """See the module."""

    name = "pinpoint"
    title = "Pinpoint"
    hosts = ("*.pinpointhq.com",)
    example = "acme"

    def detect(self, url: SplitResult) -> str | None:
        """Return the label in front of pinpointhq.com."""
        label = subdomain(url, "pinpointhq.com")
        return label if label not in _OWN else None

    def public_url(self, source: Source) -> str:
        """Return the company's page."""
        return f"https://{source.token}.pinpointhq.com/"

    def postings(self, source: Source, found: Listing) -> Steps:
        """Read the one answer."""
        answer = yield Request(f"https://{source.token}.pinpointhq.com/postings.json")
        listed = list(rows(document(answer.body).get(), found, "data"))
        for row in listed:
            found.add(_raw(row))
        if len(listed) == _MOST:
            found.incomplete(f"the board may show {_MOST} postings at most")


def _raw(row: Fields) -> RawPosting:
    where = row.part("location")
    return RawPosting(
        identifier=row.get("id"),
        title=row.text("title"),
        url=first(row.text("url"), row.text("path")),
        location=where.text("name"),
        places=[Place(where.text("name"), where.text("city"), where.text("province"), where.text("country"))],
        workplace=first(row.text("workplace_type"), row.text("workplace_type_text")),
        employment_types=[row.text("employment_type"), row.text("employment_type_text")],
        department=first(row.text("job", "department", "name"), row.text("department", "name")),
        salary=_salary(row),
        valid_through=row.get("deadline_at"),
        description_html=_description(row),
    )


def _salary(row: Fields) -> RawSalary | None:
    if row.flag("compensation_visible") is False:
        return None
    low, high = row.get("compensation_minimum"), row.get("compensation_maximum")
    return RawSalary(low, high, row.text("compensation_currency"), row.text("compensation_frequency"))


def _description(row: Fields) -> str:
    parts = [(row.text(f"{name}_header"), row.text(name)) for name in _PARTS]
    return "\n".join(
        [row.text("description"), *(f"<h3>{header}</h3>{text}" if header else text for header, text in parts if text)]
    )


BOARD: Final = Pinpoint()

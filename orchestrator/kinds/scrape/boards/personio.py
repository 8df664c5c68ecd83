"""Personio: one XML feed with all positions, `{company}.jobs.personio.de/xml` or `.com`.

Source of the format: Personio's documentation of the XML feed. There is no address of a position in it, so it is built from
its id. A position that is translated stands there once for each language, under one id.
"""

from __future__ import annotations

from collections.abc import Generator
from typing import TYPE_CHECKING, Final
from urllib.parse import SplitResult, urlsplit

from orchestrator.kinds.scrape.boards.base import (
    BadAnswer,
    Board,
    Listing,
    Request,
    Response,
    Source,
    Steps,
    Unanswered,
    subdomain,
)
from orchestrator.kinds.scrape.row import Place, RawPosting, RawSalary

if TYPE_CHECKING:
    from xml.etree.ElementTree import Element

_ENDINGS: Final = ("de", "com")


class Personio(Board):
    """See the module."""

    name = "personio"
    title = "Personio"
    hosts = ("*.jobs.personio.de", "*.jobs.personio.com")
    example = "acme"
    repeats = "merge"
    min_interval = 0.34
    one_backend = True

    def detect(self, url: SplitResult) -> str | None:
        """Return the label in front of jobs.personio.de or .com; which of them is seen from the URL again later."""
        return subdomain(url, "jobs.personio.de", "jobs.personio.com")

    def public_url(self, source: Source) -> str:
        """Return the company's page."""
        return f"https://{_host(source, _endings(source)[0])}"

    def postings(self, source: Source, found: Listing) -> Steps:
        """Read the one answer, at the second host if the first doesn't know the company."""
        host, answer = yield from _feed(source)
        for position in positions(answer.body):
            found.add(_raw(position, host))


def positions(root: Element) -> list[Element]:
    """Return the positions of a feed. Raises BadAnswer if it is another document."""
    if root.tag != "workzag-jobs":
        raise BadAnswer(f"the answer is a document `{root.tag[:40]}` instead of `workzag-jobs`")
    return root.findall("position")


def _endings(source: Source) -> tuple[str, ...]:
    said = (urlsplit(source.url).hostname or "").rpartition(".")[2] if source.url else ""
    return (said,) if said in _ENDINGS else _ENDINGS


def _host(source: Source, ending: str) -> str:
    return f"{source.token}.jobs.personio.{ending}"


def _feed(source: Source) -> Generator[Request, Response, tuple[str, Response]]:
    *earlier, last = _endings(source)
    for ending in earlier:
        host = _host(source, ending)
        try:
            return host, (yield Request(f"https://{host}/xml?language=en", accept="xml"))
        except Unanswered as unanswered:
            if not unanswered.gone:
                raise
    host = _host(source, last)
    return host, (yield Request(f"https://{host}/xml?language=en", accept="xml"))


def _raw(position: Element, host: str) -> RawPosting:
    def said(name: str) -> str:
        return (position.findtext(name) or "").strip()

    from orchestrator.kinds.scrape.words import is_work_model

    identifier = said("id")
    offices = [said("office"), *((office.text or "").strip() for office in position.iterfind("additionalOffices/office"))]
    models = [office for office in offices if is_work_model(office)]  # Companies add an office `Hybrid` beside `Köln`.
    return RawPosting(
        identifier=identifier,
        title=said("name"),
        url=f"https://{host}/job/{identifier}",
        places=[Place(office) for office in offices if office not in models] or [Place(office) for office in models],
        workplace=models[0] if len(models) == 1 else "",
        employment_types=_employment(said("employmentType"), said("schedule")),
        department=said("department"),
        salary=_salary(position.find("salaryInformation")),
        date_posted=said("createdAt"),
        description_html=_description(position),
        company=said("subcompany"),
    )


def _employment(kind: str, schedule: str) -> list[str]:
    """Return the words that say most: an intern is one at any schedule; `permanent` and `thesis` tell nothing of the hours."""
    from orchestrator.kinds.scrape.words import employment

    hours = ["full-time", "part-time"] if schedule == "full-or-part-time" else [schedule]
    return hours if kind in {"fixed_term", "fixed-term"} or employment(kind) is None else [kind]


def _salary(pay: Element | None) -> RawSalary | None:
    if pay is None:
        return None
    low, high, currency, period = (pay.findtext(name) or "" for name in ("min", "max", "currencyCode", "type"))
    return RawSalary(low, high, currency, period)


def _description(position: Element) -> str:
    from html import escape

    parts = position.iterfind("jobDescriptions/jobDescription")
    return "\n".join(
        f"<h3>{escape((part.findtext('name') or '').strip())}</h3>{part.findtext('value') or ''}" for part in parts
    )


BOARD: Final = Personio()

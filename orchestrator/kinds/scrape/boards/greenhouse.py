"""Greenhouse: one answer with all postings, `boards-api.greenhouse.io/v1/boards/{token}/jobs`.

Source of the format: Greenhouse's Job Board API. `content` is HTML that is entity-escaped once more in the JSON. Pay ranges
are in cents and need `pay_transparency`; departments and offices need `content`. The `.eu` pages are served by the same API.
"""

from __future__ import annotations

import re
from functools import cache
from types import ModuleType
from typing import Final
from urllib.parse import SplitResult, parse_qs

from orchestrator.kinds.scrape.boards.base import Board, Listing, Request, Source, Steps, host_of, segments
from orchestrator.kinds.scrape.boards.fields import Fields, document, rows, span, unescape_once
from orchestrator.kinds.scrape.row import Place, RawPosting, RawSalary

_SEVERAL: Final = re.compile(r"[;|•]")
_PAGES: Final = re.compile(r"(?:job-)?boards(?:\.eu)?\.greenhouse\.io")
_ABOUT_WORKPLACE: Final = re.compile(
    r"(?:work|working|workplace|job|location)[ -]?(?:place)?[ -]?(?:type|model|mode|arrangement)"
    r"|remote(?:[ -](?:status|type|work))?",
    re.IGNORECASE,
)
_ABOUT_EMPLOYMENT: Final = re.compile(r"(?:employment|job|time|worker|contract)[ -]?type|commitment", re.IGNORECASE)


class Greenhouse(Board):
    """See the module."""

    name = "greenhouse"
    title = "Greenhouse"
    hosts = ("boards-api.greenhouse.io",)
    example = "acme"
    conditional = True

    def detect(self, url: SplitResult) -> str | None:
        """Return the token of a board's page, of its embedded form, or of an API address."""
        path = segments(url)
        if host_of(url) == "boards-api.greenhouse.io":
            return path[2] if path[:2] == ["v1", "boards"] and len(path) > 2 else None  # noqa: PLR2004 - v1/boards/{token}
        if not _PAGES.fullmatch(host_of(url)):
            return None
        if path[:1] == ["embed"]:
            return next(iter(parse_qs(url.query).get("for", [])), None)
        return path[0] if path else None

    def public_url(self, source: Source) -> str:
        """Return the board's page."""
        return f"https://job-boards.greenhouse.io/{source.token}"

    def postings(self, source: Source, found: Listing) -> Steps:
        """Read the one answer."""
        url = f"https://boards-api.greenhouse.io/v1/boards/{source.token}/jobs?content=true&pay_transparency=true"
        answer = yield Request(url)
        listed = rows(document(answer.body).get(), found, "jobs")
        found.expect(Fields(answer.body).get("meta", "total"))
        for row in listed:
            found.add(_raw(row))


@cache
def _words() -> ModuleType:
    """Return the module of words. Its patterns are compiled when a board is read: `validate` imports boards, too."""
    from orchestrator.kinds.scrape import words

    return words


def _raw(row: Fields) -> RawPosting:
    words = _words()
    place = row.text("location", "name")
    offices = [Place(office.text("location") or office.text("name")) for office in row.parts("offices")]
    # "Hybrid" is no place: the city is in the offices then.
    unplaced = not place or (bool(offices) and words.is_work_model(place))
    own = row.parts("metadata")
    return RawPosting(
        identifier=row.get("id"),
        title=row.text("title"),
        url=row.text("absolute_url"),
        location="" if unplaced and words.workplace_in(place) != "remote" else place,
        places=offices if unplaced else [Place(part) for part in _SEVERAL.split(place)],
        workplace=_workplace(own) if own and words.workplace_in(place) is None else "",
        workplace_text=place,
        employment_types=_own(own, _ABOUT_EMPLOYMENT) if own else (),
        department=", ".join(dict.fromkeys(filter(None, [department.text("name") for department in row.parts("departments")]))),
        salary=_salary(row),
        date_posted=row.get("first_published"),
        valid_through=row.get("application_deadline"),
        language=row.text("language"),
        description_html=unescape_once(row.text("content")),
        company=row.text("company_name"),
    )


def _own(own: list[Fields], about: re.Pattern[str]) -> list[str]:
    """Return what the company's own fields say: there is no field of Greenhouse's for how and how much one works."""
    return [value for field in own if about.fullmatch(field.text("name")) for value in field.texts("value")]


def _workplace(own: list[Fields]) -> str:
    """Return the one way of working that the company's own fields name."""
    models = {model for said in _own(own, _ABOUT_WORKPLACE) if (model := _words().workplace(said))}
    return models.pop() if len(models) == 1 else ""


def _salary(row: Fields) -> RawSalary | None:
    """Return the range over all bands. Their titles say what they are for, now and then also the period."""
    ranges = row.parts("pay_input_ranges")
    if not ranges:
        return None
    periods = [_words().unit(pay.text("title")) or "" for pay in ranges]
    named = set(filter(None, periods))
    others = named.pop() if len(named) == 1 else ""  # The period of a band whose title names none.
    return span(
        [
            RawSalary(_units(pay.get("min_cents")), _units(pay.get("max_cents")), pay.text("currency_type"), period or others)
            for pay, period in zip(ranges, periods, strict=True)
        ]
    )


def _units(cents: object) -> float | None:
    return cents / 100 if isinstance(cents, (int, float)) and not isinstance(cents, bool) else None


BOARD: Final = Greenhouse()

"""schema.org/JobPosting as JSON-LD: found in pages whatever surrounds it, and read as a row.

Source of the format: https://schema.org/JobPosting. Pages write it loosely: as a list, in a graph, within comments or CDATA,
with trailing commas, control characters and entities; what can't be read even so is left out.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any, Final
from urllib.parse import urljoin

from orchestrator.kinds.scrape.boards.fields import Fields, first, unescape_once
from orchestrator.kinds.scrape.links import untracked
from orchestrator.kinds.scrape.pay import pay_in
from orchestrator.kinds.scrape.row import Place, RawPosting, RawSalary

_SCRIPT: Final = re.compile(
    r"<script\b[^>]*\btype\s*=\s*[\"']?application/ld\+json\b[^>]*>(.*?)</script\s*>", re.IGNORECASE | re.DOTALL
)
_WRAPPING: Final = re.compile(
    r"^\s*(?:<!--|(?://|/\*)?\s*<!\[CDATA\[(?:\s*\*/)?)|(?://|/\*)?\s*(?:-->|\]\]>)(?:\s*\*/)?\s*;?\s*$"
)
_TRAILING_COMMA: Final = re.compile(r"(\"(?:[^\"\\]|\\.)*\")|,(?=\s*[}\]])", re.DOTALL)
_UNIT_CODES: Final = {"ANN": "year", "MON": "month", "WEE": "week", "HUR": "hour"}
_LONGEST: Final = 2_000_000
_DEEPEST: Final = 12


def found_in(page: str) -> list[Fields]:
    """Return every JobPosting of a page, in order."""
    return [posting for script in _SCRIPT.finditer(page) for posting in _postings(_parsed(script[1]))]


def links_in(page: str) -> list[str]:
    """Return the addresses that an ItemList of a page names."""
    return [link for script in _SCRIPT.finditer(page) for link in _links(_parsed(script[1]))]


def _parsed(script: str) -> Any:
    """Return the values of a script, None if nothing helps."""
    if len(script) > _LONGEST:
        return None
    bare = script
    for _ in range(2):  # A comment may hold a CDATA section.
        bare = _WRAPPING.sub("", bare)
    mended = _TRAILING_COMMA.sub(lambda match: match[1] or "", bare)
    for text in (bare, mended, unescape_once(mended)):
        try:
            return json.loads(text, strict=False)
        except (ValueError, RecursionError):
            continue
    return None


def _objects(value: Any, depth: int = 0) -> Iterator[dict[str, Any]]:
    if depth > _DEEPEST:
        return
    if isinstance(value, list):
        for each in value:
            yield from _objects(each, depth + 1)
    elif isinstance(value, dict):
        yield value
        for each in value.values():
            if isinstance(each, (list, dict)):
                yield from _objects(each, depth + 1)


def _is(value: dict[str, Any], kind: str) -> bool:
    names = value.get("@type")
    return any(
        isinstance(name, str) and name.rpartition("/")[2] == kind for name in (names if isinstance(names, list) else [names])
    )


def _postings(value: Any) -> Iterator[Fields]:
    return (Fields(each) for each in _objects(value) if _is(each, "JobPosting"))


def _links(value: Any) -> Iterator[str]:
    for each in _objects(value):
        if _is(each, "ItemList"):
            for item in Fields(each).parts("itemListElement"):
                if link := first(item.text("url"), item.text("item"), item.text("item", "url")):
                    yield link


def read(row: Fields, page_url: str) -> RawPosting:
    """Return the row that a JobPosting means; without an identifier of its own its address is one."""
    said = first(row.text("url"), row.text("@id") if row.text("@id").startswith("http") else "")
    address = address_of(said, page_url)
    company = next(iter(_each(row, "hiringOrganization")), Fields(None))
    name = first(company.text("name"), company.text())
    mode = " ".join(row.texts("jobLocationType"))
    return RawPosting(
        identifier=_identifier(row, name) or address,
        title=unescape_once(first(row.text("title"), row.text("name"))),
        url=address,
        places=places(row) or _wanted_from(row),
        workplace="remote" if "TELECOMMUTE" in mode.upper() else mode,
        employment_types=[word for text in row.texts("employmentType") for word in text.split(",")],
        salary=salary(row),
        date_posted=row.get("datePosted"),
        valid_through=row.get("validThrough"),
        language=row.text("inLanguage"),
        description_html=_markup(row.text("description")),
        company=unescape_once(name),
    )


def address_of(link: str, page_url: str) -> str:
    """Return where a link of a page leads, without tracking; the page itself if the link is none."""
    try:
        return untracked(urljoin(page_url, link))
    except ValueError:
        return page_url


def is_named(row: Fields) -> bool:
    """Whether a JobPosting says which one it is; without, only the page that it stands on does."""
    return bool(_identifier(row, row.text("hiringOrganization", "name")) or row.text("url") or row.text("@id"))


def _identifier(row: Fields, company: str) -> str:
    """Return the identifier, unless it is the company's name, which is the same for all of its postings."""
    value = row.get("identifier")
    each = Fields(value[0] if isinstance(value, list) and value else value)
    said = first(each.text("value"), each.text("@id"), each.text())
    return "" if said == company else said


def _markup(description: str) -> str:
    """Return HTML. Some pages escape it once more: then there is no tag in it, but entities of tags."""
    return unescape_once(description) if "<" not in description and "&lt;" in description else description


def places(row: Fields) -> list[Place]:
    """Return where a JobPosting is."""
    return [_place(each) for each in _each(row, "jobLocation")]


def _wanted_from(row: Fields) -> list[Place]:
    """Return from where one may work: that is the place of a remote posting that names no other."""
    areas = [
        (first(each.text("name"), each.text()), each.text("@type")) for each in _each(row, "applicantLocationRequirements")
    ]
    return [Place(name, country=name if kind == "Country" else "") for name, kind in areas]


def _each(row: Fields, name: str) -> list[Fields]:
    value = row.get(name)
    return [Fields(each) for each in (value if isinstance(value, list) else [value]) if each]


def _place(location: Fields) -> Place:
    address = next(iter(_each(location, "address")), Fields(None))
    if address.text():
        return Place(address.text())
    country = first(address.text("addressCountry"), address.text("addressCountry", "name"), *address.texts("addressCountry"))
    locality, region = (
        address.text("addressLocality"),
        first(address.text("addressRegion"), address.text("addressRegion", "name")),
    )
    name = "" if locality or region or country else first(location.text("name"), location.text())
    return Place(name, locality, region, country)


def salary(row: Fields) -> RawSalary | None:
    """Return the pay of a JobPosting: a MonetaryAmount, or a number with its currency beside it."""
    value = row.get("baseSalary")
    pay = Fields(value[0] if isinstance(value, list) and value else value)
    if pay.get() is None:
        return None
    currency = first(pay.text("currency"), row.text("salaryCurrency"))
    amount = pay.part("value") if isinstance(pay.get("value"), dict) else pay
    single = first(amount.text("value"), amount.text())
    low, high = (_number(amount.get(name)) for name in ("minValue", "maxValue"))
    period = first(amount.text("unitText"), pay.text("unitText"), amount.text("unitCode"))
    period = _UNIT_CODES.get(period, period)
    if low is None and high is None:
        low = high = _number(single)
        if written := pay_in(single):  # "50,000 - 60,000 EUR per year"
            return RawSalary(written.minimum, written.maximum, first(written.currency, currency), first(written.period, period))
    return RawSalary(low, high, currency, period)


def _number(value: Any) -> Any:
    return value.replace(",", "") if isinstance(value, str) and re.fullmatch(r"\d{1,3}(?:,\d{3})+(?:\.\d+)?", value) else value

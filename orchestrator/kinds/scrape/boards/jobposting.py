"""schema.org/JobPosting as JSON-LD: found in pages whatever surrounds it, and read as a row.

Source of the format: https://schema.org/JobPosting. Pages write it loosely: as a list, in a graph, within comments or CDATA,
with trailing commas, control characters and entities; what can't be read even so is left out.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from itertools import chain
from typing import Any, Final
from urllib.parse import urljoin

from orchestrator.kinds.scrape.boards.fields import Fields, first, unescape_once
from orchestrator.kinds.scrape.links import untracked
from orchestrator.kinds.scrape.pay import SIGNS, pay_in
from orchestrator.kinds.scrape.row import Place, RawPosting, RawSalary

_SCRIPT: Final = re.compile(
    r"<script\b[^>]*\btype\s*=\s*[\"']?\s*application/ld(?:\+|&#x0*2b;|&#0*43;|&plus;)json\b[^>]*>(.*?)</script\s*>",
    re.IGNORECASE | re.DOTALL,
)
_WRAPPING: Final = re.compile(
    r"^\s*(?:<!--|(?://|/\*)?\s*<!\[CDATA\[(?:\s*\*/)?)|(?://|/\*)?\s*(?:-->|\]\]>)(?:\s*\*/)?\s*;?\s*$"
)
_TRAILING_COMMA: Final = re.compile(r"(\"(?:[^\"\\]|\\.)*\")|,(?=\s*[}\]])", re.DOTALL)
_PREFIX: Final = re.compile(r".*[/:#]")
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
    bare = bare.rstrip("; \t\r\n")
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
        isinstance(name, str) and _PREFIX.sub("", name) == kind for name in (names if isinstance(names, list) else [names])
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
    name = unescape_once(first(company.text("name"), company.text()))
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
        description_html=markup(row.text("description")),
        company=name,
    )


def read_all(rows: Sequence[Fields], page_url: str) -> list[RawPosting | None]:
    """Return the row of each JobPosting of a page; None for one of several that nothing tells from another.

    Without identifiers, several on one page may differ by the fragments of their addresses only (`/careers#welder`).
    """
    raws = [read(row, page_url) for row in rows]
    settled: list[RawPosting | None] = list(raws)
    alike: dict[object, list[int]] = {}
    for index, (row, raw) in enumerate(zip(rows, raws, strict=True)):
        if not _identifier(row, raw.company):
            alike.setdefault(raw.identifier, []).append(index)
    page = address_of("", page_url).rstrip("/")
    for address, group in alike.items():
        anchors = [_anchor(rows[index], page_url) for index in group]
        titles = {raws[index].title for index in group}
        several = len({(raws[index].title, *raws[index].places) for index in group}) > 1
        nameless = not any(rows[index].text(name) for index in group for name in ("url", "@id"))
        if several and all(anchors) and len(set(anchors)) == len(anchors):
            for index, anchor in zip(group, anchors, strict=True):
                settled[index] = raws[index]._replace(identifier=anchor, url=anchor)
        elif (len(titles) > 1 and str(address).rstrip("/") == page) or (nameless and len(rows) > len(group) == 1):
            for index in group:
                settled[index] = None
    return settled  # What is told twice, now and then in other words, is one by its address.


def _anchor(row: Fields, page_url: str) -> str:
    """Return the address with a fragment by which a JobPosting calls itself, an empty text without any."""
    link = next((link for link in (row.text("url"), row.text("@id")) if "#" in link), "")
    return anchored(link, page_url) if link else ""


def address_of(link: str, page_url: str) -> str:
    """Return where a link of a page leads, without tracking; the page itself if the link is none."""
    return anchored(link, page_url).partition("#")[0]


def anchored(link: str, page_url: str) -> str:
    """Return where a link of a page leads, without tracking but with its fragment; the page itself if the link is none."""
    try:
        whole = urljoin(page_url, link)
        return untracked(whole) + "".join(whole.partition("#")[1:])
    except ValueError:
        return page_url


def _identifier(row: Fields, company: str) -> str:
    """Return the identifier, unless it is the company's name, which is the same for all of its postings."""
    value = row.get("identifier")
    each = Fields(value[0] if isinstance(value, list) and value else value)
    said = first(each.text("value"), each.text("@id"), each.text())
    return "" if unescape_once(said) == company else said


def markup(description: str) -> str:
    """Return HTML. Some pages escape it once more: then there is no tag in it, but entities of tags.

    What has neither is plain text, whose lines HTML would join.
    """
    if "<" in description:
        return description
    return unescape_once(description) if "&lt;" in description else description.replace("\n", "<br>")


def places(row: Fields) -> list[Place]:
    """Return where a JobPosting is."""
    return [place for each in _each(row, "jobLocation") for place in _places_of(each)]


def _wanted_from(row: Fields) -> list[Place]:
    """Return from where one may work: that is the place of a remote posting that names no other."""
    areas = []
    for each in _each(row, "applicantLocationRequirements"):
        names = [name for text in each.texts("name") or [each.text()] if (name := _plain(text))]
        is_country = each.text("@type") == "Country"
        areas += _places_of(each) if each.get("address") else [Place(name, "", "", name * is_country) for name in names]
    return areas


def _each(row: Fields, name: str) -> list[Fields]:
    value = row.get(name)
    return [Fields(each) for each in (value if isinstance(value, list) else [value]) if each]


def _places_of(location: Fields) -> list[Place]:
    """Return the places of a location: it may have several addresses, and be one itself."""
    addresses = _each(location, "address") or ([location] if _parts(location, "addressLocality") else [])
    found = [place for address in addresses for place in _places_at(address)]
    return found or [Place(name) for name in [_plain(first(location.text("name"), location.text()))] if name]


def _places_at(address: Fields) -> list[Place]:
    if text := _plain(address.text()):
        return [Place(text)]
    parts = tuple(_parts(address, name) for name in ("addressLocality", "addressRegion", "addressCountry"))
    localities, regions, countries = parts
    if max(len(regions), len(countries)) > 1:  # Nothing says which belong together.
        apart = (
            [(each, "", "") for each in localities],
            [("", each, "") for each in regions],
            [("", "", each) for each in countries],
        )
        return [Place("", *each) for each in chain.from_iterable(apart)]
    region, country = first(*regions), first(*countries)
    places = [Place("", locality, region, country) for locality in localities or [""]]
    return [place for place in places if any(place)]


def _parts(address: Fields, name: str) -> list[str]:
    """Return the texts of a part of an address: one or several, plain or with a name."""
    return [text for each in _each(address, name) if (text := _plain(first(each.text(), each.text("name"))))]


def _plain(text: str) -> str:
    """Return a text without entities, and empty if it only says that there is none (iCIMS)."""
    return "" if text.upper() == "UNAVAILABLE" else unescape_once(text)


def salary(row: Fields) -> RawSalary | None:
    """Return the pay of a JobPosting: a MonetaryAmount, or a number with its currency beside it."""
    value = row.get("baseSalary")
    pay = Fields(value[0] if isinstance(value, list) and value else value)
    if pay.get() is None:
        return None
    amount = pay.part("value") if isinstance(pay.get("value"), dict) else pay
    currency = first(pay.text("currency"), amount.text("currency"), row.text("salaryCurrency"))
    currency = SIGNS.get(currency, currency)
    single = first(amount.text("value"), amount.text())
    low, high = (_number(amount.get(name)) for name in ("minValue", "maxValue"))
    period = first(amount.text("unitText"), pay.text("unitText"), amount.text("unitCode"))
    period = _UNIT_CODES.get(period, period)
    if not low and not high:
        low = high = _number(single)
        if written := pay_in(single):  # "50,000 - 60,000 EUR per year"
            return RawSalary(written.minimum, written.maximum, first(written.currency, currency), first(written.period, period))
    return RawSalary(low, high, currency, period)


def _number(value: Any) -> Any:
    """Return a number that is written for people (`$50,000`), anything else as it is."""
    written = pay_in(value) if isinstance(value, str) else None
    return written.minimum if written and written.minimum == written.maximum else value

"""One opening: the posting that is made of a board's row and stored.

Rules: what isn't known is None, never invented. A posting's identity is its board and identifier, never title or URL. The
hash covers content only: no date of an update, no order of lists, no tracking parameter.
"""

from __future__ import annotations

import hashlib
import json
import math
import re
from collections.abc import Sequence
from datetime import datetime
from functools import lru_cache
from typing import Any, Final, NamedTuple, TypeAlias
from urllib.parse import urljoin, urlsplit

from orchestrator.kinds.scrape import countries, text, times, words
from orchestrator.kinds.scrape.links import untracked
from orchestrator.kinds.scrape.row import Place, RawPosting, RawSalary

HASH_VERSION: Final = 5
"""Raise it when normalising or hashing changes: stored hashes of another version are replaced silently."""

_Pay: TypeAlias = tuple[float | None, float | None, str | None, str | None]
_NO_PAY: Final[_Pay] = (None, None, None, None)
_NUMBER: Final = re.compile(r"(?!\d{1,3}\.\d{3}$)\d{1,15}(?:\.\d+)?")
"""`45.000` may be forty-five thousand, as Germans write it."""
_NO_PAY_FROM: Final = 500_000_000
"""A year in rupiah or won has nine digits; what is more was mistyped."""
_MOST_PLACES: Final = 200
_LONGEST_CODE: Final = 3
_PLAIN_ADDRESS: Final = re.compile(r"https://[a-z0-9.-]+\.[a-z]+(?:/[\w~!$&'()*+,;=:@%./-]*)?(?:\?[\w=&%.+-]*)?", re.ASCII)
_OTHER_SCHEME: Final = re.compile(r"(?!https?:)[a-z][a-z0-9+.-]*:", re.IGNORECASE)


class BadRow(ValueError):
    """A row that can't become a posting; counted, never fatal."""


class Posting(NamedTuple):
    """One opening as it is stored. Empty texts are unknown; dates are ISO 8601, UTC, or a day; plain and picklable."""

    identifier: str
    title: str
    url: str
    apply_url: str | None = None
    location: str | None = None
    locations: tuple[Place, ...] = ()
    workplace: str | None = None
    employment_type: str | None = None
    department: str | None = None
    salary_min: float | None = None
    salary_max: float | None = None
    salary_currency: str | None = None
    salary_unit: str | None = None
    date_posted: str | None = None
    valid_through: str | None = None
    language: str | None = None
    description_html: str | None = None
    description_text: str | None = None
    company: str = ""


CONTENT: Final = Posting._fields[1:-1]
"""What a board says of a posting: the columns of these names, in the table's order."""
_LOCATIONS: Final = CONTENT.index("locations")


class Row(NamedTuple):
    """One posting ready for the table. Light to send: a few plain values."""

    identifier: str
    hash: str
    company: str
    content: tuple[Any, ...]
    """The values of `CONTENT`, as they are stored."""

    def columns(self) -> dict[str, Any]:
        """Return the content by column."""
        return dict(zip(CONTENT, self.content, strict=True))


def normalise(raw: RawPosting, *, base_url: str, now: datetime) -> Posting:
    """Return the posting that a row means. Raises BadRow if it has no identifier, no title or an URL that isn't one.

    `base_url` is the board's public page: relative URLs lead on from it, and it stands in for a missing one.
    """
    identifier = _identifier(raw.identifier)
    title = text.one_line(raw.title)
    if not title:
        raise BadRow(f"row {identifier} has no title")
    places = _places(raw.places)
    headline = text.one_line(raw.location)
    location = headline or (places[0].text if places else "")
    markup = text.sanitise(raw.description_html)
    low, high, currency, unit = _pay(raw.salary)
    return Posting(
        identifier=identifier,
        title=title,
        url=web_address(raw.url, base_url) if raw.url else base_url,
        apply_url=_optional_address(raw.apply_url, base_url),
        location=location or None,
        locations=places,
        workplace=_workplace(raw, headline, places),
        employment_type=_employment(raw.employment_types),
        department=text.one_line(raw.department) or None,
        salary_min=low,
        salary_max=high,
        salary_currency=currency,
        salary_unit=unit,
        date_posted=times.past(raw.date_posted, now),
        valid_through=times.future(raw.valid_through, now),
        language=text.one_line(raw.language, 35) or None,
        description_html=markup or None,
        description_text=(text.plain(markup) or text.tidy(raw.description_text)) or None,
        company=text.one_line(raw.company),
    )


def _identifier(value: object) -> str:
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    name = text.one_line(value, 512)
    if not name:
        raise BadRow("a row has no identifier")
    return name


def web_address(url: str, base_url: str) -> str:
    """Return an absolute address for a link. Raises BadRow for other schemes (`javascript:`) and for what is no address.

    `http` becomes `https` for public names; an address with a port or a bare IP address is somebody's own server.
    """
    if _PLAIN_ADDRESS.fullmatch(url):  # What nearly every row has; taking it apart costs twenty times as much.
        return url
    link = text.one_line(url, 2000)
    if _OTHER_SCHEME.match(link) or "\\" in link:
        raise BadRow("a row's URL isn't a web address")
    try:
        absolute = urljoin(base_url, link)
        parts = urlsplit(absolute)
        host, port = parts.hostname or "", parts.port
    except ValueError:
        raise BadRow("a row's URL isn't a web address") from None
    if parts.scheme not in {"http", "https"} or not host or parts.username is not None:
        raise BadRow("a row's URL isn't a web address")
    public = port is None and any(letter.isalpha() for letter in host.rpartition(".")[2]) and "." in host
    return "https" + absolute[4:] if parts.scheme == "http" and public else absolute


def _optional_address(url: str, base_url: str) -> str | None:
    try:
        return web_address(url, base_url) if url else None
    except BadRow:
        return None


def _places(raw: Sequence[Place]) -> tuple[Place, ...]:
    if len(raw) != 1:
        return merge_places((), raw[:_MOST_PLACES])
    place = _place(raw[0])
    return (place,) if place.text else ()


def merge_places(known: Sequence[Place], more: Sequence[Place]) -> tuple[Place, ...]:
    """Return the places of both, each once (by its text), in order; a place without words is left out."""
    merged = {place.text.casefold(): place for place in known}
    for place in more:
        tidy = _place(place)
        if tidy.text:
            merged.setdefault(tidy.text.casefold(), tidy)
    return tuple(merged.values())[:_MOST_PLACES]


@lru_cache(maxsize=4096)
def _place(place: Place) -> Place:
    locality, region, country = (text.one_line(part, 200) for part in (place.locality, place.region, place.country))
    code = countries.code(country)
    words_of = text.one_line(place.text, 300) or _words_of(locality, region, country, code)
    return Place(words_of, locality, region, code)


def _words_of(locality: str, region: str, country: str, code: str) -> str:
    """Return a place in words, each once; a country that its region names already needs no code behind it."""
    if len(region) > _LONGEST_CODE and code and countries.code(region) == code:
        country = ""
    shown = country if len(country) > 2 else country.upper()  # noqa: PLR2004 - a code has two letters
    return ", ".join(dict.fromkeys(part for part in (locality, region, shown) if part))


def _workplace(raw: RawPosting, headline: str, places: Sequence[Place]) -> str | None:
    said = words.workplace(raw.workplace) if raw.workplace else None
    if said is None and raw.workplace_elsewhere:
        return None
    if said is None:
        said = words.workplace_in(raw.workplace_text or headline)
    if said is None and places:
        meant = {words.workplace_in(place.text) for place in places}
        said = meant.pop() if len(meant) == 1 else None
    return said


def _employment(raw: Sequence[str]) -> str | None:
    meant = dict.fromkeys(name for word in raw if isinstance(word, str) and (name := words.employment(word)))
    return ",".join(meant) or None


def _pay(raw: RawSalary | None) -> _Pay:
    if raw is None:
        return _NO_PAY
    low, high, currency = _amount(raw.minimum), _amount(raw.maximum), words.currency(raw.currency)
    if currency is None or (low is None and high is None) or (low is not None and high is not None and low > high):
        return _NO_PAY
    if math.inf in (low, high):  # Half of a range would be a wrong one.
        return _NO_PAY
    return low, high, currency, words.unit(raw.period)


def _amount(value: object) -> float | None:
    """Return an amount, infinity for one that nobody is paid, None for what is none."""
    if isinstance(value, str) and _NUMBER.fullmatch(value.strip()):
        value = float(value)
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return None
    if value >= _NO_PAY_FROM:
        return math.inf
    return float(value) if value > 0 else None


def content_hash(posting: Posting) -> str:
    """Return the hash of what a person reads: 32 hex digits of SHA-256 over the fields, in a form that is the only one.

    Texts hold no control characters, so these can separate; the order of places doesn't count. SHA-256, because processors have
    instructions for it: BLAKE2b takes twice as long on a text of 3 kB.
    """
    places = sorted(f"{at.text}\x1e{at.locality}\x1e{at.region}\x1e{at.country}" for at in posting.locations)
    pay = (posting.salary_min, posting.salary_max, posting.salary_currency, posting.salary_unit)
    content = (
        posting.title,
        "\x1d".join(places),
        posting.location or "",
        posting.workplace or "",
        posting.employment_type or "",
        repr(pay),
        posting.department or "",
        (posting.description_text or "").replace("\n", " "),
        untracked(posting.url),
        posting.valid_through or "",
    )
    return hashlib.sha256("\x1f".join(content).encode()).hexdigest()[:32]


def row_of(posting: Posting) -> Row:
    """Return the row of a posting."""
    content = posting[1:-1]
    places = places_as_json(posting.locations)
    stored = (*content[:_LOCATIONS], places, *content[_LOCATIONS + 1 :])
    return Row(posting.identifier, content_hash(posting), posting.company, stored)


def with_places_of(posting: Posting, other: Posting) -> Posting:
    """Return the posting with the places of its repetition added, and the way of working that both have."""
    workplace = posting.workplace if posting.workplace == other.workplace else None
    return posting._replace(locations=merge_places(posting.locations, other.locations), workplace=workplace)


@lru_cache(maxsize=4096)
def places_as_json(places: tuple[Place, ...]) -> str:
    """Return the places as they are stored: JSON, a list of objects without empty parts."""
    stored = [{name: part for name, part in place._asdict().items() if part} for place in places]
    return json.dumps(stored, ensure_ascii=False)

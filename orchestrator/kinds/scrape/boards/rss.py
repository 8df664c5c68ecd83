"""A feed of openings: RSS 2.0, RSS 1.0 or Atom, such as applicant systems of public bodies publish.

Source of the formats: https://www.rssboard.org/rss-specification and RFC 4287. Locations, pay and departments have no place
in them; elements of such names are read, whatever their prefix: those of NEOGOV's feeds (`joblisting:minimumSalary`) and of
Teamtailor's (`tt:locations`, `remoteStatus`) among others. A feed that holds the newest openings only is no list of all: what
slides out of it counts as not listed, so it is closed after a while.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final
from urllib.parse import SplitResult

from orchestrator.kinds.scrape.boards.base import BadAnswer, Board, Listing, Request, Source, Steps
from orchestrator.kinds.scrape.boards.fields import unescape_once
from orchestrator.kinds.scrape.boards.jobposting import anchored, markup
from orchestrator.kinds.scrape.boards.jsonld import address_key
from orchestrator.kinds.scrape.boards.sitemap import local_name
from orchestrator.kinds.scrape.pay import pay_in
from orchestrator.kinds.scrape.row import Place, RawPosting, RawSalary

if TYPE_CHECKING:
    from xml.etree.ElementTree import Element

_ROOTS: Final = frozenset({"rss", "RDF", "feed"})
_DATES: Final = ("pubDate", "published", "date", "updated")
_ENDS: Final = (
    "advertiseToDateTimeUTC", "advertiseToDateTime", "validThrough", "expires", "expires_at", "expiration_date", "closingDate"
)  # fmt: skip
_KINDS: Final = ("jobType", "job_type", "employmentType", "workType", "type")
_BODIES: Final = ("encoded", "content", "description", "summary")
_MORE: Final = ("examplesofduties", "qualifications", "supplementalinformation")
_ABOUT_MEDIA: Final = ("media:", "itunes:")
_PIPED: Final = re.compile(r"[^|,]+\|[^|,]+(?:,[^|,]+\|[^|,]+)*")
"""Regions and towns of PageUp: `VIC|Melbourne,WA|Perth`."""
_REMOTE_STATUS: Final = {"fully": "remote", "temporary": "remote", "hybrid": "hybrid", "none": "onsite", "onsite": "onsite"}


class Rss(Board):
    """See the module."""

    name = "rss"
    title = "RSS or Atom"
    hosts = ()
    example = "https://acme.example/jobs.rss"
    needs_url = True
    conditional = True
    fragile = True

    def detect(self, url: SplitResult) -> str | None:  # noqa: ARG002 - a feed is known by its content only
        """Return None: no address says for sure that it is a feed of openings."""
        return None

    def public_url(self, source: Source) -> str:
        """Return the feed that the spec names."""
        return source.url

    def key(self, source: Source) -> str:
        """Return the feed's address without scheme: `rss:acme.example/jobs.rss`."""
        return f"{self.name}:{address_key(source.url)}"

    def postings(self, source: Source, found: Listing) -> Steps:
        """Read the one answer."""
        answer = yield Request(source.url, accept="xml")
        for item in items(answer.body):
            if found.full():
                found.incomplete(f"the limit of {source.limit} postings is reached")
                return
            found.add(read(item, answer.url))


def items(root: Element) -> list[Element]:
    """Return the items of a feed. Raises BadAnswer if it is another document."""
    if local_name(root) not in _ROOTS:
        raise BadAnswer(f"the answer is a document `{root.tag[:40]}` instead of a feed")
    return [item for item in root.iter() if local_name(item) in {"item", "entry"}]


def _said(item: Element, *names: str) -> str:
    """Return the first text that isn't blank among the elements of these names, in the order of the names.

    Of several of one name the feed's own counts: `<title>` rather than `<media:title>`.
    """
    for name in names:
        texts = [(each, text) for each in item if local_name(each) == name and (text := "".join(each.itertext()).strip())]
        if texts:
            return next((text for each, text in texts if _prefix(each) == _prefix(item)), texts[0][1])
    return ""


def _prefix(element: Element) -> str:
    return element.tag.rpartition(":")[0]


def _body(item: Element, *names: str) -> str:
    """Return the HTML of the first of these names that has any. Of several of one name the last is the longer one (PageUp)."""
    for name in names:
        bodies = [each for each in item if local_name(each) == name and not each.tag.startswith(_ABOUT_MEDIA)]
        if told := list(filter(None, map(_markup_of, bodies))):
            return told[-1]
    return ""


def _markup_of(body: Element) -> str:
    """Return the HTML of an element: mostly its text, elements of their own in Atom's XHTML."""
    if not len(body):
        return markup((body.text or "").strip())
    from xml.etree.ElementTree import tostring

    for each in body.iter():
        each.tag = local_name(each)
    return "".join(tostring(each, encoding="unicode") for each in body)


def _link(item: Element) -> str:
    """Return the item's address: RSS has it as text, Atom as an attribute, of which `alternate` is the page."""
    text = _said(item, "link")
    links = [each for each in item if local_name(each) == "link" and each.get("rel", "alternate") == "alternate"]
    return text or next((each.get("href", "") for each in links), "")


def _places(item: Element) -> list[Place]:
    """Return the places of an item: a text each, or parts, of which the name may be an office's (`HQ`)."""
    parts = [each for each in item.iter() if local_name(each) == "location" and len(each)]
    if parts:
        return [Place("", _said(at, "city", "name"), _said(at, "state", "region"), _said(at, "country")) for at in parts]
    texts = [text for each in item if local_name(each) == "location" and (text := "".join(each.itertext()).strip())]
    if texts:
        return [place for text in texts for place in _places_in(unescape_once(text))]
    return [Place("", _said(item, "city"), _said(item, "state", "region"), _said(item, "country"))]


def _places_in(text: str) -> list[Place]:
    if not _PIPED.fullmatch(text):
        return [Place(text)]
    return [Place("", town, region) for region, _, town in (each.partition("|") for each in text.split(","))]


def _salary(item: Element) -> RawSalary | None:
    low, high = _said(item, "minimumSalary"), _said(item, "maximumSalary")
    if not low and not high:
        return pay_in(_said(item, "salary"))
    return RawSalary(low, high, _said(item, "salaryCurrency"), _said(item, "salaryInterval"))


def read(item: Element, feed: str) -> RawPosting:
    """Return the row that an item means; `feed` is where relative links lead on from."""
    link = _link(item)
    address = anchored(link, feed) if link else ""
    own = _said(item, "guid", "id")
    return RawPosting(
        identifier=(anchored(own, feed) if own.startswith("http") else own) or address,
        title=unescape_once(_said(item, "title")),
        url=address,
        places=_places(item),
        workplace=_REMOTE_STATUS.get(_said(item, "remoteStatus").lower(), ""),
        employment_types=_said(item, *_KINDS).split(","),
        department=unescape_once(_said(item, "department")),
        salary=_salary(item),
        date_posted=_said(item, *_DATES),
        valid_through=_said(item, *_ENDS),
        description_html="\n".join([_body(item, *_BODIES), *filter(None, (_body(item, name) for name in _MORE))]),
    )


BOARD: Final = Rss()

"""A feed of openings: RSS 2.0, RSS 1.0 or Atom, such as applicant systems of public bodies publish.

Source of the formats: https://www.rssboard.org/rss-specification and RFC 4287. Locations, pay and departments have no place
in them; elements of such names are read, whatever their prefix: those of NEOGOV's feeds (`joblisting:minimumSalary`) and of
Teamtailor's (`tt:locations`, `remoteStatus`) among others.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final
from urllib.parse import SplitResult

from orchestrator.kinds.scrape.boards.base import BadAnswer, Board, Listing, Request, Source, Steps
from orchestrator.kinds.scrape.boards.jobposting import address_of
from orchestrator.kinds.scrape.boards.jsonld import address_key
from orchestrator.kinds.scrape.boards.sitemap import local_name
from orchestrator.kinds.scrape.row import Place, RawPosting, RawSalary

if TYPE_CHECKING:
    from xml.etree.ElementTree import Element

_ROOTS: Final = frozenset({"rss", "RDF", "feed"})
_DATES: Final = ("pubDate", "published", "date", "updated")
_ENDS: Final = ("advertiseToDateTimeUTC", "advertiseToDateTime", "validThrough", "expires")
_BODIES: Final = ("encoded", "content", "description", "summary")
_MORE: Final = ("examplesofduties", "qualifications", "supplementalinformation")
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
    """Return the first text that isn't blank among the elements of these names, in the order of the names."""
    texts = {name: "".join(each.itertext()).strip() for name in names for each in item if local_name(each) == name}
    return next((texts[name] for name in names if texts.get(name)), "")


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
        return [Place(text) for text in texts]
    return [Place("", _said(item, "city"), _said(item, "state", "region"), _said(item, "country"))]


def _salary(item: Element) -> RawSalary:
    low, high = _said(item, "minimumSalary"), _said(item, "maximumSalary")
    return RawSalary(low, high, _said(item, "salaryCurrency"), _said(item, "salaryInterval"))


def read(item: Element, feed: str) -> RawPosting:
    """Return the row that an item means; `feed` is where relative links lead on from."""
    link = _link(item)
    address = address_of(link, feed) if link else ""
    own = _said(item, "guid", "id")
    return RawPosting(
        identifier=(address_of(own, feed) if own.startswith("http") else own) or address,
        title=_said(item, "title"),
        url=address,
        places=_places(item),
        workplace=_REMOTE_STATUS.get(_said(item, "remoteStatus").lower(), ""),
        employment_types=[_said(item, "jobType", "job_type", "employmentType")],
        department=_said(item, "department"),
        salary=_salary(item),
        date_posted=_said(item, *_DATES),
        valid_through=_said(item, *_ENDS),
        description_html="\n".join([_said(item, *_BODIES), *filter(None, (_said(item, name) for name in _MORE))]),
    )


BOARD: Final = Rss()

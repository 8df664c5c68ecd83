"""The map of a site: which of its pages look like postings.

Source of the format: https://www.sitemaps.org/protocol.html. A map may be an index of further ones, which may be again.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Generator, Iterable
from typing import TYPE_CHECKING, Final, TypeAlias
from urllib.parse import urljoin, urlsplit

from orchestrator.kinds.scrape.boards.base import BadAnswer, Listing, Request, Response, Unanswered

if TYPE_CHECKING:
    from xml.etree.ElementTree import Element

_MOST_MAPS: Final = 50
_JOB_WORDS: Final = (
    r"job|career|position|vacanc|opening|stelle|karriere|role|recruit|vacatur|emploi|offre|recrut|empleo|vaga|lavor|praca"
)
_ABOUT_JOBS: Final = re.compile(rf"/[^/]*(?:{_JOB_WORDS})[^/]*/", re.IGNORECASE)
_JOBS_IN_NAME: Final = re.compile(_JOB_WORDS, re.IGNORECASE)
_MAP: Final = re.compile(r"\.xml(?:\.gz)?$", re.IGNORECASE)
_NAMED: Final = re.compile(r"^\s*sitemap\s*:\s*(\S+)", re.IGNORECASE | re.MULTILINE)

_Found: TypeAlias = tuple[list[str], list[str]]
"""Addresses of further maps, and of pages."""


def is_map(url: str) -> bool:
    """Whether an address looks like a map rather than a page."""
    return _MAP.search(urlsplit(url).path) is not None


def local_name(element: Element) -> str:
    """Return an element's name without namespace or prefix."""
    return element.tag.rpartition("}")[2].rpartition(":")[2]


def on_site(url: str, links: Iterable[str]) -> list[str]:
    """Return the links that stay on the site of `url`, absolute, without fragments, each once."""
    absolute = (_absolute(url, link) for link in links)
    return list(dict.fromkeys(link for link in absolute if link and _site(link) == _site(url)))


def _absolute(url: str, link: str) -> str:
    try:
        return urljoin(url, link).partition("#")[0]
    except ValueError:
        return ""


def _site(url: str) -> str:
    try:
        return (urlsplit(url).hostname or "").removeprefix("www.")
    except ValueError:
        return ""


def pages(url: str, found: Listing) -> Generator[Request, Response, list[str]]:
    """Return the pages that the site's map names and that look like postings: those below `url`, else those about jobs.

    `url` is a page of the site, or the map itself. A part of the map that doesn't come makes the listing incomplete; if the
    map as such doesn't come, that is raised.
    """
    waiting, named = yield from _start(url)
    about_jobs = list(named) if is_map(url) and _JOBS_IN_NAME.search(urlsplit(url).path) else []
    seen = set(waiting)
    for count, address in enumerate(waiting):  # The list grows while it is read.
        if count == _MOST_MAPS:
            found.incomplete(f"the site's map has more than {_MOST_MAPS} parts")
            break
        try:
            maps, more = _read((yield Request(address, accept="xml")))
        except (Unanswered, BadAnswer) as error:
            found.incomplete(f"a part of the site's map: {error}")
            continue
        named += more
        about_jobs += more if _JOBS_IN_NAME.search(urlsplit(address).path) else []
        waiting += [link for link in maps if link not in seen]
        seen.update(maps)
    chosen = _chosen(list(dict.fromkeys(named)), "" if is_map(url) else url, frozenset(about_jobs))
    if named and not chosen:
        found.incomplete(f"none of the {len(named)} pages of the site's map looks like a posting")
    return chosen


def _start(url: str) -> Generator[Request, Response, _Found]:
    """Read the map from where it usually is; if there is none, return the maps that robots.txt names."""
    parts = urlsplit(url)
    site = f"{parts.scheme}://{parts.netloc}"
    if is_map(url):
        return _read((yield Request(url, accept="xml")))
    try:
        return _read((yield Request(f"{site}/sitemap.xml", accept="xml")))
    except Unanswered as unanswered:
        if not unanswered.gone:
            raise
        rules = yield Request(f"{site}/robots.txt", accept="text")
        named = on_site(site, _NAMED.findall(rules.body))
        if not named:
            raise
    return named, []


def _read(answer: Response) -> _Found:
    root = answer.body
    kind = local_name(root)
    if kind not in {"urlset", "sitemapindex"}:
        raise BadAnswer(f"the answer is a document `{root.tag[:40]}` instead of a site's map")
    links = [(each.text or "").strip() for entry in root for each in entry if local_name(each) == "loc"]
    inside = on_site(answer.url, filter(None, links))
    if kind == "urlset":
        return [], inside
    return sorted(inside, key=lambda link: _JOBS_IN_NAME.search(link) is None), []


def _chosen(named: list[str], below: str, about_jobs: Collection[str]) -> list[str]:
    """Return the pages below an address, else those whose path, or whose map's name, says that they are about jobs."""
    start = urlsplit(below).path.strip("/")
    own = [page for page in named if urlsplit(page).path.strip("/").startswith(start + "/")] if start else []
    return own or [page for page in named if page in about_jobs or _ABOUT_JOBS.search(_steps(page))]


def _steps(page: str) -> str:
    """Return a page's path; one that is asked by a query ends with a slash as one that is asked by its name."""
    parts = urlsplit(page)
    return parts.path + "/" * bool(parts.query)

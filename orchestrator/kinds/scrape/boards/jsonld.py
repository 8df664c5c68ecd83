"""A company's own pages: schema.org JobPosting in one page, in the pages that it lists, or in those of the site's sitemap.

Source of the formats: https://schema.org/JobPosting and https://www.sitemaps.org/protocol.html. A page may have lost its data
without anybody noticing, so a page without any counts as a failure and never as an empty board.
"""

from __future__ import annotations

from typing import Final
from urllib.parse import SplitResult, urlsplit

from orchestrator.kinds.scrape.boards import jobposting, sitemap
from orchestrator.kinds.scrape.boards.base import BadAnswer, Board, Listing, Request, Response, Source, Steps, Unanswered
from orchestrator.kinds.scrape.links import untracked

_MOST_PAGES: Final = 1000
_MOST_SILENT: Final = 5


class JsonLd(Board):
    """See the module."""

    name = "jsonld"
    title = "schema.org JobPosting"
    hosts = ()
    example = "https://acme.example/careers"
    needs_url = True
    fragile = True

    def detect(self, url: SplitResult) -> str | None:  # noqa: ARG002 - any site may have such pages; none says so by its name
        """Return None: no address says that its pages hold JSON-LD."""
        return None

    def public_url(self, source: Source) -> str:
        """Return the page that the spec names."""
        return source.url

    def key(self, source: Source) -> str:
        """Return the page's address without scheme: `jsonld:acme.example/careers`."""
        return f"{self.name}:{address_key(source.url)}"

    def postings(self, source: Source, found: Listing) -> Steps:
        """Read the page, and the pages that it lists; or the site's map, and the pages that it names."""
        if source.sitemap or sitemap.is_map(source.url):
            pages = yield from sitemap.pages(source.url, found)
            yield from _read_pages(pages, source, found)
            return
        answer = yield Request(source.url, accept="text", page=True)
        if _take(answer, found):
            return
        pages = sitemap.on_site(source.url, jobposting.links_in(answer.body))
        if not pages:
            raise BadAnswer("the page holds no JobPosting")
        yield from _read_pages(pages, source, found)


def address_key(url: str) -> str:
    """Return an address as a name: host in lower case, no scheme, no tracking, no slash at the end."""
    parts = urlsplit(untracked(url))
    query = f"?{parts.query}" if parts.query else ""
    return f"{parts.netloc.lower()}{parts.path.rstrip('/')}{query}"


def _take(answer: Response, found: Listing) -> bool:
    """List what a page holds; return whether it held anything."""
    rows = jobposting.found_in(answer.body)
    for raw in jobposting.read_all(rows, answer.url):
        if raw is None:
            found.bad("one of several postings on a page has neither an identifier nor an address of its own")
        else:
            found.add(raw)
    return bool(rows)


def _read_pages(pages: list[str], source: Source, found: Listing) -> Steps:
    """List what the pages hold. One that is gone is no posting any more; others that don't come make it incomplete."""
    held = silent = 0
    for number, page in enumerate(pages):
        if found.full() or number == _MOST_PAGES or silent == _MOST_SILENT:
            found.incomplete(f"{number} of {len(pages)} pages were read" + (": the limit is reached" if found.full() else ""))
            break
        try:
            answer = yield Request(page, accept="text", page=True)
        except Unanswered as unanswered:
            if unanswered.status not in {404, 410}:
                found.incomplete(unanswered.failure.message)
                silent += 1
        else:
            silent = 0
            held += _take(answer, found)
    if pages and not held:
        raise BadAnswer(f"none of the pages below {urlsplit(source.url).hostname} holds a JobPosting")


BOARD: Final = JsonLd()

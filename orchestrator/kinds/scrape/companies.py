"""The companies of a spec, located: which board lists them, under which token, and how the database calls them."""

from __future__ import annotations

import re
from typing import Final, NamedTuple
from urllib.parse import SplitResult, urlsplit

from orchestrator.kinds.scrape import boards
from orchestrator.kinds.scrape.boards.base import Board, Source
from orchestrator.kinds.scrape.spec import Company, Fallback

_PLAIN_URL: Final = re.compile(r"https?://[A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?(?::[1-9]\d{0,3})?(?:[/?#][^\s\\]*)?")


class Located(NamedTuple):
    """One tier of a company. `key` is its name in the database; plain and picklable."""

    board: str
    source: Source
    key: str


class Misplaced(Exception):
    """Why a company can't be located: the field, a stable code, and two sentences."""

    def __init__(self, field: str, code: str, message: str, hint: str) -> None:
        super().__init__(message)
        self.field = field
        self.code = code
        self.message = message
        self.hint = hint


def locate(company: Fallback) -> Located:
    """Return where a company's postings are listed. Offline. Raises Misplaced."""
    board = _board(company)
    if board is None:
        return _from_url(company)
    if board.needs_url:
        return _own_pages(board, company)
    token = company.token or _token_of(board, company)
    if not board.accepts(token):
        raise Misplaced("token", "bad-token", f"{board.title} can't have the token {token!r}", _token_hint(board, token))
    return _located(board, Source(token, company.url or "", company.sitemap, company.limit))


def _token_hint(board: Board, token: str) -> str:
    if "://" in token:
        return "an address is written as `url`, without a token"
    host, slash, rest = token.partition("/")
    if slash and "." in host and boards.detect(f"https://{token}") is not None:
        return f"write `url: https://{token}` instead of a token"
    if slash and host.lower() == board.name and board.accepts(rest):
        return f"write `{rest}`"
    return f"it looks like `{board.example}`"


def name_of(company: Company, located: Located) -> str:
    """Return what people call the company."""
    return company.name or located.source.token or (urlsplit(located.source.url).hostname or located.key)


def _board(company: Fallback) -> Board | None:
    if company.board is None:
        return None
    board = boards.find_board(company.board)
    if board is None:
        raise Misplaced("board", "unknown-board", f"there is no board {company.board!r}", board_meant(company.board))
    return board


def board_meant(name: str) -> str:
    """Return the hint beside a board that doesn't exist."""
    import difflib

    known = boards.names()
    close = difflib.get_close_matches(name.lower(), known, n=1)
    return f"did you mean `{close[0]}`?" if close else f"the boards are {', '.join(known)}"


def _from_url(company: Fallback) -> Located:
    if company.url is None:
        raise Misplaced(
            "", "no-board", "a company needs `board` and `token`, or a `url`", "`orchestrate detect URL` says what a URL is"
        )
    _check_url(company.url)
    found = boards.detect(company.url)
    if found is None:
        raise _nobody_at(urlsplit(company.url).hostname or "")
    board, token = found
    if company.token is not None and company.token != token:
        raise Misplaced("token", "token-mismatch", f"the URL says {token!r}", "leave one of them out")
    return _located(board, Source(token, company.url, company.sitemap, company.limit))


def _nobody_at(host: str) -> Misplaced:
    """Return what is wrong with an address that names no board and company: the host, or only the path."""
    meant = boards.detect(f"https://{host}/acme/jobs")
    if meant is not None:
        title = meant[0].title
        return Misplaced("url", "no-token", f"the address names no company of {title}", f"give a company's page at {host}")
    return Misplaced(
        "url",
        "unknown-host",
        f"no board is known at {host}",
        f"add `board: jsonld` for a company's own pages; the boards are {', '.join(boards.names())}",
    )


def _own_pages(board: Board, company: Fallback) -> Located:
    if company.token is not None:
        raise Misplaced("token", "no-token", f"{board.name} reads a company's own pages and has no tokens", "give `url` only")
    if company.url is None:
        raise Misplaced("", "no-url", f"{board.name} needs the `url` of the page that lists the postings", "")
    _check_url(company.url)
    return _located(board, Source("", company.url, company.sitemap, company.limit))


def _token_of(board: Board, company: Fallback) -> str:
    if company.url is None:
        place = "token" if "token" in company.model_fields_set else ""
        raise Misplaced(place, "no-token", f"{board.title} needs a `token` or a `url`", f"a token looks like `{board.example}`")
    parts = _check_url(company.url)
    token = board.detect(parts)
    if not token:
        raise Misplaced(
            "url", "unknown-host", f"{parts.hostname} is no page of {board.title}", f"give a token such as `{board.example}`"
        )
    return token


def _check_url(url: str) -> SplitResult:
    parts = boards.split_url(url)
    if parts is not None and _PLAIN_URL.fullmatch(url):
        return parts
    why = refused_url(url)
    if why is not None:
        raise Misplaced("url", "bad-url", *why)
    if parts is None:
        raise Misplaced("url", "bad-url", "this is no web address", "write it as https://host/path")
    return parts


def refused_url(url: str, schemes: tuple[str, ...] = ("https", "http")) -> tuple[str, str] | None:
    """Return why text is no web address without a user, and what to write; None if it is one."""
    from orchestrator.spec import urls

    why = urls.refused(url, schemes)
    if why is None and (at := boards.split_url(url)) is not None and at.username is not None:
        return "an address has no user and no password here", "write it as https://host/path"
    return why


def _located(board: Board, source: Source) -> Located:
    return Located(board.name, source, board.key(source))

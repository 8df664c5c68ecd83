"""Rules of a scrape job that no single field can check: boards, tokens, companies that stand twice, addresses."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterator, Mapping
from contextlib import suppress
from functools import lru_cache
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from orchestrator.kinds.scrape import boards, companies
from orchestrator.kinds.scrape.addresses import allowed_hosts
from orchestrator.kinds.scrape.companies import Located, Misplaced
from orchestrator.kinds.scrape.spec import Company, ScrapeSpec
from orchestrator.spec.base import JobSpec
from orchestrator.spec.kinds import Finding

_HOST: Final = re.compile(r"[A-Za-z0-9]([A-Za-z0-9.-]{0,252}[A-Za-z0-9])?")
_Path = tuple[str | int, ...]


def check(job: str, spec: ScrapeSpec, jobs: Mapping[str, JobSpec], root: Path) -> Iterator[Finding]:
    """Yield every problem of one scrape job. Imports the boards that it names, reads no file but `replay`'s name."""
    yield from _companies(spec)
    yield from _shared_companies(job, spec, jobs)
    yield from _addresses(spec)
    yield from _files(spec, root)
    yield from _out_of_reach(spec)


def _companies(spec: ScrapeSpec) -> Iterator[Finding]:
    keys: dict[str, int] = {}
    names: dict[str, int] = {}
    for index, company in enumerate(spec.companies):
        place: _Path = ("companies", index)
        try:
            located = companies.locate(company)
        except Misplaced as problem:
            yield _finding(place, problem)
            continue
        yield from _tier_fields(place, located)
        first = keys.setdefault(located.key, index)
        if first != index:
            yield _twice(place, located.key, first)
            continue
        name = companies.name_of(company, located)
        same = names.setdefault(name.casefold(), index)
        if same != index:
            yield Finding(
                (*place, "name") if company.name else place,
                "company-twice",
                f"company {same + 1} is called {name!r} too",
                "names tell companies apart in status, warnings and `postings --company`: give each its own",
            )
        yield from _fallback(place, company)


def _twice(place: _Path, key: str, first: int) -> Finding:
    return Finding(place, "company-twice", f"{key} stands here twice, first as company {first + 1}", "leave one out")


def _fallback(place: _Path, company: Company) -> Iterator[Finding]:
    if company.fallback is None:
        return
    inner = (*place, "fallback")
    try:
        located = companies.locate(company.fallback)
    except Misplaced as problem:
        yield _finding(inner, problem)
    else:
        yield from _tier_fields(inner, located)


def _tier_fields(place: _Path, located: Located) -> Iterator[Finding]:
    board = boards.find_board(located.board)
    if board is not None and located.source.sitemap and not board.needs_url:
        yield Finding((*place, "sitemap"), "unused-field", f"{board.name} has no use for a sitemap", "only `jsonld` reads one")


def _finding(place: _Path, problem: Misplaced) -> Finding:
    where = (*place, problem.field) if problem.field else place
    return Finding(where, problem.code, problem.message, problem.hint)


def _shared_companies(job: str, spec: ScrapeSpec, jobs: Mapping[str, JobSpec]) -> Iterator[Finding]:
    """Yield companies that another job has too: two jobs would close each other's postings."""
    others = [(name, other) for name, other in jobs.items() if name < job and isinstance(other, ScrapeSpec)]
    if not others:
        return
    taken = {key: name for name, other in others for _, key in _keys(other)}
    for index, key in _keys(spec):
        if key in taken:
            yield Finding(
                ("companies", index),
                "company-twice",
                f"{key} is also in job `{taken[key]}`",
                "a company's postings belong to one job; leave it out of the other",
            )


def _keys(spec: ScrapeSpec) -> Iterator[tuple[int, str]]:
    for index, company in enumerate(spec.companies):
        with suppress(Misplaced):
            yield index, companies.locate(company).key


def _addresses(spec: ScrapeSpec) -> Iterator[Finding]:
    for index, host in enumerate(spec.http.allow_private_hosts):
        if not _is_host(host):
            yield Finding(
                ("http", "allow_private_hosts", index),
                "bad-host",
                f"{host!r} is no name, address or network",
                "write it as `localhost`, `127.0.0.1` or `10.0.0.0/8`",
            )
    for name, url in spec.http.base_urls.items():
        place = ("http", "base_urls", name)
        if boards.find_board(name) is None:
            yield Finding(place, "unknown-board", f"there is no board {name!r}", "the boards are " + ", ".join(boards.names()))
        elif not _is_base(url):
            yield Finding(place, "bad-url", "this is no base URL", "write it as http://host:port, without path or password")
    if spec.http.proxy is not None and not _is_base(spec.http.proxy):
        yield Finding(("http", "proxy"), "bad-url", "this is no address of a proxy", "write it as http://host:port")


@lru_cache(maxsize=1024)
def _is_host(host: str) -> bool:
    try:
        ipaddress.ip_network(host.strip("[]"), strict=False)
    except ValueError:
        return _HOST.fullmatch(host) is not None and "/" not in host
    return True


def _is_base(url: str) -> bool:
    parts = boards.split_url(url)
    return parts is not None and parts.username is None and not parts.query and not parts.fragment


def _files(spec: ScrapeSpec, root: Path) -> Iterator[Finding]:
    if spec.replay is not None and spec.record is not None:
        yield Finding(("record",), "replay-and-record", "a job that replays has nothing to record", "leave one out")
    if spec.replay is not None and not (root / spec.replay).is_file():
        yield Finding(("replay",), "no-such-file", f"there is no file {spec.replay!r}", "paths start at this file's folder")


def _out_of_reach(spec: ScrapeSpec) -> Iterator[Finding]:
    """Yield settings that another one keeps from having an effect. Only what the file says counts, no default."""
    http = spec.http
    if "request_timeout" in http.model_fields_set and http.request_timeout > spec.timeout:
        yield Finding(
            ("http", "request_timeout"),
            "request-outlasts-job",
            f"a request may take {http.request_timeout:g} s, but the job ends after {spec.timeout:g} s",
            "a try ends with the job at the latest: lower it, or raise the job's `timeout`",
            severity="warning",
        )
    if "concurrency" in spec.model_fields_set and spec.replay is None:
        yield from _unused_concurrency(spec)


def _unused_concurrency(spec: ScrapeSpec) -> Iterator[Finding]:
    hosts: dict[str, list[int]] = {}
    with suppress(Misplaced):
        for company in spec.companies:
            host, limit = _host_and_limit(spec, companies.locate(company))
            hosts.setdefault(host, []).append(limit)
        most = sum(min(limits[0], len(limits)) for limits in hosts.values())
        if most < min(spec.concurrency, len(spec.companies)):
            yield Finding(
                ("concurrency",),
                "concurrency-unused",
                f"the limits of the hosts allow {most} companies at a time, not {spec.concurrency}",
                "lower it, or raise `http.per_host.concurrency` if the hosts agree",
                severity="warning",
            )


def _host_and_limit(spec: ScrapeSpec, located: Located) -> tuple[str, int]:
    """Return the host that a company's requests go to, and how many it is asked at a time."""
    board = boards.find_board(located.board)
    assert board is not None, "a located company has a board"
    base = spec.http.base_urls.get(board.name)
    url = base or (located.source.url if board.needs_url else "")
    name = urlsplit(url).hostname or "" if url else board.hosts[0]
    own = allowed_hosts(tuple(spec.http.allow_private_hosts)).names(name)
    polite = spec.concurrency if own else board.politeness
    several = name.startswith("*") and not board.one_backend
    return (located.key if several else name), spec.http.per_host.concurrency or polite

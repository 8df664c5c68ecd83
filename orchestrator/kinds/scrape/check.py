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
_SMALLEST_SHARE: Final = 0.01
_SHORTEST_APART: Final = 60
_SHORTEST_REQUEST: Final = 0.05


def check(job: str, spec: ScrapeSpec, jobs: Mapping[str, JobSpec], root: Path) -> Iterator[Finding]:
    """Yield every problem of one scrape job. Imports the boards that it names, reads no file but `replay`'s name."""
    yield from _companies(spec)
    yield from _shared_companies(job, spec, jobs)
    yield from _addresses(spec)
    yield from _files(spec, root)
    yield from _out_of_reach(spec)
    yield from _unlikely(spec)


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
                _host_meant(host),
            )
    for name, url in spec.http.base_urls.items():
        place = ("http", "base_urls", name)
        if boards.find_board(name) is None:
            yield Finding(place, "unknown-board", f"there is no board {name!r}", companies.board_meant(name), at_key=True)
        elif (why := _no_base(url)) is not None:
            yield Finding(place, "bad-url", *why)
    if spec.http.proxy is not None and (why := _no_base(spec.http.proxy)) is not None:
        yield Finding(("http", "proxy"), "bad-url", *why)


@lru_cache(maxsize=1024)
def _is_host(host: str) -> bool:
    try:
        ipaddress.ip_network(host.strip("[]"), strict=False)
    except ValueError:
        return _HOST.fullmatch(host) is not None and not re.fullmatch(r"[\d.]+", host)  # `300.1.1.1` is no name.
    return True


def _host_meant(host: str) -> str:
    """Return how what was probably meant is written in `allow_private_hosts`: no scheme, port or star belongs there."""
    name = host.partition("://")[2].partition("/")[0] or host
    name = name.rpartition(":")[0] if re.search(r":\d+$", name) else name
    if name != host and _is_host(name):
        return f"write `{name}`: a host is named without scheme, port and path"
    if "*" in host:
        return "there are no wildcards: name each host, or a network such as `10.0.0.0/8`"
    return "write it as `localhost`, `127.0.0.1` or `10.0.0.0/8`"


def _no_base(url: str) -> tuple[str, str] | None:
    """Return why an address isn't one of a scheme and a host, None if it is."""
    why = companies.refused_url(url, ("http", "https"))
    if why is not None:
        return why
    parts = boards.split_url(url)
    if parts is None or parts.query or parts.fragment:
        return "this is no base URL", "write it as http://host:port"
    return None


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


def _unlikely(spec: ScrapeSpec) -> Iterator[Finding]:
    """Yield values that are possible, but hardly meant: a share of all, less than 1%, seconds between runs, expressions."""
    for name, share in (("max_drop", spec.sync.max_drop), ("max_close", spec.sync.max_close)):
        if name in spec.sync.model_fields_set and (share == 1 or 0 < share < _SMALLEST_SHARE):
            message = f"`{name}` is {share * 100:g}%: the guard {'never holds' if share == 1 else 'holds nearly always'}"
            yield Finding(("sync", name), "unlikely-value", message, 'a share is written as "30%" or 0.3', "warning")
    if 0 < spec.sync.confirm_apart < _SHORTEST_APART:
        message = f"`confirm_apart` is {spec.sync.confirm_apart:g} s: runs lie further apart anyway"
        yield Finding(("sync", "confirm_apart"), "unlikely-value", message, 'write "6h" for hours', "warning")
    if spec.http.request_timeout < _SHORTEST_REQUEST:
        message = f"no request ends within {spec.http.request_timeout:g} s"
        yield Finding(("http", "request_timeout"), "unlikely-value", message, 'write "30s" for seconds', "warning")
    for name, globs in (("include_title", spec.include_title), ("exclude_title", spec.exclude_title)):
        for index, glob in enumerate(globs):
            if (odd := _odd_title(glob)) is not None:
                yield Finding((name, index), "odd-glob", f"`{glob}`: {odd[0]}", odd[1], "warning")


def _odd_title(glob: str) -> tuple[str, str] | None:
    if glob.replace("*", "").replace(" ", "").isalnum():
        return None
    from orchestrator.spec.paths import odd_title

    return odd_title(glob)


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

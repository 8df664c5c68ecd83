"""What is wrong with a web address, and what to write instead. Imported when a spec has one that can't be used."""

from __future__ import annotations

import re
from collections.abc import Collection
from difflib import get_close_matches
from typing import Final
from urllib.parse import urlsplit

WEB: Final = ("https", "http")
_SCHEME: Final = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*):(/*)")
_HOST: Final = re.compile(r"(?:[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?\.?|\[[0-9A-Fa-f:.]+\])")
_LOCAL: Final = re.compile(r"(?:localhost|\d[\d.]*|\[.*\]|[^./:]+)(?::|/|$)")
_HIGHEST_PORT: Final = 65_535


def refused(url: str, schemes: Collection[str] = WEB) -> tuple[str, str] | None:
    """Return why text is no address of one of the schemes, and what to write; None if it can be one."""
    if re.search(r"\s", url):
        before, slash, path = url.strip().partition("://")[2].partition("/")
        joined = re.sub(r"\s+", "%20", path)
        in_path = slash and not re.search(r"\s", before)
        return (
            "an address has no spaces",
            f"write `{url.strip().partition('://')[0]}://{before}/{joined}`" if in_path else "remove them",
        )
    if "\\" in url:
        return "an address is written with `/`", f"write `{url.replace(chr(92), '/')}`"
    scheme = _SCHEME.match(url)
    if scheme is None or (not scheme[2] and re.match(r"\d", url[scheme.end() :])):  # `localhost:8080`
        return "the scheme is missing", f"write `{_with_scheme(url.lstrip('/'), schemes)}`"
    if scheme[1].lower() not in schemes:
        return _other_scheme(url, scheme[1], schemes)
    if scheme[2] != "//":
        return "`//` follows the scheme", f"write `{scheme[1]}://{url[scheme.end() :]}`"
    return _host_and_port(url)


def _with_scheme(rest: str, schemes: Collection[str]) -> str:
    secure = next(iter(schemes))
    return f"{'http' if secure == 'https' and _LOCAL.match(rest) else secure}://{rest}"


def _other_scheme(url: str, scheme: str, schemes: Collection[str]) -> tuple[str, str]:
    near = get_close_matches(scheme.lower(), schemes, n=1, cutoff=0.7)
    hint = f"write `{near[0]}://{url.partition(':')[2].lstrip('/')}`" if near else ""
    return f"`{scheme}` isn't possible here", hint or f"the address begins with {' or '.join(f'{each}://' for each in schemes)}"


def _host_and_port(url: str) -> tuple[str, str] | None:
    place = url.partition("://")[2]
    authority = re.split(r"[/?#]", place, maxsplit=1)[0].rpartition("@")[2]
    host, port = authority, ""
    if not authority.endswith("]") and ":" in authority:
        host, _, port = authority.rpartition(":")
        if not (port.isascii() and port.isdecimal() and 0 < int(port[:6]) <= _HIGHEST_PORT):
            return f"there is no port `{port}`", "ports are numbers from 1 to 65535"
    if not host:
        return "the host is missing", "write `https://host/path`"
    if not host.isascii():
        try:
            host = host.encode("idna").decode()
        except UnicodeError:
            return f"`{host}` can't be a host", "write its name, or its address"
    if not _HOST.fullmatch(host) or ".." in host:
        return f"`{host}` can't be a host", "write its name, or its address"
    try:
        usable = urlsplit(url).hostname
    except ValueError:
        usable = None
    return None if usable else (f"`{host}` can't be a host", "write its name, or its address")

"""Addresses of postings, compared: without what only says where a reader came from. Light: boards import it."""

from __future__ import annotations

from typing import Final
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

_TRACKING: Final = frozenset({"gh_src", "lever-source", "ref", "source", "src", "fbclid", "gclid"})


def untracked(url: str) -> str:
    """Return an URL without fragment and tracking parameters."""
    if "?" not in url and "#" not in url:
        return url
    parts = urlsplit(url)
    query = [(key, value) for key, value in parse_qsl(parts.query, keep_blank_values=True) if not _is_tracking(key.lower())]
    return urlunsplit((parts.scheme, parts.netloc, parts.path, urlencode(query), ""))


def _is_tracking(key: str) -> bool:
    return key in _TRACKING or key.startswith("utm_")

"""Redaction of values: what passes through here may be written to status files, the journal and logs.

Values are redacted, messages stay readable. Known secrets (resolved from `${env:...}` and `${file:...}`) are replaced
wherever they stand; beside them, credentials in URLs and well-known headers are, whether known or not.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any, Final
from urllib.parse import urlsplit, urlunsplit

MASK: Final = "***"
_SHORTEST_SECRET: Final = 4  # Shorter values would blank out ordinary words.
_CREDENTIAL_NAME: Final = r"(?:api[_-]?key|key|token|secret|password|passwd|pwd|auth|signature|sig|access[_-]?token|session)"
_QUERY: Final = re.compile(rf"(?i)([?&]{_CREDENTIAL_NAME}=)[^&\s#\"'<>]+")
_USERINFO: Final = re.compile(r"(?i)\b([a-z][a-z0-9+.-]*://)[^\s/@\"'<>]+@")
_HEADER: Final = re.compile(r"(?i)\b(authorization|proxy-authorization|cookie|set-cookie|x-api-key)(\"?\s*[:=]\s*)[^\r\n]+")


class Redactor:
    """Replaces known secrets and recognisable credentials. Immutable, thread-safe."""

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        known = sorted({s for s in secrets if len(s) >= _SHORTEST_SECRET}, key=len, reverse=True)
        self._known = re.compile("|".join(map(re.escape, known))) if known else None

    def __call__(self, text: str) -> str:
        """Return `text` without secrets."""
        if self._known is not None:
            text = self._known.sub(MASK, text)
        if ":" not in text and "=" not in text:
            return text  # Nothing below can match: most keys and words end here.
        if "://" in text:
            text = _USERINFO.sub(rf"\1{MASK}@", text)
        if "=" in text:
            text = _QUERY.sub(rf"\1{MASK}", text)
        return _HEADER.sub(rf"\1\2{MASK}", text)

    def tree(self, value: Any) -> Any:
        """Return nested dicts and lists with every string redacted; keys stay."""
        if isinstance(value, str):
            return self(value)
        if isinstance(value, dict):
            return {key: self.tree(item) for key, item in value.items()}
        if isinstance(value, (list, tuple)):
            return [self.tree(item) for item in value]
        return value


def public_url(url: str) -> str:
    """Return a URL as it may be shown: without user, password and fragment, and with query secrets masked."""
    parts = urlsplit(url)
    host = parts.hostname or ""
    if ":" in host:
        host = f"[{host}]"
    if parts.port is not None:
        host = f"{host}:{parts.port}"
    return _QUERY.sub(rf"\1{MASK}", urlunsplit((parts.scheme, host, parts.path, parts.query, "")))

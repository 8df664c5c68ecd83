"""robots.txt, for pages made for people: fetched once per host, read as RFC 9309 says, by the package protego.

No file (4xx) allows everything. A host whose file can't be had (5xx, no answer) is not asked for pages at all.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import urlsplit

from orchestrator.kinds.scrape.decode import parse_text
from orchestrator.kinds.scrape.wire import Reply, WireError

_LARGEST: Final = 512_000
_LONGEST_DELAY: Final = 10.0
_CLIENT_ERRORS: Final = range(400, 500)


@dataclass(slots=True)
class _Host:
    lock: threading.Lock = field(default_factory=threading.Lock)
    rules: Any = None
    known: bool = False


class Robots:
    """The rules of every host that was asked for a page. Thread-safe; a host's file is fetched by one thread only."""

    def __init__(self, user_agent: str) -> None:
        self._agent = user_agent
        self._hosts: dict[str, _Host] = {}
        self._lock = threading.Lock()

    def check(self, url: str, fetch: Callable[[str], Reply]) -> float:
        """Return the seconds that the host wants between two pages. Raises WireError if the page may not be asked for.

        `fetch` gets robots.txt itself; what it raises passes, and the next page tries again.
        """
        parts = urlsplit(url)
        origin = f"{parts.scheme}://{parts.netloc}"
        with self._lock:
            host = self._hosts.setdefault(origin, _Host())
        with host.lock:
            if not host.known:
                host.rules = self._read(fetch(f"{origin}/robots.txt"))
                host.known = True
        if host.rules is None:
            return 0.0
        if not host.rules.can_fetch(url, self._agent):
            raise WireError("robots-disallow", f"robots.txt of {parts.hostname} doesn't allow this page", retry=False)
        return min(float(host.rules.crawl_delay(self._agent) or 0.0), _LONGEST_DELAY)

    @staticmethod
    def _read(reply: Reply) -> Any:
        if reply.status in _CLIENT_ERRORS:
            return None
        if reply.status != 200:  # noqa: PLR2004 - RFC 9110: OK
            raise WireError("robots-unknown", f"robots.txt can't be had: the server answered {reply.status}")
        from protego import Protego

        return Protego.parse(parse_text(reply.body[:_LARGEST]))

"""What is wrong with the URL of a database, and what to write instead. Imported when it isn't an ordinary SQLite file."""

from __future__ import annotations

import re
from difflib import get_close_matches
from typing import Final

from orchestrator.spec import paths, urls

_EXAMPLE: Final = "for example `sqlite:///.orchestrate/postings.db` or `postgresql+psycopg://user@host/name`"
_SQLITE: Final = ("sqlite", "sqlite+pysqlite")
_SERVERS: Final = ("postgresql+psycopg", "postgresql", "postgres")
_SCHEME: Final = re.compile(r"([A-Za-z][A-Za-z0-9+._-]*):(/*)(.*)", re.DOTALL)


def refused(database: str) -> tuple[str, str] | None:
    """Return why text is no URL of a database that can be used, and what to write; None if it can be one."""
    text = database.removeprefix("jdbc:")
    parts = _SCHEME.fullmatch(text)
    if parts is None:
        hint = f"write `sqlite:///{text}`" if re.fullmatch(r"[\w./-]+\.(?:db|sqlite3?)", text) and text[0] != "/" else _EXAMPLE
        return "`database` has to be a URL", hint
    scheme, slashes, rest = parts[1].lower(), parts[2], parts[3]
    if scheme in _SQLITE:
        return _file(slashes, rest)
    if scheme in _SERVERS and text == database:
        return urls.refused(database, _SERVERS) if not rest.startswith(("/", "@/")) else None
    return _no_driver(scheme, rest)


def _file(slashes: str, rest: str) -> tuple[str, str] | None:
    if slashes == "//" and not rest:
        return "`database` is in memory only", _EXAMPLE
    if len(slashes) < len("///"):
        return "three slashes follow `sqlite:`", f"write `sqlite:///{rest}`"
    path = rest.partition("?")[0]
    if path == ":memory:" or "mode=memory" in rest:
        return "a database in memory is gone when the run ends", _EXAMPLE
    return paths.refused(path)


def _no_driver(scheme: str, rest: str) -> tuple[str, str]:
    base = scheme.partition("+")[0]
    near = get_close_matches(scheme, (*_SQLITE, *_SERVERS), n=1, cutoff=0.75) or get_close_matches(base, _SERVERS, n=1)
    if base in _SERVERS or (near and near[0] not in _SQLITE):
        return f"the driver `{scheme}` isn't used here", f"write `postgresql+psycopg://{rest}`"
    if near:
        return f"`{scheme}` isn't known", f"write `sqlite:///{rest}`"
    return f"`{scheme}` isn't supported", f"SQLite and PostgreSQL are, {_EXAMPLE}"

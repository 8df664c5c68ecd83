"""Secrets that stand in a spec in clear: found by the name of their key and by how random they look, never shown."""

from __future__ import annotations

import math
import re
from typing import Any, Final

from orchestrator.spec.problems import Path, Problem, problem
from orchestrator.spec.references import References
from orchestrator.spec.tree import Tree
from orchestrator.spec.words import named

_NAMES: Final = r"api[_-]?key|access[_-]?key|secret|password|passwd|token|authorization|cookie"
_KEY: Final = re.compile(rf"(?i)(?:^|.*[_-])(?:{_NAMES})(?:[_-].*)?")
_PASSWORD_KEY: Final = re.compile(r"(?i)(?:^|.*[_-])(?:password|passwd)")
_URL_PASSWORD: Final = re.compile(r"[a-z][a-z0-9+.-]*://[^/\s:@]*:([^@\s/]+)@", re.IGNORECASE)
_KNOWN_FORM: Final = re.compile(
    r"(?:sk|pk|rk)-[\w-]{16,}|gh[pousr]_\w{20,}|xox[abprs]-[\w-]{10,}|AKIA[0-9A-Z]{16}|eyJ[\w-]{10,}\.[\w.-]+"
)
_SHORTEST: Final = 20
_BITS_OF_RANDOM: Final = 3.5
_SHORTEST_PASSWORD: Final = 4
_HINT: Final = "write `${env:NAME}` and set the variable where it runs"


def secrets_in_clear(tree: Tree, references: References) -> tuple[list[Problem], tuple[str, ...]]:
    """Return a warning for each secret written in clear, and the secrets, so that no snippet shows them."""
    found: list[Problem] = []
    secrets: set[str] = set()
    pending: list[tuple[Path, Any]] = [((), tree.root)]
    while pending:
        path, value = pending.pop()
        for key, inner in value.items() if isinstance(value, dict) else enumerate(value):
            if isinstance(inner, (dict, list)):
                pending.append(((*path, key), inner))
            elif isinstance(inner, str) and (id(value), key) not in references.values:
                secret = _secret_of(str(key), inner)
                if secret:
                    secrets.add(secret)
                    found.append(_warning(tree, (*path, key), secret, inner))
    return found, tuple(sorted(secrets, key=len, reverse=True))


def _warning(tree: Tree, path: Path, secret: str, value: str) -> Problem:
    what = "a password stands in clear in the URL of" if secret != value else "a secret stands in clear in"
    return problem("secret-in-clear", f"{what} {named(path)}", tree.value_span(path), hint=_HINT, path=path, severity="warning")


def _secret_of(key: str, value: str) -> str | None:
    url = _URL_PASSWORD.match(value)
    if url is not None:
        return url[1] if "${" not in url[1] else None
    if "${" in value or not _KEY.fullmatch(key):
        return None
    if _PASSWORD_KEY.fullmatch(key):
        return value if len(value) >= _SHORTEST_PASSWORD else None
    return value if _KNOWN_FORM.match(value) or _looks_random(value) else None


def _looks_random(value: str) -> bool:
    if len(value) < _SHORTEST or re.search(r"[\s/]", value) or not re.search(r"\d", value):
        return False
    return -sum(n / len(value) * math.log2(n / len(value)) for n in map(value.count, set(value))) > _BITS_OF_RANDOM

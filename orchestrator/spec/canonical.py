"""The canonical form of a valid spec: plain JSON values with defaults applied and secrets as names, and its digest."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from orchestrator.spec.model import Spec
from orchestrator.spec.problems import Path as SpecPath
from orchestrator.spec.references import References


def document_of(spec: Spec, references: References, injected: Mapping[str, frozenset[str]], root: Path) -> dict[str, Any]:
    """Return the spec as JSON values that validate to the same spec again, without resolved values and absolute paths."""
    document: dict[str, Any] = spec.model_dump(mode="json", by_alias=True, exclude={"jobs", "include"})
    document["jobs"] = {name: job.model_dump(mode="json", by_alias=True) for name, job in spec.jobs.items()}
    _escape(document)
    for path, text in references.paths():
        for each in _places(path, injected):
            _put_back(document, each, text)
    _hide(document, references)
    return _relative(document, str(root.resolve()))


def digest_of(document: Mapping[str, Any]) -> str:
    """Return the SHA-256 of a document; the order of keys doesn't matter."""
    text = json.dumps(document, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()


def _places(path: SpecPath, injected: Mapping[str, frozenset[str]]) -> list[SpecPath]:
    """Return where a value of the file stands in the document: a default stands in each job that took it, too."""
    places = [path]
    if path[0] == "defaults" and len(path) > 1:
        places += [("jobs", job, *path[1:]) for job, keys in injected.items() if path[1] in keys]
    return places


def _put_back(document: Any, path: SpecPath, text: str) -> None:
    *owners, last = path
    for part in owners:
        if not _holds(document, part):
            return
        document = document[part]
    if _holds(document, last):
        inner = document[last]
        if isinstance(inner, dict) and "job" in inner:  # A need, written short.
            inner["job"] = text
        elif not isinstance(inner, (dict, list)):
            document[last] = text


def _holds(value: Any, part: str | int) -> bool:
    if isinstance(value, dict):
        return part in value
    return isinstance(value, list) and isinstance(part, int) and part < len(value)


def _hide(document: dict[str, Any], references: References) -> None:
    """Replace secrets that a model moved to another field; where they were written, their names stand already."""
    secrets = references.secrets
    if not secrets:
        return
    names = {references.values[slot]: text for slot, text in references.tree.references.items() if slot in references.values}

    def hidden(text: str) -> str:
        if "${" in text:
            return text
        for secret in secrets:
            if secret in text:
                text = names.get(text) or text.replace(secret, "${env:HIDDEN:-}")
        return text

    _each_text(document, hidden)


def _escape(document: dict[str, Any]) -> None:
    _each_text(document, lambda text: text.replace("${", "$${") if "${" in text else text)


def _relative(document: dict[str, Any], root: str) -> dict[str, Any]:
    def shortened(text: str) -> str:
        return text.replace(f"{root}/", "") if text != root else "."

    if root in json.dumps(document, ensure_ascii=False):
        _each_text(document, shortened)
    return document


def _each_text(value: Any, change: Callable[[str], str]) -> None:
    entries = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, inner in list(entries):
        if isinstance(inner, str):
            value[key] = change(inner)
        else:
            _each_text(inner, change)

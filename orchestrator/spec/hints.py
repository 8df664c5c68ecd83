"""What to write instead of an unknown key, a value of another type, or a number out of bounds."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, Final

from orchestrator.spec import elsewhere, fields
from orchestrator.spec.base import JobSpec
from orchestrator.spec.kinds import built_in
from orchestrator.spec.model import Defaults
from orchestrator.spec.problems import Path, listed
from orchestrator.spec.scalars import plain
from orchestrator.spec.words import flow, written

A_JOB: Final = "`handbook: {kind: ingest, corpus: docs}`"
NO_QUOTES: Final = "remove the quotes"
NO_SPEC: Final = "it begins with `version: 1`; `orchestrate init` writes a first one"
_MOST_LISTED: Final = 12
_WHOLE: Final = 100
_TYPES: Final[dict[str, type]] = {"a whole number": int, "a number": float, "true or false": bool}


def for_key(key: str, path: Path, owners: Iterable[Any], kind: object) -> str:
    """Return what to do about a key that the models at its place don't have, and that resembles none of theirs."""
    models = list(owners)
    known = [each for model in models for each in fields.keys_of(model)]
    said = elsewhere.sentence(key) or _home_of(key, path, models)
    if said:
        return said
    if 0 < len(known) <= _MOST_LISTED:
        return f"possible: {', '.join(known)}"
    place = ".".join(str(kind if index == 1 else part) for index, part in enumerate(path[:-1]) if isinstance(part, str))
    return f"`orchestrate explain {place}` tells the keys" if known else ""


def _home_of(key: str, path: Path, models: Iterable[Any]) -> str:
    """Return where a key belongs that stands one level too high, or in a job of another kind."""
    if len(path) == 1 and key in JobSpec.model_fields:
        return f"jobs have it: put it into one{', or into `defaults`' if key in Defaults.model_fields else ''}"
    for model in models:
        for name, info in model.model_fields.items():
            if any(key in fields.keys_of(inner) for inner in fields.models_in(info.annotation)):
                return f"it belongs into `{name}`"
    if len(path) == 3:  # noqa: PLR2004 - jobs, name, key
        others = [kind.name for kind in built_in().values() if key in fields.keys_of(kind.load_model())]
        return f"jobs of the kind {listed(f'`{name}`' for name in others)} have it" if others else ""
    return ""


def for_type(value: Any, wanted: str, example: Any, annotations: Sequence[Any]) -> str:
    """Return how a value of another type would be written. `annotations` are what it could be."""
    if _is_quoted(value, wanted):
        return NO_QUOTES
    if wanted == "text" and isinstance(value, (int, float)):
        return f'quote it: "{written(value)}"'
    if wanted == "a whole number" and isinstance(value, float) and value.is_integer():
        return f"write {int(value)}"
    if wanted == "a list":
        return _for_list(value, example, annotations)
    if isinstance(example, dict) or (isinstance(example, str) and isinstance(value, (list, dict))):
        return f"for example `{flow(example)}`"
    models = list(filter(fields.is_model, annotations))
    return f"its fields are {', '.join(fields.keys_of(models[0]))}" if wanted == "a mapping" and models else ""


def _is_quoted(value: Any, wanted: str) -> bool:
    """Whether text would be a number or a boolean without its quotes."""
    meant = type(plain(value)) if isinstance(value, str) and wanted in _TYPES else None
    return meant is not None and meant in {_TYPES[wanted], int if wanted == "a number" else _TYPES[wanted]}


def _for_list(value: Any, example: Any, annotations: Sequence[Any]) -> str:
    first = example[0] if isinstance(example, list) and example else None
    if isinstance(value, (str, int, float)) and not isinstance(first, dict):
        items = [model for each in annotations for inner in fields.below(each, 0) for model in fields.models_in(inner)]
        if isinstance(first, str) or not items:
            return f"write `{flow([value])}`"
        return f"each item is a mapping of {listed(fields.keys_of(items[0]), 'and')}"
    if first is not None:
        return f"for example `{flow(example)}`"
    return f"write `{flow(list(value))}`" if isinstance(value, dict) else ""


def for_bound(path: Path, value: Any, limit: float, *, most: bool) -> str:
    """Return what helps beside the bound that a number breaks."""
    if most and path[-1:] == ("timeout",):
        return "work that takes longer takes several `attempts`: each goes on where the last one stopped"
    if most and limit == 1 and isinstance(value, (int, float)) and 1 < value <= _WHOLE:
        return f'for a percentage write "{value:g}%"'
    return ""

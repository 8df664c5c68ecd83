"""What to write instead of an unknown key, a value of another type, or a number out of bounds."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final, get_args

from orchestrator.spec import elsewhere, fields
from orchestrator.spec.base import JobSpec
from orchestrator.spec.kinds import built_in
from orchestrator.spec.model import Defaults, Spec
from orchestrator.spec.problems import Path, listed
from orchestrator.spec.scalars import plain
from orchestrator.spec.types import NAME, parse_duration
from orchestrator.spec.words import flow, written

if TYPE_CHECKING:
    from pydantic.fields import FieldInfo

A_JOB: Final = "`handbook: {kind: ingest, corpus: docs}`"
NO_QUOTES: Final = "remove the quotes"
NO_SPEC: Final = "it begins with `version: 1`; `orchestrate init` writes a first one"
_MOST_LISTED: Final = 12
_WHOLE: Final = 100
_A_SECOND: Final = 1000
_LONGEST_NAME: Final = 63
_TRUTH: Final = {
    "1": "true",
    "yes": "true",
    "on": "true",
    "y": "true",
    "0": "false",
    "no": "false",
    "off": "false",
    "n": "false",
}
FORMS: Final = {
    NAME: "lower-case letters, digits, `-` and `_`",
    r"[\x20-\x7e]+": "letters, digits and signs of ASCII on one line",
    "[a-z][a-z0-9_]{0,29}": "lower-case letters, digits and `_`, up to 30, beginning with a letter",
    "[a-z_][a-z0-9_]{0,99}": "the name of an argument: lower-case letters, digits and `_`",
    "[A-Za-z][A-Za-z0-9_-]{0,99}": "letters, digits, `_` and `-`, up to 100, beginning with a letter",
}
"""What a text has to look like, by its pattern."""
_TYPES: Final[dict[str, type]] = {"a whole number": int, "a number": float, "true or false": bool}


def for_key(key: str, path: Path, owners: Iterable[Any], kind: object) -> str:
    """Return what to do about a key that the models at its place don't have, and that resembles none of theirs."""
    models = list(owners)
    known = [each for model in models for each in fields.keys_of(model)]
    said = home_of(key, path, models) or elsewhere.sentence(key)
    if said:
        return said
    if 0 < len(known) <= _MOST_LISTED:
        return f"possible: {', '.join(known)}"
    place = ".".join(str(kind if index == 1 else part) for index, part in enumerate(path[:-1]) if isinstance(part, str))
    return f"`orchestrate explain {place}` tells the keys" if known else ""


def home_of(key: str, path: Path, models: Iterable[Any]) -> str:
    """Return where a key belongs that stands one level too high or too low, or in a job of another kind."""
    if len(path) == 1 and key in JobSpec.model_fields:
        return f"jobs have it: put it into one{', or into `defaults`' if key in Defaults.model_fields else ''}"
    for model in models:
        for name, info in model.model_fields.items():
            if any(key in fields.keys_of(inner) for inner in fields.models_in(info.annotation)):
                return f"it belongs into `{name}`"
    if len(path) == 3 and key in Spec.model_fields:  # noqa: PLR2004 - jobs, name, key
        return "it stands at the top level of the file"
    if path[0] == "defaults" and any(key in fields.keys_of(kind.load_model()) for kind in built_in().values()):
        return "it has no default for all jobs: put it into each, or share it through an anchor"
    if len(path) == 3:  # noqa: PLR2004 - jobs, name, key
        others = [kind.name for kind in built_in().values() if key in fields.keys_of(kind.load_model())]
        return f"jobs of the kind {listed(f'`{name}`' for name in others)} have it" if others else ""
    return ""


def for_type(value: Any, wanted: str, example: Any, annotations: Sequence[Any]) -> str:
    """Return how a value of another type would be written. `annotations` are what it could be."""
    scalar = _for_scalar(value, wanted)
    if scalar:
        return scalar
    if wanted == "a list":
        return _for_list(value, example, annotations)
    if isinstance(example, dict) or (isinstance(example, str) and isinstance(value, (list, dict))):
        return f"for example `{flow(example)}`"
    models = list(filter(fields.is_model, annotations))
    if models and isinstance(value, str) and "://" in value and "url" in fields.keys_of(models[0]):
        return f"write `{{url: {flow(value)}}}`"
    return f"its fields are {', '.join(fields.keys_of(models[0]))}" if wanted == "a mapping" and models else ""


def _for_scalar(value: Any, wanted: str) -> str:
    """Return how a value would be written as text, a number or a boolean; empty if nobody can tell."""
    hint = ""
    if _is_quoted(value, wanted):
        hint = NO_QUOTES
    elif isinstance(value, list) and len(value) == 1 and _fits(value[0], wanted):
        hint = f"write `{flow(value[0])}`"
    elif wanted == "true or false" and str(value).lower() in _TRUTH:
        hint = f"write {_TRUTH[str(value).lower()]}"
    elif wanted == "text" and isinstance(value, (int, float)):
        hint = f'quote it: "{written(value)}"'
    elif wanted == "a whole number" and isinstance(value, float) and value.is_integer():
        hint = f"write {int(value)}"
    return hint


def _is_quoted(value: Any, wanted: str) -> bool:
    """Whether text would be a number or a boolean without its quotes."""
    meant = type(plain(value)) if isinstance(value, str) and wanted in _TYPES else None
    return meant is not None and meant in {_TYPES[wanted], int if wanted == "a number" else _TYPES[wanted]}


def _for_list(value: Any, example: Any, annotations: Sequence[Any]) -> str:
    first = example[0] if isinstance(example, list) and example else None
    if isinstance(value, str) and value.startswith("-"):
        return "a space is missing behind `-`"
    items = [model for each in annotations for inner in fields.below(each, 0) for model in fields.models_in(inner)]
    if isinstance(value, (str, int, float)) and not isinstance(value, bool) and not isinstance(first, dict):
        if isinstance(first, str) or not items:
            return f"write `{flow([value])}`"
        return f"each item is a mapping of {listed(fields.keys_of(items[0]), 'and')}"
    if isinstance(value, dict) and (first is None or _is_depends_on(value)):
        as_item = any(key in fields.keys_of(model) for model in items for key in value)
        return f"write `{flow([value] if as_item else list(value))}`"
    return f"for example `{flow(example)}`" if first is not None else ""


def _is_depends_on(value: Mapping[str, Any]) -> bool:
    """Whether a mapping is what Compose calls `depends_on`."""
    return bool(value) and all(isinstance(each, dict) and "condition" in each for each in value.values())


def _fits(value: Any, wanted: str) -> bool:
    """Whether the only item of a list could stand there by itself."""
    return {"text": str, **_TYPES}.get(wanted) is type(value)


def bounds(info: FieldInfo | None, wanted: str) -> str:
    """Return between which numbers a field's value lies; empty if it has no two bounds or takes no number."""
    if info is None or wanted not in {"a whole number", "a number"}:
        return ""
    known = info.metadata or [part for leaf in get_args(info.annotation) for part in getattr(leaf, "__metadata__", ())]
    least = next((each.ge for each in known if hasattr(each, "ge")), None)
    most = next((each.le for each in known if hasattr(each, "le")), None)
    return f"it takes {wanted} from {least:,} to {most:,}" if least is not None and most is not None else ""


def for_bound(info: FieldInfo | None, path: Path, value: Any, broken: Mapping[str, Any]) -> str:
    """Return what helps beside the bound that a number breaks: another unit, attempts, a percentage."""
    most = next((float(limit) for name, limit in broken.items() if name in {"lt", "le"}), None)
    if most is None:
        return ""
    number = value if isinstance(value, (int, float)) and not isinstance(value, bool) else None
    if number is not None and fields.is_parsed_by(info, parse_duration) and most < number <= most * _A_SECOND:
        return f'a number counts seconds: for milliseconds write "{number:g}ms"'
    if path[-1:] == ("timeout",):
        return "work that takes longer takes several `attempts`: each goes on where the last one stopped"
    if most == 1 and number is not None and number <= _WHOLE:
        return f'for a percentage write "{value:g}%"'
    return ""


def job_name(name: str) -> str:
    """Return how a job could be called instead."""
    near = re.sub(r"[^a-z0-9_-]+", "-", name.lower()).strip("-_")[:_LONGEST_NAME]
    meant = f"did you mean `{near}`? " if near and near != name else ""
    return f"{meant}lower-case letters, digits, `-` and `_`, up to 63, beginning with a letter or digit"

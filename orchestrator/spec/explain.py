"""What a field of jobs.yaml is for, in words: meaning, type, bounds, default, example, and the fields below it."""

from __future__ import annotations

import re
import types
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Annotated, Any, Final, Literal, NamedTuple, Union, get_args, get_origin

from annotated_types import Ge, Gt, Le, Lt
from pydantic import BaseModel, BeforeValidator
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from orchestrator.spec import fields
from orchestrator.spec.model import Spec
from orchestrator.spec.problems import listed
from orchestrator.spec.types import parse_allowance, parse_duration, parse_share, parse_size
from orchestrator.spec.words import flow

if TYPE_CHECKING:
    from orchestrator.spec.kinds import Kind

_MOST_SUGGESTIONS: Final = 5
_SCALARS: Final = {str: "text", int: "a whole number", float: "a number", bool: "true or false"}

_PARSED: Final[dict[Any, tuple[str, str]]] = {
    parse_duration: ("a duration", " s"),
    parse_size: ("a size", " bytes"),
    parse_share: ("a percentage, or a number from 0 to 1", ""),
    parse_allowance: ("a count, or a percentage", ""),
}


class Explained(NamedTuple):
    """A field, or a level of the file."""

    path: str
    meaning: str
    type: str = ""
    default: str = ""
    example: str = ""
    children: tuple[tuple[str, str], ...] = ()


def explain(path: str, kinds: Mapping[str, Kind]) -> Explained | None:
    """Return what stands at a path such as `jobs.scrape.http.retries`; None if there is no such field.

    Positions in lists may be written or left out: `companies[0].token` and `companies.token` are the same.
    """
    parts = [part for part in re.split(r"\.|\[\d*\]", path.strip()) if part]
    if not parts:
        return Explained("", "The content of jobs.yaml.", "a mapping", children=_children(Spec))
    if parts[0] == "jobs":
        return _job_field(parts, kinds)
    return _field(".".join(parts), Spec, parts)


def all_paths(kinds: Mapping[str, Kind]) -> list[str]:
    """Return the path of every field."""
    found = [path for path, _ in _paths(Spec, "")]
    for name, kind in kinds.items():
        found += [f"jobs.{name}", *(path for path, _ in _paths(kind.load_model(), f"jobs.{name}."))]
    return found


def similar(path: str, kinds: Mapping[str, Kind]) -> list[str]:
    """Return the fields that were probably meant: those that end like the path, else those that are spelled like it."""
    import difflib

    known = all_paths(kinds)
    last = path.rpartition(".")[2]
    ending = [each for each in known if each == path or each.endswith(f".{path}")]
    ending = ending or [each for each in known if each.rpartition(".")[2] == last]
    return (ending or difflib.get_close_matches(path, known, n=_MOST_SUGGESTIONS))[:_MOST_SUGGESTIONS]


def _job_field(parts: Sequence[str], kinds: Mapping[str, Kind]) -> Explained | None:
    if len(parts) == 1:
        children = tuple((name, kind.summary) for name, kind in kinds.items())
        return Explained("jobs", "The jobs, by name. What a job has follows from its `kind`.", "a mapping", children=children)
    kind = kinds.get(parts[1])
    if kind is None:
        return None
    model = kind.load_model()
    if len(parts) == 2:  # noqa: PLR2004 - jobs, kind
        return Explained(".".join(parts), _sentence(kind.summary), "a mapping", children=_children(model))
    return _field(".".join(parts), model, parts[2:])


def _field(path: str, root: type[BaseModel], parts: Sequence[str]) -> Explained | None:
    owners, info = [root], None
    for part in parts:
        info = next((found for owner in owners if (found := fields.field_of(owner, part)) is not None), None)
        if info is None:
            return None
        owners = models_below(info.annotation)
    assert info is not None
    default = default_words(info)
    example = flow(info.examples[0]) if info.examples else default if default != "required" else ""
    children = tuple(child for owner in owners for child in _children(owner))
    wanted = words(info.annotation, info.metadata)
    return Explained(path, info.description or "", wanted, default, f"{parts[-1]}: {example}" if example else "", children)


def _children(model: type[BaseModel]) -> tuple[tuple[str, str], ...]:
    return tuple((info.alias or name, info.description or "") for name, info in model.model_fields.items())


def _paths(model: type[BaseModel], prefix: str) -> Iterator[tuple[str, FieldInfo]]:
    for name, info in model.model_fields.items():
        path = prefix + (info.alias or name)
        yield path, info
        for inner in models_below(info.annotation) if path != "jobs" else []:
            yield from _paths(inner, f"{path}.")


def models_below(annotation: Any) -> list[type[BaseModel]]:
    """Return the models that a value can be, or that its items can be."""
    found: list[type[BaseModel]] = []
    for leaf in fields.leaves(annotation):
        if fields.is_model(leaf):
            found.append(leaf)
        else:
            found += [model for inner in fields.arguments_of(leaf) for model in models_below(inner)]
    return found


def words(annotation: Any, metadata: Iterable[Any] = ()) -> str:
    """Return a type in words, with its bounds: `a whole number from 0 to 10`."""
    known = [each for item in metadata for each in (item.metadata if isinstance(item, FieldInfo) else [item])]
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        return words(arguments[0], [*arguments[1:], *known])
    if origin in {Union, types.UnionType} and _parser(known) is None:
        return listed(dict.fromkeys(words(each, known) for each in arguments if each is not type(None)))
    if origin is Literal:
        return listed(f"`{value}`" for value in arguments)
    return _simple(annotation, known, arguments)


def _simple(annotation: Any, metadata: Sequence[Any], arguments: tuple[Any, ...]) -> str:
    parser = _parser(metadata)
    if parser is not None:
        name, unit = _PARSED[parser]
        return name + (_bounds(metadata, unit) if unit else "")
    if annotation in _SCALARS:
        return _SCALARS[annotation] + (_bounds(metadata, "") if annotation in {int, float} else "")
    if arguments and len(fields.arguments_of(annotation)) == 1:
        return f"a list of {words(arguments[0]).removeprefix('a ')}"
    return "a mapping"


def _parser(metadata: Iterable[Any]) -> Any:
    return next((each.func for each in metadata if isinstance(each, BeforeValidator) and each.func in _PARSED), None)


def _bounds(metadata: Iterable[Any], unit: str) -> str:
    low, high = "", ""
    for each in metadata:
        if isinstance(each, Ge):
            low = low if low.startswith("more") and _number(each.ge) in low else f"{_number(each.ge)}{unit}"
        elif isinstance(each, Gt):
            low = f"more than {_number(each.gt)}{unit}"
        elif isinstance(each, Le):
            high = f"{_number(each.le)}{unit}"
        elif isinstance(each, Lt):
            high = f"less than {_number(each.lt)}{unit}"
    if not low and not high:
        return ""
    if not high:
        return f", {low}" if low.startswith("more") else f" from {low}"
    return f", {low}, up to {high}" if low.startswith("more") else f" from {low} to {high}" if low else f" up to {high}"


def _number(value: Any) -> str:
    return f"{value:,.12g}" if isinstance(value, float) else f"{value:,}"


def default_words(info: FieldInfo) -> str:
    """Return a field's default as it would be written in the file; `required` if it has none, empty for null."""
    if info.is_required():
        return "required"
    value = info.get_default(call_default_factory=True, validated_data={})
    if value is None or value is PydanticUndefined or isinstance(value, BaseModel):
        return ""
    parser = _parser(info.metadata)
    if parser is parse_duration:
        return f"{value:g}s"
    if parser is parse_size:
        return f"{value / 1e6:g}MB" if value % 1000 == 0 else f"{value}"
    if parser is parse_share or (parser is parse_allowance and isinstance(value, float)):
        return f"{value * 100:g}%"
    return flow(value)


def _sentence(text: str) -> str:
    return f"{text[0].upper()}{text[1:].rstrip('.')}."

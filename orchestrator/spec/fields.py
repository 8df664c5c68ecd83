"""The fields of the spec's models, found by path: what keys exist where, and what they are for."""

from __future__ import annotations

import types
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Annotated, Any, Final, Literal, Union, get_args, get_origin

from pydantic import BaseModel

if TYPE_CHECKING:
    from pydantic.fields import FieldInfo

_SEQUENCES: Final = frozenset({list, tuple, set, frozenset, Sequence})
_MAPPINGS: Final = frozenset({dict, Mapping})
_CONTAINERS: Final = _SEQUENCES | _MAPPINGS


def leaves(annotation: Any) -> Iterator[Any]:
    """Yield the alternatives of an annotation: models, lists, mappings and scalar types, without `Annotated` and unions."""
    origin = get_origin(annotation)
    if origin is Annotated:
        yield from leaves(get_args(annotation)[0])
    elif origin in {Union, types.UnionType}:
        for inner in get_args(annotation):
            yield from leaves(inner)
    else:
        yield annotation


def is_model(annotation: Any) -> bool:
    """Whether an annotation is a model, which has named fields."""
    return isinstance(annotation, type) and issubclass(annotation, BaseModel)


def models_in(annotation: Any) -> list[type[BaseModel]]:
    """Return the models that a value of this annotation can be."""
    return [leaf for leaf in leaves(annotation) if is_model(leaf)]


def arguments_of(annotation: Any) -> tuple[Any, ...]:
    """Return what a list or mapping holds; nothing for a scalar."""
    return get_args(annotation) if get_origin(annotation) in _CONTAINERS else ()


def keys_of(model: type[BaseModel]) -> list[str]:
    """Return the keys as they are written in the file."""
    return [info.alias or name for name, info in model.model_fields.items()]


def field_of(model: type[BaseModel], key: str) -> FieldInfo | None:
    """Return the field of a key as it is written in the file, None if the model has no such key."""
    return next((info for name, info in model.model_fields.items() if (info.alias or name) == key), None)


def is_union(annotation: Any) -> bool:
    """Whether a value can be one of several types; `None` doesn't count."""
    return sum(leaf is not type(None) for leaf in leaves(annotation)) > 1


def words_of(annotation: Any) -> list[Any]:
    """Return the words that a value of this annotation can be, beside other things."""
    return [word for leaf in leaves(annotation) if get_origin(leaf) is Literal for word in get_args(leaf)]


def is_parsed_by(info: FieldInfo | None, parse: Callable[[Any], Any]) -> bool:
    """Whether the values of a field, or of one branch of it, are read by a function."""
    if info is None:
        return False
    pending: list[Any] = [*info.metadata, info.annotation]
    while pending:
        each = pending.pop()
        if getattr(each, "func", None) is parse:
            return True
        pending += get_args(each)
    return False


def below(annotation: Any, part: str | int) -> list[Any]:
    """Return the annotation of what stands below `part` in a value of this annotation, none if that can't be."""
    if is_model(annotation):
        info = field_of(annotation, str(part))
        return [] if info is None else [info.annotation]
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin in _SEQUENCES and arguments:
        return [arguments[0]]
    if origin in _MAPPINGS and len(arguments) > 1:
        return [arguments[1]]
    return []


def annotations_at(root: Any, path: Iterable[str | int]) -> list[Any]:
    """Return the alternatives that a value at `path` below an annotation can be; none if the path leads nowhere."""
    current = list(leaves(root))
    for part in path:
        current = [leaf for each in current for inner in below(each, part) for leaf in leaves(inner)]
    return current


def field_at(root: Any, path: Sequence[str | int]) -> FieldInfo | None:
    """Return the field that a path leads to, None if it ends at an item of a list or nowhere."""
    if not path or isinstance(path[-1], int):
        return None
    owners = [each for each in annotations_at(root, path[:-1]) if is_model(each)]
    return next((info for owner in owners if (info := field_of(owner, path[-1])) is not None), None)

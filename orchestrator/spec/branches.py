"""What pydantic found at one spot, and which branch of a union its writer probably meant."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from orchestrator.spec.problems import Path, listed
from orchestrator.spec.tree import Spot

_KINDS_OF_VALUE: Final = {
    "string": "text",
    "int": "a whole number",
    "float": "a number",
    "bool": "true or false",
    "list": "a list",
    "tuple": "a list",
    "dict": "a mapping",
    "mapping": "a mapping",
    "model": "a mapping",
    "model_attributes": "a mapping",
    "none_required": "nothing",
}
_LITERAL: Final = re.compile(r"'([^']*)'")


@dataclass(frozen=True, slots=True)
class Found:
    """One error of pydantic with the spot in the file that it leads to."""

    type: str
    message: str
    context: Mapping[str, Any]
    location: tuple[str | int, ...]
    spot: Spot

    @property
    def value(self) -> Any:
        """What stands in the file."""
        return self.spot.value


def meant(at: Path, branches: Mapping[str | int, list[Found]]) -> list[Found]:
    """Return the errors of the branch that the writer probably meant; one error for all if nobody can tell."""
    if len(branches) == 1:
        return next(iter(branches.values()))
    fitting = [errors for errors in branches.values() if not any(each.spot.path == at and _of_type(each) for each in errors)]
    if fitting:
        return min(fitting, key=len)
    first = next(iter(branches.values()))[0]
    errors = [each for branch in branches.values() for each in branch]
    literals = [word for each in errors for word in allowed(each)]
    near = [each for each in errors if str(each.context.get("hint", "")).startswith("write `")]
    if near:
        return near[:1]
    if literals and isinstance(first.value, str):
        words = ", ".join(f"'{word}'" for word in literals)
        return [Found("expected-one-of", "", {"expected": words}, first.location, first.spot)]
    custom = [each for each in errors if "problem" in each.context]
    if custom and isinstance(first.value, (str, int, float)):
        return custom[:1]
    words = listed(dict.fromkeys([*literals, *(wanted(each) for each in errors if not allowed(each))]))
    return [Found("is_instance_of", "", {"wanted": words}, first.location, first.spot)]


def _of_type(found: Found) -> bool:
    return (
        found.type.endswith("_type") or found.type in {"literal_error", "enum", "none_required"} or "problem" in found.context
    )


def allowed(found: Found) -> list[str]:
    """Return the words that are possible at a spot."""
    text = found.context.get("expected", found.context.get("expected_tags", ""))
    return _LITERAL.findall(str(text)) or ([str(text)] if text and found.type == "literal_error" else [])


def wanted(found: Found) -> str:
    """Return what kind of value is possible at a spot: `a whole number`, `a list`."""
    if "wanted" in found.context:
        return str(found.context["wanted"])
    kind = found.type.removesuffix("_type").removesuffix("_from_float")
    return _KINDS_OF_VALUE.get(kind, kind.replace("_", " "))

"""How places and values of a spec are called in sentences."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from orchestrator.spec.problems import Path

_LONGEST_QUOTE: Final = 60


def cut(text: str) -> str:
    """Return text that fits into a sentence."""
    return text if len(text) <= _LONGEST_QUOTE else text[: _LONGEST_QUOTE - 1] + "…"


def written(value: Any) -> str:
    """Return a number or boolean as YAML writes it."""
    return ("true" if value else "false") if isinstance(value, bool) else str(value)


def described(value: Any) -> str:
    """Return a value as a person would quote it."""
    if value is None:
        return "empty"
    if isinstance(value, bool):
        return written(value)
    if isinstance(value, (int, float)):
        return f"the number {cut(str(value))}"
    if isinstance(value, str):
        return f"`{cut(value)}`" if value else "empty text"
    return "a list" if isinstance(value, list) else "a mapping"


def named(path: Path) -> str:
    """Return how a person calls a place: `` `timeout` in job `a` ``, `` item 2 of `include` in job `b` ``."""
    if not path:
        return "the file"
    *owner, last = path
    if isinstance(last, int):
        return f"item {last + 1} of {named(tuple(owner))}"
    if path[0] == "jobs" and len(path) == 2:  # noqa: PLR2004 - jobs, name
        return f"job `{cut(str(last))}`"
    return f"`{cut(last)}`{place(tuple(owner))}"


def place(path: Path) -> str:
    """Return where something stands: `` in job `a` ``, `` in `http` of job `a` ``; nothing for the top level."""
    if not path:
        return ""
    if path[0] == "jobs" and len(path) > 1:
        job = f"job `{cut(str(path[1]))}`"
        return f" in `{dotted_below(path)}` of {job}" if len(path) > 2 else f" in {job}"  # noqa: PLR2004 - jobs, name
    return f" in `{dotted_below((None, None, *path))}`"


def dotted_below(path: Sequence[Any]) -> str:
    """Return what follows the job's name in a path."""
    text = ""
    for part in path[2:]:
        text += f"[{part}]" if isinstance(part, int) else f".{part}" if text else str(part)
    return cut(text)


def flow(value: Any) -> str:
    """Return an example as it would be written on one line of YAML."""
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{key}: {flow(inner)}" for key, inner in value.items()) + "}"
    if isinstance(value, (list, tuple)):
        return "[" + ", ".join(flow(inner) for inner in value) + "]"
    if isinstance(value, str):
        return f'"{value}"' if _needs_quotes(value) else value
    return "null" if value is None else written(value)


def _needs_quotes(text: str) -> bool:
    from orchestrator.spec.scalars import plain

    special = text[:1] in set("*&!%@`#{}[]:,?|>-\"' ") or any(each in text for each in (",", "[", "]", "{", "}", ": ", " #"))
    return not text or special or plain(text) is not text

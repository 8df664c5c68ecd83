"""Where each value of a resolved spec comes from: a line of the file, `defaults`, a reference, or the program's default."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

from orchestrator.spec.problems import Path, dotted
from orchestrator.spec.words import flow

if TYPE_CHECKING:
    from orchestrator.spec.examine import Examination


class Origin(NamedTuple):
    """One value with its place: `source` is `file`, `defaults`, `reference` or `default`; the line is 0 for a default.

    `file` is the name of an included file, empty for the file that was asked for.
    """

    path: Path
    value: Any
    source: str
    line: int = 0
    file: str = ""

    @property
    def where(self) -> str:
        """The path as people write it."""
        return dotted(self.path)


def origins(document: Mapping[str, Any], examination: Examination) -> Iterator[Origin]:
    """Yield each scalar and each list of a resolved document, in its order, with where it comes from."""
    pending: list[tuple[Path, Any]] = [((), document)]
    while pending:
        path, value = pending.pop()
        if isinstance(value, dict) and value:
            pending += [((*path, key), inner) for key, inner in reversed(value.items())]
        elif path:
            yield _origin(path, value, examination)


def _origin(path: Path, value: Any, examination: Examination) -> Origin:
    tree = examination.tree
    spot = tree.spot(path)
    if not spot.passed:
        span = tree.key_span(path)
        return Origin(path, value, "reference" if spot.slot in tree.references else "file", span.line, span.file)
    if path[0] == "jobs" and path[2] in examination.injected.get(str(path[1]), frozenset()):
        return Origin(path, value, "defaults", tree.key_span(("defaults", path[2])).line)
    return Origin(path, value, "default")


def annotated(document: Mapping[str, Any], examination: Examination, file: str) -> str:
    """Return a resolved document as YAML, each value with a comment that tells where it comes from."""
    lines: list[tuple[str, str]] = []
    above: Path = ()
    for origin in origins(document, examination):
        *owners, key = origin.path
        shared = next((n for n, (a, b) in enumerate(zip(owners, above, strict=False)) if a != b), min(len(owners), len(above)))
        lines += [(f"{'  ' * depth}{owners[depth]}:", "") for depth in range(shared, len(owners))]
        above = tuple(owners)
        place = f"{origin.file or file}:{origin.line}"
        said = {"default": "default", "defaults": f"defaults, {place}"}.get(origin.source, place)
        lines += _value_lines("  " * len(owners), key, origin.value, said)
    width = min(60, max((len(text) for text, said in lines if said), default=0))
    return "\n".join(f"{text:<{width}}  # {said}" if said else text for text, said in lines)


def _value_lines(indent: str, key: str | int, value: Any, said: str) -> list[tuple[str, str]]:
    """Return the lines of one value: a list of mappings takes a line an item, without what isn't set."""
    if not isinstance(value, list) or not any(isinstance(each, dict) for each in value):
        return [(f"{indent}{key}: {flow(value)}", said)]
    items = [{name: inner for name, inner in each.items() if inner is not None} for each in value]
    return [(f"{indent}{key}:", said), *((f"{indent}  - {flow(item)}", "") for item in items)]

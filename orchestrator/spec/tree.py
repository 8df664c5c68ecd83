"""The content of a YAML file as plain values, with the place in the file of each key and value."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from orchestrator.spec.problems import Path, Problem, Span

Slot = tuple[int, str | int]
"""A value by the container that holds it: the container's `id` and the key or index. Aliases share it."""


class Spot(NamedTuple):
    """Where a location of a validator leads.

    `path` is the part of it that exists and `value` what stands there; `passed` holds the parts that exist nowhere (missing
    keys, names of union branches), each behind the length of the path that led to it.
    """

    path: Path
    value: Any
    passed: tuple[tuple[int, str | int], ...]
    slot: Slot | None


class Tree:
    """A document: its value, the events of its keys and items, and what the builder noticed on the way.

    `marks` holds, for each container by its `id`, the events of its entries in order: key, value, key, value of a mapping,
    one for each item of a sequence. `ends` holds the closing event. Both are empty for a document that is no file.
    `refused` are scalars that were refused while reading: whatever else is wrong with them follows from that. `references`
    are scalars with `${`, as they stand in the file. `ignored` holds the values of `x-` keys: an `id` is only valid while
    its object lives. `texts` are those of included files, `homes` says which of them a container comes from, and
    `entry_homes` the same of single entries.
    """

    def __init__(self, text: str = "", root: Any = None) -> None:
        self.text = text
        self.root = root
        self.marks: dict[int, list[Any]] = {}
        self.ends: dict[int, Any] = {}
        self.problems: list[Problem] = []
        self.refused: set[Slot] = set()
        self.references: dict[Slot, str] = {}
        self.ignored: list[Any] = []
        self.texts: dict[str, str] = {}
        self.homes: dict[int, str] = {}
        self.entry_homes: dict[Slot, str] = {}
        self._positions: dict[int, dict[Any, int]] = {}

    def spot(self, location: Iterable[str | int]) -> Spot:
        """Follow a validator's location as far as it exists; names of union branches on the way are passed over."""
        value, slot = self.root, None
        path: list[str | int] = []
        passed: list[tuple[int, str | int]] = []
        for part in location:
            if _holds(value, part):
                slot = (id(value), part)
                value = value[part]
                path.append(part)
            else:
                passed.append((len(path), part))
        return Spot(tuple(path), value, tuple(passed), slot)

    def take(self, other: Tree, name: str) -> None:
        """Take over everything that an included file's tree knows; its values are put into this one by the caller."""
        self.texts[name] = other.text
        self.ignored += [other.root, *other.ignored]
        self.marks.update(other.marks)
        self.ends.update(other.ends)
        self.refused |= other.refused
        self.references.update(other.references)
        self.homes.update(dict.fromkeys(other.marks, name))
        self.problems += [each._replace(file=name) for each in other.problems]

    def value_span(self, path: Sequence[str | int]) -> Span:
        """Return the span of the value at `path`; of a block of several lines only what names it."""
        return self._at_home(self._value_span(path), path)

    def key_span(self, path: Sequence[str | int]) -> Span:
        """Return the span of the key at `path`; of the item, if `path` ends in an index."""
        return self._at_home(self._key_span(path), path)

    def _at_home(self, span: Span, path: Sequence[str | int]) -> Span:
        if not self.homes or not path:
            return span
        holder = id(self._container(path))
        return span._replace(file=self.entry_homes.get((holder, path[-1])) or self.homes.get(holder, ""))

    def _value_span(self, path: Sequence[str | int]) -> Span:
        if not path:
            return self._first_line()
        container = self._container(path)
        events = self._events(container, path[-1])
        if events is None:
            return Span()
        key, value = events
        inner = container[path[-1]]
        if isinstance(inner, (dict, list)):
            end = self.ends.get(id(inner))
            if end is not None and end.end_mark.line == value.start_mark.line:
                return _span(value.start_mark, end.end_mark)
            if key is not None:
                return _span(key.start_mark, key.end_mark)
        if key is not None and value.start_mark.index == value.end_mark.index:  # Nothing stands behind the key.
            return _span(key.start_mark, key.end_mark)
        return _span(value.start_mark, value.end_mark)

    def _key_span(self, path: Sequence[str | int]) -> Span:
        if not path:
            return self._first_line()
        events = self._events(self._container(path), path[-1])
        if events is None:
            return Span()
        key = events[0]
        return self._value_span(path) if key is None else _span(key.start_mark, key.end_mark)

    def walk_references(self) -> Iterator[tuple[Path, Any, Slot]]:
        """Yield path, container and slot of each reachable scalar with a reference; an aliased one comes once a path."""
        if not self.references:
            return
        pending: list[tuple[Path, Any]] = [((), self.root)]
        while pending:
            path, value = pending.pop()
            for key, inner in _entries(value):
                if isinstance(inner, (dict, list)):
                    pending.append(((*path, key), inner))
                elif (id(value), key) in self.references:
                    yield (*path, key), value, (id(value), key)

    def _container(self, path: Sequence[str | int]) -> Any:
        value = self.root
        for part in path[:-1]:
            value = value[part]
        return value

    def _events(self, container: Any, key: str | int) -> tuple[Any, Any] | None:
        marks = self.marks.get(id(container))
        if marks is None:
            return None
        if isinstance(container, list):
            return None, marks[int(key)]
        positions = self._positions.get(id(container))
        if positions is None:
            positions = {marks[position].value: position for position in range(0, len(marks), 2)}
            self._positions[id(container)] = positions
        position = positions.get(key)
        return None if position is None else (marks[position], marks[position + 1])

    def _first_line(self) -> Span:
        return Span(1, 1, 1, max(2, len(self.text.split("\n", 1)[0]) + 1))


def _holds(value: Any, part: str | int) -> bool:
    if isinstance(value, dict):
        return part in value
    return isinstance(value, list) and isinstance(part, int) and 0 <= part < len(value)


def _entries(value: Any) -> Iterable[tuple[str | int, Any]]:
    if isinstance(value, dict):
        return value.items()
    return enumerate(value) if isinstance(value, list) else ()


def _span(start: Any, end: Any) -> Span:
    """Return the span between two marks, at least one character wide; marks count from 0."""
    if end.line == start.line and end.column == start.column:
        return Span(start.line + 1, start.column + 1, end.line + 1, end.column + 2)
    return Span(start.line + 1, start.column + 1, end.line + 1, end.column + 1)


def mark_span(event: Any) -> Span:
    """Return the span of an event of the parser."""
    return _span(event.start_mark, event.end_mark)


def tree_of(document: Mapping[str, Any]) -> Tree:
    """Return the tree of plain values that come from no file; every place is the first line."""
    tree = Tree(root=_copied(document))
    pending = [tree.root]
    while pending:
        value = pending.pop()
        for key, inner in _entries(value):
            if isinstance(inner, (dict, list)):
                pending.append(inner)
            elif isinstance(inner, str) and "${" in inner:
                tree.references[id(value), key] = inner
    return tree


def _copied(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _copied(inner) for key, inner in value.items()}
    return [_copied(inner) for inner in value] if isinstance(value, (list, tuple)) else value

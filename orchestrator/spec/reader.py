"""Reading YAML strictly: values with their places, and a problem for whatever would be read differently elsewhere.

Works on the events of the C parser (PyYAML on libyaml), never recursively, within fixed bounds on size, depth and what
aliases multiply. Without libyaml the parser of PyYAML itself gives the same events, ten times slower.
"""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

import yaml
from yaml.events import (
    AliasEvent,
    DocumentStartEvent,
    Event,
    MappingEndEvent,
    MappingStartEvent,
    ScalarEvent,
    SequenceEndEvent,
    SequenceStartEvent,
)

from orchestrator.spec.problems import Problem, Span, problem
from orchestrator.spec.scalars import Trap, plain
from orchestrator.spec.text import Unreadable, decoded
from orchestrator.spec.tree import Slot, Tree, mark_span

MOST_DEPTH: Final = 64
MOST_NODES: Final = 1_000_000
MOST_ALIASED_NODES: Final = 100_000
_MOST_PROBLEMS: Final = 200
_TEXT_TAGS: Final = frozenset({"!", "tag:yaml.org,2002:str"})
_CONTAINER_TAGS: Final = frozenset({"tag:yaml.org,2002:map", "tag:yaml.org,2002:seq"})
_KEY_HINT: Final = "quote the key if it is text; templates `{{ }}` aren't rendered, `${env:NAME}` works in values"
_NO_KEY: Final = object()


def read(data: bytes | str) -> Tree:
    """Return the tree of a file's content; whatever is wrong with it stands in `problems`, and the root may be None."""
    tree = Tree()
    try:
        tree.text = decoded(data)
        with _uncollected():
            _Builder(tree).run()
    except Unreadable as unreadable:
        tree.problems.append(unreadable.problem)
        tree.root = None
    except yaml.MarkedYAMLError as error:
        from orchestrator.spec.syntax import syntax_problem

        tree.problems.append(syntax_problem(error, tree.text))
        tree.root = None
    return tree


@contextmanager
def _uncollected() -> Iterator[None]:
    """Pause the cycle collector: a file of 10,000 companies makes 80,000 events that all stay, and each pass visits them."""
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()


def _parser(text: str) -> Any:
    try:
        from yaml._yaml import CParser
    except ImportError:
        return _pure_parser(text)
    return CParser(text)


def _pure_parser(text: str) -> Any:
    from yaml.parser import Parser
    from yaml.reader import Reader
    from yaml.scanner import Scanner

    class PureParser(Reader, Scanner, Parser):
        def __init__(self, stream: str) -> None:
            Reader.__init__(self, stream)
            Scanner.__init__(self)
            Parser.__init__(self)

    return PureParser(text)


class _Frame:
    """A container that is being filled."""

    __slots__ = ("anchor", "at", "key", "merges", "nodes_before", "value")

    def __init__(self, value: Any, at: Any, anchor: str | None, nodes_before: int) -> None:
        self.value = value
        self.at = at
        self.anchor = anchor
        self.nodes_before = nodes_before
        self.key: Any = _NO_KEY
        self.merges: list[tuple[Any, Any]] = []


class _Builder:
    """Turns events into values. One method an event; the containers that are open stand in `_frames`."""

    def __init__(self, tree: Tree) -> None:
        self._tree = tree
        self._frames: list[_Frame] = []
        self._frame: _Frame | None = None
        self._marks: list[Any] = []
        self._anchors: dict[str, tuple[Any, int] | None] = {}
        self._again: set[str] = set()
        self._nodes = 0
        self._aliased = 0
        self._documents = 0

    def run(self) -> None:
        """Read the one document of the file."""
        next_event = _parser(self._tree.text).get_event
        scalar, steps = self._scalar, self._steps()
        while (event := next_event()) is not None:
            kind = event.__class__
            if kind is ScalarEvent:
                scalar(event)
            elif kind in steps:
                steps[kind](event)
        if not self._documents or (self._tree.root is None and not self._tree.problems):
            raise Unreadable(
                problem("empty-file", "the file is empty", Span(), hint="`orchestrate init` writes a first jobs.yaml")
            )

    def _steps(self) -> dict[type[Event], Any]:
        return {
            MappingStartEvent: self._open,
            SequenceStartEvent: self._open,
            MappingEndEvent: self._close,
            SequenceEndEvent: self._close,
            AliasEvent: self._alias,
            DocumentStartEvent: self._document,
        }

    def _document(self, event: Any) -> None:
        self._documents += 1
        if self._documents > 1:
            raise Unreadable(
                problem(
                    "several-documents",
                    "the file holds more than one document",
                    mark_span(event),
                    hint="keep one; `orchestrate validate` takes several files",
                )
            )

    def _scalar(self, event: Any) -> None:
        self._nodes += 1
        frame = self._frame
        if frame is not None and frame.key is _NO_KEY and frame.value.__class__ is dict:
            self._key(frame, event)
            return
        text = event.value
        value = plain(text) if event.implicit[0] else text
        if event.tag is not None:
            value = self._tagged(event, value)
        if value.__class__ is Trap:
            self._refuse(event, "ambiguous-scalar", value.message, value.hint)
            value = text
        elif "${" in text:
            self._tree.references[self._slot(frame)] = text
        if event.anchor is not None:
            self._anchors[event.anchor] = (value, 1)
        self._put(frame, value, event)

    def _tagged(self, event: Any, value: Any) -> Any:
        if event.tag in _TEXT_TAGS:
            return event.value
        self._refuse(event, "unknown-tag", f"the tag `{_short_tag(event.tag)}` isn't supported", "remove it")
        return event.value if value.__class__ is Trap else value

    def _key(self, frame: _Frame, event: Any) -> None:
        key = event.value
        if event.implicit[0]:
            if key == "<<":
                frame.key = event
                self._marks.append(event)
                return
            meant = plain(key)
            if meant.__class__ is not str:
                self._refuse_key(frame, key, event)
        if key in frame.value:
            self._duplicate(frame, key, event)
        frame.key = key
        self._marks.append(event)

    def _refuse_key(self, frame: _Frame, key: str, event: Any) -> None:
        self._note(
            problem(
                "key-not-text",
                f"the key `{key or 'null'}` isn't text to every tool",
                mark_span(event),
                hint=self._key_hint(key),
                path=self._path(key),
            )
        )
        self._tree.refused.add((id(frame.value), key))

    def _key_hint(self, key: str) -> str:
        if len(self._frames) > 1:
            return f'quote it: "{key}"'
        from orchestrator.spec.elsewhere import sentence

        return sentence(key) or "no field is called so"

    def _duplicate(self, frame: _Frame, key: str, event: Any) -> None:
        first = next(each for each in self._marks[::2] if each.value == key)
        self._note(
            problem(
                "duplicate-key",
                f"the key `{key}` stands twice here; the first is on line {first.start_mark.line + 1}",
                mark_span(event),
                hint="keep one of them; YAML tools silently take the last",
                path=self._path(key),
            )
        )
        self._tree.ignored.append(frame.value[key])
        position = next(index for index in range(0, len(self._marks), 2) if self._marks[index] is first)
        del self._marks[position : position + 2]

    def _open(self, event: Any) -> None:
        self._nodes += 1
        if len(self._frames) >= MOST_DEPTH:
            raise Unreadable(problem("too-deep", f"more than {MOST_DEPTH} levels are nested here", mark_span(event)))
        if self._nodes > MOST_NODES:
            raise Unreadable(problem("too-large", f"the file holds more than {MOST_NODES:,} values", mark_span(event)))
        if event.tag is not None and event.tag not in _CONTAINER_TAGS:
            self._refuse(event, "unknown-tag", f"the tag `{_short_tag(event.tag)}` isn't supported", "remove it")
        value: Any = {} if event.__class__ is MappingStartEvent else []
        frame = self._frame
        if frame is not None and frame.key is _NO_KEY and frame.value.__class__ is dict:
            self._structured_key(event)
        at = None if frame is None else len(frame.value) if frame.value.__class__ is list else frame.key
        self._put(frame, value, event)
        if event.anchor is not None:
            if event.anchor in self._anchors:
                self._again.add(event.anchor)
            self._anchors[event.anchor] = None
        self._frame = _Frame(value, at, event.anchor, self._nodes)
        self._frames.append(self._frame)
        self._marks = self._tree.marks[id(value)] = []

    def _structured_key(self, event: Any) -> None:
        raise Unreadable(problem("key-not-text", "a list or mapping can't be a key", mark_span(event), hint=_KEY_HINT))

    def _close(self, event: Any) -> None:
        done = self._frames.pop()
        for value, key_event in done.merges:
            self._merge(done.value, value, key_event)
        if done.anchor is not None:
            self._anchors[done.anchor] = (done.value, self._nodes - done.nodes_before + 1)
        self._tree.ends[id(done.value)] = event
        self._frame = self._frames[-1] if self._frames else None
        if self._frame is not None:
            self._marks = self._tree.marks[id(self._frame.value)]

    def _alias(self, event: Any) -> None:
        if event.anchor not in self._anchors:
            raise Unreadable(
                problem(
                    "unknown-alias",
                    f"no anchor `&{event.anchor}` stands before this alias",
                    mark_span(event),
                    hint=f'if it is text, quote it: "*{event.anchor}"',
                )
            )
        known = self._anchors[event.anchor]
        if known is None:
            hint = f"another anchor is called `&{event.anchor}`, too: rename one of them" if event.anchor in self._again else ""
            message = f"`*{event.anchor}` stands inside its own anchor"
            raise Unreadable(problem("unknown-alias", message, mark_span(event), hint=hint))
        value, size = known
        self._nodes += size
        self._aliased += size
        if self._aliased > MOST_ALIASED_NODES:
            raise Unreadable(
                problem("too-large", f"aliases multiply the file to more than {MOST_ALIASED_NODES:,} values", mark_span(event))
            )
        frame = self._frame
        if frame is not None and frame.key is _NO_KEY and frame.value.__class__ is dict:
            raise Unreadable(problem("key-not-text", "an alias can't be a key", mark_span(event)))
        if isinstance(value, str) and "${" in value:
            self._tree.references[self._slot(frame)] = value
        self._put(frame, value, event)

    def _put(self, frame: _Frame | None, value: Any, event: Any) -> None:
        if frame is None:
            self._tree.root = value
            return
        if frame.value.__class__ is list:
            frame.value.append(value)
            self._marks.append(event)
            return
        key, frame.key = frame.key, _NO_KEY
        if key.__class__ is not str:
            frame.merges.append((value, key))
            self._tree.ignored.append(value)
            self._marks.pop()
        elif key[:2] == "x-" and len(self._frames) <= 3:  # noqa: PLR2004 - the top level, `jobs`, and a job
            self._tree.ignored.append(value)
            self._marks.pop()
        else:
            frame.value[key] = value
            self._marks.append(event)

    def _merge(self, target: dict[str, Any], source: Any, key_event: Any) -> None:
        sources = source if isinstance(source, list) else [source]
        marks = self._tree.marks[id(target)]
        for each in sources:
            if not isinstance(each, dict):
                self._note(
                    problem(
                        "bad-merge",
                        "`<<` takes a mapping, or a list of mappings",
                        mark_span(key_event),
                        hint="for example `<<: *anchor`",
                    )
                )
                continue
            theirs = self._tree.marks[id(each)]
            for position in range(0, len(theirs), 2):
                key = theirs[position].value
                if key in target:
                    continue
                marks += theirs[position : position + 2]
                target[key] = each[key]
                for noticed in (self._tree.references, self._tree.refused):
                    self._inherit(noticed, (id(each), key), (id(target), key))

    def _inherit(self, noticed: dict[Slot, str] | set[Slot], source: Slot, target: Slot) -> None:
        if source not in noticed:
            return
        if isinstance(noticed, dict):
            noticed[target] = noticed[source]
        else:
            noticed.add(target)

    def _slot(self, frame: _Frame | None) -> Slot:
        if frame is None:
            return (0, 0)
        if frame.value.__class__ is list:
            return (id(frame.value), len(frame.value))
        return (id(frame.value), frame.key if frame.key.__class__ is str else "<<")

    def _path(self, last: str | int) -> tuple[str | int, ...]:
        return (*(frame.at for frame in self._frames[1:]), last)

    def _refuse(self, event: Any, code: str, message: str, hint: str) -> None:
        self._tree.refused.add(self._slot(self._frame))
        path = self._path(self._slot(self._frame)[1]) if self._frame is not None else ()
        self._note(problem(code, message, mark_span(event), hint=hint, path=path))

    def _note(self, found: Problem) -> None:
        self._tree.problems.append(found)
        if len(self._tree.problems) >= _MOST_PROBLEMS:
            raise Unreadable(
                problem(
                    "too-many-problems",
                    "reading ends here: there are too many problems",
                    Span(found.line, found.column, found.end_line, found.end_column),
                )
            )


def _short_tag(tag: str) -> str:
    return tag.replace("tag:yaml.org,2002:", "!!")

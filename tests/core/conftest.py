"""A model of a disk that loses power: it records what a program asks of the system and tells what may be left of it.

The program works on real files meanwhile. The model knows what POSIX promises and no more: what was written and not synced
is lost, half there or there; a name that was given, changed or removed is durable once its directory was synced, and may be
durable before; a rename within a directory is one step. Unsynced steps are independent of each other.
"""

from __future__ import annotations

import itertools
import math
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import pytest

MOST_STATES: Final = 10_000
LOST, HALF, KEPT = range(3)


@dataclass(frozen=True)
class Written:
    """Bytes at a place in a file that weren't synced."""

    file: int
    offset: int
    data: bytes


@dataclass(frozen=True)
class Cut:
    """A file that was cut to a size, unsynced."""

    file: int
    size: int


@dataclass(frozen=True)
class Named:
    """Names of a directory that changed in one step: each with the node it means now, None if it is gone. Unsynced."""

    folder: int
    names: tuple[tuple[str, int | None], ...]


Step = Written | Cut | Named


@dataclass
class Disk:
    """What is durable, and the steps behind it. Nodes are numbered anew, since a file system gives numbers twice."""

    root: Path
    contents: dict[int, bytes] = field(default_factory=dict)
    folders: dict[int, dict[str, int]] = field(default_factory=dict)
    pending: list[Step] = field(default_factory=list)
    nodes: dict[int, int] = field(default_factory=dict)
    next_node: Iterator[int] = field(default_factory=itertools.count)
    forgets_syncs: bool = False
    most: int = MOST_STATES

    def __post_init__(self) -> None:
        self.learn(self.root)

    def learn(self, path: Path) -> int:
        """Take over what exists already, as durable."""
        node = self.fresh(path)
        if path.is_dir():
            self.folders[node] = {child.name: self.learn(child) for child in path.iterdir()}
        else:
            self.contents[node] = path.read_bytes()
        return node

    def fresh(self, path: Path) -> int:
        node = next(self.next_node)
        self.nodes[path.lstat().st_ino] = node
        return node

    def node(self, path: Path) -> int:
        return self.nodes[path.lstat().st_ino]

    def knows(self, path: Path) -> bool:
        return path.is_relative_to(self.root)

    def name(self, path: Path, node: int | None) -> None:
        self.pending.append(Named(self.node(path.parent), ((path.name, node),)))

    def rename(self, old: Path, new: Path, node: int) -> None:
        if old.parent == new.parent:
            self.pending.append(Named(self.node(old.parent), ((old.name, None), (new.name, node))))
        else:
            self.name(new, node)
            self.name(old, None)

    def sync(self, node: int) -> None:
        """Make what was asked of one node durable, in its order."""
        if self.forgets_syncs:
            return
        mine = [step for step in self.pending if (step.folder if isinstance(step, Named) else step.file) == node]
        self.pending = [step for step in self.pending if step not in mine]
        for step in mine:
            _take(self.contents, self.folders, step, KEPT)

    def after_power_loss(self) -> Iterator[dict[str, bytes]]:
        """Yield every tree that may be found: contents by path relative to the root."""
        choices = [(LOST, KEPT) if isinstance(step, Named) else (LOST, HALF, KEPT) for step in self.pending]
        possible = math.prod(len(choice) for choice in choices)
        assert self.forgets_syncs or possible <= self.most, "too many states to look at all of them"
        for chosen in itertools.islice(itertools.product(*choices), self.most):
            contents = dict(self.contents)
            folders = {node: dict(names) for node, names in self.folders.items()}
            for step, choice in zip(self.pending, chosen, strict=True):
                _take(contents, folders, step, choice)
            yield dict(_walk(contents, folders, self.nodes[self.root.lstat().st_ino], ""))


def _take(contents: dict[int, bytes], folders: dict[int, dict[str, int]], step: Step, choice: int) -> None:
    if choice == LOST:
        return
    match step:
        case Written(file, offset, data):
            data = data[: len(data) // 2] if choice == HALF else data
            before = contents.get(file, b"").ljust(offset, b"\0")
            contents[file] = before[:offset] + data + before[offset + len(data) :]
        case Cut(file, size):
            contents[file] = contents.get(file, b"")[:size]
        case Named(folder, names):
            for name, node in names:
                if node is None:
                    folders.setdefault(folder, {}).pop(name, None)
                else:
                    folders.setdefault(folder, {})[name] = node


def _walk(contents: dict[int, bytes], folders: dict[int, dict[str, int]], node: int, path: str) -> Iterator[tuple[str, bytes]]:
    for name, child in folders.get(node, {}).items():
        below = f"{path}/{name}" if path else name
        if child in folders:
            yield from _walk(contents, folders, child, below)
        else:
            yield below, contents.get(child, b"")


class Wiretap:
    """Stands between the program and `os`, does what is asked, and tells the disk and whoever watches after each step."""

    def __init__(self, disk: Disk, watch: Callable[[], None]) -> None:
        self._disk = disk
        self._watch = watch
        self._open: dict[int, Path] = {}
        self._real = {name: getattr(os, name) for name in ("open", "write", "ftruncate", "replace", "link", "unlink", "mkdir")}
        self._real["fsync"], self._real["close"], self._real["rename"] = os.fsync, os.close, os.rename

    def install(self, monkeypatch: pytest.MonkeyPatch) -> None:
        for name in self._real:
            monkeypatch.setattr(os, name, getattr(self, name))

    def open(self, path: Any, flags: int, *arguments: Any, **options: Any) -> int:
        where = Path(path)
        created = bool(flags & os.O_CREAT) and self._disk.knows(where) and not where.exists()
        descriptor: int = self._real["open"](path, flags, *arguments, **options)
        self._open[descriptor] = where
        if created:
            node = self._disk.fresh(where)
            self._disk.contents[node] = b""
            self._disk.name(where, node)
            self._watch()
        return descriptor

    def write(self, descriptor: int, data: Any) -> int:
        size = os.fstat(descriptor).st_size
        count: int = self._real["write"](descriptor, data)
        self._step(descriptor, lambda node: Written(node, size, bytes(data)[:count]))
        return count

    def ftruncate(self, descriptor: int, size: int) -> None:
        self._real["ftruncate"](descriptor, size)
        self._step(descriptor, lambda node: Cut(node, size))

    def _step(self, descriptor: int, step: Callable[[int], Step]) -> None:
        if descriptor in self._open and self._disk.knows(self._open[descriptor]):
            self._disk.pending.append(step(self._disk.nodes[os.fstat(descriptor).st_ino]))
            self._watch()

    def fsync(self, descriptor: int) -> None:
        self._real["fsync"](descriptor)
        if descriptor in self._open and self._disk.knows(self._open[descriptor]):
            self._disk.sync(self._disk.nodes[os.fstat(descriptor).st_ino])
            self._watch()

    def close(self, descriptor: int) -> None:
        self._open.pop(descriptor, None)
        self._real["close"](descriptor)

    def rename(self, old: Any, new: Any) -> None:
        self._renamed("rename", Path(old), Path(new))

    def replace(self, old: Any, new: Any) -> None:
        self._renamed("replace", Path(old), Path(new))

    def _renamed(self, how: str, old: Path, new: Path) -> None:
        node = self._disk.node(old)
        self._real[how](old, new)
        self._disk.rename(old, new, node)
        self._watch()

    def link(self, old: Any, new: Any) -> None:
        self._real["link"](old, new)
        self._disk.name(Path(new), self._disk.node(Path(old)))
        self._watch()

    def unlink(self, path: Any, **options: Any) -> None:
        self._real["unlink"](path, **options)
        if "dir_fd" not in options and self._disk.knows(Path(path)):
            self._disk.name(Path(path), None)
            self._watch()

    def mkdir(self, path: Any, *arguments: Any, **options: Any) -> None:
        self._real["mkdir"](path, *arguments, **options)
        node = self._disk.fresh(Path(path))
        self._disk.folders[node] = {}
        self._disk.name(Path(path), node)
        self._watch()


@pytest.fixture
def bad_states(monkeypatch: pytest.MonkeyPatch) -> Callable[..., tuple[int, list[str]]]:
    """Return a judge of a program: how many states a power loss may leave, and what is wrong with the bad ones.

    `judge` gets each tree that may be left after each step, and says what is wrong with it (empty: nothing).
    """

    def run(
        root: Path, program: Callable[[], None], judge: Callable[[dict[str, bytes]], str], *, syncs: bool = True
    ) -> tuple[int, list[str]]:
        disk = Disk(root) if syncs else Disk(root, forgets_syncs=True, most=100)
        seen, bad = [0], []

        def watch() -> None:
            for tree in disk.after_power_loss():
                seen[0] += 1
                if wrong := judge(tree):
                    bad.append(wrong)

        with monkeypatch.context() as patch:
            Wiretap(disk, watch).install(patch)
            program()
        return seen[0], bad

    return run

"""A model of losing power at each operation of a publish, and kill -9 at random points of one.

Killing a process can't test fsync, since the page cache survives it. So the operations of a real publish are recorded, and
for each point in time states are made in which what wasn't synced by then is kept, lost, or half kept.
"""

from __future__ import annotations

import os
import random
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from orchestrator.errors import UnreadableState
from orchestrator.kinds.ingest.store import Store
from orchestrator.kinds.ingest.verify import problems

Workshop = Any
ROOT = Path(__file__).resolve().parents[3]


@dataclass
class Node:
    """A file or a directory as the disk knows it: what is durable, and what was done since in order."""

    folder: bool
    durable: Any = None
    pending: list[Any] = field(default_factory=list)

    def latest(self) -> Any:
        if not self.folder:
            return self.pending[-1] if self.pending else self.durable
        entries = dict(self.durable or {})
        for change in self.pending:
            change.apply(self, entries)
        return entries


@dataclass(eq=False)
class Change:
    """Names that appear and vanish together: one entry, or both ends of a rename."""

    parts: list[tuple[Node, str, Node | None]]

    def apply(self, folder: Node, entries: dict[str, Node]) -> None:
        for where, name, node in self.parts:
            if where is folder:
                entries.pop(name, None)
                if node is not None:
                    entries[name] = node


class Disk:
    """Watches a real directory and knows what a power loss would leave of it."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.nodes: dict[int, Node] = {}
        self.top = self._node(root)
        self.observe()
        for node in self.nodes.values():
            self._make_durable(node)

    def _node(self, path: Path) -> Node:
        found = path.lstat()
        return self.nodes.setdefault(found.st_ino, Node(path.is_dir()))

    def observe(self) -> None:
        """Take in what changed on the real directory since the last look."""
        changes: list[tuple[Node, str, Node | None]] = []
        for folder, folders, names in os.walk(self.root):
            here = self._node(Path(folder))
            actual = {name: self._node(Path(folder, name)) for name in (*folders, *names)}
            known = here.latest()
            changes += [(here, name, None) for name in known.keys() - actual.keys()]
            changes += [(here, name, node) for name, node in actual.items() if known.get(name) is not node]
            for name in names:
                content = Path(folder, name).read_bytes()
                if actual[name].latest() != content:
                    actual[name].pending.append(content)
        for change in self._grouped(changes):
            for where in {id(part[0]): part[0] for part in change.parts}.values():
                where.pending.append(change)

    @staticmethod
    def _grouped(changes: list[tuple[Node, str, Node | None]]) -> Iterator[Change]:
        gone = [change for change in changes if change[2] is None]
        for change in (each for each in changes if each[2] is not None):
            source = next((old for old in gone if old[0].latest().get(old[1]) is change[2]), None)
            if source is not None:
                gone.remove(source)
            yield Change([change] if source is None else [source, change])
        yield from (Change([change]) for change in gone)

    def synced(self, path: Path) -> None:
        self._make_durable(self._node(path))

    def _make_durable(self, node: Node) -> None:
        node.durable = node.latest()
        settled, node.pending = node.pending, []
        if node.folder:
            for change in settled:  # A rename is one transaction: synced at one end, it is durable at both.
                for where, _, _ in change.parts:
                    if change in where.pending:
                        entries = dict(where.durable or {})
                        change.apply(where, entries)
                        where.durable = entries
                        where.pending.remove(change)

    def after_power_loss(self, choose: Callable[[list[Any]], Any], destination: Path) -> None:
        """Write one of the states that the disk may have; `choose` picks what was kept."""
        kept: dict[int, bool] = {}
        self._write(self.top, destination, choose, kept)

    def _write(self, node: Node, path: Path, choose: Callable[[list[Any]], Any], kept: dict[int, bool]) -> None:
        if not node.folder:
            versions = [b"" if node.durable is None else node.durable, *node.pending]
            content = choose(versions)
            if node.pending and choose([False, False, True]):
                content = content[: len(content) // 2]
            path.write_bytes(content)
            return
        path.mkdir(mode=0o700)
        entries = dict(node.durable or {})
        for change in node.pending:
            if kept.setdefault(id(change), choose([True, False])):
                change.apply(node, entries)
        for name, inner in entries.items():
            self._write(inner, path / name, choose, kept)


@contextmanager
def recording(disk: Disk, monkeypatch: pytest.MonkeyPatch, moment: Callable[[], None], *, fsync: bool) -> Iterator[None]:
    """Call `moment` before and after every operation that changes names or makes something durable."""
    real_fsync = os.fsync
    looking = [False]

    def look() -> None:
        looking[0] = True  # What a look does itself isn't part of the publish.
        moment()
        looking[0] = False

    def syncing(descriptor: int) -> None:
        real_fsync(descriptor)
        if looking[0]:
            return
        disk.observe()
        look()
        path = Path(f"/proc/self/fd/{descriptor}").readlink()
        if fsync and path.is_relative_to(disk.root):
            disk.synced(path)
        look()

    def watched(real: Callable[..., Any]) -> Callable[..., Any]:
        def call(*arguments: Any, **options: Any) -> Any:
            if looking[0]:
                return real(*arguments, **options)
            disk.observe()
            look()
            result = real(*arguments, **options)
            disk.observe()
            look()
            return result

        return call

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", syncing)
        for name in ("replace", "rename", "link", "unlink", "rmdir", "mkdir"):
            patch.setattr(os, name, watched(getattr(os, name)))
        yield


def states_after_power_loss(
    handbook: Workshop, monkeypatch: pytest.MonkeyPatch, scratch: Path, dice: random.Random, *, fsync: bool, tries: int = 1
) -> list[str]:
    """Publish once more with every power loss tried; return what was wrong with the states."""
    handbook.run(embedding="none")
    before = handbook.store.current_id()
    handbook.write({"new.md": "# New\n\nNews.\n"})
    job = handbook.job(embedding="none")
    plan = job.plan(handbook.context())
    handbook.work(job, plan, handbook.context())
    disk = Disk(handbook.store.path)
    wrong: list[str] = []
    tried = [0]

    def moment(acknowledged: str | None = None) -> None:
        extremes: list[Callable[[list[Any]], Any]] = [lambda options: options[0], lambda options: options[-1]]
        for choose in (*extremes, *[dice.choice] * tries):
            tried[0] += 1
            place = scratch / "after-power-loss"
            disk.after_power_loss(choose, place)
            wrong.extend(what_is_wrong(Store(place), before, acknowledged))
            shutil.rmtree(place)

    with recording(disk, monkeypatch, moment, fsync=fsync):
        published = job.commit(handbook.context()).result["snapshot_id"]
    disk.observe()
    moment(published)
    assert tried[0] > 100, "the publish was recorded"
    return wrong


def what_is_wrong(store: Store, before: str, acknowledged: str | None) -> list[str]:
    try:
        current = store.current()
    except UnreadableState as error:
        return [error.message]
    if current is None:
        return ["nothing is current any more"]
    if acknowledged is not None and current.name != acknowledged:
        return ["an acknowledged snapshot is lost"]
    found = problems(current)
    if current.name != before and not found:
        found += problems(store.path / before)
    store.sweep()
    if store.current() != current or set(store.ids()) - {before, current.name}:
        found.append("sweeping changed what is published")
    return found


def test_no_power_loss_during_a_publish_shows_a_damaged_or_missing_snapshot(
    handbook: Workshop, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    assert states_after_power_loss(handbook, monkeypatch, tmp_path, random.Random(7), fsync=True) == []


@pytest.mark.torture
@pytest.mark.timeout(0)
def test_no_power_loss_shows_a_damaged_snapshot_with_many_states_at_each_operation(
    handbook: Workshop, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, chance: random.Random, whole: bool
) -> None:
    tries = 40 if whole else 3
    assert states_after_power_loss(handbook, monkeypatch, tmp_path, chance, fsync=True, tries=tries) == []


def test_the_model_finds_bad_states_when_nothing_is_synced(
    handbook: Workshop, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    wrong = states_after_power_loss(handbook, monkeypatch, tmp_path, random.Random(7), fsync=False)
    assert len(wrong) > 20
    assert len(set(wrong)) > 1


ZYGOTE = """
import os, sys, signal
from pathlib import Path
sys.path.insert(0, {conftest!r})
import conftest
shop = conftest.Workshop(Path({root!r}))
number = 0
shop.run(embedding="none")
print("ready", flush=True)
for line in sys.stdin:
    number += 1
    child = os.fork()
    if child == 0:
        turn = 0
        while True:
            turn += 1
            shop.write({{"notes.txt": f"Note {{number}} {{turn}}."}})
            job = shop.job(embedding="none")
            job._around.settings["retention"]["snapshots"] = 1_000_000
            plan = job.plan(shop.context())
            shop.work(job, plan, shop.context())
            print("published", job.commit(shop.context()).result["snapshot_id"], flush=True)
    print("child", child, flush=True)
    os.waitpid(child, 0)
    print("ended", flush=True)
"""


@pytest.mark.torture
@pytest.mark.timeout(0)
def test_kill_9_at_random_points_of_publishing_loses_and_breaks_nothing(
    handbook: Workshop, chance: random.Random, rounds: Callable[[int], Iterator[int]], tell: Callable[[str], None]
) -> None:
    script = ZYGOTE.format(conftest=str(Path(__file__).parent), root=str(handbook.root))
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    zygote = subprocess.Popen(
        [sys.executable, "-c", script], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment
    )
    assert zygote.stdin is not None
    assert zygote.stdout is not None
    assert zygote.stdout.readline() == "ready\n"
    pause = threading.Event()
    kills = 0
    store = handbook.store
    acknowledged = {store.current_id()}
    for _ in rounds(5):
        zygote.stdin.write("go\n")
        zygote.stdin.flush()
        child = 0
        while not child:
            word, _, rest = zygote.stdout.readline().strip().partition(" ")
            if word == "published":
                acknowledged.add(rest)
            elif word == "child":
                child = int(rest)
        pause.wait(chance.uniform(0.002, 0.25))
        os.kill(child, signal.SIGKILL)
        while (word := zygote.stdout.readline().strip()) != "ended":
            acknowledged.add(word.partition(" ")[2])
        kills += 1
        current = store.current()
        assert current is not None
        assert problems(current) == []
        assert current.name >= max(acknowledged)
        assert acknowledged <= set(store.ids()), "an acknowledged snapshot is lost"
    zygote.stdin.close()
    zygote.stdout.close()
    zygote.wait(timeout=10)
    done = handbook.run(embedding="none", checks={"max_removed": "100%"})
    assert done.outcome.result["documents"] == 4
    left = [entry.name for entry in store.path.iterdir() if entry.name.startswith(".")]
    assert sorted(left) == []
    tell(f"{kills} kills, {len(acknowledged)} acknowledged snapshots, 0 lost, 0 damaged")

"""Whether a corpus changed since its snapshot: by the times of its files, a bounded step at a time."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

STEP_SECONDS: Final = 0.012
AGAIN_SECONDS: Final = 30.0
MOST_FILES: Final = 100_000
MOST_NAMED: Final = 6
SETTINGS: Final = (
    "corpus", "include", "exclude", "respect_gitignore", "max_file_size", "chunk", "embedding", "readers", "on_bad_document",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Drift:
    """What the last walk saw. `walked` is how many files; `complete` whether a walk has come to its end."""

    changed: tuple[str, ...] = ()
    new: tuple[str, ...] = ()
    gone: tuple[str, ...] = ()
    walked: int = 0
    complete: bool = False

    @property
    def stale(self) -> bool:
        """Whether anything differs."""
        return bool(self.changed or self.new or self.gone)


class Walk:
    """Walks the folders of a corpus, again and again, and remembers what the last whole walk saw."""

    def __init__(self, folders: Mapping[str, Path], known: frozenset[str], made_at: float) -> None:
        """`folders` maps the prefix of keys to a folder; `known` are the snapshot's documents; `made_at` is its time."""
        self._folders, self._known, self._made_at = dict(folders), known, made_at
        self._suffixes = frozenset(os.path.splitext(key)[1] for key in known)  # noqa: PTH122 - a Path for each is ten times slower
        self._last = Drift()
        self._ended = -AGAIN_SECONDS
        self._running: Iterator[Drift | None] | None = None

    def advance(self, seconds: float = STEP_SECONDS) -> Drift:
        """Go on for about `seconds`, and return what the last whole walk saw."""
        until = time.perf_counter() + seconds
        if self._running is None and until - self._ended < AGAIN_SECONDS:
            return self._last
        self._running = self._running or self._walk()
        for found in self._running:
            if found is not None:
                self._last, self._ended, self._running = found, time.perf_counter(), None
                break
            if time.perf_counter() > until:
                break
        return self._last

    def _walk(self) -> Iterator[Drift | None]:
        changed, new, seen, walked = [], [], set(), 0
        for prefix, folder in self._folders.items():
            for key, modified in _files(folder, prefix):
                walked += 1
                if key in self._known:
                    seen.add(key)
                    if modified > self._made_at:
                        changed.append(key)
                elif modified > self._made_at and os.path.splitext(key)[1] in self._suffixes:  # noqa: PTH122
                    new.append(key)
                yield None
                if walked >= MOST_FILES:
                    break
        whole = walked < MOST_FILES
        gone = self._known - seen if whole else frozenset()
        yield Drift(tuple(sorted(changed)), tuple(sorted(new)), tuple(sorted(gone)), walked, complete=True)


def _files(folder: Path, prefix: str) -> Iterator[tuple[str, float]]:
    """Yield keys and times of the files below a folder; links and hidden names are left out, as an ingest does."""
    waiting = [("", str(folder))]
    while waiting:
        relative, path = waiting.pop()
        try:
            with os.scandir(path) as entries:
                found = list(entries)
        except OSError:
            continue
        for entry in found:
            if entry.name.startswith("."):
                continue
            try:
                if entry.is_dir(follow_symlinks=False):
                    waiting.append((f"{relative}{entry.name}/", entry.path))
                elif entry.is_file(follow_symlinks=False):
                    yield f"{prefix}{relative}{entry.name}", entry.stat(follow_symlinks=False).st_mtime
            except OSError:
                continue


def folders_of(job: Mapping[str, Any], root: Path) -> dict[str, Path]:
    """Return the corpus folders of a job of a resolved spec by the prefix of their keys; none for postings."""
    corpus = job.get("corpus")
    names = [corpus] if isinstance(corpus, str) else corpus if isinstance(corpus, list) else []
    names = [name for name in names if isinstance(name, str)]
    several = len(names) > 1
    return {f"{Path(name).as_posix().strip('/')}/" if several else "": root / name for name in names}


def changed_settings(before: Mapping[str, Any] | None, now: Mapping[str, Any] | None) -> tuple[str, ...]:
    """Return which settings differ between the spec that made a snapshot and the latest one; none if either is unknown."""
    if before is None or now is None:
        return ()
    return tuple(name for name in SETTINGS if before.get(name) != now.get(name))

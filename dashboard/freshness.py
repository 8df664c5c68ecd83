"""Whether a corpus changed since its snapshot: by the times of its files, a bounded step at a time."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from math import inf
from pathlib import Path
from typing import Any, Final

from dashboard.gitignore import Ignored
from dashboard.globs import matcher

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


@dataclass(frozen=True, slots=True)
class Rules:
    """Which files of its folders a job takes in, as its resolved spec says."""

    include: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    max_file_size: float = inf
    respect_gitignore: bool = False


def rules_of(job: Mapping[str, Any]) -> Rules:
    """Return the rules of a job of a resolved spec; what is missing or odd there limits nothing."""
    size = job.get("max_file_size")
    size = size if isinstance(size, int | float) else inf
    return Rules(_globs(job.get("include")), _globs(job.get("exclude")), size, job.get("respect_gitignore") is True)


def _globs(value: object) -> tuple[str, ...]:
    return tuple(glob for glob in value if isinstance(glob, str)) if isinstance(value, list) else ()


class Walk:
    """Walks the folders of a corpus, again and again, and remembers what the last whole walk saw."""

    def __init__(
        self, folders: Mapping[str, Path], known: frozenset[str], made_at: float, *, rules: Rules | None = None
    ) -> None:
        """`folders` maps the prefix of keys to a folder; `known` are the snapshot's documents; `made_at` is its time."""
        self._folders, self._known, self._made_at = dict(folders), known, made_at
        self._rules = rules or Rules()
        self._included = matcher(self._rules.include) if self._rules.include else self._looks_known
        self._excluded = matcher(self._rules.exclude)
        self._suffixes = frozenset(_suffix(key) for key in known)
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
            ignored = Ignored() if self._rules.respect_gitignore else None
            for path, found in _files(folder, self._excluded, ignored):
                key = prefix + path
                walked += 1
                if key in self._known:
                    seen.add(key)
                    if found.st_mtime > self._made_at:
                        changed.append(key)
                elif self._is_new(path, found):
                    new.append(key)
                yield None
                if walked >= MOST_FILES:
                    break
        whole = walked < MOST_FILES
        gone = self._known - seen if whole else frozenset()
        yield Drift(tuple(sorted(changed)), tuple(sorted(new)), tuple(sorted(gone)), walked, complete=True)

    def _is_new(self, path: str, found: os.stat_result) -> bool:
        """Whether an ingest would take the file in. One that lay there before was left out for a reason.

        A file that was moved here keeps its time; when it came, its inode says.
        """
        came = max(found.st_mtime, found.st_ctime)
        return came > self._made_at and found.st_size <= self._rules.max_file_size and self._included(path)

    def _looks_known(self, path: str) -> bool:
        """Without `include` the readers decide by the suffix: one of those that the snapshot has."""
        return _suffix(path) in self._suffixes


def _suffix(path: str) -> str:
    return os.path.splitext(path)[1].lower()  # noqa: PTH122 - a Path for each file is ten times slower


def _files(
    folder: Path, excluded: Callable[[str], bool], ignored: Ignored | None = None
) -> Iterator[tuple[str, os.stat_result]]:
    """Yield the files below a folder with what is known of them; links, hidden, excluded and ignored names are left out."""
    waiting = [("", str(folder))]
    while waiting:
        relative, path = waiting.pop()
        try:
            with os.scandir(path) as entries:
                found = list(entries)
        except OSError:
            continue
        if ignored is not None:
            ignored.enter(relative, Path(path))
        for entry in found:
            name = relative + entry.name
            if entry.name.startswith(".") or excluded(name):
                continue
            try:
                is_folder = entry.is_dir(follow_symlinks=False)
                if ignored is not None and ignored(name, folder=is_folder):
                    continue
                if is_folder:
                    waiting.append((f"{name}/", entry.path))
                elif entry.is_file(follow_symlinks=False):
                    yield name, entry.stat(follow_symlinks=False)
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

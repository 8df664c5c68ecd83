"""A corpus of files: one folder or several, walked in order, with globs and limits, never through a link.

Every file is opened below its root one folder at a time without following links, so that neither a link nor a folder that
is swapped while we walk leads out; FIFOs and devices are never opened for real.
"""

from __future__ import annotations

import errno
import hashlib
import os
import stat
from collections.abc import Iterable, Iterator, Mapping
from contextlib import closing
from pathlib import Path
from typing import IO, Final, NamedTuple

from orchestrator.deadline import WorkContext
from orchestrator.errors import Failure, JobError
from orchestrator.kinds.ingest.document import Content, Scan, Seen, Skipped, Stamp, Unreadable
from orchestrator.kinds.ingest.globs import matcher
from orchestrator.kinds.ingest.ignore import IgnoreRules

_BLOCK: Final = 1 << 20
_FOLDER: Final = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_FILE: Final = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC  # Non-blocking: a FIFO would hang the open.
_POSITIVE: Final = (1 << 63) - 1
"""SQLite's numbers have a sign, inodes of some file systems have not."""
_SORTS: Final = (
    (stat.S_ISLNK, "a link"),
    (stat.S_ISFIFO, "a FIFO"),
    (stat.S_ISSOCK, "a socket"),
    (stat.S_ISCHR, "a device"),
    (stat.S_ISBLK, "a device"),
)


class Root(NamedTuple):
    """One folder of a corpus. `prefix` stands before its files' keys; a corpus of one folder has none."""

    path: Path
    prefix: str = ""


class Rules(NamedTuple):
    """Which files belong to the corpus. `known` are the suffixes and names that count while there is no `include`."""

    include: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    known: frozenset[str] = frozenset()
    max_file_size: int = 20_000_000
    respect_gitignore: bool = False
    omit: tuple[Path, ...] = ()
    """Folders that are never entered, such as the snapshot store."""


class FolderCorpus(NamedTuple):
    """The files below one or more folders."""

    roots: tuple[Root, ...]
    rules: Rules = Rules()

    def scan(self, known: Mapping[str, Stamp], context: WorkContext) -> Scan:
        """Say what is there; see `Corpus`. Raises JobError `no-corpus` if a folder is missing."""
        documents: list[Seen] = []
        skipped: list[Skipped] = []
        for root in self.roots:
            if not root.path.is_dir():
                raise JobError(f"the corpus {root.path.name!r} is no folder", code="no-corpus", hint="see `corpus`")
            for found in _Walk(root, self.rules, context):
                if isinstance(found, Skipped):
                    skipped.append(found)
                    continue
                context.checkpoint(len(documents), None, found.key)
                documents.append(_with_digest(root, found, known.get(found.key)))
        documents.sort(key=lambda seen: seen.key)
        return Scan(documents, sorted(skipped, key=lambda each: each.key))

    def read(self, documents: Iterable[Seen]) -> Iterator[tuple[Seen, Content | Failure]]:
        """Read files, each as it is now; one that changes while it is read is refused."""
        for seen in documents:
            if seen.problem is not None:
                yield seen, seen.problem
                continue
            try:
                data = _read(self._root_of(seen), seen.location, self.rules.max_file_size)
            except Unreadable as error:
                yield seen, error.failure()
            else:
                yield seen, Content(seen, hashlib.sha256(data).digest(), data)

    def _root_of(self, seen: Seen) -> Root:
        return next(root for root in self.roots if seen.key == root.prefix + seen.location)


class _Walk:
    """Iterates over a folder: `Seen` without digest for files, `Skipped` for what is left out. Sorted within folders."""

    def __init__(self, root: Root, rules: Rules, context: WorkContext) -> None:
        self._root, self._rules, self._context = root, rules, context
        self._included = matcher(rules.include) if rules.include else None
        self._excluded = matcher(rules.exclude)
        self._omitted = {path.resolve() for path in rules.omit}
        self._ignore = IgnoreRules() if rules.respect_gitignore else None

    def __iter__(self) -> Iterator[Seen | Skipped]:
        return self._folder(self._root.path, "")

    def _folder(self, path: Path, relative: str) -> Iterator[Seen | Skipped]:
        self._context.checkpoint()
        try:
            with os.scandir(path) as entries:
                found = sorted(entries, key=lambda entry: entry.name)
        except OSError as error:
            yield Skipped(self._root.prefix + relative.rstrip("/"), f"a folder that can't be read ({_reason(error)})")
            return
        if self._ignore is not None:
            self._ignore.enter(relative, path)
        for entry in found:
            yield from self._entry(entry, relative + entry.name)

    def _entry(self, entry: os.DirEntry[str], relative: str) -> Iterator[Seen | Skipped]:
        key = self._root.prefix + relative
        folder = entry.is_dir(follow_symlinks=False)
        if entry.name.startswith("."):
            if folder or self._wanted(relative):
                yield Skipped(key, "hidden")
        elif self._excluded(relative):
            return
        elif self._ignore is not None and self._ignore.ignores(relative, folder=folder):
            yield Skipped(key, "in .gitignore")
        elif folder:
            if not self._omitted or Path(entry.path).resolve() not in self._omitted:
                yield from self._folder(Path(entry.path), relative + "/")
        elif entry.is_symlink() and _leads_to_folder(entry):
            yield Skipped(key, "a link")
        elif self._wanted(relative):
            yield self._file(entry, relative, key)

    def _wanted(self, relative: str) -> bool:
        if self._included is not None:
            return self._included(relative)
        name = relative.rpartition("/")[2].lower()
        dot = name.rfind(".")
        return name in self._rules.known or (dot > 0 and name[dot:] in self._rules.known)

    def _file(self, entry: os.DirEntry[str], relative: str, key: str) -> Seen | Skipped:
        try:
            found = entry.stat(follow_symlinks=False)
        except OSError as error:
            return Skipped(key, f"gone while we walked ({_reason(error)})")
        if not stat.S_ISREG(found.st_mode):
            return Skipped(key, next((name for is_sort, name in _SORTS if is_sort(found.st_mode)), "no regular file"))
        if not _encodable(key):
            return Skipped(key.encode("utf-8", "replace").decode(), "a name that is no UTF-8")
        problem = None
        if found.st_size > self._rules.max_file_size:
            problem = _too_large(found.st_size, self._rules.max_file_size)
        times = (found.st_mtime_ns, found.st_ctime_ns)
        return Seen(key, relative, found.st_size, times, None, problem, found.st_ino & _POSITIVE)


def _encodable(name: str) -> bool:
    try:
        name.encode()
    except UnicodeEncodeError:
        return False
    return True


def _leads_to_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    except OSError:  # A link that leads round in circles.
        return True


def _with_digest(root: Root, seen: Seen, stamp: Stamp | None) -> Seen:
    if seen.problem is not None:
        return seen
    key, location, size, times, _, _, inode = seen
    if stamp is not None and stamp.size == size and stamp.times == times and stamp.inode == inode:
        return Seen(key, location, size, times, stamp.digest, None, inode)
    digest = hashlib.sha256()
    read = 0
    try:
        with closing(_open(root, location)) as stream:
            while block := stream.read(_BLOCK):
                digest.update(block)
                read += len(block)
    except Unreadable as error:
        return Seen(key, location, size, times, None, error.failure())
    except OSError as error:
        return Seen(key, location, size, times, None, _unreadable(error).failure())
    return Seen(key, location, read, times, digest.digest(), None, inode)


def _read(root: Root, location: str, limit: int) -> bytes:
    try:
        with closing(_open(root, location)) as stream:
            before = os.fstat(stream.fileno())
            data = stream.read(limit + 1)
            after = os.fstat(stream.fileno())
    except OSError as error:
        raise _unreadable(error) from error
    if len(data) > limit:
        failure = _too_large(after.st_size, limit)
        raise Unreadable(failure.message, code=failure.code, hint=failure.hint)
    if (before.st_size, before.st_mtime_ns) != (after.st_size, after.st_mtime_ns) or len(data) != after.st_size:
        raise Unreadable("the file changed while it was read", code="changed-while-read", hint="run again", retryable=True)
    return data


def _open(root: Root, location: str) -> IO[bytes]:
    """Open a regular file below a root; no part of `location` may be a link."""
    *folders, name = location.split("/")
    folder = os.open(root.path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        for part in folders:
            inner = os.open(part, _FOLDER, dir_fd=folder)
            os.close(folder)
            folder = inner
        descriptor = os.open(name, _FILE, dir_fd=folder)
    finally:
        os.close(folder)
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise Unreadable("it is no regular file any more", code="changed-while-read", retryable=True)
    return os.fdopen(descriptor, "rb")


def _too_large(size: int, limit: int) -> Failure:
    return Failure("too-large", f"the file has {size} bytes, the limit is {limit}", "raise max_file_size, or exclude the file")


def _unreadable(error: OSError) -> Unreadable:
    if error.errno == errno.ENOENT:
        return Unreadable("the file vanished during the run", code="vanished", retryable=True)
    return Unreadable(f"the file can't be read: {_reason(error)}", code="unreadable-file", retryable=True)


def _reason(error: OSError) -> str:
    return (error.strerror or "unknown").lower()

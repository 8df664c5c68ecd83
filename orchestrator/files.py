"""Durable files: the only module that fsyncs, renames or locks.

Every visible change is one atomic step. Readers see the old content or the new one, never a mixture; after a power loss the
same holds, since data reach the disk before the name does, and the name before the call returns.
"""

from __future__ import annotations

import errno
import fcntl
import itertools
import os
import shutil
import stat
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final, Self

from orchestrator.errors import StorageError, TargetBusy

PRIVATE_DIR: Final = 0o700
PRIVATE_FILE: Final = 0o600
TEMPORARY_PREFIX: Final = ".tmp-"
TRASH_PREFIX: Final = ".trash-"

_serial = itertools.count()
_REASONS: Final = {
    errno.ENOSPC: "no space is left on the device",
    errno.EDQUOT: "the disk quota is used up",
    errno.EROFS: "the file system is read-only",
    errno.EACCES: "permission is denied",
    errno.EPERM: "permission is denied",
    errno.EMFILE: "too many files are open in this process",
    errno.ENFILE: "too many files are open on this machine",
    errno.EIO: "the device reports an input/output error",
    errno.ENOTDIR: "a part of its path is no directory",
}


def storage_error(action: str, path: Path, error: OSError) -> StorageError:
    """Return the error a person can act on; names the file, not where it lies."""
    reason = _REASONS.get(error.errno or 0, error.strerror or str(error))
    return StorageError(f"can't {action} {path.name}: {reason}", hint="see `orchestrate doctor`")


def make_private_dir(path: Path) -> Path:
    """Create a directory that only its owner can enter (0700), with parents; its name is durable. An existing one stays."""
    try:
        missing = [folder for folder in (path, *path.parents) if not folder.exists()]
        for folder in reversed(missing):
            # One by one: what `parents=True` makes on the way is open to others as a rule.
            folder.mkdir(mode=PRIVATE_DIR, exist_ok=True)
        for folder in missing:
            sync_dir(folder.parent)
    except OSError as error:
        raise storage_error("create the directory", path, error) from error
    return path


def sync_dir(path: Path) -> None:
    """Make the names in a directory durable."""
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def sync_file(path: Path) -> None:
    """Make the content of an existing file durable."""
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def sync_tree(root: Path) -> None:
    """Make every file and directory below `root` durable, and `root` itself."""
    for folder, _, names in os.walk(root, topdown=False):
        for name in names:
            sync_file(Path(folder, name))
        sync_dir(Path(folder))


def write_all(descriptor: int, data: bytes) -> None:
    """Write every byte, whatever a single call takes."""
    view = memoryview(data)
    while view:
        view = view[os.write(descriptor, view) :]


def write_atomic(path: Path, data: bytes, *, durable: bool = True) -> None:
    """Replace the content of `path` (0600). With `durable`, content and name survive a power loss once this returns.

    Raises StorageError; no temporary file is left then. The old content stays, unless only the last
    step failed, which makes the new name durable.
    """
    try:
        temporary = _write_temporary(path, data, durable=durable)
        try:
            temporary.replace(path)
        except OSError:
            temporary.unlink(missing_ok=True)
            raise
        if durable:
            sync_dir(path.parent)
    except OSError as error:
        raise storage_error("write", path, error) from error


def create_exclusive(path: Path, data: bytes) -> bool:
    """Create `path` with its whole content, unless it exists. Return whether this call created it; of many, one does."""
    try:
        temporary = _write_temporary(path, data, durable=True)
        try:
            os.link(temporary, path)
        except FileExistsError:
            return False
        finally:
            temporary.unlink(missing_ok=True)
        sync_dir(path.parent)
    except OSError as error:
        raise storage_error("create", path, error) from error
    return True


def _write_temporary(path: Path, data: bytes, *, durable: bool) -> Path:
    temporary = path.with_name(f"{TEMPORARY_PREFIX}{path.name}.{os.getpid()}.{next(_serial)}")
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC | os.O_NOFOLLOW
    descriptor = os.open(temporary, flags, PRIVATE_FILE)
    try:
        write_all(descriptor, data)
        if durable:
            os.fsync(descriptor)
    except OSError:
        temporary.unlink(missing_ok=True)
        raise
    finally:
        os.close(descriptor)
    return temporary


def publish_dir(staging: Path, destination: Path) -> None:
    """Give a finished directory its final name in one step; everything in it is durable before the name is.

    Raises StorageError if the destination exists or the step fails; the staging is left where it was then.
    """
    try:
        sync_tree(staging)
        if destination.exists():
            raise FileExistsError(errno.EEXIST, "it exists already")
        staging.rename(destination)
        sync_dir(destination.parent)
        if staging.parent != destination.parent:
            sync_dir(staging.parent)
    except OSError as error:
        raise storage_error("publish", destination, error) from error


def set_aside(path: Path) -> None:
    """Give a log that is full its second name (`run.log.1`), in place of the one that had it before."""
    path.replace(path.with_name(f"{path.name}.1"))


def remove_tree(path: Path) -> None:
    """Remove a directory so that readers see it whole or not at all: first it loses its name, then its content."""
    trash = path.with_name(f"{TRASH_PREFIX}{path.name}.{os.getpid()}.{next(_serial)}")
    try:
        path.rename(trash)
    except FileNotFoundError:
        return
    except OSError as error:
        raise storage_error("remove", path, error) from error
    shutil.rmtree(trash, ignore_errors=True)


def sweep(folder: Path) -> int:
    """Remove what an interrupted process left: temporary files and trash. Only under the folder's lock. Return how many."""
    count = 0
    for leftover in [*folder.glob(f"{TEMPORARY_PREFIX}*"), *folder.glob(f"{TRASH_PREFIX}*")]:
        if leftover.is_dir() and not leftover.is_symlink():
            shutil.rmtree(leftover, ignore_errors=True)
        else:
            leftover.unlink(missing_ok=True)
        count += 1
    return count


class AppendFile:
    """A file that only grows, written by one process. A crash may tear its last append only; `sync` is the promise."""

    def __init__(self, path: Path, *, keep: int | None = None) -> None:
        """Open for appending (0600); with `keep`, everything behind the first `keep` bytes is cut off first."""
        self.path = path
        flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC | os.O_NOFOLLOW
        try:
            self._descriptor = os.open(path, flags, PRIVATE_FILE)
            if keep is not None and os.fstat(self._descriptor).st_size > keep:
                os.ftruncate(self._descriptor, keep)
                os.fsync(self._descriptor)
        except OSError as error:
            raise storage_error("open", path, error) from error

    def append(self, data: bytes, *, durable: bool = False) -> None:
        """Write behind the last byte. What failed half-way, syncing included, is cut off again before the error is raised."""
        try:
            size = os.fstat(self._descriptor).st_size
            try:
                write_all(self._descriptor, data)
                if durable:  # After a failed sync the system may call the same bytes clean: they have to be written again.
                    os.fsync(self._descriptor)
            except OSError:
                with suppress(OSError):
                    os.ftruncate(self._descriptor, size)
                raise
        except OSError as error:
            raise storage_error("append to", self.path, error) from error

    def sync(self) -> None:
        """Make all that was appended durable."""
        try:
            os.fsync(self._descriptor)
        except OSError as error:
            raise storage_error("sync", self.path, error) from error

    def close(self) -> None:
        """Close the file; nothing is synced by this."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1


class Reserve:
    """Room on the disk and a descriptor, kept for the last words of a process that runs out of either."""

    def __init__(self, path: Path, size: int) -> None:
        """Take `size` bytes as `path`. Without room there is no reserve, which is no error."""
        self._path = path
        self._descriptor = -1
        with suppress(OSError):
            self._descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, PRIVATE_FILE)
            if hasattr(os, "posix_fallocate"):
                os.posix_fallocate(self._descriptor, 0, size)
            else:
                write_all(self._descriptor, bytes(size))

    def release(self) -> None:
        """Give both back; releasing twice is fine."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1
            with suppress(OSError):
                self._path.unlink(missing_ok=True)


class Lock:
    """An advisory lock that the kernel frees when the holder's process ends, however it ends. Never stolen by age.

    A forked child would keep it alive, so nothing in this program forks; descriptors are closed on exec.
    """

    _PROBE_SECONDS: Final = 0.05

    def __init__(self, path: Path, descriptor: int) -> None:
        self.path = path
        self._descriptor = descriptor

    @classmethod
    def acquire(cls, path: Path, holder: str = "", *, patience: int = 4) -> Self:
        """Take the lock at once or raise TargetBusy, which quotes who holds it.

        A reader that probes holds the lock for microseconds, so a refusal is checked `patience` times, 50 ms apart.
        """
        make_private_dir(path.parent)
        try:
            descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, PRIVATE_FILE)
        except OSError as error:
            raise storage_error("open the lock", path, error) from error
        pause = threading.Event()
        try:
            for _ in range(patience):
                if _try_lock(descriptor, fcntl.LOCK_EX):
                    os.ftruncate(descriptor, 0)
                    os.pwrite(descriptor, holder.encode(), 0)
                    return cls(path, descriptor)
                pause.wait(cls._PROBE_SECONDS)
            said = os.pread(descriptor, 4096, 0).decode(errors="replace")
        except OSError as error:
            os.close(descriptor)
            raise storage_error("take the lock", path, error) from error
        os.close(descriptor)
        raise TargetBusy(f"another run holds {path.name}" + (f": {said}" if said else ""))

    @property
    def held(self) -> bool:
        """Whether this object still holds the lock."""
        return self._descriptor >= 0

    def release(self) -> None:
        """Free the lock; the file stays, since removing it would let two holders in. Releasing twice is fine."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.release()


def is_locked(path: Path) -> bool | None:
    """Return whether somebody holds the lock, or None if it can't be told (no such file, no permission). Opens for reading."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW)
    except OSError:
        return None
    try:
        return not _try_lock(descriptor, fcntl.LOCK_SH)
    except OSError:
        return None
    finally:
        os.close(descriptor)


def hold(path: Path, *, create: bool = False) -> int:
    """Hold a file as a reader until the returned descriptor is closed. Opens for reading only.

    Raises FileNotFoundError unless it may `create` the file, or OSError if a reader can't hold files here (some read-only
    network mounts).
    """
    flags = os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | (os.O_CREAT if create else 0)
    descriptor = os.open(path, flags, PRIVATE_FILE)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH)
    except OSError:
        os.close(descriptor)
        raise
    return descriptor


@contextmanager
def sharing(path: Path) -> Iterator[None]:
    """Hold a lock together with others who share it; `Lock.acquire` refuses it meanwhile. Raises StorageError."""
    try:
        descriptor = hold(path, create=True)
    except OSError as error:
        raise storage_error("take the lock", path, error) from error
    try:
        yield
    finally:
        os.close(descriptor)


def is_held(path: Path) -> bool:
    """Return whether a reader holds the file. One that can't be opened counts as held, so that nobody removes it."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW)
    except FileNotFoundError:
        return False
    except OSError:
        return True
    try:
        return not _try_lock(descriptor, fcntl.LOCK_EX)
    finally:
        os.close(descriptor)


def _try_lock(descriptor: int, mode: int) -> bool:
    try:
        fcntl.flock(descriptor, mode | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def is_private(path: Path) -> bool:
    """Whether nobody but the owner may read, write or enter `path`."""
    return not stat.S_IMODE(path.stat().st_mode) & 0o077

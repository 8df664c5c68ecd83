"""Replacing and creating files: whatever step fails, a reader sees the old content or the new one, whole."""

from __future__ import annotations

import errno
import os
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from orchestrator import files
from orchestrator.errors import StorageError

OLD, NEW = b"old content", b"new content" * 1000
ERRORS = [errno.ENOSPC, errno.EIO, errno.EROFS, errno.EACCES, errno.EMFILE, errno.EDQUOT]
STEPS_OF_A_WRITE = [("open", 1), ("write", 1), ("fsync", 1), ("replace", 1), ("open", 2), ("fsync", 2)]
STEPS_OF_A_CREATE = [("open", 1), ("write", 1), ("fsync", 1), ("link", 1), ("open", 2), ("fsync", 2)]


@pytest.fixture
def fail_at(monkeypatch: pytest.MonkeyPatch) -> Callable[[str, int, int], list[int]]:
    """Make the nth call of an os function fail; returns a list that has an entry once it did."""

    def arm(name: str, nth: int, error: int) -> list[int]:
        original, calls, failed = getattr(os, name), [0], []

        def faulty(*arguments: Any, **options: Any) -> Any:
            calls[0] += 1
            if calls[0] == nth:
                failed.append(nth)
                raise OSError(error, os.strerror(error))
            return original(*arguments, **options)

        monkeypatch.setattr(os, name, faulty)
        return failed

    return arm


def _names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


@pytest.mark.parametrize("error", ERRORS, ids=errno.errorcode.get)
@pytest.mark.parametrize(("name", "nth"), STEPS_OF_A_WRITE)
def test_a_write_that_fails_at_any_step_leaves_whole_content_and_no_other_file(
    tmp_path: Path, fail_at: Callable[[str, int, int], list[int]], name: str, nth: int, error: int
) -> None:
    path = tmp_path / "status.json"
    path.write_bytes(OLD)
    failed = fail_at(name, nth, error)
    with pytest.raises(StorageError) as raised:
        files.write_atomic(path, NEW)
    assert failed, "the step that was to fail wasn't taken"
    before_the_name_changed = (name, nth) not in STEPS_OF_A_WRITE[4:]
    assert path.read_bytes() == (OLD if before_the_name_changed else NEW)
    assert _names(tmp_path) == ["status.json"]
    assert "status.json" in raised.value.message
    assert str(tmp_path) not in raised.value.message + raised.value.hint


@pytest.mark.parametrize(("name", "nth"), STEPS_OF_A_CREATE)
def test_a_create_that_fails_at_any_step_leaves_nothing_or_the_whole_file(
    tmp_path: Path, fail_at: Callable[[str, int, int], list[int]], name: str, nth: int
) -> None:
    path = tmp_path / "cancel.json"
    failed = fail_at(name, nth, errno.ENOSPC)
    with pytest.raises(StorageError):
        files.create_exclusive(path, NEW)
    assert failed
    assert _names(tmp_path) in ([], ["cancel.json"])
    assert not path.exists() or path.read_bytes() == NEW


def test_a_write_that_the_system_takes_in_small_pieces_is_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write = os.write
    monkeypatch.setattr(os, "write", lambda descriptor, data: write(descriptor, bytes(data)[:7]))
    files.write_atomic(tmp_path / "a", NEW)
    assert (tmp_path / "a").read_bytes() == NEW


def test_no_descriptor_is_left_open_by_a_write_that_failed(
    tmp_path: Path, fail_at: Callable[[str, int, int], list[int]]
) -> None:
    def descriptors() -> int:
        return len(list(Path("/dev/fd").iterdir()))

    before = descriptors()
    fail_at("fsync", 1, errno.EIO)
    with pytest.raises(StorageError):
        files.write_atomic(tmp_path / "a", NEW)
    assert descriptors() == before


def test_files_are_private_whatever_the_umask(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        files.write_atomic(tmp_path / "a", NEW)
        files.create_exclusive(tmp_path / "b", NEW)
        files.make_private_dir(tmp_path / "c")
        files.AppendFile(tmp_path / "d").close()
    finally:
        os.umask(before)
    assert all(files.is_private(path) for path in tmp_path.iterdir())


def test_creating_what_exists_changes_nothing_and_says_so(tmp_path: Path) -> None:
    path = tmp_path / "a"
    assert files.create_exclusive(path, b"first")
    assert not files.create_exclusive(path, b"second")
    assert path.read_bytes() == b"first"
    assert _names(tmp_path) == ["a"]


def test_of_twenty_threads_that_create_the_same_file_one_does(tmp_path: Path) -> None:
    barrier, created = threading.Barrier(20), []

    def create(number: int) -> None:
        barrier.wait()
        if files.create_exclusive(tmp_path / "a", b"%d" % number):
            created.append(b"%d" % number)

    threads = [threading.Thread(target=create, args=(number,)) for number in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert created == [(tmp_path / "a").read_bytes()]


def test_readers_see_the_old_or_the_new_content_while_it_is_replaced(tmp_path: Path) -> None:
    path = tmp_path / "a"
    contents = [letter * 50_000 for letter in (b"a", b"b")]
    files.write_atomic(path, contents[0])
    over, seen = threading.Event(), set()

    def read() -> None:
        while not over.is_set():
            seen.add(path.read_bytes())

    reader = threading.Thread(target=read)
    reader.start()
    for number in range(300):
        files.write_atomic(path, contents[number % 2], durable=False)
    over.set()
    reader.join()
    assert seen <= set(contents)


def test_in_place_writing_would_be_seen_torn_by_the_same_reader(tmp_path: Path) -> None:
    path = tmp_path / "a"
    path.write_bytes(b"a" * 50_000)
    with path.open("r+b", buffering=0) as file:
        file.write(b"b" * 10_000)
        assert path.read_bytes() not in {b"a" * 50_000, b"b" * 50_000}


def test_a_link_in_place_of_the_file_is_replaced_and_not_followed(tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.write_bytes(OLD)
    (tmp_path / "a").symlink_to(outside)
    files.write_atomic(tmp_path / "a", NEW)
    assert outside.read_bytes() == OLD
    assert not (tmp_path / "a").is_symlink()

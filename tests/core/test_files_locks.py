"""Locks between processes: one holder, freed by the holder's end and by nothing else, and readers that don't disturb."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from orchestrator import files
from orchestrator.errors import StorageError, TargetBusy

HOLDER = """
import sys
from pathlib import Path
from orchestrator import errors, files
sys.stdin.readline()
try:
    lock = files.Lock.acquire(Path(sys.argv[1]), f"holder {sys.argv[2]}", patience=1)
except errors.TargetBusy as busy:
    print("busy", busy.message, flush=True)
else:
    print("held", flush=True)
sys.stdin.readline()
"""
CREATOR = """
import sys
from pathlib import Path
from orchestrator import files
sys.stdin.readline()
print("created" if files.create_exclusive(Path(sys.argv[1]), sys.argv[2].encode()) else "late", flush=True)
"""
Racer = subprocess.Popen[str]


def test_a_shared_lock_is_held_by_several_and_taken_alone_by_none(tmp_path: Path) -> None:
    path = tmp_path / "shared.lock"
    with files.sharing(path), files.sharing(path), pytest.raises(TargetBusy):
        files.Lock.acquire(path, patience=1)
    files.Lock.acquire(path, patience=1).release()
    (tmp_path / "folder").mkdir()
    with pytest.raises(StorageError, match="lock"), files.sharing(tmp_path / "folder"):
        pytest.fail("a folder is no lock")


@pytest.fixture
def racers(clean_environment: dict[str, str]) -> Iterator[Callable[..., list[Racer]]]:
    """Return a starter of processes that run a script and wait for a line before they act."""
    started: list[Racer] = []

    def launch(script: str, path: Path, count: int) -> list[Racer]:
        pipes: dict[str, Any] = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "env": clean_environment, "text": True}
        commands = [[sys.executable, "-c", script, str(path), str(number)] for number in range(count)]
        started.extend(subprocess.Popen(command, **pipes) for command in commands)
        return started[-count:]

    yield launch
    for racer in started:
        racer.kill()
        racer.communicate()


def _go(racers: list[Racer]) -> list[str]:
    for racer in racers:
        assert racer.stdin
        racer.stdin.write("\n")
        racer.stdin.flush()
    return [racer.stdout.readline().strip() for racer in racers if racer.stdout]


def test_of_twenty_racing_processes_one_creates_the_file(tmp_path: Path, racers: Callable[..., list[Racer]]) -> None:
    answers = _go(racers(CREATOR, tmp_path / "a", 20))
    assert sorted(answers) == ["created"] + ["late"] * 19
    assert (tmp_path / "a").read_bytes().decode() == str(answers.index("created"))


def test_of_twenty_racing_processes_one_holds_the_lock_and_the_others_hear_who(
    tmp_path: Path, racers: Callable[..., list[Racer]]
) -> None:
    answers = _go(racers(HOLDER, tmp_path / "lock", 20))
    assert answers.count("held") == 1
    holder = answers.index("held")
    assert all(answer.startswith("busy") for answer in answers if answer != "held")
    with pytest.raises(TargetBusy, match=f"holder {holder}"):
        files.Lock.acquire(tmp_path / "lock", "me", patience=1)


def test_a_killed_holder_frees_the_lock_at_once(tmp_path: Path, racers: Callable[..., list[Racer]]) -> None:
    (holder,) = racers(HOLDER, tmp_path / "lock", 1)
    assert _go([holder]) == ["held"]
    assert files.is_locked(tmp_path / "lock") is True
    holder.kill()
    holder.wait()
    assert files.is_locked(tmp_path / "lock") is False
    files.Lock.acquire(tmp_path / "lock", "me", patience=1).release()


def test_a_lock_isnt_freed_by_age(tmp_path: Path) -> None:
    with files.Lock.acquire(tmp_path / "lock", "old"):
        os.utime(tmp_path / "lock", (0, 0))
        assert files.is_locked(tmp_path / "lock") is True
        with pytest.raises(TargetBusy, match="old"):
            files.Lock.acquire(tmp_path / "lock", "young", patience=1)


def test_a_lock_whose_file_is_there_but_nobody_holds_is_free(tmp_path: Path) -> None:
    (tmp_path / "lock").write_text("holder 1", encoding="utf-8")
    assert files.is_locked(tmp_path / "lock") is False
    with files.Lock.acquire(tmp_path / "lock", "me") as lock:
        assert lock.held
        assert (tmp_path / "lock").read_text(encoding="utf-8") == "me"


def test_releasing_twice_frees_once_and_harms_nobody(tmp_path: Path) -> None:
    lock = files.Lock.acquire(tmp_path / "lock")
    lock.release()
    with files.Lock.acquire(tmp_path / "lock"):
        lock.release()
        assert not lock.held
        assert files.is_locked(tmp_path / "lock") is True


def test_whether_a_missing_lock_is_held_cant_be_told(tmp_path: Path) -> None:
    assert files.is_locked(tmp_path / "missing") is None
    (tmp_path / "link").symlink_to(tmp_path / "missing")
    assert files.is_locked(tmp_path / "link") is None


def test_a_lock_isnt_inherited_by_a_program_that_the_holder_starts(tmp_path: Path) -> None:
    lock = files.Lock.acquire(tmp_path / "lock")
    with subprocess.Popen(["sleep", "30"]) as child:
        lock.release()
        freed = files.is_locked(tmp_path / "lock") is False
        child.kill()
    assert freed


def test_no_probe_of_a_held_lock_is_wrong(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    answers: list[bool | None] = []

    def probe() -> None:
        answers.extend(files.is_locked(path) for _ in range(5_000))

    with files.Lock.acquire(path):
        threads = [threading.Thread(target=probe) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert answers == [True] * 20_000


def test_readers_that_probe_all_the_time_dont_keep_a_run_from_its_lock(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    files.Lock.acquire(path).release()
    over = threading.Event()

    def probe() -> None:
        while not over.wait(0.0005):  # A thousand times as often as a dashboard.
            files.is_locked(path)

    readers = [threading.Thread(target=probe) for _ in range(2)]
    for reader in readers:
        reader.start()
    try:
        for _ in range(300):
            files.Lock.acquire(path).release()
    finally:
        over.set()
        for reader in readers:
            reader.join()
    assert files.is_locked(path) is False


def test_a_lock_in_a_place_that_cant_be_written_is_a_storage_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(StorageError):
        files.Lock.acquire(tmp_path / "file" / "lock")
    (tmp_path / "folder" / "lock").mkdir(parents=True)
    with pytest.raises(StorageError, match="open the lock"):
        files.Lock.acquire(tmp_path / "folder" / "lock")

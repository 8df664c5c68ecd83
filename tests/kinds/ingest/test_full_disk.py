"""R7 for SQLite's own writes: a disk that is full while cache or index are written, on a small file system of its own."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from orchestrator.errors import StorageError

Workshop = Any
Resize = Callable[[int], None]


@pytest.fixture
def disk(workshop: Workshop) -> Iterator[Resize]:
    """Put the state directory on a file system in memory, whose size in kilobytes can be changed."""
    if not hasattr(os, "geteuid") or os.geteuid() != 0 or shutil.which("mount") is None:
        pytest.skip("only root can mount a file system")
    workshop.state.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", str(workshop.state)]
    if subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("mounting isn't allowed here")

    def resize(kilobytes: int) -> None:
        subprocess.run(["mount", "-o", f"remount,size={kilobytes}k", str(workshop.state)], check=True)

    yield resize
    subprocess.run(["umount", str(workshop.state)], check=True)


def failure(workshop: Workshop) -> str | None:
    """Return what a run says of the storage, None if it succeeds."""
    try:
        workshop.run()
    except StorageError as error:
        return error.message
    return None


def test_a_disk_that_is_full_at_any_step_costs_no_document_and_no_snapshot(workshop: Workshop, disk: Resize) -> None:
    words = "".join(f"word{number} " for number in range(6000))
    files = {f"page{number}.md": f"# Page {number}\n\n{words[number:]}\n" for number in range(12)}
    workshop.write(files)
    told: list[str] = []
    for kilobytes in range(64, 20_000, 256):
        disk(kilobytes)
        message = failure(workshop)
        if message is None:
            break
        told.append(message)
        assert workshop.store.current() is None
        assert not workshop.store.staging.exists()
    assert sorted(workshop.published()) == sorted(files)
    assert len(told) >= 3
    assert any("ingest.db" in message for message in told), told
    assert any("index.db" in message or "vectors.npy" in message for message in told), told


def test_a_full_disk_leaves_the_published_snapshot_and_the_next_run_completes(workshop: Workshop, disk: Resize) -> None:
    disk(20_000)
    workshop.write({"one.md": "# One\n\nThe first page.\n"})
    workshop.run()
    published = workshop.store.current()
    text = "".join(f"word{number} " for number in range(20_000))
    workshop.write({"two.md": f"# Two\n\n{text}\n"})
    used = shutil.disk_usage(workshop.state).used // 1000
    disk(used + 600)
    with pytest.raises(StorageError):
        workshop.run()
    assert workshop.store.current() == published
    assert workshop.published() == ["one.md"]
    disk(20_000)
    assert workshop.run().outcome.result["documents"] == 2
    assert sorted(workshop.published()) == ["one.md", "two.md"]

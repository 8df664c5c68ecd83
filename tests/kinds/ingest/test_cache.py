"""The cache when several jobs of a run open it for the first time."""

from __future__ import annotations

import threading
from pathlib import Path

from orchestrator.errors import StorageError
from orchestrator.kinds.ingest.cache import Cache


def open_at_once(folder: Path, openers: int) -> list[str]:
    """Open a cache from many threads at the same moment; return what failed."""
    together = threading.Barrier(openers)
    failed: list[str] = []

    def open_it() -> None:
        together.wait()
        try:
            Cache.open(folder).close()
        except StorageError as error:
            failed.append(error.message)

    threads = [threading.Thread(target=open_it) for _ in range(openers)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return failed


def test_of_many_that_open_a_new_cache_at_once_each_gets_it(tmp_path: Path) -> None:
    assert [open_at_once(tmp_path / str(number), openers=6) for number in range(20)] == [[]] * 20

"""httpx with one client on a thread pool: `python httpx_threads.py URL BOARDS WORKERS DATABASE`."""

from __future__ import annotations

import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import httpx
from rows import opened, save


def main(url: str, boards: int, workers: int, database: str) -> None:
    """Fetch every board, a refused one again after a second at most."""
    connection, saving = opened(database), threading.Lock()
    limits = httpx.Limits(max_connections=workers, max_keepalive_connections=workers)
    with httpx.Client(limits=limits, timeout=30) as client, ThreadPoolExecutor(workers) as pool:

        def fetch(board: str) -> None:
            for wait in (0.25, 0.5, 1.0, 0.0):
                answer = client.get(f"{url}/v1/boards/{board}/jobs")
                if answer.status_code == 200:
                    with saving:
                        save(connection, board, answer.content)
                    return
                time.sleep(wait)

        list(pool.map(fetch, [f"b{number}" for number in range(boards)]))
    connection.close()


main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), sys.argv[4])

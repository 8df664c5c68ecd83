"""Prefect's task threads, httpx and sqlite3: `python prefect_sqlite.py URL BOARDS WORKERS DATABASE`."""

from __future__ import annotations

import sys
import threading

import httpx
from prefect import flow, task
from prefect.task_runners import ThreadPoolTaskRunner
from rows import opened, save

URL, BOARDS, WORKERS, DATABASE = sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), sys.argv[4]
connection, saving, client = opened(DATABASE), threading.Lock(), httpx.Client(timeout=30)


@task(retries=3, retry_delay_seconds=[0.25, 0.5, 1.0])
def fetch(board: str) -> None:
    """Fetch and save a board; Prefect itself asks a refused one again."""
    answer = client.get(f"{URL}/v1/boards/{board}/jobs")
    answer.raise_for_status()
    with saving:
        save(connection, board, answer.content)


@flow(task_runner=ThreadPoolTaskRunner(max_workers=WORKERS))
def boards() -> None:
    """Fetch every board."""
    fetch.map([f"b{number}" for number in range(BOARDS)]).wait()


boards()

"""aiohttp and sqlite3: `python aiohttp_sqlite.py URL BOARDS WORKERS DATABASE`."""

from __future__ import annotations

import asyncio
import sys

import aiohttp
from rows import opened, save


async def main(url: str, boards: int, workers: int, database: str) -> None:
    """Fetch every board, a refused one again after a second at most."""
    connection, places = opened(database), asyncio.Semaphore(workers)
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=workers)) as session:

        async def fetch(board: str) -> None:
            for wait in (0.25, 0.5, 1.0, 0.0):
                async with places, session.get(f"{url}/v1/boards/{board}/jobs") as answer:
                    body = await answer.read()
                if answer.status == 200:
                    save(connection, board, body)
                    return
                await asyncio.sleep(wait)

        await asyncio.gather(*(fetch(f"b{number}") for number in range(boards)))
    connection.close()


asyncio.run(main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), sys.argv[4]))

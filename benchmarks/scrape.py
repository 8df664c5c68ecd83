"""S4: 300 boards of 40 postings at 100 ms latency, 5 % answering 503 at first, fetched and synced by `orchestrate run`.

    python benchmarks/scrape.py [--boards 300] [--workers 16] [--latency 0.1] [--peers /path/of/python]

The limit is boards * latency / workers. The server is a process of its own; ours is measured from process start to exit, and
inside from the job's start to its end, as its status file says. `--peers` names an interpreter that has aiohttp, httpx, scrapy
or prefect: those that are installed do the same in turns with ours (`benchmarks/peers/`), but store the rows as they are.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import multiprocessing
import os
import resource
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import closing
from functools import partial
from multiprocessing.connection import Connection
from pathlib import Path

POSTINGS = 40
TEXT = "&lt;p&gt;" + "We build robots that learn not to block a door. " * 70 + "&lt;/p&gt;"


def answer_of(board: int) -> bytes:
    """Return a board's answer, about 150 kB."""
    jobs = [
        {
            "id": board * 1000 + number,
            "title": f"Engineer {number}",
            "absolute_url": f"https://job-boards.greenhouse.io/b{board}/jobs/{number}",
            "location": {"name": "Berlin, Germany"},
            "first_published": "2026-06-29T02:02:50-04:00",
            "updated_at": "2026-07-27T14:17:12-04:00",
            "metadata": None,
            "departments": [{"id": 1, "name": "Engineering"}],
            "offices": [{"id": 1, "name": "Berlin", "location": "Berlin, Germany"}],
            "content": TEXT,
            "language": "en",
        }
        for number in range(POSTINGS)
    ]
    return json.dumps({"jobs": jobs, "meta": {"total": POSTINGS}}).encode()


def serve(boards: int, latency: float, told: Connection) -> None:
    """Answer forever: each board after the latency, every twentieth with a 503 at first."""
    answers = {f"/v1/boards/b{board}/jobs": answer_of(board) for board in range(boards)}
    failing = {path for index, path in enumerate(answers) if index % 20 == 0}

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while head := await reader.readuntil(b"\r\n\r\n"):
            path = head.split(b" ", 2)[1].decode().partition("?")[0]
            await asyncio.sleep(latency)
            if path in failing:
                failing.discard(path)
                writer.write(b"HTTP/1.1 503 Busy\r\nContent-Length: 0\r\n\r\n")
                continue
            body = answers[path]
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n" % len(body) + body)
            await writer.drain()

    async def guarded(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await talk(reader, writer)
        except (asyncio.IncompleteReadError, ConnectionError):
            writer.close()

    async def main() -> None:
        server = await asyncio.start_server(guarded, "127.0.0.1", 0, backlog=256)
        told.send(server.sockets[0].getsockname()[1])
        await server.serve_forever()

    asyncio.run(main())


def spec_of(boards: int, workers: int, port: int) -> str:
    """Return the jobs.yaml of the run."""
    companies = [{"name": f"Company {b}", "board": "greenhouse", "token": f"b{b}"} for b in range(boards)]
    http = {"base_urls": {"greenhouse": f"http://127.0.0.1:{port}"}, "allow_private_hosts": ["127.0.0.1"]}
    job = {"kind": "scrape", "concurrency": workers, "companies": companies, "http": http}
    return json.dumps({"version": 1, "jobs": {"boards": job}})


def ours(boards: int, workers: int, port: int, folder: Path) -> str:
    """Run, and return the seconds inside of the job and what it came to."""
    (folder / "jobs.yaml").write_text(spec_of(boards, workers, port))
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).resolve().parents[1])}
    subprocess.run([sys.executable, "-m", "orchestrator", "run", "--quiet"], cwd=folder, env=environment, check=True)
    status = json.loads(next((folder / ".orchestrate" / "runs").glob("*/status.json")).read_text())
    job = status["jobs"][0]
    inside, result = seconds(job["finished_at"]) - seconds(job["started_at"]), job["result"]
    return f"inside {inside:.2f} s, {result['new']} new, {result['requests']} requests, {result['retries']} retries"


def peer(python: str, program: Path, boards: int, workers: int, port: int, folder: Path) -> str:
    """Let a peer do it, and return how many rows it stored, or why it failed."""
    database = folder / "peer.db"
    arguments = [f"http://127.0.0.1:{port}", str(boards), str(workers), str(database)]
    environment = {**os.environ, "PREFECT_LOGGING_LEVEL": "ERROR", "PREFECT_HOME": str(folder / "prefect")}
    done = subprocess.run([python, str(program), *arguments], cwd=folder, env=environment, check=False, capture_output=True)
    if done.returncode:
        return f"failed: {done.stderr.decode().strip().splitlines()[-1][:80]}"
    with closing(sqlite3.connect(database)) as connection:
        (rows,) = connection.execute("SELECT count(*) FROM postings").fetchone()
    return f"{rows} rows"


def measured(work: Callable[[int, Path], str], boards: int, latency: float) -> tuple[float, float, str]:
    """Return wall and CPU seconds of a program and what it says, with a server and a folder of its own."""
    near, far = multiprocessing.Pipe()
    server = multiprocessing.Process(target=serve, args=(boards, latency, far), daemon=True)
    server.start()
    port = near.recv()
    with tempfile.TemporaryDirectory() as folder:
        before, started = _children(), time.perf_counter()
        said = work(port, Path(folder))
        wall, cpu = time.perf_counter() - started, _children() - before
    server.terminate()
    server.join()  # Its own time counts from here on, so it is outside of what was measured.
    return wall, cpu, said


def _children() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def seconds(when: str) -> float:
    """Return seconds since the epoch."""
    from datetime import datetime

    return datetime.fromisoformat(when).timestamp()


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--boards", type=int, default=300)
    parser.add_argument("--workers", type=int, default=16)
    parser.add_argument("--latency", type=float, default=0.1)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--peers", default="", help="an interpreter that has them")
    given = parser.parse_args()
    boards, workers = given.boards, given.workers
    limit = boards * given.latency / workers
    programs: dict[str, Callable[[int, Path], str]] = {"orchestrate": partial(ours, boards, workers)}
    for program in sorted((Path(__file__).parent / "peers").glob("*_*.py")):
        if given.peers and _has(given.peers, program.stem.partition("_")[0]):
            programs[program.stem] = partial(peer, given.peers, program, boards, workers)
    print(f"{boards} boards, {boards * POSTINGS} postings, {workers} workers; the limit is {limit:.2f} s, the bar 1.6 of it")
    for _ in range(given.rounds):
        for name, work in programs.items():
            wall, cpu, said = measured(work, boards, given.latency)
            print(f"{name:16} {wall:6.2f} s ({wall / limit:.2f}x)   cpu {cpu:5.2f} s   {said}", flush=True)


def _has(python: str, module: str) -> bool:
    return subprocess.run([python, "-c", f"import {module}"], check=False, capture_output=True).returncode == 0


if __name__ == "__main__":
    main()

"""S4: 300 boards of 40 postings at 100 ms latency, 5 % answering 503 at first, fetched and synced by `orchestrate run`.

    python benchmarks/scrape.py [--boards 300] [--workers 16] [--latency 0.1]

The limit is boards * latency / workers. The server is a process of its own; ours is measured from process start to exit, and
inside from the job's start to its end, as its status file says.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import multiprocessing
import os
import resource
import subprocess
import sys
import tempfile
import time
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

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


def run_once(boards: int, workers: int, port: int) -> tuple[float, float, float, dict[str, Any]]:
    """Return wall seconds of the process, seconds inside, CPU seconds, and the job's result."""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, "jobs.yaml").write_text(spec_of(boards, workers, port))
        command = [sys.executable, "-m", "orchestrator", "run", "--quiet"]
        environment = {**os.environ, "PYTHONPATH": str(Path(__file__).resolve().parents[1])}
        before, started = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
        done = subprocess.run(command, cwd=folder, env=environment, check=False)
        wall = time.perf_counter() - started
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        if done.returncode:
            raise SystemExit(f"the run ended with {done.returncode}")
        status = json.loads(next(Path(folder, ".orchestrate", "runs").glob("*/status.json")).read_text())
        job = status["jobs"][0]
        inside = seconds(job["finished_at"]) - seconds(job["started_at"])
        cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
        return wall, inside, cpu, job["result"]


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
    given = parser.parse_args()
    limit = given.boards * given.latency / given.workers
    print(f"{given.boards} boards, {given.boards * POSTINGS} postings, {given.workers} workers; the limit is {limit:.2f} s")
    for _ in range(given.rounds):
        ours, theirs = multiprocessing.Pipe()
        server = multiprocessing.Process(target=serve, args=(given.boards, given.latency, theirs), daemon=True)
        server.start()
        wall, inside, cpu, result = run_once(given.boards, given.workers, ours.recv())
        server.terminate()
        server.join()
        print(
            f"whole process {wall:.2f} s ({wall / limit:.2f}x, bar 1.6)  job {inside:.2f} s ({inside / limit:.2f}x, bar 1.25)  "
            f"cpu {cpu:.2f} s   {result['new']} new, {result['requests']} requests, {result['retries']} retries"
        )


if __name__ == "__main__":
    main()

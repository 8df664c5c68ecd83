"""What the work of S4 takes at least, part by part, and what the whole run takes: seconds of the processor, in the same run.

    python benchmarks/scrape_floor.py [--boards 300] [--workers 64] [--rounds 3]

Each part is done by itself, in one thread, by the library or the module of Python that does it in a run, too: no engine, no
mapping, no checks, no guards, no comparing, no status and no report. Medians. What a whole run takes beyond their sum is ours.
On as many cores as there are, the parts together can't take less than their sum divided by the cores (the server's own time
comes on top, if it runs on the same machine).
"""

from __future__ import annotations

import argparse
import hashlib
import html
import json
import multiprocessing
import os
import re
import resource
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import httpcore
import nh3
from scrape import POSTINGS, answer_of, measured, ours, serve, spec_of

from orchestrator.kinds.scrape.sql.columns import EVENT, NEW_POSTING
from orchestrator.kinds.scrape.sql.database import SqliteFile

RETRIES = 20
"""One in so many boards is asked twice."""
READER = "import orchestrator.kinds.scrape.readers.child, nh3"
_TAG = re.compile(r"<[^>]*>")


def start(folder: Path, boards: int, workers: int) -> None:
    """Start the program, read the spec and end."""
    (folder / "jobs.yaml").write_text(spec_of(boards, workers, 9))
    run("-m", "orchestrator", "validate", cwd=folder)


def run(*arguments: str, cwd: Path | None = None) -> None:
    """Run Python."""
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).resolve().parents[1])}
    subprocess.run([sys.executable, *arguments], cwd=cwd, env=environment, check=True, capture_output=True)


@contextmanager
def served(boards: int) -> Iterator[int]:
    """Give the port of a server that answers at once."""
    near, far = multiprocessing.Pipe()
    server = multiprocessing.Process(target=serve, args=(boards, 0.0, far), daemon=True)
    server.start()
    yield near.recv()
    server.terminate()


def _used() -> float:
    children = resource.getrusage(resource.RUSAGE_CHILDREN)
    return time.process_time() + children.ru_utime + children.ru_stime


def ask(port: int, boards: int) -> None:
    """Fetch every board over one connection."""
    with httpcore.ConnectionPool(max_connections=1) as pool:
        for board in [*range(boards), *range(boards // RETRIES)]:
            assert pool.request("GET", f"http://127.0.0.1:{port}/v1/boards/b{board}/jobs").content is not None


def decode(bodies: list[bytes]) -> list[str]:
    """Decode every answer and return its descriptions."""
    return [job["content"] for body in bodies for job in json.loads(body)["jobs"]]


def clean(contents: list[str]) -> list[str]:
    """Unescape and sanitise every description."""
    cleaner = nh3.Cleaner(tags={"p", "li", "ul", "a", "b"})
    return [cleaner.clean(html.unescape(content)) for content in contents]


def strip(markup: list[str]) -> list[str]:
    """Make a text of every description."""
    return [html.unescape(_TAG.sub("", each)) for each in markup]


def digest(texts: list[str]) -> list[str]:
    """Hash every description."""
    return [hashlib.sha256(text.encode()).hexdigest() for text in texts]


def rows_of(markup: list[str], texts: list[str]) -> list[tuple[object, ...]]:
    """Return the rows of new postings, as they are stored."""
    blank: dict[str, object] = dict.fromkeys(NEW_POSTING, "Berlin, Germany")
    blank |= dict.fromkeys(("apply_url", "salary_min", "salary_max", "salary_currency", "salary_unit", "valid_through"))
    rows = []
    for number, (html_text, text) in enumerate(zip(markup, texts, strict=True), 1):
        own = {"id": number, "identifier": str(number), "description_html": html_text, "description_text": text}
        rows.append(tuple((blank | own).values()))
    return rows


def store(file: Path, rows: list[tuple[object, ...]]) -> None:
    """Insert every posting and its line of history into our tables, in one transaction a board."""
    with closing(SqliteFile(file)) as prepared:
        prepared.prepare()
    posting, event = _insert("postings", NEW_POSTING), _insert("posting_history", EVENT)
    with closing(sqlite3.connect(file, isolation_level=None)) as connection:
        connection.execute("PRAGMA synchronous=NORMAL")
        for first in range(0, len(rows), POSTINGS):
            some = rows[first : first + POSTINGS]
            connection.execute("BEGIN IMMEDIATE")
            connection.executemany(posting, some)
            connection.executemany(event, [(row[0], "run", "now", "new", None) for row in some])
            connection.execute("COMMIT")


def _insert(table: str, columns: tuple[str, ...]) -> str:
    return f"INSERT INTO {table} ({', '.join(columns)}) VALUES ({', '.join('?' * len(columns))})"  # noqa: S608 - our own names


def parts(boards: int, workers: int) -> dict[str, float]:
    """Return the seconds of the processor that each part takes."""
    took: dict[str, float] = {}

    def timed(name: str, work: Callable[[], Any]) -> Any:
        before = _used()
        result = work()
        took[name] = _used() - before
        return result

    with tempfile.TemporaryDirectory() as made, served(boards) as port:
        folder = Path(made)
        timed("start of the program", lambda: start(folder, boards, workers))
        timed("starts of two processes that read", lambda: [run("-c", READER) for _ in range(2)])
        timed("asking (httpcore)", lambda: ask(port, boards))
        bodies = [answer_of(board) for board in range(boards)]
        contents = timed("decoding (json)", lambda: decode(bodies))
        markup = timed("unescaping and sanitising (nh3)", lambda: clean(contents))
        texts = timed("text of the HTML", lambda: strip(markup))
        timed("hashing (SHA-256)", lambda: digest(texts))
        rows = rows_of(markup, texts)
        timed("inserting (SQLite, WAL)", lambda: store(folder / "floor.db", rows))
    return took


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--boards", type=int, default=300)
    parser.add_argument("--workers", type=int, default=64)
    parser.add_argument("--rounds", type=int, default=3)
    given = parser.parse_args()
    rounds, runs = [], []
    for _ in range(given.rounds):
        rounds.append(parts(given.boards, given.workers))
        runs.append(measured(partial(ours, given.boards, given.workers), given.boards, 0.1))
    medians = {name: statistics.median(each[name] for each in rounds) for name in rounds[0]}
    for name, seconds in medians.items():
        print(f"{name:40} {seconds:5.2f} s")
    floor, cores = sum(medians.values()), os.cpu_count() or 1
    wall, cpu = (statistics.median(run[place] for run in runs) for place in (0, 1))
    print(f"{'all parts':40} {floor:5.2f} s, so {floor / cores:.2f} s by the clock on {cores} cores that do nothing else")
    print(f"{'a run of ' + str(given.workers) + ' workers':40} {cpu:5.2f} s ({cpu / floor:.2f}x), {wall:.2f} s by the clock")


if __name__ == "__main__":
    main()

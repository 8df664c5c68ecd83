"""What every peer does with a board's answer: rows with a hash and a history into SQLite, one transaction a board.

Nothing is sanitised, guarded, closed or written to a ledger: the least that could be called a sync.
"""

from __future__ import annotations

import hashlib
import html
import json
import sqlite3

SCHEMA = """
PRAGMA journal_mode=WAL;
PRAGMA synchronous=NORMAL;
CREATE TABLE postings (board TEXT, id INTEGER, title TEXT, url TEXT, location TEXT, posted TEXT, description TEXT, hash TEXT,
                       seen TEXT, PRIMARY KEY (board, id));
CREATE TABLE history (board TEXT, id INTEGER, event TEXT);
"""


def opened(path: str) -> sqlite3.Connection:
    """Return a new database."""
    connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
    connection.executescript(SCHEMA)
    return connection


def save(connection: sqlite3.Connection, board: str, body: bytes) -> None:
    """Bring the table in line with a board's answer."""
    known = dict(connection.execute("SELECT id, hash FROM postings WHERE board = ?", (board,)))
    rows, events = [], []
    for job in json.loads(body)["jobs"]:
        text = html.unescape(job["content"])
        told = (job["title"], job["absolute_url"], job["location"]["name"], job["first_published"], text)
        digest = hashlib.sha256("\x1f".join(told).encode()).hexdigest()
        if known.get(job["id"]) != digest:
            rows.append((board, job["id"], *told, digest, "now"))
            events.append((board, job["id"], "changed" if job["id"] in known else "new"))
    connection.execute("BEGIN IMMEDIATE")
    connection.executemany("INSERT OR REPLACE INTO postings VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)", rows)
    connection.executemany("INSERT INTO history VALUES (?, ?, ?)", events)
    connection.execute("COMMIT")

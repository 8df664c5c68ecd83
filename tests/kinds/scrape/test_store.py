"""The database file: private, in WAL mode, shared by readers and writers; what is broken is told."""

from __future__ import annotations

import sqlite3
import threading
from contextlib import closing
from typing import Any

import pytest
from sqlalchemy import text

from orchestrator.errors import StorageError
from orchestrator.kinds.scrape.store import Store


@pytest.fixture
def store(tmp_path: Any) -> Any:
    opened = Store(f"sqlite:///{tmp_path}/deep/postings.db", tmp_path)
    yield opened
    opened.close()


def test_asking_whether_it_exists_creates_nothing(store: Store, tmp_path: Any) -> None:
    assert not store.exists()
    assert list(tmp_path.iterdir()) == []


def test_the_file_is_the_owners_alone_and_in_wal_mode(store: Store) -> None:
    with store.write() as connection:
        pragmas = [
            connection.exec_driver_sql(f"pragma {name}").scalar() for name in ("journal_mode", "synchronous", "foreign_keys")
        ]
    assert pragmas == ["wal", 1, 1]
    assert store.file is not None
    assert store.file.stat().st_mode & 0o077 == 0


def test_what_fails_half_way_leaves_nothing(store: Store) -> None:
    def write() -> None:
        with store.write() as connection:
            connection.execute(text("insert into runs (run_id, job, started_at) values ('r', 'j', 'x')"))
            connection.execute(text("insert into nowhere values (1)"))

    with pytest.raises(StorageError):
        write()
    with store.read() as connection:
        assert connection.execute(text("select count(*) from runs")).scalar() == 0


def test_a_file_that_is_no_database_is_told(store: Store) -> None:
    assert store.file is not None
    store.file.parent.mkdir()
    store.file.write_bytes(b"this is no database" * 100)
    with pytest.raises(StorageError, match=r"postings\.db failed"), store.read() as connection:
        connection.execute(text("select 1"))


def test_writers_of_two_connections_wait_for_each_other(store: Store, tmp_path: Any) -> None:
    other = Store(f"sqlite:///{tmp_path}/deep/postings.db", tmp_path)
    failed: list[BaseException] = []

    def fill(which: Store, name: str) -> None:
        try:
            for number in range(40):
                with which.write() as connection:
                    connection.execute(
                        text("insert into runs (run_id, job, started_at) values (:r, 'j', 'x')"), {"r": f"{name}{number}"}
                    )
        except StorageError as error:
            failed.append(error)

    with store.write() as connection:
        connection.execute(text("select 1"))  # The tables are made before anybody races.
    threads = [threading.Thread(target=fill, args=pair) for pair in ((store, "a"), (other, "b"))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    other.close()
    assert failed == []
    assert store.file is not None
    with closing(sqlite3.connect(store.file)) as database:
        assert database.execute("select count(*) from runs").fetchone() == (80,)


def test_readers_read_while_a_writer_writes(store: Store, tmp_path: Any) -> None:
    with store.write() as connection:
        connection.execute(text("insert into runs (run_id, job, started_at) values ('r', 'j', 'x')"))
        reader = Store(f"sqlite:///{tmp_path}/deep/postings.db", tmp_path)
        with reader.read() as other:
            assert other.execute(text("select count(*) from runs")).scalar() == 0
        reader.close()


@pytest.mark.parametrize("url", ["nonsense", "oracle+nothing://x/y"])
def test_a_url_that_is_none_is_told(tmp_path: Any, url: str) -> None:
    with pytest.raises(StorageError, match="URL can't be used"):
        Store(url, tmp_path)

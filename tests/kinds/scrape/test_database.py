"""The SQLite file as a run writes it: private, in WAL mode, all or nothing; the statements that were compiled ahead."""

from __future__ import annotations

import sqlite3
import threading
from contextlib import closing
from typing import Any

import pytest
from sqlalchemy import ColumnDefault

from orchestrator.deadline import CancelToken, Deadline, WorkContext
from orchestrator.errors import StorageError
from orchestrator.kinds.scrape import tables
from orchestrator.kinds.scrape.sql.columns import COMPANY, FETCH, NEW_COMPANY, NEW_POSTING, RUN
from orchestrator.kinds.scrape.sql.database import SqliteFile
from orchestrator.kinds.scrape.sql.statements import DEFINITIONS

JOBS = "/v1/boards/acme/jobs"
ROW = ("r", "j", "2026-11-21T00:00:00.000Z", None, None)


@pytest.fixture
def database(tmp_path: Any) -> Any:
    with closing(SqliteFile(tmp_path / "deep" / "postings.db")) as opened:
        yield opened


def runs(database: SqliteFile) -> int:
    with closing(sqlite3.connect(database.file)) as other:
        return int(other.execute("select count(*) from runs").fetchone()[0])


def test_asking_whether_it_exists_creates_nothing(database: SqliteFile, tmp_path: Any) -> None:
    assert not database.exists()
    assert list(tmp_path.iterdir()) == []
    database.prepare()
    assert database.exists()


def test_the_file_is_the_owners_alone_and_in_wal_mode(database: SqliteFile) -> None:
    database.prepare()
    connection = database._opened()
    found = [connection.execute(f"pragma {name}").fetchone()[0] for name in ("journal_mode", "synchronous", "foreign_keys")]
    assert found == ["wal", 1, 1]
    assert database.file.stat().st_mode & 0o077 == 0


def test_what_fails_half_way_leaves_nothing(database: SqliteFile) -> None:
    def write() -> None:
        with database.writing() as transaction:
            transaction.insert("insert_run", [ROW])
            transaction.insert("insert_run", [ROW])

    with pytest.raises(StorageError, match=r"postings\.db failed: UNIQUE"):
        write()
    assert runs(database) == 0
    with database.writing() as transaction:
        transaction.insert("insert_run", [ROW])
    assert runs(database) == 1


def test_whatever_else_is_raised_within_a_transaction_undoes_it(database: SqliteFile) -> None:
    def write() -> None:
        with database.writing() as transaction:
            transaction.insert("insert_run", [ROW])
            raise KeyError("something else")

    with pytest.raises(KeyError):
        write()
    assert runs(database) == 0


def test_a_file_that_is_no_database_is_told(database: SqliteFile) -> None:
    database.file.parent.mkdir()
    database.file.write_bytes(b"this is no database" * 100)
    with pytest.raises(StorageError, match=r"postings\.db failed: file is not a database"):
        database.exists()


def test_tables_of_another_version_are_refused(database: SqliteFile) -> None:
    database.prepare()
    with closing(sqlite3.connect(database.file)) as other:
        other.execute("update about set value = '99'")
        other.commit()
    with pytest.raises(StorageError, match="schema version 99"), database.reading():
        pass
    with closing(SqliteFile(database.file)) as again, pytest.raises(StorageError, match="schema version 99"):
        again.prepare()


def test_writers_of_two_connections_wait_for_each_other(database: SqliteFile) -> None:
    failed: list[BaseException] = []

    def fill(name: str) -> None:
        with closing(SqliteFile(database.file)) as mine:
            try:
                for number in range(40):
                    with mine.writing() as transaction:
                        transaction.insert("insert_run", [(f"{name}{number}", *ROW[1:])])
            except StorageError as error:
                failed.append(error)

    threads = [threading.Thread(target=fill, args=name) for name in ("a", "b")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failed == []
    assert runs(database) == 80


def test_those_who_make_a_new_file_at_once_wait_for_each_other(tmp_path: Any) -> None:
    failed: list[BaseException] = []

    def make(name: str, together: threading.Barrier) -> None:
        with closing(SqliteFile(tmp_path / name)) as mine:
            together.wait(20)
            try:
                mine.prepare()
            except StorageError as error:
                failed.append(error)

    for number in range(200):  # Of a hundred, about four would fail.
        together = threading.Barrier(3)
        threads = [threading.Thread(target=make, args=(f"{number}.db", together)) for _ in range(3)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert failed == []


def test_rows_name_every_column_that_has_no_default_of_the_database() -> None:
    written = {
        "companies": set(COMPANY),
        "fetches": set(FETCH),
        "runs": set(RUN),
        "postings": {*NEW_POSTING, "notes", "application_status", "applied_at", "closed_at", "reopened_at"},
    }
    for table in tables.metadata.sorted_tables:
        if table.name in written:
            assert {column.name for column in table.columns} == written[table.name]


def test_a_new_company_has_what_the_table_has_by_default() -> None:
    for column in tables.companies.columns:
        if isinstance(column.default, ColumnDefault):
            assert NEW_COMPANY[column.name] == column.default.arg


def test_every_statement_is_understood_by_the_database(database: SqliteFile) -> None:
    database.prepare()
    with database.reading() as transaction:
        for name in DEFINITIONS:
            prepared = transaction._statements[name]
            values = dict.fromkeys(prepared.order or (), 1)
            steps = database._opened().execute(f"explain {prepared.text}", [values[each] for each in prepared.order or ()])
            assert len(steps.fetchall()) > 1, name


def test_a_full_disk_ends_the_sync_of_one_company_and_harms_nothing(driver: Any, server: Any, boards: Any) -> None:
    server.routes[JOBS] = boards.greenhouse(1, 2)
    driver.run()
    before = driver.rows("select * from postings")
    server.routes[JOBS] = boards.greenhouse(*range(1, 200))
    job = driver.job()
    context = WorkContext(Deadline.after(10), CancelToken())
    unit = job.plan(context).units[0]
    with job.world() as world:
        result = job.work(unit, WorkContext(context.deadline, context.cancel, world=world))
    connection = job._opened()._opened()
    (pages,) = connection.execute("pragma page_count").fetchone()
    connection.execute(f"pragma max_page_count = {pages}")
    with pytest.raises(StorageError, match="full"):
        job.apply(unit, result, context)
    job.abandon()
    assert driver.rows("select * from postings") == before


@pytest.fixture
def executed(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Every execution of a statement by a SQLite file, in order."""
    found: list[str] = []
    opened = SqliteFile._opened

    def traced(file: SqliteFile) -> sqlite3.Connection:
        connection = opened(file)
        connection.set_trace_callback(found.append)
        return connection

    monkeypatch.setattr(SqliteFile, "_opened", traced)
    return found


def test_a_sync_of_forty_postings_executes_no_more_statements_than_one_of_one(
    driver: Any, server: Any, boards: Any, executed: list[str]
) -> None:
    counts = []
    for rows in ((1,), range(2, 42), range(2, 42)):
        server.routes[JOBS] = boards.greenhouse(*rows)
        driver.run()
        begun = [number for number, text in enumerate(executed) if text.startswith("SELECT fetches.outcome")][-1]
        counts.append(next(number for number, text in enumerate(executed[begun:]) if text == "COMMIT"))
    new, replaced, unchanged = counts
    assert new <= 6
    assert unchanged <= 6
    assert replaced <= new + 3  # The one that went is closed: by its misses, its state and its event.

"""A corpus of stored postings: the open ones of a scrape job, read from the database by their columns.

The columns are those of the table `postings`; nothing of the kind `scrape` is imported.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from contextlib import closing, contextmanager
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from orchestrator.deadline import WorkContext
from orchestrator.errors import Failure, JobError, MissingExtra, StorageError
from orchestrator.kinds.ingest.document import Content, Heading, Parsed, Scan, Seen, Stamp

if TYPE_CHECKING:
    from sqlalchemy import Connection

_COLUMNS: Final = (
    "p.id, p.company, p.company_key, p.board, p.identifier, p.title, p.url, p.location, p.workplace, "
    "p.employment_type, p.department, p.description_text"
)
_OPEN: Final = f"""
    select {_COLUMNS} from postings p join companies c on c.company_key = p.company_key
    where c.job = :job and p.status = 'open' order by p.id
"""  # noqa: S608 - a constant
_FACTS: Final = ("company", "location", "workplace", "employment_type", "department")
_AT_ONCE: Final = 200
_SQLITE_FILE: Final = r"sqlite(?:\+pysqlite)?:///(?!:memory:|file:)([^?]+)"
_PATIENCE_SECONDS: Final = 30
_Row = Mapping[str, Any]
_NOT_A_WORD: Final = re.compile(r"[^a-z0-9]+")


class PostingsCorpus(NamedTuple):
    """The open postings of one scrape job."""

    job: str
    database: str

    def scan(self, known: Mapping[str, Stamp], context: WorkContext) -> Scan:
        """Say what is there. Raises JobError `no-postings` if no scrape job has stored anything yet."""
        del known
        documents: dict[str, Seen] = {}
        with self._rows(_OPEN, {"job": self.job}) as rows:
            for row in rows:
                seen = _seen(row, documents)
                documents[seen.key] = seen
                context.checkpoint(len(documents), None, seen.key)
        return Scan([documents[key] for key in sorted(documents)])

    def read(self, documents: Iterable[Seen]) -> Iterator[tuple[Seen, Content | Failure]]:
        """Read postings, each as it is now."""
        rest = iter(documents)
        while some := list(islice(rest, _AT_ONCE)):
            names = ", ".join(f":id{number}" for number in range(len(some)))
            query = f"select {_COLUMNS} from postings p where p.id in ({names})"  # noqa: S608 - names of parameters
            values = {f"id{number}": int(seen.location) for number, seen in enumerate(some)}
            with self._rows(query, values) as rows:
                found = {str(row["id"]): row for row in rows}
            for seen in some:
                row = found.get(seen.location)
                if row is None:
                    yield seen, Failure("vanished", "the posting vanished during the run", retryable=True)
                else:
                    yield seen, Content(seen, _digest(row), parsed=_parsed(row))

    @contextmanager
    def _rows(self, query: str, values: Mapping[str, Any]) -> Iterator[Iterator[_Row]]:
        file = re.fullmatch(_SQLITE_FILE, self.database)
        with self._of_server(query, values) if file is None else self._of_file(file[1], query, values) as rows:
            yield rows

    def _unreadable(self, error: BaseException) -> JobError:
        return JobError(
            f"the postings of {self.job!r} can't be read: {type(error).__name__}",
            code="no-postings",
            hint=f"run the job {self.job!r} first: name it in `needs`",
        )

    @contextmanager
    def _of_file(self, file: str, query: str, values: Mapping[str, Any]) -> Iterator[Iterator[_Row]]:
        """Read a SQLite file by the standard library's driver: a plan then needs no more than the base install."""
        import sqlite3

        try:
            uri = f"{Path(file).absolute().as_uri()}?mode=ro"
            with closing(sqlite3.connect(uri, uri=True, timeout=_PATIENCE_SECONDS)) as connection:
                connection.row_factory = sqlite3.Row
                yield iter(connection.execute(query, dict(values)))
        except sqlite3.OperationalError as error:
            raise self._unreadable(error) from error
        except sqlite3.DatabaseError as error:
            raise StorageError(f"the database {Path(file).name} failed: {error}", hint="restore a backup") from error

    @contextmanager
    def _of_server(self, query: str, values: Mapping[str, Any]) -> Iterator[Iterator[_Row]]:
        try:
            from sqlalchemy import create_engine, text
        except ModuleNotFoundError as error:
            raise MissingExtra("a corpus of postings on a database server", "ingest") from error
        from sqlalchemy.exc import OperationalError, ProgrammingError
        from sqlalchemy.pool import NullPool

        engine = create_engine(self.database, poolclass=NullPool)
        try:
            with engine.connect() as connection:
                yield _streamed(connection, text(query), values)
        except (OperationalError, ProgrammingError) as error:
            raise self._unreadable(error.orig or error) from error
        finally:
            engine.dispose()


def _streamed(connection: Connection, query: Any, values: Mapping[str, Any]) -> Iterator[_Row]:
    result = connection.execution_options(stream_results=True, yield_per=_AT_ONCE).execute(query, dict(values))
    yield from map(dict, result.mappings())


def slug(text: str) -> str:
    """Return lower-case letters, digits and dashes: what a posting's place in the corpus is made of."""
    return _NOT_A_WORD.sub("-", text.lower()).strip("-")[:80] or "x"


def _seen(row: _Row, taken: Mapping[str, Seen]) -> Seen:
    key = f"{slug(row['company'])}/{slug(row['identifier'])}"
    if key in taken:
        exact = json.dumps([row["company_key"], row["board"], row["identifier"]]).encode()
        key = f"{key}-{hashlib.sha256(exact).hexdigest()[:8]}"
    return Seen(key, str(row["id"]), len(row["description_text"] or ""), (0, 0), _digest(row))


def _digest(row: _Row) -> bytes:
    parsed = _parsed(row)
    return hashlib.sha256(json.dumps([parsed.text, parsed.metadata], sort_keys=True).encode()).digest()


def _parsed(row: _Row) -> Parsed:
    title = row["title"] or "untitled"
    facts = [f"{name.replace('_', ' ').capitalize()}: {row[name]}" for name in _FACTS if row[name]]
    text = "\n".join([title, *facts]) + "\n\n" + (row["description_text"] or "")
    metadata = {name: str(row[name]) for name in ("company", "board", "identifier", "url", "location") if row[name]}
    return Parsed(text, title, (Heading(0, 1, title),), 0, metadata)

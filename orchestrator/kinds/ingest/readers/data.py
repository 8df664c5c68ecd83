"""JSON, JSON lines and CSV as text that reads well: one `path: value` a line, one paragraph a record."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator
from typing import Any, Final

from orchestrator.kinds.ingest.document import Heading, Parsed, Unreadable
from orchestrator.kinds.ingest.readers import Limits
from orchestrator.kinds.ingest.readers.text import decode

_TITLES: Final = ("title", "name", "subject", "headline")
_LONGEST_FIELD: Final = 10_000_000


def read_json(name: str, data: bytes, limits: Limits) -> Parsed:
    """Return a JSON document; the entries of a list at the top are records of their own."""
    del name, limits
    document = _loaded(decode(data), "the file")
    if isinstance(document, list):
        return _records(document)
    title = _title(document)
    return Parsed("\n".join(_lines(document, "")) + "\n", title)


def read_jsonl(name: str, data: bytes, limits: Limits) -> Parsed:
    """Return JSON lines, each a record. Raises Unreadable with the line that is none."""
    del name, limits
    lines = enumerate(decode(data).splitlines(), 1)
    return _records([_loaded(line, f"line {number}") for number, line in lines if line.strip()])


def read_csv(name: str, data: bytes, limits: Limits) -> Parsed:
    """Return the rows of a table as records; the first row names the columns."""
    del limits
    text = decode(data)
    delimiter = "\t" if name.lower().endswith(".tsv") else _delimiter(text)
    csv.field_size_limit(_LONGEST_FIELD)
    try:
        rows = [row for row in csv.reader(io.StringIO(text), delimiter=delimiter, strict=True) if any(row)]
    except csv.Error as error:
        raise Unreadable(f"the file is no table: {error}", code="unreadable-csv") from None
    header, *records = rows
    named = [dict(zip(header, row, strict=False)) for row in records]
    return _records([{key: value for key, value in row.items() if value} for row in named])


def _delimiter(text: str) -> str:
    head = text[: text.find("\n")] if "\n" in text else text
    return max(",;\t|", key=head.count)


def _loaded(text: str, what: str) -> Any:
    try:
        return json.loads(text)
    except RecursionError:
        raise Unreadable(f"{what} is nested too deeply", code="unreadable-json") from None
    except ValueError as error:
        raise Unreadable(f"{what} is no JSON: {error}", code="unreadable-json") from None


def _records(records: list[Any]) -> Parsed:
    parts: list[str] = []
    headings: list[Heading] = []
    length = 0
    for record in records:
        title = _title(record)
        if title:
            headings.append(Heading(length, 1, title))
        part = "\n".join(_lines(record, "")) + "\n\n"
        parts.append(part)
        length += len(part)
    return Parsed("".join(parts), None, tuple(headings))


def _title(document: Any) -> str | None:
    if not isinstance(document, dict):
        return None
    named = {str(key).lower(): value for key, value in document.items()}
    return next((str(named[key])[:200] for key in _TITLES if isinstance(named.get(key), str) and named[key].strip()), None)


def _lines(value: Any, path: str) -> Iterator[str]:
    """Yield leaves in order, without recursion into Python's limit: nesting was bounded when the text was parsed."""
    stack: list[tuple[Any, str]] = [(value, path)]
    while stack:
        each, where = stack.pop()
        if isinstance(each, dict):
            stack.extend((inner, f"{where}.{key}" if where else str(key)) for key, inner in reversed(each.items()))
        elif isinstance(each, list):
            stack.extend((inner, where) for inner in reversed(each))
        elif each is not None and each != "":
            yield f"{where}: {each}" if where else str(each)

"""Passages of an index, read without the kind that wrote it."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from dashboard.passages import LONGEST_PASSAGE, NEWEST_FORMAT, passages
from orchestrator.errors import UnreadableState
from orchestrator.kinds.ingest import index, texts
from orchestrator.kinds.ingest.computed import Computed, NodeText


@pytest.fixture
def written(tmp_path: Path) -> Path:
    """An index with two documents whose texts fill several blocks; each node has a word of its own."""
    with index.IndexWriter(tmp_path) as writer:
        for key in ("a.md", "b.md"):
            nodes, start = [], 0
            for number in range(80):
                text = f"{key[0]}word{number} " + "größe " * (number * 7 % 200)
                nodes.append(NodeText(start, start + len(text), number + 1, f"part {number}", text))
                start += len(text)
            writer.add(Computed(key, b"1" * 32, b"", key, {}, nodes))
        writer.finish()
    return tmp_path / index.DATABASE


def test_the_dashboard_reads_the_form_that_is_written() -> None:
    assert index.FORMAT == NEWEST_FORMAT


def test_the_text_of_every_node_is_the_one_that_was_indexed(written: Path) -> None:
    with closing(sqlite3.connect(written)) as connection:
        blocks = connection.execute("select count(*) from texts").fetchone()[0]
        assert blocks > 2
        for key in ("a", "b"):
            for number in range(80):
                (hit,) = passages(written, f"{key}word{number}", 5)
                row = number + 1 + (80 if key == "b" else 0)
                assert hit.text == texts.text_of(connection, row)[:LONGEST_PASSAGE]
                assert (hit.document, hit.line, hit.headings) == (f"{key}.md", number + 1, f"part {number}")


@pytest.mark.parametrize(
    ("damage", "problem"),
    [
        ("pragma user_version=99", "format 99"),
        ("pragma user_version=1", "older form"),
        ("update texts set packed = x'00'", "damaged"),
        ("update texts set packed = 'text'", "damaged"),
        ("delete from texts", "missing"),
        ("drop table texts", "can't read"),
    ],
)
def test_an_index_that_cannot_be_searched_is_a_sentence(written: Path, damage: str, problem: str) -> None:
    with closing(sqlite3.connect(written, isolation_level=None)) as connection:
        connection.execute(damage)
    with pytest.raises(UnreadableState, match=problem):
        passages(written, "aword3", 5)


def test_an_index_that_is_newer_leaves_what_its_manifest_says(build: Any, draw_page: Callable[..., Any]) -> None:
    name = build.snapshot({"a.md": "one"})
    path = build.state.snapshots / "handbook" / name / index.DATABASE
    path.chmod(0o600)
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("pragma user_version=99")
    text = draw_page("snapshots", job="handbook", q="one").text
    for words in (
        name,
        "1   document",
        "Its documents can't be compared: the index has format 99",
        "Not compared",
        "Update orchestrate",
    ):
        assert words in text, words

"""Texts of nodes in compressed blocks: as short as before, at hand one by one, and told when they are damaged."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from itertools import product
from pathlib import Path
from typing import Any

import pytest

from orchestrator.errors import UnreadableState
from orchestrator.kinds.ingest.computed import Computed, NodeText, unpacked
from orchestrator.kinds.ingest.index import IndexReader, IndexWriter
from orchestrator.kinds.ingest.packing import pack, unpack
from orchestrator.kinds.ingest.search import Snapshot
from orchestrator.kinds.ingest.texts import blocks_of, texts_of

Workshop = Any
LONG = ["kites " * 2_000, "", "Grüße aus Köln 🌊 " * 1_100, "x" * 40_000, "last"]


def document(key: str, texts: list[str]) -> Computed:
    starts = [sum(map(len, texts[:number])) for number in range(len(texts))]
    nodes = [NodeText(start, start + len(text), 1, "", text) for start, text in zip(starts, texts, strict=True)]
    return Computed(key, key.encode(), key.encode(), key, {}, nodes)


def test_blocks_give_back_the_texts_they_were_made_of() -> None:
    blocks = blocks_of(LONG)
    assert [block.nodes for block in blocks] == [2, 1, 1, 1], "a block holds what fits, and at least one text"
    assert list(texts_of(blocks, list(map(len, LONG)))) == LONG
    assert blocks_of([]) == []


def test_a_document_comes_back_from_the_cache_with_the_blocks_it_went_in_with() -> None:
    made = document("a", LONG)
    stored = made.stored()
    back = unpacked("a", made.digest, made.cache_key, stored.packed, 0, b"")
    assert (list(back.nodes), back.blocks) == (made.nodes, blocks_of(LONG))
    assert back.stored() == stored
    assert back.compressed() is back.blocks, "nothing is compressed twice"


@pytest.mark.parametrize("size", [0, 3, 10, -1])
def test_a_damaged_entry_of_the_cache_is_told(size: int) -> None:
    packed = document("a", LONG).stored().packed[:size]
    with pytest.raises((ValueError, UnreadableState)):
        unpacked("a", b"", b"", packed, 0, b"")


def test_no_changed_bit_of_a_packed_text_gives_another_text() -> None:
    text = "kites over Köln ".encode() * 40
    packed = pack(text)
    told = 0
    for place, bit in product(range(len(packed)), range(8)):
        damaged = packed[:place] + bytes([packed[place] ^ (1 << bit)]) + packed[place + 1 :]
        try:
            assert unpack(damaged) == text, "a bit that means nothing"
        except ValueError:
            told += 1
    assert told >= len(packed) * 8 - 1


def test_an_index_returns_each_text_also_after_a_document_before_it_is_gone(tmp_path: Path) -> None:
    first, second = tmp_path / "first", tmp_path / "second"
    first.mkdir()
    second.mkdir()
    with IndexWriter(first) as writer:
        for key in "abc":
            writer.add(document(key, [f"{key} {text}" for text in LONG]))
        writer.finish()
    with IndexWriter(second, first) as writer:
        writer.remove("a")
        writer.add(document("d", ["new"]))
        writer.finish()
    with closing(IndexReader(second)) as reader:
        assert reader.computed("a", 0) is None
        for key, texts in (("b", LONG), ("c", LONG)):
            found = reader.computed(key, 0)
            assert found is not None
            assert [node.text for node in found.nodes] == [f"{key} {text}" for text in texts]
    with closing(sqlite3.connect(second / "index.db")) as connection:
        (blocks,) = connection.execute("select count(*) from texts").fetchone()
        assert blocks == 2 * len(blocks_of(LONG)) + 1, "the blocks of the removed document are gone"


def test_a_text_takes_less_than_half_of_its_size_in_the_index(workshop: Workshop) -> None:
    page = "".join(f"Row {number}: the quick brown fox jumps over lazy dog {number * 7919}.\n\n" for number in range(6_000))
    workshop.write({"a.md": f"# A\n\n{page}"})
    workshop.run(embedding="none")
    with closing(sqlite3.connect(workshop.store.current() / "index.db")) as connection:
        (packed,) = connection.execute("select sum(length(packed)) from texts").fetchone()
    assert packed * 2 < len(page)


def test_every_hit_has_the_text_of_its_place_in_the_document(workshop: Workshop) -> None:
    text = "# A\n\n" + "".join(f"Row {number} with Grüße and the number {number * 7919}.\n\n" for number in range(2_000))
    workshop.write({"a.md": text})
    workshop.run(embedding="none")
    with workshop.open() as snapshot:
        hits = snapshot.hits([(row, 1.0) for row in range(1, snapshot.manifest.nodes + 1)])
    assert len(hits) > 50
    assert [hit.text for hit in hits] == [text[hit.start : hit.end] for hit in hits]


def test_a_search_tells_of_a_damaged_text(handbook: Workshop) -> None:
    handbook.run()
    current = handbook.store.current()
    with closing(sqlite3.connect(current / "index.db")) as connection, connection:
        connection.execute("update texts set packed = x'00'")
    with Snapshot(current) as snapshot, pytest.raises(UnreadableState, match="damaged"):
        snapshot.search("holiday")


def test_an_index_of_another_format_is_made_anew_from_the_cache(handbook: Workshop) -> None:
    handbook.run()
    with closing(sqlite3.connect(handbook.store.current() / "index.db")) as connection:
        connection.execute("pragma user_version=1")
    done = handbook.run()
    assert ["index format 1" in warning for warning in done.plan.warnings] == [True]
    assert (done.outcome.result["computed"], done.outcome.result["documents"]) == (0, 4)
    with handbook.open() as snapshot:
        assert snapshot.search("holiday")[0].document == "index.md"

"""The journal: what is written is read, a torn tail costs the last line only, and a changed byte is noticed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.errors import StorageError, UnreadableState
from orchestrator.status import journal
from orchestrator.status.journal import Entry, Event, JournalWriter, decode, encode

AT = "2026-01-01T00:00:00.000Z"
TEXT = st.text(max_size=20)
ENTRIES = st.builds(
    Entry,
    seq=st.integers(1, 10**9),
    at=st.just(AT),
    event=st.sampled_from(Event),
    job=st.none() | TEXT,
    attempt=st.none() | st.integers(1, 100),
    item=st.none() | TEXT,
    state=st.none() | st.sampled_from(["succeeded", "failed"]),
    seconds=st.none() | st.floats(0, 1e6),
    detail=st.none() | st.dictionaries(TEXT, TEXT | st.integers(-(2**53), 2**53) | st.none(), min_size=1, max_size=3),
)


def _write(path: Path, count: int, **fields: Any) -> bytes:
    writer = JournalWriter(path)
    for number in range(count):
        writer.record(AT, Event.ITEM_FINISHED, job="drill", item=f"item-{number}", state="succeeded", **fields)
    writer.flush()
    writer.close()
    return path.read_bytes()


@given(ENTRIES)
def test_every_entry_is_read_as_it_was_written(entry: Entry) -> None:
    line = encode(entry)
    assert decode(line) == entry
    assert line.count(b"\n") == 1


@given(data=st.binary(max_size=200))
def test_no_line_of_a_stranger_is_taken_for_an_entry(data: bytes) -> None:
    assert decode(data) is None
    assert list(journal.scan(data)) == []


def test_a_tail_torn_at_any_byte_costs_the_last_line_only(tmp_path: Path) -> None:
    path = tmp_path / "journal.jsonl"
    whole = _write(path, 3)
    ends = [end for _, end in journal.scan(whole)]
    for size in range(len(whole) + 1):
        path.write_bytes(whole[:size])
        prefix = journal.read(path)
        kept = [end for end in ends if end <= size]
        assert prefix.size == (kept[-1] if kept else 0)
        assert [entry.seq for entry in prefix.entries] == list(range(1, len(kept) + 1))
        assert prefix.torn == (prefix.size < size)
        assert prefix.next_seq == len(kept) + 1


def test_a_flipped_bit_anywhere_ends_the_journal_before_its_line(tmp_path: Path) -> None:
    whole = _write(tmp_path / "journal.jsonl", 2)
    middle = whole.index(b"\n") + 1
    for place in range(middle):
        changed = bytearray(whole)
        changed[place] ^= 0x01
        assert list(journal.scan(bytes(changed))) == [], place


def test_a_line_that_is_missing_doubled_or_out_of_order_ends_the_journal(tmp_path: Path) -> None:
    one, two, three = _write(tmp_path / "journal.jsonl", 3).splitlines(keepends=True)
    for lines, valid in (([one, three], 1), ([one, one, two], 1), ([two, three], 0), ([one, two, b"\n", three], 2)):
        assert len(list(journal.scan(b"".join(lines)))) == valid


def test_a_writer_cuts_a_torn_tail_off_and_goes_on_behind_the_last_entry(tmp_path: Path) -> None:
    path = tmp_path / "journal.jsonl"
    whole = _write(path, 2)
    path.write_bytes(whole[:-5])
    _write(path, 2)
    prefix = journal.read(path)
    assert [entry.seq for entry in prefix.entries] == [1, 2, 3]
    assert not prefix.torn


def test_nothing_is_on_disk_before_a_flush_and_everything_after_it(tmp_path: Path) -> None:
    path = tmp_path / "journal.jsonl"
    writer = JournalWriter(path)
    entry = writer.record(AT, Event.RUN_STARTED, detail={"jobs": ["drill"]})
    assert (writer.waiting, path.read_bytes()) == (1, b"")
    writer.flush()
    assert (writer.waiting, journal.read(path).entries) == (0, (entry,))
    writer.close()


def test_entries_that_couldnt_be_written_are_written_by_the_next_flush_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "journal.jsonl"
    writer = JournalWriter(path)
    writer.record(AT, Event.RUN_STARTED)
    with monkeypatch.context() as patch:
        patch.setattr("os.write", _refuse)
        with pytest.raises(StorageError):
            writer.flush()
    assert writer.waiting == 1
    writer.record(AT, Event.RUN_FINISHED)
    writer.flush()
    writer.close()
    assert [entry.event for entry in journal.read(path).entries] == [Event.RUN_STARTED, Event.RUN_FINISHED]


def test_entries_that_couldnt_be_synced_arent_taken_for_durable_and_arent_doubled(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "journal.jsonl"
    writer = JournalWriter(path)
    writer.record(AT, Event.RUN_STARTED)
    with monkeypatch.context() as patch:
        patch.setattr("os.fsync", _refuse)
        with pytest.raises(StorageError):
            writer.flush()
    synced: list[int] = []
    monkeypatch.setattr("os.fsync", synced.append)
    writer.flush()
    assert synced, "a flush after a failed sync claims durability without a sync"
    writer.close()
    assert [entry.seq for entry in journal.read(path).entries] == [1]


def _refuse(*_: object) -> int:
    raise OSError(28, "No space left on device")


def test_a_journal_that_isnt_there_is_empty_and_one_that_cant_be_read_is_told(tmp_path: Path) -> None:
    assert journal.read(tmp_path / "missing").entries == ()
    (tmp_path / "journal").mkdir()
    with pytest.raises(UnreadableState, match="journal"):
        journal.read(tmp_path / "journal")


def test_a_long_journal_is_read_in_a_time_that_a_person_waits(tmp_path: Path) -> None:
    path = tmp_path / "journal.jsonl"
    _write(path, 20_000, detail={"found": 3})
    assert len(journal.read(path).entries) == 20_000

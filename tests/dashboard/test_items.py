"""Items of a run, from its journal."""

from __future__ import annotations

from typing import Any

import pytest

from dashboard.items import Items


def read_all(path: Any) -> Items:
    items = Items(path)
    items.advance()
    return items


def test_failed_items_come_first_then_the_latest(build: Any) -> None:
    run = build.run()
    build.journal(
        run, [{"key": "a"}, {"key": "b", "state": "failed", "error": {"code": "x", "message": "m", "hint": "h"}}, {"key": "c"}]
    )
    items = read_all(run.journal)
    assert [item.key for item in items.rows()] == ["b", "c", "a"]
    assert next(items.rows()).hint == "h"


def test_what_was_read_is_not_read_again(build: Any) -> None:
    run = build.run()
    build.journal(run, [{"key": "a"}])
    items = read_all(run.journal)
    before = items._offset
    build.journal(run, [{"key": "b"}])
    items.advance()
    assert len(items) == 2
    assert items._offset > before


def test_a_later_attempt_replaces_what_an_earlier_one_said(build: Any) -> None:
    run = build.run()
    build.journal(run, [{"key": "a", "state": "failed"}, {"key": "b"}])
    items = read_all(run.journal)
    assert len(items.failed) == 1
    build.journal(run, [{"key": "a", "state": "succeeded"}])
    items.advance()
    assert (len(items), len(items.failed)) == (2, 0)


def test_a_torn_tail_is_awaited_and_then_read(build: Any) -> None:
    run = build.run()
    build.journal(run, [{"key": "a"}, {"key": "b"}])
    whole = run.journal.read_bytes()
    run.journal.write_bytes(whole[:-7])
    items = read_all(run.journal)
    assert [item.key for item in items.rows()] == ["a"]
    assert items.complete
    assert not items.damaged
    with run.journal.open("ab") as file:
        file.write(whole[-7:])
    items.advance()
    assert [item.key for item in items.rows()] == ["b", "a"]


def test_behind_a_damaged_line_nothing_is_believed(build: Any) -> None:
    run = build.run()
    build.journal(run, [{"key": "a"}, {"key": "b"}, {"key": "c"}])
    run.journal.write_bytes(run.journal.read_bytes().replace(b'"item":"b"', b'"item":"X"'))
    items = read_all(run.journal)
    assert items.damaged
    assert [item.key for item in items.rows()] == ["a"]


def test_a_replaced_journal_is_read_from_its_start(build: Any) -> None:
    run = build.run()
    build.journal(run, [{"key": str(number)} for number in range(9)])
    items = read_all(run.journal)
    run.journal.unlink()
    build.journal(run, [{"key": "other"}])
    items.advance()
    assert [item.key for item in items.rows()] == ["other"]


def test_a_long_journal_is_read_in_bounded_steps(build: Any) -> None:
    run = build.run()
    build.journal(run, [{"key": f"item {number}"} for number in range(2000)])
    items = Items(run.journal)
    items.advance(step=20_000)
    assert 0 < len(items) < 2000
    assert 0 < items.share < 1
    while not items.complete:
        items.advance(step=20_000)
    assert len(items) == 2000


def test_a_line_longer_than_a_step_is_read(build: Any) -> None:
    run = build.run()
    build.journal(run, [{"key": "k" * 50_000}, {"key": "b"}])
    items = Items(run.journal)
    for _ in range(3):
        items.advance(step=1_000)
    assert len(items) == 2


@pytest.mark.parametrize(
    ("filters", "keys"),
    [
        ({}, ["bad one", "third", "second", "first"]),
        ({"state": "failed"}, ["bad one"]),
        ({"job": "docs"}, ["third"]),
        ({"text": "SEC"}, ["second"]),
        ({"text": "boom"}, ["bad one"]),
        ({"state": "failed", "job": "docs"}, []),
        ({"skip": 1, "most": 2}, ["third", "second"]),
    ],
)
def test_items_are_filtered(build: Any, filters: Any, keys: list[str]) -> None:
    run = build.run()
    failed = {"key": "bad one", "state": "failed", "error": {"code": "x", "message": "Boom", "hint": ""}}
    build.journal(run, [{"key": "first"}, failed, {"key": "second"}, {"key": "third", "job": "docs"}])
    assert [item.key for item in read_all(run.journal).select(**filters)[0]] == keys


def test_a_journal_that_does_not_exist_has_no_items(tmp_path: Any) -> None:
    items = read_all(tmp_path / "none")
    assert (len(items), items.complete) == (0, True)


def test_entries_of_an_unexpected_shape_do_no_harm(build: Any) -> None:
    run = build.run()
    build.journal(run, [{"key": "a", "found": "many", "error": "text", "attempts": True, "seconds": "long"}])
    rows, number = read_all(run.journal).select()
    assert number == 1
    assert [(item.found, item.tries, item.seconds, item.message) for item in rows] == [(None, 1, None, "")]

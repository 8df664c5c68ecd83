"""Postings and snapshots, read without the kinds that wrote them."""

from __future__ import annotations

import os
import re
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from dashboard.draw.postings import salary_of
from dashboard.freshness import Walk, changed_settings, folders_of, rules_of
from dashboard.globs import matcher
from dashboard.postings import Postings, Wanted
from dashboard.snapshots import Snapshots
from orchestrator.errors import UnreadableState
from orchestrator.kinds.ingest.globs import matcher as matcher_of_the_ingest

RUN = "20261121T165300.123Z-1a2b3c4d"
OTHER = "20261120T165300.123Z-aaaaaaaa"


@pytest.fixture
def postings(build: Any) -> Postings:
    rows = [
        {"id": 1, "title": "Robotics Engineer", "location": "Berlin"},
        {"id": 2, "title": "Data Analyst 100%_", "company": "Initech", "location": "Lisbon"},
        {"id": 3, "title": "Recruiter", "company": "Initech", "status": "closed", "closed_at": "2026-11-21T10:00:00.000Z"},
    ]
    history = [
        {"posting_id": 3, "event": "new", "run_id": OTHER, "at": "2026-11-19T10:00:00.000Z"},
        {"posting_id": 1, "event": "new", "at": "2026-11-20T10:00:00.000Z"},
        {"posting_id": 2, "event": "new", "at": "2026-11-20T10:00:00.000Z"},
        {
            "posting_id": 2,
            "event": "changed",
            "at": "2026-11-21T10:00:00.000Z",
            "fields": '{"title": ["Analyst", "Data Analyst"]}',
        },
        {"posting_id": 3, "event": "closed", "at": "2026-11-21T10:00:00.000Z"},
    ]
    return Postings(build.database(rows, history))


@pytest.mark.parametrize(
    ("wanted", "ids"),
    [
        (Wanted(), {1, 2}),
        (Wanted("closed"), {3}),
        (Wanted("new", RUN), {1, 2}),
        (Wanted("new", OTHER), {3}),
        (Wanted("new"), {1, 2, 3}),
        (Wanted("closed", RUN), {3}),
        (Wanted("changed", RUN), {2}),
        (Wanted("all", company="Initech"), {2, 3}),
        (Wanted("all", text="berlin engineer"), {1}),
        (Wanted("all", text="100%_"), {2}),
        (Wanted("all", text="%"), {2}),
        (Wanted("all", text="'; drop table postings; --"), set()),
    ],
)
def test_postings_are_selected(postings: Postings, wanted: Wanted, ids: set[int]) -> None:
    rows, number = postings.select(wanted)
    assert {row["id"] for row in rows} == ids
    assert number == len(ids)


def test_openings_over_time_follow_from_the_history(postings: Postings) -> None:
    overview = postings.overview()
    assert (overview.open, overview.closed, overview.latest_run) == (2, 1, RUN)
    assert overview.total is not None
    assert overview.total.curve == (1, 3, 2)
    assert {company.name: company.curve for company in overview.companies} == {"Acme Robotics": (0, 1, 1), "Initech": (1, 2, 1)}
    assert overview.days == ("2026-11-19", "2026-11-21")


def test_nothing_is_asked_twice_while_the_file_is_the_same(postings: Postings, monkeypatch: pytest.MonkeyPatch) -> None:
    postings.select(Wanted())
    monkeypatch.setattr(sqlite3, "connect", lambda *_, **__: pytest.fail("asked again"))
    postings.select(Wanted())


def test_a_change_of_the_database_is_seen(postings: Postings) -> None:
    assert postings.select(Wanted())[1] == 2
    with sqlite3.connect(postings.path) as connection:
        connection.execute("update postings set status = 'open'")
    connection.close()
    assert postings.select(Wanted())[1] == 3


def test_reading_a_database_in_wal_mode_leaves_no_file_beside_it(postings: Postings) -> None:
    connection = sqlite3.connect(postings.path)
    connection.execute("pragma journal_mode=wal")
    connection.close()
    before = sorted(postings.path.parent.iterdir())
    assert postings.select(Wanted())[1] == 2
    assert sorted(postings.path.parent.iterdir()) == before


def test_what_a_writer_has_only_in_its_log_is_seen(postings: Postings) -> None:
    connection = sqlite3.connect(postings.path)
    connection.execute("pragma journal_mode=wal")
    connection.execute("update postings set status = 'closed' where id = 1")
    connection.commit()
    assert postings.select(Wanted())[1] == 1
    connection.close()


@pytest.mark.parametrize("content", [b"", b"no database at all" * 100, b"SQLite format 3\0" + b"\2" * 200])
def test_a_bad_database_is_a_sentence(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "postings.db"
    path.write_bytes(content)
    with pytest.raises(UnreadableState, match=r"can't read postings\.db"):
        Postings(path).overview()


def test_the_pages_show_what_is_new_and_the_history_of_one(
    build: Any, postings: Postings, open_page: Callable[..., Any]
) -> None:
    assert postings.exists()
    build.run()
    assert "Robotics Engineer" in open_page("postings").text
    shown = open_page("postings", show="new", run=RUN)
    assert "2 postings new" in shown.text
    one = open_page("postings", id="2")
    assert "title: Analyst → Data Analyst" in one.text


def test_another_database_is_a_sentence_and_the_verb(build: Any, draw_page: Callable[..., Any]) -> None:
    run = build.run()
    build.spec(run, {"database": "postgresql+psycopg://someone@db.example/jobs"})
    text = draw_page("postings").text
    assert "postgresql" in text
    assert "orchestrate postings" in text
    assert "db.example" not in text


def test_closings_that_a_guard_holds_back_are_told(draw_page: Callable[..., Any], postings: Postings) -> None:
    with sqlite3.connect(postings.path) as connection:
        connection.execute(
            "insert into companies(company_key, job, name, source, board, etag, last_modified, wishes, recent_counts, "
            "empty_runs, gone_runs, held, held_reason, accept_next) "
            "values ('i', 'boards', 'Initech', 's', 'lever', '', '', '', '[]', 0, 0, 12, 'all were gone at once', 0)"
        )
    connection.close()
    text = draw_page("postings").text
    assert "12 closings held back" in text
    assert "all were gone at once" in text
    assert "orchestrate postings accept Initech" in text


@pytest.mark.parametrize(
    ("row", "words"),
    [
        ((60000.0, 80000.0, "EUR", "YEAR"), "€60,000\N{EN DASH}80,000 a year"),
        ((25.5, None, "USD", "HOUR"), "from $25.50 an hour"),
        ((None, 90000, "PLN", None), "up to PLN 90,000"),
        ((None, None, "EUR", "YEAR"), ""),
        (("competitive", None, None, None), "from competitive"),
    ],
)
def test_salaries_read_as_people_write_them(row: tuple[Any, ...], words: str) -> None:
    assert salary_of(dict(zip(("salary_min", "salary_max", "salary_currency", "salary_unit"), row, strict=True))) == words


def test_two_snapshots_are_compared_by_their_documents(build: Any) -> None:
    old = build.snapshot({"a.md": "one", "b.md": "two", "c.md": "three"}, ago=100)
    new = build.snapshot({"a.md": "one", "b.md": "TWO", "d.md": "four"}, ago=50)
    reader = Snapshots(build.state.snapshots / "handbook")
    assert reader.ids() == (new, old)
    assert reader.current() == new
    found = reader.difference(old, new)
    assert (found.added, found.changed, found.removed) == (("d.md",), ("b.md",), ("c.md",))
    assert reader.read(new).documents == 3


def test_a_snapshot_is_searched_by_words(build: Any) -> None:
    name = build.snapshot({"resume.md": "how to resume a run", "cancel.md": "how to cancel one"})
    reader = Snapshots(build.state.snapshots / "handbook")
    assert [hit.document for hit in reader.search(name, "resume")] == ["resume.md"]
    assert {hit.document for hit in reader.search(name, "resume cancel")} == {"resume.md", "cancel.md"}
    for odd in ('"', "NEAR(", "a AND OR", "*", "title:", "\x00"):
        reader.search(name, odd)


@pytest.mark.parametrize("content", ["", "{", "[]", '{"schema_version": 9}', '{"schema_version": 1, "snapshot_id": "../.."}'])
def test_a_bad_pointer_is_a_sentence_and_the_other_jobs_stay(build: Any, draw_page: Callable[..., Any], content: str) -> None:
    build.snapshot({"a.md": "one"}, job="broken")
    build.snapshot({"a.md": "one"}, job="whole")
    (build.state.snapshots / "broken" / "CURRENT").write_text(content)
    text = draw_page("snapshots").text
    assert "CURRENT" in text
    assert "whole" in text


def test_a_snapshot_whose_corpus_changed_is_stale_and_says_why(build: Any, draw_page: Callable[..., Any]) -> None:
    docs = build.root / "docs"
    docs.mkdir()
    for name in ("same.md", "edited.md"):
        (docs / name).write_text(name)
        os.utime(docs / name, (build.now - 900, build.now - 900))
    run = build.run()
    build.spec(run, {"jobs": {"handbook": {"kind": "ingest", "corpus": "docs"}}})
    build.snapshot({"same.md": "a", "edited.md": "b"}, ago=60)
    assert "Fresh" in draw_page("snapshots").text
    build.snapshot({"same.md": "a", "edited.md": "b", "gone.md": "c"}, ago=30)
    (docs / "edited.md").write_text("other")
    (docs / "new.md").write_text("new")
    text = draw_page("snapshots").text
    for words in (
        "Stale",
        "1 file changed: edited.md",
        "1 file new: new.md",
        "1 file gone: gone.md",
        "orchestrate run --job handbook",
    ):
        assert words in text, words


def test_a_snapshot_that_failed_its_checks_is_told_with_the_verb(build: Any, open_page: Callable[..., Any]) -> None:
    name = build.snapshot({"a.md": "one"})
    (build.state.snapshots / "handbook" / ".held" / name).mkdir(parents=True)
    text = open_page("snapshots").text
    assert f"{name} failed its checks" in text
    assert "orchestrate snapshots accept handbook --yes" in text


def test_a_snapshot_made_with_other_settings_is_stale(build: Any, draw_page: Callable[..., Any]) -> None:
    made = build.run(begun=500, run_id=RUN)
    build.spec(made, {"jobs": {"handbook": {"kind": "ingest", "corpus": "docs", "chunk": {"size": 800}}}})
    build.snapshot({"a.md": "a"}, ago=60)
    build.spec(build.run(begun=5), {"jobs": {"handbook": {"kind": "ingest", "corpus": "docs", "chunk": {"size": 1200}}}})
    assert "the spec has another chunk than it was made with" in draw_page("snapshots").text
    assert changed_settings(None, {"chunk": 1}) == ()


def test_a_large_corpus_is_walked_a_step_at_a_time(tmp_path: Path) -> None:
    for number in range(300):
        (tmp_path / f"{number}.md").write_text("x")
    walk = Walk({"": tmp_path}, frozenset({"1.md"}), made_at=0.0)
    assert not walk.advance(seconds=0.0).complete
    steps = 1
    while not walk.advance(seconds=0.0).complete:
        steps += 1
    assert steps > 100
    assert walk.advance().walked == 300


def test_keys_of_several_folders_begin_with_the_folder(tmp_path: Path) -> None:
    assert folders_of({"corpus": ["docs", "notes/"]}, tmp_path) == {"docs/": tmp_path / "docs", "notes/": tmp_path / "notes"}
    assert folders_of({"corpus": "docs"}, tmp_path) == {"": tmp_path / "docs"}
    assert folders_of({"corpus": {"postings": "boards"}}, tmp_path) == {}


@pytest.mark.parametrize(
    ("rules", "new"),
    [
        ({}, ["deep/new.md", "new.md", "new.txt"]),
        ({"include": ["**/*.md"]}, ["deep/new.md", "new.md"]),
        ({"include": ["*.md"]}, ["new.md"]),
        ({"exclude": ["deep"]}, ["new.md", "new.txt"]),
        ({"exclude": ["**/new.*"]}, []),
        ({"max_file_size": 3}, []),
        ({"include": "odd", "exclude": [1], "max_file_size": "odd"}, ["deep/new.md", "new.md", "new.txt"]),
    ],
)
def test_only_files_that_the_job_would_take_in_make_a_snapshot_stale(
    tmp_path: Path, rules: dict[str, Any], new: list[str]
) -> None:
    (tmp_path / "deep").mkdir()
    for name in ("new.md", "deep/new.md", "new.txt", "new.bin", ".hidden.md"):
        (tmp_path / name).write_text("text")
    walk = Walk({"": tmp_path}, frozenset({"old.md", "old.txt"}), made_at=1.0, rules=rules_of(rules))
    assert list(walk.advance(seconds=60).new) == new


def test_a_file_that_was_there_when_the_snapshot_was_made_was_left_out_for_a_reason(tmp_path: Path) -> None:
    (tmp_path / "left-out.md").write_text("text")
    made_at = (tmp_path / "left-out.md").stat().st_ctime + 1
    assert not Walk({"": tmp_path}, frozenset({"a.md"}), made_at).advance(seconds=60).new


GLOB = st.lists(
    st.sampled_from(["a", "b", "/", "*", "**", "**/", "?", "[ab]", "[!a]", "[]a]", "[", "]", "[]", ".md", "./", "\\"]),
    max_size=6,
).map("".join)


@pytest.mark.filterwarnings("ignore:Possible nested set:FutureWarning")
@given(glob=GLOB, path=st.text("ab/.m]\\[", min_size=1, max_size=8))
def test_globs_mean_what_they_mean_to_an_ingest(glob: str, path: str) -> None:
    assume("[!]" not in glob)  # A class without a member: validation is where that is told.
    try:
        meant = matcher_of_the_ingest([glob])(path)
    except re.error:
        meant = False
    assert matcher([glob])(path) is meant

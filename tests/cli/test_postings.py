"""`orchestrate postings`, `detect` and `db` over the sample's database."""

from __future__ import annotations

import csv
import io
import json
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from orchestrator import files

HOOLI = '{name: Hooli, url: "https://jobs.ashbyhq.com/hooli"}'


class Shell:
    """Runs verbs in one project."""

    def __init__(self, root: Path, verb: Any) -> None:
        self.root = root
        self._verb = verb

    def __call__(self, *arguments: str) -> Any:
        return self._verb(*arguments, cwd=self.root)


@pytest.fixture
def shell(project: Any, verb: Any, replayed: Any) -> Any:
    """A project whose sample was run, and the verb that runs in it."""
    root = project(replayed(HOOLI))
    (root / "boards.har").write_bytes((Path(__file__).parents[2] / "examples" / "boards.har").read_bytes())
    assert verb("run", "--quiet", cwd=root).code == 0

    return Shell(root, verb)


def listed(shell: Any, *arguments: Any) -> Any:
    ended = shell("postings", "--format", "json", *arguments)
    assert ended.code == 0, ended.text
    assert ended.json()["format_version"] == 1
    return ended.json()["postings"]


def test_postings_are_listed_by_company_and_title(shell: Any) -> None:
    rows = listed(shell)
    assert len(rows) == 14
    assert [row["company"] for row in rows] == sorted(row["company"] for row in rows)
    assert {"id", "title", "url", "locations", "salary_min", "status", "first_seen_at", "job"} <= set(rows[0])
    assert "seen_hash" not in rows[0]


def test_a_table_shows_what_counts(shell: Any) -> None:
    table = shell("postings", "--company", "hooli").stdout
    assert "Platform Engineer (Kubernetes)" in table
    assert "EUR 75,000-98,000 a year" in table
    assert "Acme" not in table


@pytest.mark.parametrize(
    ("arguments", "count"),
    [
        (["--company", "acme robotics"], 8),
        (["--company", "ashby:hooli"], 6),
        (["--company", "ACME"], 8),
        (["--job", "boards"], 14),
        (["--job", "other"], 0),
        (["--state", "new"], 14),
        (["--state", "closed"], 0),
        (["--state", "changed"], 0),
        (["--state", "held"], 0),
        (["--state", "all", "--limit", "3"], 3),
        (["--state", "new", "--since", "7d"], 14),
        (["--state", "new", "--since", "2099-01-01"], 0),
    ],
)
def test_filters_let_through_what_they_say(shell: Any, arguments: Any, count: Any) -> None:
    assert len(listed(shell, *arguments)) == count


def test_a_run_is_a_point_in_time(shell: Any) -> None:
    run_id = shell("status", "--json").json()["run_id"]
    assert len(listed(shell, "--state", "new", "--since", run_id)) == 14


def test_sorting_by_pay_puts_the_unknown_last(shell: Any) -> None:
    pay = [row["salary_max"] for row in listed(shell, "--sort", "salary")]
    known = [value for value in pay if value is not None]
    assert known == sorted(known, reverse=True)
    assert pay[len(known) :] == [None] * (len(pay) - len(known))


def test_csv_cells_that_look_like_formulas_are_defused(shell: Any) -> None:
    with closing(sqlite3.connect(shell.root / ".orchestrate" / "postings.db")) as database, database:
        database.execute("update postings set title = '=HYPERLINK(1)', department = '+1', location = '@x' where id = 1")
    rows = list(csv.DictReader(io.StringIO(shell("postings", "--format", "csv").stdout)))
    row = next(row for row in rows if row["id"] == "1")
    assert (row["title"], row["department"], row["location"]) == ("'=HYPERLINK(1)", "'+1", "'@x")


def test_what_the_user_marks_is_shown_and_stays(shell: Any) -> None:
    marked = ["mark", "3", "--favorite", "--status", "applied", "--note", "sent", "--applied", "2026-11-21"]
    assert shell("postings", *marked).code == 0
    assert shell("run", "--quiet").code == 0
    row = shell("postings", "show", "3", "--json").json()["posting"]
    assert (row["favorite"], row["application_status"], row["notes"], row["applied_at"]) == (
        True,
        "applied",
        "sent",
        "2026-11-21",
    )
    assert [event["event"] for event in row["history"]] == ["new"]
    assert shell("postings", "mark", "3", "--note", "", "--no-favorite").code == 0
    assert shell("postings", "show", "3", "--json").json()["posting"]["notes"] is None


def test_a_posting_is_shown_with_its_description(shell: Any) -> None:
    page = shell("postings", "show", "1").stdout
    assert "What you will do" in page
    assert "https://" in page
    assert "new" in page


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["show", "999"], 5, "no posting 999"),
        (["mark", "999", "--favorite"], 5, "no posting 999"),
        (["mark", "1"], 2, "nothing to mark"),
        (["mark", "1", "--applied", "yesterday"], 2, "no date"),
        (["accept", "Nobody"], 5, "no company is called"),
        (["accept", "Hooli"], 2, "nothing is held"),
        (["--company", "Nobody"], 5, "no company is called"),
        (["--state", "brand-new"], 2, "brand-new"),
        (["--since", "soon"], 2, "soon"),
    ],
)
def test_what_cannot_be_is_told(shell: Any, arguments: Any, code: Any, said: Any) -> None:
    ended = shell("postings", *arguments)
    assert ended.code == code
    assert said in ended.text
    assert "Traceback" not in ended.text


def test_accepting_closes_what_is_held(shell: Any) -> None:
    har = json.loads((shell.root / "boards.har").read_text())
    for entry in har["log"]["entries"]:
        if "acmerobotics" in entry["request"]["url"]:
            body = json.loads(entry["response"]["content"]["text"])
            body = {"jobs": body["jobs"][:1], "meta": {"total": 1}}
            entry["response"]["content"]["text"] = json.dumps(body)
    (shell.root / "boards.har").write_text(json.dumps(har))
    ended = shell("run", "--quiet")
    assert ended.code == 1
    assert "orchestrate postings accept" in json.dumps(shell("status", "--json").json()["warnings"])
    assert len(listed(shell, "--state", "held")) == 7
    assert shell("postings", "accept", "Acme Robotics").code == 0
    assert len(listed(shell, "--state", "closed")) == 7
    assert listed(shell, "--state", "held") == []


def test_accepting_waits_for_nobody_while_a_run_holds_the_database(shell: Any) -> None:
    lock = files.Lock.acquire(shell.root / ".orchestrate" / ".postings.db.lock", "a test")
    try:
        assert shell("postings", "accept", "Hooli").code == 3
        assert len(listed(shell)) == 14
    finally:
        lock.release()


def test_statistics_count_by_company(shell: Any) -> None:
    found = shell("db", "stats", "--json").json()
    assert (found["companies"], found["open"], found["closed"], found["new"]) == (2, 14, 0, 14)
    assert "Acme Robotics" in shell("db", "stats").stdout


def test_a_backup_is_whole_and_never_overwrites(shell: Any) -> None:
    assert shell("db", "backup", "copy.db").code == 0
    copy = shell.root / "copy.db"
    with closing(sqlite3.connect(copy)) as database:
        assert database.execute("select count(*) from postings").fetchone() == (14,)
        assert database.execute("pragma integrity_check").fetchone() == ("ok",)
    assert copy.stat().st_mode & 0o077 == 0
    assert shell("db", "backup", "copy.db").code == 2


def test_pruning_removes_what_was_closed_long_ago_but_nothing_that_was_marked(shell: Any) -> None:
    with closing(sqlite3.connect(shell.root / ".orchestrate" / "postings.db")) as database, database:
        database.execute("update postings set status = 'closed', closed_at = '2020-01-01T00:00:00.000Z' where id in (1, 2)")
        database.execute("update postings set notes = 'mine' where id = 2")
    assert "1 postings" in shell("db", "prune", "--older-than", "30d", "--dry-run").stderr
    assert len(listed(shell, "--state", "closed")) == 2
    assert shell("db", "prune", "--older-than", "30d").code == 2
    assert shell("db", "prune", "--older-than", "30d", "--yes").code == 0
    assert [row["id"] for row in listed(shell, "--state", "closed")] == [2]


def test_without_a_database_there_is_a_sentence(project: Any, verb: Any, replayed: Any) -> None:
    ended = verb("postings", cwd=project(replayed(HOOLI).replace("replay: boards.har", "")))
    assert ended.code == 5
    assert "there are no postings yet" in ended.stderr


def test_a_url_is_told_apart_offline(verb: Any) -> None:
    found = verb("detect", "--json", "https://job-boards.greenhouse.io/acme/jobs/12", "jobs.lever.co/initech").json()["urls"]
    assert [(each["board"], each["token"]) for each in found] == [("greenhouse", "acme"), ("lever", "initech")]
    assert verb("detect", "https://jobs.lever.co/initech").stdout.startswith("- {board: lever, token: initech}")
    # A token alone would lead to another host of the vendor's.
    assert verb("detect", "https://jobs.eu.lever.co/initech").stdout.startswith('- {url: "https://jobs.eu.lever.co/initech"}')


def test_a_url_that_nobody_knows_is_told(verb: Any) -> None:
    ended = verb("detect", "https://careers.acme.example/")
    assert ended.code == 1
    assert "board: jsonld" in ended.stderr


@pytest.mark.parametrize(
    "arguments", [["postings", "-h"], ["postings", "mark", "-h"], ["db", "-h"], ["db", "prune", "-h"], ["detect", "-h"]]
)
def test_help_begins_with_examples(verb: Any, arguments: Any) -> None:
    assert "Examples:" in verb(*arguments).stdout

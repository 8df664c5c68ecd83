"""The report of a run: what happened, in three forms, without descriptions."""

from __future__ import annotations

import json
from contextlib import closing
from typing import Any
from xml.etree import ElementTree as ET

import pytest

from orchestrator.kinds.scrape import effects, report
from orchestrator.kinds.scrape.sql.database import open_database

JOBS = "/v1/boards/acme/jobs"
RUN = "20261121T165300.500Z-0000000b"
ATOM = "{http://www.w3.org/2005/Atom}"


@pytest.fixture
def folder(driver: Any, server: Any, boards: Any) -> Any:
    """The state directory after a second run with something of everything."""
    state = driver.root / ".orchestrate"
    (state / "runs" / RUN).mkdir(parents=True)
    server.routes[JOBS] = boards.greenhouse(1, 2, 3)
    driver.run()
    odd = boards.row(4, title="<b>*Chief*</b> [x](javascript:y)")
    server.routes[JOBS] = boards.greenhouse(1, boards.row(2, title="Boss"), odd)
    driver.run(run_id=RUN)
    return state


def test_markdown_tells_by_event_and_company(folder: Any) -> None:
    text = (folder / "runs" / RUN / "report-boards.md").read_text()
    assert text.startswith("# boards: 1 new, 1 changed, 0 reopened, 1 closed, 1 unchanged, 0 held")
    assert "- [Boss](<https://job-boards.greenhouse.io/acme/jobs/2>): Berlin, Germany (changed: title)" in text
    assert "## Closed (1)" in text
    assert "\\[x\\](javascript:y)" in text
    assert "<b>" not in text.replace("\\<b\\>", "")


def test_json_holds_the_same_and_no_descriptions(folder: Any) -> None:
    data = (folder / "runs" / RUN / "report-boards.json").read_text()
    document = json.loads(data)
    assert document["format_version"] == 1
    assert sorted(event["event"] for event in document["events"]) == ["changed", "closed", "new"]
    assert "Build robot" not in data


def told(driver: Any, run_id: str) -> list[dict[str, Any]]:
    """Return the events of a run's report, after a look at whether they are what the tables say."""
    data = (driver.root / ".orchestrate" / "runs" / run_id / "report-boards.json").read_text()
    events: list[dict[str, Any]] = json.loads(data)["events"]
    with closing(open_database(driver.database, driver.root)) as database, database.reading() as transaction:
        assert report.events_so_far(transaction, run_id, "boards") == events
    return events


def test_every_event_is_told_as_it_stands_in_the_tables(everywhere: Any, server: Any, boards: Any) -> None:
    both = everywhere.spec(
        [{"name": name, "board": "greenhouse", "token": name.lower()} for name in ("Acme", "Umbra")],
        sync={"max_close": 1, "max_drop": 1},
    )
    (everywhere.root / ".orchestrate" / "runs" / RUN).mkdir(parents=True)
    server.routes[JOBS] = boards.greenhouse(1, 2, 3, 4)
    server.routes["/v1/boards/umbra/jobs"] = boards.greenhouse(boards.row(9, title="Usher"), boards.row(8, title="Actor"))
    everywhere.run(both)
    server.routes[JOBS] = boards.greenhouse(1, 2, 4)
    everywhere.run(both)
    gap = boards.row(4, content="&lt;p&gt;New.&lt;/p&gt;", location={"name": ""})  # Its stored place stays.
    server.routes[JOBS] = boards.greenhouse(boards.row(2, title="Boss"), boards.row(3, title="Back"), gap, 5)
    server.routes["/v1/boards/umbra/jobs"] = boards.greenhouse(boards.row(9, title="Usher"), boards.row(7, title="Buyer"))
    everywhere.run(both, RUN)
    events = told(everywhere, RUN)
    assert [(each["company"], each["event"], each["title"], each["fields"]) for each in events] == [
        ("Acme", "reopened", "Back", ["title"]),
        ("Acme", "changed", "Boss", ["title"]),
        ("Acme", "closed", "Engineer 1", []),
        ("Acme", "changed", "Engineer 4", ["description_html", "description_text"]),
        ("Acme", "new", "Engineer 5", []),
        ("Umbra", "closed", "Actor", []),
        ("Umbra", "new", "Buyer", []),
    ]
    assert {each["location"] for each in events} == {"Berlin, Germany"}


def test_a_resumed_run_tells_what_it_did_before_too(driver: Any, server: Any, boards: Any) -> None:
    both = driver.spec([{"name": name, "board": "greenhouse", "token": name.lower()} for name in ("Acme", "Umbra")])
    (driver.root / ".orchestrate" / "runs" / RUN).mkdir(parents=True)
    server.routes["/v1/boards/umbra/jobs"] = boards.greenhouse(7)
    driver.run(both, RUN)
    server.routes[JOBS] = boards.greenhouse(1, 2)
    driver.run(both, RUN)
    assert [(each["company"], each["title"]) for each in told(driver, RUN)] == [
        ("Acme", "Engineer 1"),
        ("Acme", "Engineer 2"),
        ("Umbra", "Engineer 7"),
    ]


def test_of_very_many_events_the_first_are_told_and_no_more_are_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(effects, "MOST_EVENTS", 5)
    events = effects.Events()
    every = [{"company": f"C{number % 7}", "title": f"T{number % 10}", "id": number} for number in range(70)]
    for start in range(0, 70, 4):
        events.add(every[start : start + 4])
        assert len(events._by_company) <= 7
        assert sum(map(len, events._by_company.values())) <= 2 * 5
    assert events.told() == sorted(every, key=lambda event: (event["company"], event["title"], event["id"]))[:5]


def entries(folder: Any) -> list[ET.Element]:
    feed = ET.fromstring((folder / "feeds" / "boards.atom").read_bytes())
    assert feed.tag == f"{ATOM}feed"
    for needed in ("id", "title", "updated", "author"):
        assert feed.find(f"{ATOM}{needed}") is not None
    return list(feed.iter(f"{ATOM}entry"))


def of(entry: ET.Element, name: str) -> str:
    return entry.findtext(f"{ATOM}{name}") or ""


def test_the_feed_lies_where_it_stays_and_lists_the_latest_events_of_all_runs(folder: Any) -> None:
    found = entries(folder)
    titles = [of(entry, "title") for entry in found]
    assert set(titles[:3]) == {"Closed: Acme: Engineer 3", "Changed: Acme: Boss", "Acme: <b>*Chief*</b> [x](javascript:y)"}
    assert set(titles[3:]) == {"Acme: Engineer 1", "Acme: Boss", "Acme: Engineer 3"}
    by_title = dict(zip(titles, found, strict=True))
    assert of(by_title["Changed: Acme: Boss"], "summary") == "Berlin, Germany, changed: title"
    assert len({of(entry, "id") for entry in found}) == 6
    assert of(by_title["Acme: Engineer 1"], "id") == "urn:orchestrate:posting:greenhouse:acme:greenhouse:1"


def test_the_feed_begins_with_what_is_held(driver: Any, server: Any, boards: Any) -> None:
    server.routes[JOBS] = boards.greenhouse(1)
    (driver.root / ".orchestrate").mkdir()
    driver.run()
    server.routes[JOBS] = boards.greenhouse()
    driver.run()
    held, new = entries(driver.root / ".orchestrate")
    assert of(held, "title") == "Held: Acme"
    assert "1 closings are held: the board lists nothing" in of(held, "content")
    assert of(new, "title") == "Acme: Engineer 1"


def test_every_id_of_the_feed_is_an_address_that_rfc_3987_allows(driver: Any, server: Any, boards: Any) -> None:
    server.routes["/posting-api/job-board/Acme%20Robots"] = boards.Answer(
        {"jobs": [{"id": "Köln 1 <2>", "title": "T", "jobUrl": "https://jobs.ashbyhq.com/x/1"}]}
    )
    (driver.root / ".orchestrate").mkdir()
    driver.run(driver.spec([{"board": "ashby", "token": "Acme Robots"}]))
    (entry,) = entries(driver.root / ".orchestrate")
    assert of(entry, "id") == "urn:orchestrate:posting:ashby:Acme%20Robots:ashby:K%C3%B6ln%201%20%3C2%3E"


def test_what_went_wrong_is_told(driver: Any, server: Any, boards: Any) -> None:
    run = driver.root / ".orchestrate" / "runs" / RUN
    run.mkdir(parents=True)
    server.routes[JOBS] = boards.Answer("", 404)
    driver.run(run_id=RUN)
    assert "**Acme** (failed): the server answered 404" in (run / "report-boards.md").read_text()

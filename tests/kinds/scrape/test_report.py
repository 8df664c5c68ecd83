"""The report of a run: what happened, in three forms, without descriptions."""

from __future__ import annotations

import json
from typing import Any
from xml.etree import ElementTree as ET

import pytest

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

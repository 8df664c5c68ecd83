"""Recording and replaying: the same client, the network never touched, no credential written."""

from __future__ import annotations

import base64
import json
import socket
from pathlib import Path
from typing import Any

import pytest

from orchestrator.errors import JobError
from orchestrator.kinds.scrape.har import open_replay
from orchestrator.kinds.scrape.wire import WireError

JOBS = "/v1/boards/acme/jobs"
LIST = "https://boards-api.greenhouse.io/v1/boards/acme/jobs"


@pytest.fixture
def offline(monkeypatch: Any) -> Any:
    def refuse(*_args: Any, **_more: Any) -> Any:
        raise AssertionError("the network was touched")

    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(socket.socket, "connect_ex", refuse)


def entry(url: Any, text: Any, status: Any = 200, method: Any = "GET", **response: Any) -> Any:
    content = response.pop("content", {"mimeType": "application/json", "text": text})
    return {
        "request": {"method": method, "url": url, "headers": [{"name": ":authority", "value": "x"}]},
        "response": {
            "status": status,
            "headers": [{"name": "Content-Encoding", "value": "br"}],
            "content": content,
            **response,
        },
    }


def har(path: Path, *entries: Any) -> str:
    path.write_text(json.dumps({"log": {"version": "1.2", "entries": list(entries)}}))
    return path.name


def replaying(driver: Any, name: Any, **http: Any) -> Any:
    return driver.spec(replay=name, http={"base_urls": {}, **http})


def test_what_was_recorded_is_replayed_without_the_network(
    driver: Any, server: Any, boards: Any, tmp_path: Any, request: Any
) -> None:
    server.routes[JOBS] = boards.greenhouse(1, 2)
    recorded = driver.run(driver.spec(record="out.har"))
    before = driver.rows("select identifier, content_hash from postings")
    (tmp_path / "postings.db").unlink()
    request.getfixturevalue("offline")
    replayed = driver.run(driver.spec(replay="out.har"))
    assert replayed.counts() == recorded.counts() == (2, 0, 0, 0, 0, 0)
    assert driver.rows("select identifier, content_hash from postings") == before


def test_a_recording_is_har_1_2_without_credentials(driver: Any, server: Any, boards: Any, tmp_path: Any) -> None:
    server.routes[JOBS] = boards.greenhouse(1)
    server.routes[JOBS].headers.update({"Set-Cookie": "session=hunter2", "X-Api-Key": "hunter2"})
    driver.run(driver.spec(record="out.har"))
    text = (tmp_path / "out.har").read_text()
    log = json.loads(text)["log"]
    assert log["version"] == "1.2"
    assert {"startedDateTime", "time", "request", "response", "cache", "timings"} <= set(log["entries"][0])
    assert "hunter2" not in text
    assert (tmp_path / "out.har").stat().st_mode & 0o077 == 0


@pytest.mark.usefixtures("offline")
def test_a_browsers_export_is_replayed(driver: Any, boards: Any, tmp_path: Any) -> None:
    body = json.dumps(boards.greenhouse(1).body)
    packed = {
        "mimeType": "application/json; charset=utf-8",
        "encoding": "base64",
        "text": base64.b64encode(body.encode()).decode(),
    }
    other = entry("https://www.acme.example/style.css", "body {}")
    name = har(tmp_path / "b.har", other, entry(f"{LIST}?pay_transparency=true&content=true", "", content=packed))
    assert driver.run(replaying(driver, name)).result["new"] == 1


@pytest.mark.usefixtures("offline")
def test_a_request_without_an_answer_is_named(driver: Any, tmp_path: Any) -> None:
    run = driver.run(replaying(driver, har(tmp_path / "b.har")))
    error = run.outcomes["Acme"].error
    assert error.code == "not-recorded"
    assert f"b.har has no answer for GET {LIST}" in error.message
    assert run.result["retries"] == 0


@pytest.mark.usefixtures("offline")
def test_answers_of_one_request_come_in_order_and_nothing_waits(driver: Any, boards: Any, tmp_path: Any) -> None:
    url = f"{LIST}?content=true&pay_transparency=true"
    good = entry(url, json.dumps(boards.greenhouse(1).body))
    name = har(tmp_path / "b.har", entry(url, "", 503), entry(url, "", 500), good)
    run = driver.run(replaying(driver, name))
    assert run.result["new"] == 1
    assert (run.result["retries"], run.postponed) == (2, 0)


@pytest.mark.parametrize("text", ["", "{}", "[]", '{"log": {"entries": 5}}', '{"log": {"entries": [{"request": {}}]}}'])
def test_a_file_that_is_no_har_is_refused_with_a_sentence(tmp_path: Any, text: Any) -> None:
    (tmp_path / "x.har").write_text(text)
    with pytest.raises(JobError, match=r"x\.har is no HAR file"):
        open_replay(tmp_path / "x.har", max_body=1000)


def test_a_file_that_is_not_there_is_told(tmp_path: Any) -> None:
    with pytest.raises(JobError, match=r"can't read x\.har"):
        open_replay(tmp_path / "x.har", max_body=1000)


def test_the_cap_holds_for_recorded_bodies_too(tmp_path: Any) -> None:
    from orchestrator.deadline import CancelToken, Deadline, WorkContext
    from orchestrator.kinds.scrape.wire import Call

    har(tmp_path / "x.har", entry("https://a.example/", "x" * 2000))
    wire = open_replay(tmp_path / "x.har", max_body=1000)
    with pytest.raises(WireError, match="longer than 1000 bytes"):
        wire.send(Call("GET", "https://a.example/"), Deadline.never(), WorkContext(Deadline.never(), CancelToken()))


@pytest.mark.usefixtures("offline")
def test_the_sample_shows_variety(driver: Any, tmp_path: Any) -> None:
    sample = Path(__file__).parents[3] / "examples" / "boards.har"
    (tmp_path / "boards.har").write_bytes(sample.read_bytes())
    companies = [
        {"name": name, "board": board, "token": token}
        for name, board, token in (
            ("Acme Robotics", "greenhouse", "acmerobotics"),
            ("Globex Energy", "greenhouse", "globexenergy"),
            ("Initech", "lever", "initech"),
            ("Umbra Health", "lever", "umbrahealth"),
            ("Hooli", "ashby", "hooli"),
            ("Vandelay Logistics", "ashby", "vandelay"),
            ("Soylent Foods", "greenhouse", "soylentfoods"),
            ("Massive Dynamic", "ashby", "massivedynamic"),
        )
    ]
    run = driver.run(driver.spec(companies, replay="boards.har", http={"base_urls": {}}))
    failed = {key: outcome.error.code for key, outcome in run.outcomes.items() if outcome.error}
    assert failed == {"Soylent Foods": "not-found", "Massive Dynamic": "http-500"}
    assert run.counts() == (34, 0, 0, 0, 0, 0)
    assert not run.outcome.partial
    assert {row[0] for row in driver.rows("select distinct workplace from postings")} >= {"remote", "hybrid", "onsite"}
    units = {row[0] for row in driver.rows("select distinct salary_unit from postings where salary_min > 0")}
    assert units == {"YEAR", "HOUR", "MONTH"}
    assert driver.rows("select count(*) from postings where locations like '%}, {%'")[0][0] >= 6
    assert driver.rows("select count(*) from postings where length(description_text) < 200") == [(0,)]

"""Recording and replaying: the same client, the network never touched, no credential written."""

from __future__ import annotations

import base64
import json
import socket
from pathlib import Path
from typing import Any

import pytest

from orchestrator.deadline import CancelToken, Deadline, WorkContext
from orchestrator.errors import JobError
from orchestrator.kinds.scrape.har import RecordingWire, open_replay
from orchestrator.kinds.scrape.wire import Call, Reply, WireError

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


GREENHOUSE = f"{LIST}?content=true&pay_transparency=true"


def chrome(url: str, text: str | None, status: int = 200, **more: Any) -> dict[str, Any]:
    """An entry as Chrome writes it: pseudo headers, its own fields, a size, a body only if it has it still."""
    content = {"size": len(text or "x"), "mimeType": "application/json"} | ({} if text is None else {"text": text})
    return {
        "_connectionId": "12",
        "_initiator": {"type": "other"},
        "_priority": "VeryHigh",
        "_resourceType": "document",
        "startedDateTime": "2026-11-20T10:00:00.000Z",
        "time": 120.5,
        "cache": {},
        "request": {
            "method": "GET",
            "url": url,
            "httpVersion": "h2",
            "headers": [{"name": ":authority", "value": "x"}, {"name": "cookie", "value": "a=b"}],
            "queryString": [],
            "cookies": [],
            "headersSize": -1,
            "bodySize": 0,
        },
        "response": {
            "status": status,
            "statusText": "",
            "httpVersion": "h2",
            "headers": [{"name": "content-encoding", "value": "br"}, {"name": "content-type", "value": "application/json"}],
            "cookies": [],
            "content": content,
            "redirectURL": "",
            "headersSize": -1,
            "bodySize": -1,
            "_transferSize": 900,
            "_error": None,
        },
        "timings": {"blocked": 1, "dns": -1, "ssl": -1, "connect": -1, "send": 0, "wait": 100, "receive": 1},
        **more,
    }


def strange_entries() -> list[dict[str, Any]]:
    """What stands in browsers' files beside the answers."""
    preflight = chrome(GREENHOUSE, "", 204)
    preflight["request"]["method"] = "OPTIONS"
    blocked = chrome(GREENHOUSE, "", 0, _webSocketMessages=[])
    unanswered = {**chrome(GREENHOUSE, ""), "response": None}
    inline = chrome("data:application/json,[]", "[]")
    socketed = chrome("wss://acme.example/live", "")
    headless = chrome("https://acme.example/logo.svg", "<svg/>")
    headless["response"]["headers"] = [{"name": "date"}]
    return [preflight, blocked, unanswered, inline, socketed, headless]


@pytest.mark.usefixtures("offline")
def test_what_browsers_list_beside_the_answers_is_no_answer(driver: Any, boards: Any, tmp_path: Any) -> None:
    answer = chrome(GREENHOUSE, json.dumps(boards.greenhouse(1, 2).body))
    name = har(tmp_path / "b.har", *strange_entries(), answer, *strange_entries())
    assert driver.run(replaying(driver, name)).result["new"] == 2


@pytest.mark.usefixtures("offline")
def test_an_answer_whose_body_the_browser_lost_is_told_as_such(driver: Any, boards: Any, tmp_path: Any) -> None:
    name = har(tmp_path / "b.har", chrome(GREENHOUSE, None, _fromCache="disk"))
    error = driver.run(replaying(driver, name)).outcomes["Acme"].error
    assert (error.code, "has the answer without its body for GET" in error.message) == ("not-recorded", True)
    both = har(tmp_path / "c.har", chrome(GREENHOUSE, None), chrome(GREENHOUSE, json.dumps(boards.greenhouse(1).body)))
    assert driver.run(replaying(driver, both)).result["new"] == 1


@pytest.mark.usefixtures("offline")
def test_what_firefox_writes_of_its_cache_is_the_answer(driver: Any, boards: Any, tmp_path: Any) -> None:
    entry = chrome(GREENHOUSE, json.dumps(boards.greenhouse(1).body), 304, pageref="page_1", serverIPAddress="192.0.2.1")
    entry["response"]["content"]["encoding"] = None
    entry["request"]["httpVersion"] = "HTTP/2"
    assert driver.run(replaying(driver, har(tmp_path / "b.har", entry))).result["new"] == 1


@pytest.mark.usefixtures("offline")
def test_a_posted_question_is_found_whatever_the_order_of_its_fields(driver: Any, tmp_path: Any) -> None:
    url = "https://acme.wd5.myworkdayjobs.com/wday/cxs/acme/External/jobs"
    listed = {"total": 1, "jobPostings": [{"title": "Clerk", "externalPath": "/job/x/Clerk_R-1", "bulletFields": ["R-1"]}]}
    entry = chrome(url, json.dumps(listed))
    asked = '{"searchText":"", "limit":20,"offset":0, "appliedFacets":{}}'
    entry["request"].update(method="POST", postData={"mimeType": "application/json", "text": asked})
    company = {"name": "Acme", "board": "workday", "token": "acme/wd5/External"}
    spec = driver.spec([company], replay=har(tmp_path / "b.har", entry), http={"base_urls": {}}, details="none")
    assert driver.run(spec).result["new"] == 1


FEED = "/jobs.rss"
SECRETS = {"api_key": "hunter2-key", "token": "hunter2-token", "page": "1"}


def test_no_credential_of_a_feeds_address_is_recorded_and_the_recording_is_replayed(
    driver: Any, server: Any, boards: Any, tmp_path: Any, request: Any
) -> None:
    item = "<item><title>Job</title><guid>1</guid><link>https://acme.example/1</link></item>"
    body = f"<rss><channel>{item}</channel></rss>"
    echo = {"X-Session-Id": "hunter2-session", "Link": f"<{server.url}/x?api_key=hunter2-link>; rel=next"}
    server.routes["/old"] = boards.Answer("", 302, {"Location": f"{FEED}?api_key=hunter2-moved"})
    server.routes[FEED] = boards.Answer(body, headers={"Content-Type": "application/rss+xml", **echo})
    query = "&".join(f"{name}={value}" for name, value in SECRETS.items())
    company = {"name": "Acme", "board": "rss", "url": f"{server.url}/old?{query}"}
    assert driver.run(driver.spec([company], record="out.har", http={"base_urls": {}})).result["new"] == 1
    assert "hunter2" not in (tmp_path / "out.har").read_text()
    (tmp_path / "postings.db").unlink()
    request.getfixturevalue("offline")
    assert driver.run(driver.spec([company], replay="out.har", http={"base_urls": {}})).result["new"] == 1


def test_no_credential_of_a_json_body_is_recorded_and_the_recording_is_replayed(tmp_path: Any) -> None:
    asked = b'{"query": "a", "token": "hunter2", "nested": {"Api_Key": "hun\\"ter2", "limit": 3}}'
    answered = b'{"session_id": "hunter2", "nextPage": "n", "token": "a cursor", "jobs": []}'

    class Echo:
        patient = True

        def send(self, *_: Any) -> Reply:
            return Reply(200, {"content-type": "application/json", "set-cookie": "hunter2"}, answered, 10)

        def close(self) -> None:
            """Nothing to give back."""

    context = WorkContext(Deadline.never(), CancelToken())
    call = Call("POST", "https://api.acme.example/jobs", {"authorization": "hunter2", "x-csrf-token": "hunter2"}, asked)
    recording = RecordingWire(Echo(), tmp_path / "out.har")
    recording.send(call, Deadline.never(), context)
    recording.close()
    text = (tmp_path / "out.har").read_text()
    assert "hunter2" not in text
    assert "ter2" not in text
    replayed = open_replay(tmp_path / "out.har", max_body=1000).send(call, Deadline.never(), context)
    assert json.loads(replayed.body) == {"session_id": "***", "nextPage": "n", "token": "a cursor", "jobs": []}

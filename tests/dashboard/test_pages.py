"""Each page in each state, through the app itself."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from typing import Any

import pytest

from orchestrator.status.states import Shown

PAGES = ("now", "run", "runs", "postings", "snapshots")
HOSTILE = (
    "<script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    "[link](https://evil.example)",
    "![i](https://evil.example/x.png)",
    "$\\frac{1}{2}$ :red[x] **bold** https://evil.example",
    "=HYPERLINK('https://evil.example')",
    "javascript:alert(1)",
    "\u202egnp.exe \x00\x1b[31m",
)


def write_state(build: Any, state: str) -> None:
    """Write a run that a reader sees in this state."""
    arguments: dict[str, dict[str, Any]] = {
        "cancel_requested": {"state": "running", "cancel": True},
        "stopping": {"state": "running"},
        "interrupted": {"state": "running", "lease": False},
        "unknown": {"state": "running", "lease": False},
    }
    run = build.run(**arguments.get(state, {"state": state}))
    if state == "stopping":
        build.write(run, build.status("running", run_id=run.run_id, cancel=build.asked(acknowledged=True)))
    if state == "unknown":
        run.lease.unlink()
    build.journal(
        run, [{"key": "Acme"}, {"key": "Initech", "state": "failed", "error": {"code": "c", "message": "m", "hint": "h"}}]
    )


@pytest.mark.parametrize(
    ("state", "title"),
    [
        ("queued", "Queued"), ("running", "Running — 50%"), ("cancel_requested", "Cancel requested — 50%"),
        ("stopping", "Stopping — 50%"), ("succeeded", "Succeeded"), ("partial", "Partial"), ("failed", "Failed"),
        ("timed_out", "Timed out"), ("cancelled", "Cancelled"), ("skipped", "Skipped"), ("interrupted", "Interrupted"),
        ("unknown", "Unknown"),
    ],
)  # fmt: skip
def test_every_state_has_a_title_and_a_sign_of_its_own_on_every_page(
    build: Any, draw_page: Callable[..., Any], state: str, title: str
) -> None:
    write_state(build, state)
    for page in ("now", "run"):
        shown = draw_page(page)
        (heading,) = shown.nodes("h1")
        assert title in " ".join(child for child in heading[2] if isinstance(child, str))
        assert heading[2][0][1]["class"] == f"icon {state}"
        assert "Initech" in shown.text
    assert title.partition(" —")[0] in draw_page("runs").text


@pytest.mark.parametrize("page", PAGES)
def test_a_page_without_any_run_says_what_to_do(draw_page: Callable[..., Any], page: str) -> None:
    shown = draw_page(page)
    assert "No " in shown.text
    assert "orchestrate run" in shown.text or page in {"postings", "snapshots"}


@pytest.mark.parametrize("page", ["now", "run", "runs"])
@pytest.mark.parametrize("content", [b"", b"{", b'{"schema_version": 9}', b"\xff\xfe"])
def test_a_bad_file_is_a_sentence_on_the_page(build: Any, draw_page: Callable[..., Any], page: str, content: bytes) -> None:
    build.run(begun=900)
    run = build.run("succeeded")
    run.status.write_bytes(content)
    text = draw_page(page).text
    assert "status.json" in text
    assert "Traceback" not in text


def test_a_run_that_is_asked_for_and_gone_is_told_with_a_way_out(build: Any, draw_page: Callable[..., Any]) -> None:
    run = build.run()
    shown = draw_page("run", id=run.run_id)
    assert "Succeeded" in shown.text
    shutil.rmtree(run.path)
    build.run(begun=10)
    assert "no such run" in shown.look().text
    for name in ("../../../etc/passwd", "x" * 300):
        assert "no such run" in draw_page("run", id=name).text


@pytest.mark.parametrize("page", PAGES)
def test_nothing_piles_up_over_fifty_polls(build: Any, open_page: Callable[..., Any], page: str) -> None:
    run = build.run("running")
    build.journal(run, [{"key": "Acme"}])
    build.database([{"id": 1, "title": "Engineer"}])
    build.snapshot({"a.md": "text"})
    shown = open_page(page)
    before, size = len(shown.elements()), len(json.dumps(shown.data))
    for number in range(50):
        build.write(run, build.status("running", run_id=run.run_id, revision=10 + number))
        shown.look()
    assert len(shown.elements()) == before
    assert abs(len(json.dumps(shown.data)) - size) < 200
    assert {element.type for element in shown.elements()} <= {"bidi_component", "html"}


def test_hostile_strings_reach_the_page_as_plain_text_only(build: Any, open_page: Callable[..., Any]) -> None:
    evil = " ".join(HOSTILE)
    failures = [build.failure(text, message=text, code=text, hint=text) for text in HOSTILE]
    jobs = [
        build.job(evil, kind=evil, state="failed", message=evil, phase=evil, failures=failures, error=build.error(evil, evil)),
        build.job("two", state="running", in_flight=[build.hand(evil, evil)], in_flight_total=1),
    ]
    run = build.run("running", jobs=jobs, name=evil, warnings=list(HOSTILE), spec_path=evil, engine=evil)
    error = {"code": evil, "message": evil, "hint": evil}
    build.journal(run, [{"key": text, "state": "failed", "job": text, "error": error} for text in HOSTILE])
    build.spec(run, {"jobs": {evil: {"kind": "ingest", "corpus": evil, "snapshots": "../../x"}}, "database": evil})
    run.log.write_text(evil)
    for page in PAGES:
        shown = open_page(page, q=evil, job=evil, state=evil, company=evil)
        for element in shown.elements():
            assert element.type in {"bidi_component", "html"}
            if element.type == "html":
                assert "alert" not in element.proto.body
        assert_only_known_tags_and_safe_links(shown)


def assert_only_known_tags_and_safe_links(shown: Any) -> None:
    tags = {node[0] for root in shown.data["tree"] for node in walk(root)}
    assert "script" not in tags
    assert "img" not in tags
    for node in (node for root in shown.data["tree"] for node in walk(root)):
        href = node[1].get("href")
        assert href is None or href.startswith(("./", "https://", "http://")), href
        assert not any(name.startswith("on") for name in node[1])


def walk(node: Any) -> Any:
    if not isinstance(node, str):
        yield node
        for child in node[2]:
            yield from walk(child)


def test_links_of_postings_lead_to_the_web_or_nowhere(build: Any, draw_page: Callable[..., Any]) -> None:
    urls = [
        "javascript:alert(1)",
        "https://a:b@jobs.example/1",
        "//evil.example",
        "data:text/html,x",
        "https://jobs.example/ok",
    ]
    build.database(
        [{"id": number, "title": HOSTILE[0], "url": url, "description_text": HOSTILE[1]} for number, url in enumerate(urls)]
    )
    links = []
    for number in range(len(urls)):
        shown = draw_page("postings", id=str(number))
        assert HOSTILE[1] in shown.text
        links += [node[1]["href"] for node in shown.nodes("a") if "href" in node[1] and not node[1]["href"].startswith("./")]
    assert links == ["https://jobs.example/ok"]


def test_the_list_of_runs_is_filtered_by_state_and_text_and_paged(build: Any, draw_page: Callable[..., Any]) -> None:
    for number in range(30):
        build.run("failed" if number % 10 == 0 else "succeeded", begun=1000 + number, name=f"batch {number}")
    everything = draw_page("runs")
    assert len(everything.nodes("tr")) == 26
    assert "of 30" in everything.text
    assert len(draw_page("runs", first="25").nodes("tr")) == 6
    failed = draw_page("runs", state="failed")
    while len(failed.nodes("tr")) < 4:
        failed.look()
    assert len(failed.nodes("tr")) == 4
    one = draw_page("runs", q="BATCH 17")
    assert len(one.nodes("tr")) == 2


@pytest.mark.parametrize("state", sorted(Shown))
def test_every_state_is_drawn_by_the_app_itself_on_every_page(build: Any, open_page: Callable[..., Any], state: str) -> None:
    write_state(build, state)
    watched = state in {"queued", "running", "cancel_requested", "stopping", "unknown"}
    for page in PAGES:
        shown = open_page(page)
        if page in {"now", "run"}:
            assert shown.nodes("h1")[0][2][0][1]["class"] == f"icon {state}"
            assert shown.data["every"] == (1.0 if watched else 5.0)
        elif page == "runs":
            assert f"icon {state}" in json.dumps(shown.data)
        else:
            assert shown.data["every"] >= 1.0


def test_a_bad_filter_in_the_address_is_no_error(build: Any, open_page: Callable[..., Any]) -> None:
    build.run()
    for page in ("run", "postings"):
        assert "can't be shown" not in open_page(page, first="9" * 30, state="nonsense", show="x", id="0").text


def test_the_page_of_a_run_tells_its_story(build: Any, draw_page: Callable[..., Any]) -> None:
    jobs = [
        build.job(result={"new": 4, "unchanged": 6, "requests": 31}),
        build.job("docs", kind="ingest", result={"snapshot_id": "s-1"}),
    ]
    run = build.run(jobs=jobs, warnings=["three files were odd"], warnings_total=5, attempt=2)
    run.log.write_text("the last line\n")
    run.crash_log.write_text("Thread 0x1: in work\n")
    build.spec(run, {"name": "nightly", "jobs": {"boards": {"kind": "scrape"}}})
    text = draw_page("run").text
    for words in ("4 new", "31 requests", "snapshot s-1", "three files were odd", "and 4 warnings more", "the last line",
                  "Thread 0x1", '"nightly"', "attempt 2"):  # fmt: skip
        assert words in text, words


def test_items_of_a_run_are_filtered_by_links(build: Any, draw_page: Callable[..., Any]) -> None:
    run = build.run(jobs=[build.job(), build.job("docs", kind="ingest")])
    build.journal(
        run, [{"key": f"company {number}", "state": "failed" if number < 3 else "succeeded"} for number in range(120)]
    )
    shown = draw_page("run", id=run.run_id, state="failed")
    assert "3 of 120 items ended" in shown.text
    assert any(node[1].get("href") == f"./run?id={run.run_id}&state=failed&job=docs" for node in shown.nodes("a"))
    assert "of 120" in draw_page("run", id=run.run_id, first="50").text


def test_a_page_looks_often_only_while_something_goes_on(build: Any, open_page: Callable[..., Any]) -> None:
    build.run("succeeded", begun=500)
    assert open_page("now").data["every"] == 5.0
    build.run("running")
    assert open_page("now").data["every"] == 1.0


def test_a_page_notices_that_a_run_started_and_ended(build: Any, open_page: Callable[..., Any]) -> None:
    build.run("succeeded", begun=500)
    shown = open_page("now")
    run = build.run("running")
    assert shown.look().data["every"] == 1.0
    assert "Running" in shown.text
    build.write(run, build.status("failed", run_id=run.run_id))
    assert shown.look().data["every"] == 5.0
    assert "Failed" in shown.text


def test_a_job_with_ten_thousand_items_is_shown_a_page_at_a_time(build: Any, draw_page: Callable[..., Any]) -> None:
    run = build.run("running", jobs=[build.job(state="running", total=10_000, done=5_000)])
    build.journal(run, [{"key": f"company {number}"} for number in range(5_000)])
    shown = draw_page("run")
    while "reading the journal" in shown.text:
        shown.look()
    assert len(shown.nodes("tr")) == 51
    assert "of 5,000" in shown.text
    assert len(json.dumps(shown.data)) < 100_000

"""What a page says about a run."""

from __future__ import annotations

import math
import os
from typing import Any

import pytest

from dashboard.causes import causes_of
from dashboard.draw.run import causes, head
from dashboard.draw.strip import strip
from dashboard.store import Look, Store
from dashboard.summary import Summary
from dashboard.view import RunView, commands_for, counters_of, run_view, segments_of
from dashboard.words import STATE_WORDS, duration, joined, percent, seconds_of, short_seconds, size
from orchestrator.status.models import Items, utc
from orchestrator.status.states import Shown


def view_of(build: Any, status: Any, state: str | None = None, age: float = 0.0) -> RunView:
    view = run_view(Look(status.run_id, Shown(state or status.state), status, age), now=build.now)
    assert view is not None
    return view


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (0, "0:00"),
        (51.9, "0:51"),
        (725, "12:05"),
        (3723, "1:02:03"),
        (200_000, "2 d 7 h"),
        (-5, "0:00"),
        (None, ""),
        (math.nan, ""),
    ],
)
def test_durations_read_as_clocks(seconds: float | None, words: str) -> None:
    assert duration(seconds) == words


def test_figures_read_as_people_write_them() -> None:
    assert [size(0), size(999), size(1_240_000), size(5_100_000_000_000)] == ["0 B", "999 B", "1.2 MB", "5.1 TB"]
    assert [percent(0.999), percent(1.0), percent(0.0), percent(None)] == ["99%", "100%", "0%", ""]
    assert [short_seconds(0.042), short_seconds(3.14), short_seconds(75)] == ["0.04 s", "3.1 s", "1:15"]
    assert joined(["a", "b", "c"], most=2) == "a, b and 1 more"
    assert seconds_of("no time") is None


def test_every_state_has_its_own_word() -> None:
    assert set(STATE_WORDS) == set(Shown)
    assert len(set(STATE_WORDS.values())) == len(Shown)


def test_a_running_run_says_how_far_it_is_in_its_title(build: Any) -> None:
    view = view_of(build, build.status("running", jobs=[build.job(state="running", total=50, done=17)]))
    assert view.title == "Running — 34%"
    assert view.since == pytest.approx(build.now - 41, abs=0.1)


def test_an_unknown_total_is_never_shown_as_a_share(build: Any) -> None:
    jobs = [build.job(state="running", total=50, done=17), build.job("later", state="queued", total=None)]
    view = view_of(build, build.status("running", jobs=jobs))
    assert view.title == "Running — 17 of 50+"
    assert view.share is None
    assert "of 50+ items" in [figure.words for figure in view.counters]


def test_the_time_left_is_a_lower_bound_while_jobs_wait(build: Any) -> None:
    going = build.job(state="running", eta_seconds=128.0)
    assert view_of(build, build.status("running", jobs=[going])).left == "about 2:08 left"
    waiting = build.job("later", state="queued")
    assert view_of(build, build.status("running", jobs=[going, waiting])).left == "at least 2:08 left"


@pytest.mark.parametrize("state", ["cancel_requested", "stopping", "interrupted", "unknown"])
def test_no_estimate_is_shown_for_a_run_that_is_coming_to_its_end_or_gone(build: Any, state: str) -> None:
    status = build.status("running", jobs=[build.job(state="running", eta_seconds=128.0)])
    assert view_of(build, status, state).left == ""


def test_the_clock_of_a_run_whose_process_is_gone_stands_still(build: Any) -> None:
    view = view_of(build, build.status("running"), "interrupted", age=500)
    assert view.since is None
    assert view.took == "0:41"
    assert view.jobs[0].state is Shown.INTERRUPTED


def test_the_clock_of_a_run_on_another_clock_goes_by_the_age_of_its_file(build: Any) -> None:
    ahead = build.now + 5000
    status = build.status("running", created_at=utc(ahead), started_at=utc(ahead), updated_at=utc(ahead + 60))
    view = view_of(build, status, age=2.0)
    assert view.since == pytest.approx(build.now - 62)
    assert all(0 <= row.offset <= 1 and 0 <= row.width <= 1 for row in view.jobs)


def test_a_run_that_lives_but_says_nothing_is_told(build: Any) -> None:
    assert view_of(build, build.status("running"), age=5).silent is None
    assert view_of(build, build.status("running"), age=31).silent == 31
    assert view_of(build, build.status("succeeded"), age=31).silent is None


def test_job_bars_lie_on_the_axis_of_the_run(build: Any) -> None:
    jobs = [build.job(begun=100, took=50), build.job("second", begun=50, took=50)]
    rows = view_of(build, build.status(begun=100, took=100, jobs=jobs)).jobs
    assert [round(row.offset, 2) for row in rows] == [0.0, 0.5]
    assert [round(row.width, 2) for row in rows] == [0.5, 0.5]


def test_the_parts_of_the_total_bar_add_up_to_the_whole(build: Any) -> None:
    job = build.job(items=Items(total=10, done=7, succeeded=3, unchanged=2, skipped=1, failed=1))
    parts = segments_of(build.status(jobs=[job]))
    assert [part.tone for part in parts] == ["succeeded", "unchanged", "skipped", "failed", "open"]
    assert sum(part.share for part in parts) == pytest.approx(1.0)


def test_failures_with_one_cause_are_told_once(build: Any) -> None:
    failures = [
        build.failure("Acme", "careers.acme.example didn't answer within 30 s"),
        build.failure("Initech", "jobs.initech.example didn't answer within 12 s"),
        build.failure("Hooli", "the board answered 404", code="board-not-found", hint="check the token"),
    ]
    jobs = [
        build.job(state="failed", failures=failures, failures_total=9),
        build.job("docs", kind="ingest", state="failed", error=build.error()),
    ]
    causes, hidden = causes_of(build.status("failed", jobs=jobs))
    assert [(cause.code, cause.number) for cause in causes] == [
        ("too-few-documents", 0), ("http-timeout", 2), ("board-not-found", 1),
    ]  # fmt: skip
    assert causes[1].keys == ("Acme", "Initech")
    assert causes[2].hint == "check the token"
    assert hidden == 6


def test_figures_sum_what_all_jobs_found(build: Any) -> None:
    jobs = [build.job(result={"new": 4, "held": 2}), build.job("b", result={"new": 3, "snapshot_id": "x"})]
    words = {figure.words: figure.figure for figure in counters_of(build.status(jobs=jobs))}
    assert words["new"] == "7"
    assert words["held back"] == "2"
    assert words["jobs ended"] == "2/2"


@pytest.mark.parametrize(
    ("state", "verb"),
    [
        ("running", "cancel"), ("queued", "cancel"), ("stopping", "cancel"), ("failed", "resume"), ("partial", "resume"),
        ("timed_out", "resume"), ("cancelled", "resume"), ("interrupted", "resume"), ("succeeded", "logs"),
        ("unknown", "status"),
    ],
)  # fmt: skip
def test_where_one_looks_for_a_button_stands_the_exact_command(state: str, verb: str) -> None:
    first = commands_for("20261121T165300.123Z-1a2b3c4d", Shown(state), "--state-dir elsewhere")[0]
    assert first.text.startswith(f"orchestrate {verb} 1a2b3c4d")
    assert first.text.endswith("--state-dir elsewhere")


def test_a_run_without_jobs_or_times_can_be_shown(build: Any) -> None:
    view = view_of(build, build.status("queued", jobs=[]))
    assert (view.title, view.took, view.segments, view.axis) == ("Queued", "", (), ())


def test_a_skewed_clock_makes_no_negative_age(build: Any) -> None:
    run = build.run("running")
    os.utime(run.status, (build.now + 900, build.now + 900))
    assert Store(build.state).look(run.run_id).age == 0.0


def test_one_run_that_hung_for_hours_does_not_make_all_others_flat() -> None:
    runs = [Summary(f"run {number}", Shown.SUCCEEDED, final=True, seconds=60.0) for number in range(9)]
    runs.append(Summary("hung", Shown.INTERRUPTED, final=False, seconds=90_000.0))
    shown = strip(runs, "hung")
    assert shown is not None
    heights = [node[2][0][2][0][1]["css"]["h"] for node in shown[2][1][2]]
    assert heights[0] == 100
    assert heights[1:] == pytest.approx([100 / 3] * 9, abs=0.01)


def test_a_change_of_state_is_announced_but_not_each_percent(build: Any) -> None:
    shown = head(view_of(build, build.status("running")))
    (announced,) = [child for child in shown[2] if child[1].get("role") == "status"]
    assert announced[2] == ["Running"]


def test_failures_that_a_success_allows_are_told_calmly(build: Any) -> None:
    jobs = [build.job(failures=[build.failure("Acme")], failures_total=1)]
    for state, allowed in (("succeeded", True), ("failed", False)):
        shown = causes(view_of(build, build.status(state, jobs=jobs)))
        assert shown is not None
        assert ("tolerated" in shown[1]["class"]) is allowed

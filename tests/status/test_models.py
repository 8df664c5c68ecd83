"""The status file: bounded whatever happened, the same after a round trip, and times that sort."""

from __future__ import annotations

import json
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.status.models import (
    MESSAGE_LENGTH,
    MOST_FAILURES,
    MOST_IN_FLIGHT,
    MOST_WARNINGS,
    SCHEMA_VERSION,
    FailedItem,
    InFlight,
    Items,
    JobError,
    JobStatus,
    RunStatus,
    clip,
    seconds,
    utc,
)
from orchestrator.status.read import parse_status
from orchestrator.status.states import State

AT = "2026-11-21T16:53:00.123Z"
FIELDS_OF_A_RUN = """schema_version revision run_id name spec_path spec_digest state attempt engine trigger created_at
    started_at updated_at finished_at progress_every host pid cancel warnings jobs"""
FIELDS_OF_A_JOB = """name kind state phase attempt attempts needs started_at finished_at deadline_at percent items rate
    eta_seconds message in_flight failures failures_total error result"""


def _job(number: int) -> JobStatus:
    """Return a job of a bad day: every list full, every text as long as it may be."""
    message = "m" * MESSAGE_LENGTH
    return JobStatus(
        name=f"job-{number:02d}",
        kind="scrape",
        state=State.RUNNING,
        phase="fetch",
        message=message,
        started_at=AT,
        deadline_at=AT,
        items=Items(total=10_000, done=5_000, succeeded=4_000, failed=1_000),
        in_flight=[
            InFlight(key=f"company-{i:05d}", started_at=AT, note="page 3", done=3, total=9) for i in range(MOST_IN_FLIGHT)
        ],
        in_flight_total=128,
        failures=[
            FailedItem(key=f"company-{i:05d}", code="http-500", message=message, hint=message) for i in range(MOST_FAILURES)
        ],
        failures_total=1_000,
        error=JobError(code="http-500", message=message, hint=message, ref="run.log"),
        result={"new": 17, "changed": 5, "held": 0, "bytes": 123_456},
    )


def _run(jobs: list[JobStatus]) -> RunStatus:
    return RunStatus(
        run_id="20261121T165300.123Z-1a2b3c4d",
        spec_path="jobs.yaml",
        spec_digest="0" * 64,
        state=State.RUNNING,
        created_at=AT,
        updated_at=AT,
        host="here",
        pid=1,
        warnings=["w" * 400] * MOST_WARNINGS,
        warnings_total=500,
        jobs=jobs,
    )


def test_the_fields_are_those_of_the_contract() -> None:
    document = json.loads(_run([_job(0)]).model_dump_json())
    assert set(FIELDS_OF_A_RUN.split()) <= set(document)
    assert set(FIELDS_OF_A_JOB.split()) <= set(document["jobs"][0])
    assert set(document["jobs"][0]["items"]) == {"total", "done", "succeeded", "failed", "skipped", "unchanged"}
    assert set(document["jobs"][0]["failures"][0]) == {"key", "code", "message", "hint"}
    assert set(document["jobs"][0]["error"]) == {"code", "message", "hint", "ref"}
    assert document["schema_version"] == SCHEMA_VERSION == 1


def test_a_status_survives_the_way_through_its_file() -> None:
    status = _run([_job(0), _job(1)])
    assert parse_status(status.model_dump_json().encode()) == status


@given(st.text(max_size=1000))
def test_a_message_is_one_line_of_at_most_two_hundred_characters(text: str) -> None:
    shown = clip(text)
    assert len(shown) <= MESSAGE_LENGTH == 200
    assert len(shown.splitlines()) <= 1
    assert clip(shown) == shown


@given(st.floats(0, 4e9))
def test_a_time_is_utc_in_milliseconds_and_is_read_as_it_was_written(moment: float) -> None:
    text = utc(moment)
    assert len(text) == len(AT)
    assert text.endswith("Z")
    assert seconds(text) == pytest.approx(math.floor(moment * 1000) / 1000, abs=0.0011)
    assert seconds(text) <= moment + 1e-6


@given(st.floats(0, 4e9), st.floats(0, 4e9))
def test_times_sort_as_their_texts(one: float, other: float) -> None:
    assert (utc(one) <= utc(other)) or one > other


def test_a_job_is_found_by_its_name() -> None:
    status = _run([_job(0), _job(1)])
    assert status.job("job-01") is status.jobs[1]
    assert status.job("other") is None

"""What is read, how often, and what happens with files that can't be."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable
from typing import Any

import pytest

from dashboard import store as stores
from dashboard.store import Store
from orchestrator.errors import NotFound
from orchestrator.status import read
from orchestrator.status.states import Shown


@pytest.fixture
def parsed(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Counts how many status files were parsed."""
    sizes: list[int] = []
    real = read.parse_status

    def parse(data: bytes, name: str = "status.json") -> Any:
        sizes.append(len(data))
        return real(data, name)

    monkeypatch.setattr(read, "parse_status", parse)
    return sizes


def test_runs_are_listed_newest_first_and_only_runs(build: Any) -> None:
    old, new = build.run(begun=500), build.run(begun=50)
    (build.state.runs / "not-a-run").mkdir()
    assert Store(build.state).names() == (new.run_id, old.run_id)


def test_a_status_file_is_parsed_again_only_after_it_changed(build: Any, parsed: list[int]) -> None:
    run = build.run("running")
    store = Store(build.state)
    for _ in range(20):
        store.look(run.run_id)
    assert len(parsed) == 1
    status = store.look(run.run_id).status
    assert status is not None
    build.write(run, status.model_copy(update={"revision": 99}))
    assert store.look(run.run_id).status == status.model_copy(update={"revision": 99})
    assert len(parsed) == 2


def test_an_ended_run_is_read_once_and_again_after_it_was_resumed(build: Any, parsed: list[int]) -> None:
    run = build.run("failed")
    store = Store(build.state)
    for _ in range(20):
        assert store.summary(run.run_id).state is Shown.FAILED
    assert len(parsed) == 1
    build.write(run, build.status("succeeded", run_id=run.run_id))
    assert store.summary(run.run_id).state is Shown.SUCCEEDED


def test_a_new_run_shows_up_and_a_pruned_one_goes(build: Any) -> None:
    store = Store(build.state)
    assert store.names() == ()
    first = build.run(begun=300)
    assert store.names() == (first.run_id,)
    shutil.rmtree(first.path)
    second = build.run(begun=200)
    assert store.names() == (second.run_id,)
    with pytest.raises(NotFound, match="no run"):
        store.look(first.run_id)


def test_the_directory_is_listed_again_after_ten_seconds_whatever_its_time_says(build: Any) -> None:
    clock = [1000.0]
    store = Store(build.state, clock=lambda: clock[0])
    first = build.run(begun=300)
    store.names()
    mark = build.state.runs.stat()
    second = build.run(begun=200)
    os.utime(build.state.runs, ns=(mark.st_mtime_ns, mark.st_mtime_ns))
    clock[0] += 10.1
    assert store.names() == (second.run_id, first.run_id)


def test_a_name_that_is_not_listed_is_never_joined_to_a_path(build: Any) -> None:
    build.run()
    store = Store(build.state)
    for name in ("../../etc/passwd", "", ".", "20261121T165300.123Z-1a2b3c4d", "x" * 5000):
        assert not store.has(name)


@pytest.mark.parametrize(
    ("state", "arguments", "shown"),
    [
        ("running", {}, "running"),
        ("queued", {}, "queued"),
        ("running", {"lease": False}, "interrupted"),
        ("queued", {"lease": False}, "interrupted"),
        ("running", {"cancel": True}, "cancel_requested"),
        ("succeeded", {"cancel": True}, "succeeded"),
    ],
)
def test_the_state_follows_from_file_lease_and_request(build: Any, state: str, arguments: Any, shown: str) -> None:
    run = build.run(state, **arguments)
    assert Store(build.state).look(run.run_id).state == shown


def test_an_acknowledged_request_is_a_run_that_is_stopping(build: Any) -> None:
    run = build.run("running")
    build.write(run, build.status("running", run_id=run.run_id, cancel=build.asked(acknowledged=True)))
    assert Store(build.state).look(run.run_id).state is Shown.STOPPING


def test_a_lease_that_cannot_be_read_makes_the_state_unknown(build: Any) -> None:
    run = build.run("running", lease=False)
    run.lease.unlink()
    assert Store(build.state).look(run.run_id).state is Shown.UNKNOWN


def test_a_run_that_ends_between_reading_and_probing_is_not_called_interrupted(
    build: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = build.run("running", lease=False)

    def end_then_probe(directory: Any, status: Any) -> bool:
        build.write(directory, build.status("succeeded", run_id=status.run_id))
        return False

    monkeypatch.setattr(read, "alive", end_then_probe)
    assert Store(build.state).look(run.run_id).state is Shown.SUCCEEDED


BAD: dict[str, Callable[[bytes], bytes]] = {
    "empty": lambda _: b"",
    "torn": lambda data: data[: len(data) // 2],
    "foreign": lambda _: b'{"hello": "world"}',
    "list": lambda _: b"[1, 2, 3]",
    "binary": lambda _: bytes(range(256)),
    "newer": lambda data: data.replace(b'"schema_version":1', b'"schema_version":2'),
    "newer and different": lambda _: b'{"schema_version": 7, "runs": {}}',
    "deep": lambda _: b"[" * 50_000,
}


@pytest.mark.parametrize("name", BAD)
def test_a_bad_status_file_is_a_sentence_with_the_last_good_version(build: Any, name: str) -> None:
    run = build.run("succeeded")
    store = Store(build.state)
    good = store.look(run.run_id).status
    run.status.write_bytes(BAD[name](run.status.read_bytes()))
    look = store.look(run.run_id)
    assert look.problem is not None
    assert look.problem.message
    assert look.status == good
    fresh = Store(build.state).look(run.run_id)
    assert fresh.status is None
    assert fresh.problem is not None


def test_a_newer_minor_version_is_read_without_what_is_unknown(build: Any) -> None:
    run = build.run("succeeded")
    document = json.loads(run.status.read_bytes())
    document["colour"] = "green"
    document["jobs"][0]["mood"] = {"good": True}
    run.status.write_text(json.dumps(document))
    assert Store(build.state).look(run.run_id).problem is None


def test_a_run_directory_without_status_is_told(build: Any) -> None:
    run = build.run()
    run.status.unlink()
    look = Store(build.state).look(run.run_id)
    assert look.problem is not None
    assert "no status file" in look.problem.message


def test_old_runs_are_searched_a_bounded_step_at_a_time(build: Any, parsed: list[int]) -> None:
    for number in range(30):
        build.run(begun=100 + number)
    store = Store(build.state)
    assert store.scan(0.0) == (0, 30)
    steps = list(iter(lambda: store.scan(0.001)[0], 30))
    assert steps == sorted(set(steps))
    assert len(list(store.known_summaries())) == 30
    assert len(parsed) == 30
    store.scan(1.0)
    assert len(parsed) == 30


def test_few_whole_models_are_kept(build: Any) -> None:
    runs = [build.run(begun=100 + number) for number in range(40)]
    store = Store(build.state)
    for run in runs:
        store.summary(run.run_id)
        store.look(run.run_id)
    assert len(store._models) == stores.MOST_MODELS


def test_the_end_of_a_log_starts_with_a_whole_line(build: Any) -> None:
    run = build.run()
    run.log.write_text("".join(f"line {number}\n" for number in range(1000)))
    text = Store(build.state).text(run.log, 200)
    assert text.startswith("line ")
    assert text.endswith("line 999\n")
    assert Store(build.state).text(run.crash_log, 200) == ""

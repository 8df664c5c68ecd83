"""Processes that read answers: what they do when a body is bad, a board breaks, hangs or dies, and how they end."""

from __future__ import annotations

import json
import logging
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from orchestrator.deadline import CancelToken, Deadline, WorkContext
from orchestrator.errors import Cancelled, DeadlineExceeded, Failure, JobError
from orchestrator.kinds.scrape import boards
from orchestrator.kinds.scrape.boards.base import Source, Unanswered
from orchestrator.kinds.scrape.decode import BadBody
from orchestrator.kinds.scrape.readers import process as reader_process
from orchestrator.kinds.scrape.readers.child import Child
from orchestrator.kinds.scrape.readers.here import Answer, Begin, Listed, Task
from orchestrator.kinds.scrape.readers.messages import LENGTH_SIZE, Broken, Following, Message, unpacked_reply
from orchestrator.kinds.scrape.readers.pool import Readers, open_readers
from orchestrator.kinds.scrape.readers.process import ReaderLost

ODD = """
import os, signal, time
from orchestrator.errors import Failure
from orchestrator.kinds.scrape.boards.base import Board, Request, Unanswered
from orchestrator.kinds.scrape.row import RawPosting


class Odd(Board):
    name = title = "odd"
    hosts = ("odd.example",)

    def detect(self, url):
        return None

    def public_url(self, source):
        return "https://odd.example/"

    def postings(self, source, found):
        following = 0
        while True:
            try:
                answer = yield Request(f"https://odd.example/{following}")
            except Unanswered as missing:
                if missing.gone:
                    raise
                following += 1
                continue
            does = answer.body["does"]
            if does == "refuse":
                raise Unanswered(Failure("own-code", "the board says so itself"), status=418)
            if does == "break":
                raise ZeroDivisionError("a fault of the board")
            if does == "die":
                os.kill(os.getpid(), signal.SIGKILL)
            if does == "hang":
                while True:
                    pass
            if does == "print":
                os.write(1, b"x" * 100)
                print("what a board prints", flush=True)
            if does == "tell":
                found.add(RawPosting(identifier=os.getpid(), title="The process", description_html=answer.body["text"]))
            if does == "ask oddly":
                yield Request("https://odd.example/", json=lambda: None)
            if does != "ask on":
                return
            following += 1


BOARD = Odd()
"""


@pytest.fixture(autouse=True)
def odd_board(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Install a board that does what its answer says, as another project would."""
    folder = tmp_path / "packages"
    (folder / "odd-1.0.dist-info").mkdir(parents=True)
    (folder / "odd-1.0.dist-info" / "METADATA").write_text("Metadata-Version: 2.1\nName: odd\nVersion: 1.0\n")
    (folder / "odd-1.0.dist-info" / "entry_points.txt").write_text("[orchestrator.boards]\nodd = odd:BOARD\n")
    (folder / "odd.py").write_text(ODD)
    monkeypatch.syspath_prepend(str(folder))
    boards.installed.cache_clear()
    yield
    boards.installed.cache_clear()


TASK = Task("odd", Source("acme"))


def context(seconds: float = 60.0, cancel: CancelToken | None = None) -> WorkContext:
    return WorkContext(Deadline.after(seconds), cancel or CancelToken())


def that(does: str, text: str = "") -> Answer:
    return Answer("https://odd.example/", 200, {}, "json", json.dumps({"does": does, "text": text}).encode())


def teller(begin: Begin, text: str = "") -> int:
    """Return the process that reads a list."""
    reading = begin(TASK)
    assert reading.begin() is not None
    assert reading.take(that("tell", text), context()) is None
    (row,) = reading.listed().rows
    assert row.columns()["description_text"] == (text or None)
    return int(row.identifier)


def children(pid: int) -> set[int]:
    return {int(child) for task in Path(f"/proc/{pid}/task").iterdir() for child in (task / "children").read_text().split()}


@pytest.fixture
def left() -> Callable[[], set[int]]:
    """Return the processes that this one has now and hadn't when the test began."""
    before = children(os.getpid())
    return lambda: children(os.getpid()) - before


needs_proc = pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="looks into /proc")


def test_lists_are_read_in_other_processes_that_end_with_the_context() -> None:
    with open_readers(2) as begin:
        seen = {teller(begin) for _ in range(4)}
        assert os.getpid() not in seen
        assert len(seen) in {1, 2}
    for pid in seen:
        with pytest.raises(ProcessLookupError):
            os.kill(pid, 0)


def test_a_reading_stays_in_its_process_and_a_bad_body_may_be_followed_by_a_good_one() -> None:
    with open_readers(2) as begin:
        reading = begin(TASK)
        assert reading.begin() is not None
        request = reading.take(that("ask on"), context())
        assert request is not None
        assert request.url == "https://odd.example/1"
        with pytest.raises(BadBody, match="no valid JSON"):
            reading.take(Answer("https://odd.example/1", 200, {}, "json", b'{"does": '), context())
        request = reading.take(that("ask on"), context())
        assert request is not None
        assert request.url == "https://odd.example/2"
        assert reading.take(that("tell"), context()) is None
        assert reading.listed().before == 1


@pytest.mark.parametrize("answered", [0, 1])
def test_a_board_may_go_on_without_an_answer_and_ends_with_the_failure_otherwise(answered: int) -> None:
    busy = Unanswered(Failure("http-500", "the server answered 500"), status=500)
    gone = Unanswered(Failure("not-found", "the server answered 404"), status=404, gone=True)
    with open_readers(1) as begin:
        reading = begin(TASK)
        reading.begin()
        for _ in range(answered):
            reading.take(that("ask on"), context())
        request = reading.fail(busy, context())
        assert request is not None
        assert request.url == f"https://odd.example/{answered + 1}"
        request = reading.take(that("ask on"), context())
        assert request is not None
        assert request.url == f"https://odd.example/{answered + 2}"
        with pytest.raises(Unanswered) as raised:
            reading.fail(gone, context())
        assert (raised.value.failure, raised.value.status, raised.value.gone) == (gone.failure, 404, True)
        with pytest.raises(Unanswered):
            reading.fail(raised.value, context())  # As whoever asks does, who can't know that the board itself raised it.


def test_a_board_that_itself_calls_an_answer_none_ends_its_reading() -> None:
    with open_readers(1) as begin:
        reading = begin(TASK)
        reading.begin()
        with pytest.raises(Unanswered) as raised:
            reading.take(that("refuse"), context())
        assert (raised.value.failure.code, raised.value.status) == ("own-code", 418)
        with pytest.raises(Unanswered):
            reading.fail(raised.value, context())


def test_an_answer_larger_than_any_pipe_goes_through() -> None:
    text = "word " * 60_000 + "end"
    with open_readers(1) as begin:
        assert teller(begin, text) != os.getpid()


def test_a_reply_larger_than_what_is_kept_for_one_goes_through() -> None:
    rows = [{"id": number, "title": "Welder", "content": f"{number} " + "word " * 60_000} for number in range(5)]
    answer = Answer("https://x.example/", 200, {}, "json", json.dumps({"jobs": rows}).encode())
    with open_readers(1) as begin:
        for _ in range(2):
            reading = begin(Task("greenhouse", Source("acme")))
            reading.begin()
            assert reading.take(answer, context()) is None
            texts = [str(row.columns()["description_text"]) for row in reading.listed().rows]
            assert [text.split()[0] for text in texts] == ["0", "1", "2", "3", "4"]
            assert {len(text) for text in texts} == {2 + 60_000 * 5 - 1}
        assert teller(begin, "short") != os.getpid()


@needs_proc
def test_processes_start_up_behind_the_first_request(left: Callable[[], set[int]]) -> None:
    with open_readers(2) as begin:
        assert not left()
        begin(TASK), begin(TASK)
        assert len(left()) == 2
    assert not left()
    readers = Readers(2)
    readers.close()
    readers.begin(TASK)  # By a thread that was left behind: nobody would end them.
    assert not left()


def test_what_a_board_prints_is_no_answer() -> None:
    with open_readers(1) as begin:
        reading = begin(TASK)
        reading.begin()
        assert reading.take(that("print"), context()) is None
        assert reading.listed() == Listed()
        teller(begin)


def test_a_fault_of_a_board_is_the_units_and_its_traceback_is_in_the_log(caplog: pytest.LogCaptureFixture) -> None:
    with open_readers(1) as begin, caplog.at_level(logging.ERROR, "orchestrator"):
        before = teller(begin)
        reading = begin(TASK)
        reading.begin()
        with pytest.raises(JobError) as raised:
            reading.take(that("break"), context())
        assert raised.value.failure().code == "internal-error"
        assert "ZeroDivisionError" in raised.value.message
        assert "a fault of the board" in caplog.text
        reading = begin(TASK)
        reading.begin()
        with pytest.raises(JobError, match=r"unexpected \w+ in packed_reply"):
            reading.take(that("ask oddly"), context())
        assert teller(begin) == before


@needs_proc
def test_an_answer_that_two_processes_die_of_is_lost_and_others_take_their_place(left: Callable[[], set[int]]) -> None:
    with open_readers(1) as begin:
        before = teller(begin)
        reading, half = begin(TASK), begin(TASK)
        reading.begin(), half.begin()
        half.take(that("ask on"), context())
        with pytest.raises(ReaderLost, match="killed by signal 9") as raised:
            reading.take(that("die"), context())
        assert raised.value.failure().retryable
        assert teller(begin) not in {before, os.getpid()}
        with pytest.raises(ReaderLost):
            half.take(that("tell"), context())
    assert not left()


def test_an_answer_whose_process_is_killed_by_somebody_is_read_by_another() -> None:
    with open_readers(1) as begin:
        before = teller(begin)
        os.kill(before, signal.SIGKILL)
        assert teller(begin) not in {before, os.getpid()}


def test_answers_that_kill_every_process_fail_companies_and_not_the_run() -> None:
    with open_readers(1) as begin:
        for _ in range(5):  # Two processes each, from the first answer on.
            reading = begin(TASK)
            reading.begin()
            with pytest.raises(ReaderLost):
                reading.take(that("die"), context())
        reading = begin(TASK)
        reading.begin()
        with pytest.raises(ReaderLost, match="again and again"):
            reading.take(that("die"), context())


@needs_proc
@pytest.mark.parametrize("why", ["deadline", "cancel"])
def test_a_board_that_hangs_is_left_at_the_deadline_or_a_cancel(
    why: str, left: Callable[[], set[int]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reader_process, "_ENDING_SECONDS", 30.0)  # Nobody waits for it, however long others may take.
    cancel = CancelToken()
    with open_readers(1) as begin:
        teller(begin)
        reading = begin(TASK)
        reading.begin()
        started = time.monotonic()
        if why == "deadline":
            with pytest.raises(DeadlineExceeded):
                reading.take(that("hang"), context(0.4))
        else:
            threading.Timer(0.4, cancel.request, ("enough",)).start()
            with pytest.raises(Cancelled):
                reading.take(that("hang"), context(60, cancel))
        assert time.monotonic() - started < 2
        assert teller(begin) != os.getpid()
    assert time.monotonic() - started < 10
    assert not left()


@needs_proc
def test_a_process_that_nobody_waits_for_any_more_ends_by_itself() -> None:
    with open_readers(1) as begin:
        stuck = teller(begin)
        reading = begin(TASK)
        reading.begin()
        with pytest.raises(DeadlineExceeded):
            reading.take(that("hang"), context(0.2))
        for _ in range(100):
            if Path(f"/proc/{stuck}/stat").read_text().split()[2] == "Z":
                break
            threading.Event().wait(0.05)
        else:
            pytest.fail("it hangs on")


@pytest.mark.parametrize("how", ["it ends at once", "it can't be started"])
def test_without_processes_answers_are_read_here(
    how: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    if how == "it ends at once":
        monkeypatch.setattr(reader_process, "_START", "raise SystemExit(3)")
    else:
        monkeypatch.setattr(sys, "executable", "/nowhere/python")
    with open_readers(2) as begin, caplog.at_level(logging.WARNING, "orchestrator"):
        assert teller(begin) == os.getpid()
    assert ("others do it" if how == "it can't be started" else "another one reads it") in caplog.text


def test_a_user_who_may_not_widen_pipes_has_readers_all_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    popen = subprocess.Popen

    def refusing(*arguments: Any, pipesize: int, **more: Any) -> Any:
        if pipesize > 0:
            raise PermissionError(1, "Operation not permitted")
        return popen(*arguments, **more)

    monkeypatch.setattr(subprocess, "Popen", refusing)
    with open_readers(1) as begin:
        assert teller(begin, "word " * 60_000 + "end") != os.getpid()


def test_threads_that_share_two_processes_get_their_own_answers() -> None:
    wrong = []

    def read(begin: Begin, number: int) -> None:
        for each in range(25):
            text = f"{number} {each} " + "x" * (each * 400 + 1)
            reading = begin(TASK)
            reading.begin()
            reading.take(that("ask on"), context())
            reading.take(that("tell", text), context())
            (row,) = reading.listed().rows
            if row.columns()["description_text"] != text:
                wrong.append(text[:9])

    with open_readers(2) as begin:
        threads = [threading.Thread(target=read, args=(begin, number)) for number in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(60)
        assert not any(thread.is_alive() for thread in threads)
    assert wrong == []


def test_what_was_given_up_is_forgotten() -> None:
    child = Child()
    on = that("ask on")

    def reply(message: Message) -> Any:
        packed = child.reply(message, on.body)
        return unpacked_reply(packed[LENGTH_SIZE:])

    assert isinstance(reply(Message(1, on, TASK)), Following)
    assert isinstance(reply(Message(1, on)), Following)
    reply(Message(2, on, TASK, dropped=(1,)))
    assert isinstance(reply(Message(1, on)), Broken)


@needs_proc
@pytest.mark.parametrize("end", [signal.SIGKILL, signal.SIGINT])
def test_no_process_outlives_its_run(tmp_path: Path, server: Any, end: signal.Signals) -> None:
    asked = threading.Event()

    def never(_handler: Any) -> None:
        asked.set()
        threading.Event().wait(3)

    companies = [{"board": "greenhouse", "token": f"acme{number}"} for number in range(64)]
    for company in companies:
        server.routes[f"/v1/boards/{company['token']}/jobs"] = never
    http = {"base_urls": {"greenhouse": server.url}, "allow_private_hosts": ["127.0.0.1"]}
    job = {"kind": "scrape", "companies": companies, "http": http}
    (tmp_path / "jobs.yaml").write_text(json.dumps({"version": 1, "jobs": {"boards": job}}), encoding="utf-8")
    environment = {"PYTHONPATH": str(Path(__file__).parents[3])}
    run = subprocess.Popen(
        [sys.executable, "-m", "orchestrator", "run", "--quiet"], cwd=tmp_path, env=environment, stderr=subprocess.PIPE
    )
    assert asked.wait(20)
    expected = 2 if len(os.sched_getaffinity(run.pid)) > 1 else 0
    for _ in range(100):  # They are started as the first requests leave.
        readers = {pid for pid in children(run.pid) if b"readers.child" in Path(f"/proc/{pid}/cmdline").read_bytes()}
        if len(readers) == expected:
            break
        threading.Event().wait(0.05)
    else:
        pytest.fail(f"{len(readers)} processes read instead of {expected}")
    assert all(os.getpgid(pid) == pid for pid in readers)  # Ctrl-C reaches the run alone.
    run.send_signal(end)
    _, said = run.communicate(timeout=20)
    assert b"Traceback" not in said
    for _ in range(100):
        if not any(Path(f"/proc/{pid}").exists() for pid in readers):
            break
        threading.Event().wait(0.05)
    else:
        pytest.fail("a reader is left")

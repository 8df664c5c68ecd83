"""Every board, read in another process: what comes back is what is read here."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from orchestrator.deadline import CancelToken, Deadline, WorkContext
from orchestrator.errors import Failure
from orchestrator.kinds.scrape.boards.base import BadAnswer, Request, Unanswered
from orchestrator.kinds.scrape.readers.here import Answer, Begin, HereReading, Listed, Reading, Task
from orchestrator.kinds.scrape.readers.pool import open_readers


@pytest.fixture(scope="module")
def begin() -> Iterator[Begin]:
    with open_readers(1) as begin:
        yield begin


def answer_to(request: Request, case: Any) -> Answer:
    """Return the raw bytes of the fixture's answer."""
    for known in case.answers:
        if known["request"] == f"{request.method} {request.url}" and known.get("body", request.json) == request.json:
            status = known.get("status", 200)
            if status != 200:
                raise Unanswered(Failure(f"http-{status}", f"status {status}"), status=status, gone=status in {404, 410})
            body = json.dumps(known["json"]) if request.accept == "json" else known["text"]
            return Answer(request.url, 200, {}, request.accept, body.encode())
    raise Unanswered(Failure("http-404", f"no answer for {request.url}"), status=404, gone=True)


def listed(reading: Reading, case: Any) -> Listed:
    context = WorkContext(Deadline.after(60), CancelToken())
    request = reading.begin()
    while request is not None:
        try:
            answer = answer_to(request, case)
        except Unanswered as unanswered:
            request = reading.fail(unanswered, context)
        else:
            request = reading.take(answer, context)
    return reading.listed()


def task_of(case: Any, **more: Any) -> Task:
    return Task(case.board.name, case.source, **{"details": "all", "seconds": 60.0, **more})


def test_a_board_lists_the_same_in_another_process(case: Any, begin: Begin) -> None:
    here, there = (listed(how(task_of(case)), case) for how in (HereReading, begin))
    assert there == here
    assert [row.identifier for row in there.rows] == [wanted["identifier"] for wanted in case.data["postings"]]


def test_titles_and_known_postings_count_in_another_process(case: Any, begin: Begin) -> None:
    title = case.data["postings"][0]["title"]
    known = frozenset(wanted["identifier"] for wanted in case.data["postings"])
    task = task_of(case, details="new-only", known=known, include_title=(title,))
    here, there = (listed(how(task), case) for how in (HereReading, begin))
    assert there == here
    assert {row.columns()["title"] for row in there.rows} == {title}


def test_an_answer_of_another_shape_is_a_bad_one_in_another_process(json_case: Any, begin: Begin) -> None:
    case = json_case.with_first("not what the API documents")
    with pytest.raises(BadAnswer) as here:
        listed(HereReading(task_of(case)), case)
    with pytest.raises(BadAnswer) as there:
        listed(begin(task_of(case)), case)
    assert str(there.value) == str(here.value)


def test_answers_that_stop_coming_are_settled_in_another_process(case: Any, begin: Begin) -> None:
    ends = []
    for how in (HereReading, begin):
        for kept in range(len(case.answers)):
            short = type(case)(case.board, {**case.data, "answers": case.answers[:kept]})
            try:
                ends.append(listed(how(task_of(short)), short))
            except Unanswered as unanswered:
                ends.append((unanswered.failure, unanswered.gone))
    half = len(ends) // 2
    assert ends[:half] == ends[half:]

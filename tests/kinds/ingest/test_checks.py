"""Checks before the commit point: a failed one holds the publication and nothing else."""

from __future__ import annotations

from typing import Any

import pytest

from orchestrator.errors import JobError
from orchestrator.kinds.ingest.verify import problems

Workshop = Any
GOOD = {"query": "days of holiday", "expect": "index.md"}
BAD = {"query": "days of holiday", "expect": "notes.*", "top": 1}


@pytest.mark.parametrize(
    ("checks", "field"),
    [
        ({"min_documents": 5}, "min_documents"),
        ({"smoke": [GOOD, BAD]}, "smoke"),
    ],
)
def test_a_failed_check_publishes_nothing_and_says_how_to_go_on(handbook: Workshop, checks: Any, field: str) -> None:
    with pytest.raises(JobError) as raised:
        handbook.run(checks=checks)
    assert raised.value.failure_code == "check-failed"
    assert f"checks.{field}" in raised.value.hint
    assert handbook.store.current() is None
    assert problems(handbook.store.waiting()) == [], "it is kept for inspection, whole"


@pytest.mark.parametrize(("most", "passes"), [(1, False), ("40%", False), (2, True), ("50%", True)])
def test_too_many_removed_documents_hold_the_publication(handbook: Workshop, most: Any, passes: bool) -> None:
    first = handbook.run().outcome.result["snapshot_id"]
    for name in ("notes.txt", "page.html"):
        (handbook.docs / name).unlink()
    if passes:
        assert handbook.run(checks={"max_removed": most}).outcome.result["removed"] == 2
    else:
        with pytest.raises(JobError, match="2 of 4 documents would be removed"):
            handbook.run(checks={"max_removed": most})
        assert handbook.store.current_id() == first


def test_passing_checks_publish(handbook: Workshop) -> None:
    done = handbook.run(checks={"min_documents": 4, "smoke": [GOOD]})
    assert done.outcome.result["snapshot_id"] == handbook.store.current_id()


def test_the_next_run_sweeps_what_was_held(handbook: Workshop) -> None:
    with pytest.raises(JobError):
        handbook.run(checks={"min_documents": 5})
    handbook.run()
    assert handbook.store.waiting() is None

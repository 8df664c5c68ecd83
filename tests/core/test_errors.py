"""The exception tree: its picture, its exit codes, and errors as data."""

from __future__ import annotations

import pickle
from collections.abc import Iterator

import pytest

from orchestrator import errors
from orchestrator.errors import ExitCode, Failure, MissingExtra, OrchestrateError, SpecError


def _tree(kind: type[OrchestrateError]) -> Iterator[type[OrchestrateError]]:
    yield kind
    for child in kind.__subclasses__():
        yield from _tree(child)


OURS = [kind for kind in _tree(OrchestrateError) if kind.__module__ == errors.__name__]


@pytest.mark.parametrize("kind", OURS, ids=lambda kind: kind.__name__)
def test_every_error_stands_in_the_picture_of_the_tree(kind: type[OrchestrateError]) -> None:
    assert kind.__name__ in (errors.__doc__ or "")


@pytest.mark.parametrize(
    "kind", [kind for kind in OURS if kind.exit_code is not ExitCode.FAILED], ids=lambda kind: kind.__name__
)
def test_the_picture_shows_the_exit_code_of_each_error_that_ends_the_program(kind: type[OrchestrateError]) -> None:
    if issubclass(kind, errors.Interruption):
        assert kind.exit_code is ExitCode.TIMED_OUT
        return
    line = next(line for line in (errors.__doc__ or "").splitlines() if f" {kind.__name__} " in line)
    assert line.endswith(f"exit {int(kind.exit_code)}")


def test_an_error_becomes_data_with_everything_a_person_needs() -> None:
    error = OrchestrateError("no room", hint="make some", code="disk-full", retryable=True)
    assert error.failure() == Failure("disk-full", "no room", "make some", retryable=True)
    assert error.failure().as_dict() == {"code": "disk-full", "message": "no room", "hint": "make some", "retryable": True}


def test_a_failure_survives_the_way_to_another_process() -> None:
    failure = Failure("http-500", "the board answered 500", "try again", retryable=True)
    assert pickle.loads(pickle.dumps(failure)) == failure


def test_a_missing_extra_says_what_to_install() -> None:
    error = MissingExtra("ingest", "ingest")
    assert (error.failure_code, error.hint) == ("missing-extra", "pip install 'orchestrate[ingest]'")


def test_an_invalid_spec_carries_every_problem() -> None:
    error = SpecError("2 problems", ("first", "second"))
    assert error.problems == ("first", "second")
    assert error.exit_code is ExitCode.USAGE

"""What torture tests share: a budget of seconds, a printed seed, and a limit that fits both."""

from __future__ import annotations

import os
import random
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

import pytest

HERE: Final = Path(__file__).parent
DEFAULT_SECONDS: Final = 20.0


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if item.path.is_relative_to(HERE):
            item.add_marker(pytest.mark.torture)
            item.add_marker(pytest.mark.timeout(_budget() * 4 + 120))


def _budget() -> float:
    """Return the seconds that one test may go on."""
    return float(os.environ.get("ORCHESTRATE_TORTURE_SECONDS") or DEFAULT_SECONDS)


@pytest.fixture
def rounds() -> Callable[[int], Iterator[int]]:
    """Count rounds until the budget is used up, but at least as many as asked for."""

    def count(least: int) -> Iterator[int]:
        end = time.monotonic() + _budget()
        number = 0
        while number < least or time.monotonic() < end:
            yield number
            number += 1

    return count


@pytest.fixture
def chance(capsys: pytest.CaptureFixture[str], request: pytest.FixtureRequest) -> random.Random:
    """Return a source of chance whose seed is printed; ORCHESTRATE_TORTURE_SEED repeats it."""
    seed = int(os.environ.get("ORCHESTRATE_TORTURE_SEED") or random.SystemRandom().randrange(2**32))
    with capsys.disabled():
        print(f"\n{request.node.name}: ORCHESTRATE_TORTURE_SEED={seed}")  # noqa: T201 - whoever repeats a failure needs it
    return random.Random(seed)


@pytest.fixture
def tell(capsys: pytest.CaptureFixture[str], request: pytest.FixtureRequest) -> Callable[[str], None]:
    """Print a figure of the release bar."""

    def say(text: str) -> None:
        with capsys.disabled():
            print(f"{request.node.name}: {text}")  # noqa: T201 - the figure is what the run is for

    return say

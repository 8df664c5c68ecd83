"""S6: a spec of 10,000 companies is validated about as fast as PyYAML's C loader and bare Pydantic read it."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Final, Literal

import pytest
import yaml
from pydantic import BaseModel, ConfigDict

from orchestrator.spec.load import check_spec

BOARDS: Final = ("greenhouse", "lever", "ashby")
COMPANIES: Final = "".join(
    f"      - {{name: Company {n}, board: {BOARDS[n % 3]}, token: company-{n}}}\n" for n in range(10_000)
)
TEXT: Final = f"version: 1\njobs:\n  boards:\n    kind: scrape\n    companies:\n{COMPANIES}"


class Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)


class Company(Strict):
    name: str
    board: str
    token: str


class Job(Strict):
    kind: Literal["scrape"]
    companies: list[Company]


class Bare(Strict):
    version: int
    jobs: dict[str, Job]


def least(tries: int, *works: Callable[[], object]) -> list[float]:
    """Return the processor time of the fastest of some tries of each; they take turns, since a machine's speed changes."""
    times: list[list[float]] = [[] for _ in works]
    for _ in range(tries):
        for taken, work in zip(times, works, strict=True):
            start = time.process_time()
            work()
            taken.append(time.process_time() - start)
    return list(map(min, times))


def test_ten_thousand_companies_are_loaded(tmp_path: Path) -> None:
    resolved, problems = check_spec(tmp_path / "jobs.yaml", text=TEXT, environment={})
    assert problems == ()
    assert resolved is not None
    assert len(resolved.document["jobs"]["boards"]["companies"]) == 10_000


@pytest.mark.torture
def test_loading_ten_thousand_companies_costs_no_more_than_half_as_much_again_as_bare_pydantic(
    tmp_path: Path, tell: Callable[[str], None]
) -> None:
    # The C loader, as the code under test: `yaml.safe_load` alone would be ten times slower.
    bare, ours = least(
        5,
        lambda: Bare.model_validate(yaml.load(TEXT, Loader=yaml.CSafeLoader)),
        lambda: check_spec(tmp_path / "jobs.yaml", text=TEXT, environment={}),
    )
    tell(f"10000 companies: {ours:.2f} s, {ours / bare:.2f} x of CSafeLoader and bare Pydantic ({bare:.2f} s)")
    assert ours <= 1.5 * bare

"""Specs as people write them who know Compose, GitHub Actions, Dagu or Airflow: each problem at its place, and nothing else.

`other_tools.txt` and `slips.txt` (units, addresses, paths, globs, types)
hold them. A line `!!! COLUMN CODE HINT` isn't part of the spec: it says that the line above has this problem
at this column, with this in its hint. What isn't said mustn't be found.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final, NamedTuple

import pytest

from orchestrator.spec.load import check_spec

FILES: Final = [Path(__file__).with_name(name) for name in ("other_tools.txt", "slips.txt")]
EXPECTED: Final = re.compile(r"!!! (\d+) (\S+) ?(.*)")


class Expected(NamedTuple):
    line: int
    column: int
    code: str
    hint: str


class Case(NamedTuple):
    title: str
    text: str
    expected: list[Expected]


def cases() -> Iterator[Case]:
    for block in [block for file in FILES for block in file.read_text(encoding="utf-8").split("=== ")[1:]]:
        title, *lines = block.splitlines()
        case = Case(title, "".join(f"{line}\n" for line in lines if not EXPECTED.fullmatch(line)), [])
        number = 0
        for line in lines:
            said = EXPECTED.fullmatch(line)
            number += said is None
            if said is not None:
                case.expected.append(Expected(number, int(said[1]), said[2], said[3]))
        yield case


@pytest.mark.parametrize("case", list(cases()), ids=lambda case: case.title)
def test_each_problem_stands_at_its_place_with_a_hint(tmp_path: Path, case: Case) -> None:
    (tmp_path / "docs").mkdir()
    (tmp_path / "docs" / "a.md").write_text("# A\n")
    problems = check_spec(tmp_path / "jobs.yaml", text=case.text, environment={})[1]
    found = [(each.line, each.column, each.code) for each in problems]
    assert found == [each[:3] for each in case.expected], problems
    for each, expected in zip(problems, case.expected, strict=True):
        assert expected.hint in each.hint


def test_there_are_enough_of_them() -> None:
    assert len(list(cases())) > 290
    assert all(case.expected for case in cases())

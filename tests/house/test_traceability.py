"""TQ-06: docs/traceability.md names a module and a test for each requirement, and both exist."""

from __future__ import annotations

import ast
import re
from functools import cache
from pathlib import Path
from typing import Final

import pytest

ROW: Final = re.compile(r"^\| ([A-Z]{2}-\d{2}) \| (.+?) \| (.+?) \| (.+?) \|$", re.MULTILINE)
CODE: Final = re.compile(r"`([^`]+)`")
GROUPS: Final = ("JM", "PR", "CX", "TT", "UI", "CF", "SC", "HT", "DB", "IN", "SN", "SE", "TQ")


@pytest.fixture(scope="module")
def rows(root: Path) -> list[tuple[str, str, str, str]]:
    return ROW.findall((root / "docs" / "traceability.md").read_text(encoding="utf-8"))


@cache
def functions_of(path: Path) -> set[str]:
    return {
        node.name
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.FunctionDef) and node.name.startswith("test_")
    }


def test_each_requirement_stands_once_and_no_group_is_missing(rows: list[tuple[str, str, str, str]]) -> None:
    ids = [row[0] for row in rows]
    assert sorted(set(ids)) == sorted(ids)
    assert {name[:2] for name in ids} == set(GROUPS)
    assert len(ids) >= 113


def test_the_modules_and_tests_that_it_names_exist(rows: list[tuple[str, str, str, str]], root: Path) -> None:
    wrong = []
    for name, _, modules, tests in rows:
        if tests.startswith("planned"):
            continue
        wrong += [f"{name}: {module}" for module in CODE.findall(modules) if not (root / module).exists()]
        if not CODE.findall(tests) or not CODE.findall(modules):
            wrong.append(f"{name}: names nothing")
        for test in CODE.findall(tests):
            file, _, function = test.partition("::")
            path = root / file
            if not path.is_file() or (function and function not in functions_of(path)):
                wrong.append(f"{name}: {test}")
    assert wrong == []


def test_a_row_without_a_test_says_why(rows: list[tuple[str, str, str, str]]) -> None:
    assert [name for name, _, _, tests in rows if tests.startswith("planned") and not tests.startswith("planned: ")] == []

"""The codes of failures: each that the program can write is explained, and no other one is."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final

from orchestrator.cli.failures import FAILURES, meaning

PROGRAM: Final = Path(__file__).resolve().parents[2] / "orchestrator"
MAKERS: Final = frozenset({"Failure", "WireError", "_unanswered"})
BASES: Final = frozenset({"error", "unreadable"})
"""Codes of classes that are never raised themselves."""


def texts(value: ast.expr) -> Iterator[str]:
    """Yield the texts that an expression can be; of `f"http-{status}"` its beginning."""
    for each in ast.walk(value):
        if isinstance(each, ast.Constant) and isinstance(each.value, str):
            yield each.value
            if isinstance(value, ast.JoinedStr):
                return


def codes_in(source: str) -> Iterator[str]:
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Call) and node.args and getattr(node.func, "id", "") in MAKERS:
            yield from texts(node.args[0])
        elif isinstance(node, ast.keyword) and node.arg == "code" and isinstance(node.value, ast.Constant):
            yield str(node.value.value)
        elif isinstance(node, ast.ClassDef):
            fields = [field for field in node.body if isinstance(field, (ast.Assign, ast.AnnAssign))]
            values = [field.value for field in fields if names(field) == {"code"}]
            yield from (text for value in values if value is not None for text in texts(value))


def names(field: ast.Assign | ast.AnnAssign) -> set[str]:
    targets = field.targets if isinstance(field, ast.Assign) else [field.target]
    return {target.id for target in targets if isinstance(target, ast.Name)}


def written_codes() -> set[str]:
    sources = [path for path in PROGRAM.rglob("*.py") if "spec" not in path.relative_to(PROGRAM).parts]
    return {code for path in sources for code in codes_in(path.read_text(encoding="utf-8"))} - BASES


def test_each_code_that_is_written_is_explained() -> None:
    written = written_codes()
    assert {"target-busy", "timed-out", "http-", "check-failed", "unreadable-pdf", "engine-lost"} <= written
    assert {code for code in written if not meaning(code)} == set()


def test_what_is_explained_is_written_somewhere() -> None:
    sources = "\n".join(path.read_text(encoding="utf-8") for path in PROGRAM.rglob("*.py") if path.name != "failures.py")
    # The codes of classes that the spec names are made of their field's name.
    made = {"vector-store-failed", "readers-failed", "splitter-failed", "embedding-failed"}
    known = {code.removesuffix("*") for codes in FAILURES.values() for code in codes}
    assert {code for code in known - made if f'"{code}' not in sources} == set()


def test_codes_are_told_in_the_terminal_and_as_json(verb: Callable[..., Any], tmp_path: Path) -> None:
    ended = verb("explain", "target-busy", cwd=tmp_path)
    assert ended.code == 0
    assert ended.stdout.startswith("target-busy: a failure of a run\n\n  Another run holds")
    assert verb("explain", "http-503", "--json", cwd=tmp_path).json()["code"] == "http-503"
    assert verb("explain", "no-such-code", cwd=tmp_path).code == 5

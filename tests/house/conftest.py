"""What the tests of the house share: the repository's root, its Python files as trees, and its pages."""

from __future__ import annotations

import ast
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

import pytest

ROOT: Final = Path(__file__).resolve().parents[2]
PRODUCT: Final = ("orchestrator", "dashboard")


@pytest.fixture(scope="session")
def root() -> Path:
    return ROOT


@pytest.fixture(scope="session")
def trees() -> Mapping[Path, ast.Module]:
    """The product's modules, by their path below the root."""
    files = [path for folder in PRODUCT for path in sorted((ROOT / folder).rglob("*.py"))]
    assert len(files) > 50, "the modules have moved: this test looks at nothing"
    return {path.relative_to(ROOT): ast.parse(path.read_text(encoding="utf-8")) for path in files}


@pytest.fixture(scope="session")
def test_trees() -> Mapping[Path, ast.Module]:
    """The tests, by their path below the root."""
    return {
        path.relative_to(ROOT): ast.parse(path.read_text(encoding="utf-8")) for path in sorted((ROOT / "tests").rglob("*.py"))
    }


@pytest.fixture(scope="session")
def pages() -> Mapping[Path, str]:
    """The Markdown pages, by their path below the root."""
    paths = [*ROOT.glob("*.md"), *sorted((ROOT / "docs").rglob("*.md"))]
    return {path.relative_to(ROOT): path.read_text(encoding="utf-8") for path in paths}


@pytest.fixture(scope="session")
def blocks(pages: Mapping[Path, str]) -> Callable[[str], list[tuple[Path, str, str]]]:
    """Return the fenced blocks of a language as (page, words behind the language, text)."""

    def find(language: str) -> list[tuple[Path, str, str]]:
        found = []
        for page, text in pages.items():
            for part in text.split("\n```")[1::2]:
                head, _, body = part.partition("\n")
                if head.split(" ")[0] == language:
                    found.append((page, head.removeprefix(language).strip(), body + "\n"))
        return found

    return find

"""Soak tests go on for ORCHESTRATE_SOAK_SECONDS (default: an hour)."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final

import pytest

HERE: Final = Path(__file__).parent


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if item.path.is_relative_to(HERE):
            item.add_marker(pytest.mark.soak)
            item.add_marker(pytest.mark.timeout(0))


@pytest.fixture
def soak_seconds() -> float:
    return float(os.environ.get("ORCHESTRATE_SOAK_SECONDS") or 3600)

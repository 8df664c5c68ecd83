"""Specs that several verbs are tried on."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import pytest

REPLAYED: Final = """\
version: 1
jobs:
  boards:
    kind: scrape
    replay: boards.har
    companies:
      - {name: Acme Robotics, board: greenhouse, token: acmerobotics}
"""


@pytest.fixture(scope="session")
def replayed() -> Callable[[str], str]:
    """Return what makes a spec of one scrape job, answered from the sample's recording: Acme Robotics and another company."""
    return lambda company: f"{REPLAYED}      - {company}\n"

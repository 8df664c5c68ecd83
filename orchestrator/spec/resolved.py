"""A spec that was validated: what the engine runs and what `spec.json` holds."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from orchestrator.spec.model import Spec


class Resolved(NamedTuple):
    """A valid spec with its surroundings.

    `document` is the spec as plain JSON values with defaults filled in and secrets as the names that stand in the file
    (`${env:NAME}`); `digest` is the SHA-256 of its canonical form, so key order, comments and secrets don't matter.
    `secrets` are the resolved values, for redaction only.
    """

    spec: Spec
    path: Path
    root: Path
    document: Mapping[str, Any]
    digest: str
    secrets: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()

"""`orchestrate schema`: each format's JSON Schema on standard output."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Verb = Callable[..., Any]


@pytest.mark.parametrize(
    ("document", "field"), [("spec", "jobs"), ("status", "revision"), ("journal", "crc"), ("manifest", "digest")]
)
def test_each_format_has_a_schema(verb: Verb, tmp_path: Path, document: str, field: str) -> None:
    schema = verb("schema", document, cwd=tmp_path).json()
    assert schema["$schema"] == "http://json-schema.org/draft-07/schema#"
    assert field in schema["properties"]


def test_the_spec_is_the_default(verb: Verb, tmp_path: Path) -> None:
    assert verb("schema", cwd=tmp_path).stdout == verb("schema", "spec", cwd=tmp_path).stdout


def test_an_unknown_format_is_wrong_usage(verb: Verb, tmp_path: Path) -> None:
    ended = verb("schema", "other", cwd=tmp_path)
    assert ended.code == 2
    assert ended.stdout == ""

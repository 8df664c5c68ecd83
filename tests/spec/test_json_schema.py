"""The JSON Schema of jobs.yaml: what editors complete and check with."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import Any, Final

import pytest
import yaml

from orchestrator.spec import codes
from orchestrator.spec.schema import DRAFT, as_json, journal_schema, spec_schema, status_schema

ROOT: Final = Path(__file__).resolve().parents[2]
SINCE_2019: Final = frozenset({"$defs", "prefixItems", "unevaluatedProperties", "dependentRequired", "minContains", "$anchor"})
SCHEMA: Final = spec_schema()
jsonschema: Any = import_module("jsonschema")  # It has no type stubs.


def parts(schema: Any, place: str = "") -> Iterator[tuple[str, dict[str, Any]]]:
    if isinstance(schema, dict):
        yield place, schema
        for key, value in schema.items():
            if key not in {"default", "examples", "enum", "const"}:
                yield from parts(value, f"{place}/{key}")
    elif isinstance(schema, list):
        for number, value in enumerate(schema):
            yield from parts(value, f"{place}/{number}")


def accepts(text: str) -> bool:
    return not list(jsonschema.Draft7Validator(SCHEMA).iter_errors(yaml.safe_load(text)))


@pytest.mark.parametrize("schema", [SCHEMA, status_schema(), journal_schema()], ids=["spec", "status", "journal"])
def test_it_is_draft_07_and_nothing_later(schema: dict[str, Any]) -> None:
    jsonschema.Draft7Validator.check_schema(schema)
    assert schema["$schema"] == DRAFT
    for place, part in parts(schema):
        if not place.endswith(("/properties", "/definitions")):
            assert not SINCE_2019 & set(part), place
            assert "$ref" not in part or len(part) == 1, f"draft-07 ignores what stands beside the reference at {place}"
        for reference in [part["$ref"]] if isinstance(part.get("$ref"), str) else []:
            assert reference.removeprefix("#/definitions/") in schema["definitions"]


def test_every_field_has_title_description_and_example() -> None:
    holders = [(name, each) for name, each in SCHEMA["definitions"].items() if "properties" in each]
    assert len(holders) > 10
    for name, holder in [("top", SCHEMA), *holders]:
        for key, prop in holder["properties"].items():
            assert prop.get("title"), f"{name}.{key}"
            assert prop.get("description"), f"{name}.{key}"
            assert "examples" in prop, f"{name}.{key}"
            required = key in holder.get("required", [])
            assert required or "default" in prop or key == "jobs", f"{name}.{key}"


def test_objects_refuse_unknown_keys() -> None:
    for name, holder in SCHEMA["definitions"].items():
        if "properties" in holder and name not in {"EmbeddingClass", "VectorStore"}:  # Their keys are those of a class.
            assert holder["additionalProperties"] is False, name
    assert SCHEMA["additionalProperties"] is False


def test_the_sample_is_accepted() -> None:
    assert accepts((ROOT / "jobs.yaml").read_text(encoding="utf-8"))


def test_the_committed_schema_and_page_are_the_generated_ones() -> None:
    reference = ROOT / "docs" / "reference"
    again = "`python docs/generate.py` writes it again"
    assert (reference / "jobs.schema.json").read_text(encoding="utf-8") == as_json(SCHEMA), again
    assert (reference / "problems.md").read_text(encoding="utf-8") == codes.page(), again


JOB: Final = "version: 1\njobs:\n  a: {kind: ingest, corpus: docs%s}\n"


@pytest.mark.parametrize(
    "text",
    [
        JOB % "",
        JOB % ", timeout: 90",
        JOB % ", timeout: 1m30s",
        JOB % ", timeout: '${env:T}', concurrency: '${env:N:-3}'",
        JOB % ", needs: [b, {job: c, when: finished}]",
        JOB % ", x-note: anything",
        JOB % ", max_failures: 5%",
        JOB % ", embedding: {class: 'm:C', size: 3}",
        "x-a: 1\n" + JOB % "",
        "version: 1\njobs:\n  x-t: {a: 1}\n  a: {kind: ingest, corpus: {postings: b}}\n",
        "version: 1\njobs: {s: {kind: scrape, companies: [{name: A, board: lever, token: a}]}}\n",
    ],
)
def test_what_is_right_is_accepted(text: str) -> None:
    assert accepts(text)


@pytest.mark.parametrize(
    "text",
    [
        JOB % ", timout: 90",
        JOB % ", timeout: 181",
        JOB % ", timeout: soon",
        JOB % ", attempts: 0",
        JOB % ", needs: b",
        JOB % ", companies: []",
        "version: 2\njobs: {a: {kind: ingest, corpus: docs}}\n",
        "version: 1\njobs: {}\n",
        "version: 1\njobs: {a: {corpus: docs}}\n",
        "version: 1\njobs: {a: {kind: other}}\n",
        "version: 1\njobs: {A: {kind: ingest, corpus: docs}}\n",
        "version: 1\nnmae: x\njobs: {a: {kind: ingest, corpus: docs}}\n",
        "version: 1\njobs: {s: {kind: scrape, companies: []}}\n",
    ],
)
def test_what_is_wrong_is_refused(text: str) -> None:
    assert not accepts(text)


def test_jobs_are_told_apart_by_kind_so_that_editors_complete_them() -> None:
    (job,) = [each for pattern, each in SCHEMA["properties"]["jobs"]["patternProperties"].items() if pattern != "^x-"]
    kinds = [branch["if"]["properties"]["kind"]["const"] for branch in job["allOf"]]
    assert kinds == job["properties"]["kind"]["enum"] == ["ingest", "scrape"]


def test_patterns_are_regular_expressions_of_javascript_too() -> None:
    for place, part in parts(SCHEMA):
        pattern = part.get("pattern")
        if isinstance(pattern, str):
            assert not re.search(r"\(\?P|\\A|\\Z|\(\?i\)", pattern), place
            json.dumps(pattern)

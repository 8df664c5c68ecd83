"""The spec of an ingest job: its fields, and the rules between them."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from orchestrator.kinds.ingest import KIND
from orchestrator.kinds.ingest.spec import Checks, Chunk, EmbeddingClass, IngestSpec, Postings, Provider, Smoke
from orchestrator.spec.base import JobSpec


def spec(**fields: Any) -> IngestSpec:
    return IngestSpec.model_validate({"kind": "ingest", "corpus": "docs", **fields})


class OtherSpec(JobSpec):
    """A job of another kind."""


def findings(root: Path, jobs: dict[str, JobSpec] | None = None, **fields: Any) -> list[tuple[str, str]]:
    made = spec(**fields)
    return [
        (each.severity, each.code) for each in KIND.find_problems("handbook", made, {"handbook": made, **(jobs or {})}, root)
    ]


def test_the_contracts_example_is_valid() -> None:
    made = spec(
        include=["**/*.md"],
        max_file_size="20MB",
        on_bad_document="quarantine",
        chunk={"size": 1200, "overlap": 0},
        embedding={"provider": "ollama", "model": "m"},
        snapshots="snapshots/handbook",
        checks={"min_documents": 1, "max_removed": "50%", "smoke": [{"query": "q", "expect": "a/*"}]},
    )
    assert (made.concurrency, made.max_file_size) == (2, 20_000_000)
    assert isinstance(made.embedding, Provider)
    assert isinstance(spec(corpus={"postings": "boards"}).corpus, Postings)
    assert spec(corpus=["a", "b"]).corpus == ["a", "b"]


@pytest.mark.parametrize(
    "fields",
    [
        {"corpus": []},
        {"corpus": {"posting": "x"}},
        {"chunk": {"size": 10}},
        {"chunk": {"splitter": "no reference"}},
        {"embedding": "openai"},
        {"embedding": {"provider": "other", "model": "m"}},
        {"embedding": {"class": "no reference"}},
        {"readers": {"docx": "a:B"}},
        {"on_bad_document": "ignore"},
        {"unknown": 1},
    ],
)
def test_wrong_fields_are_refused(fields: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        spec(**fields)


def test_rules_across_fields(tmp_path: Path) -> None:
    (tmp_path / "docs").mkdir()
    (tmp_path / "docs" / "a.md").write_text("x")
    assert findings(tmp_path) == []
    assert findings(tmp_path, include=["**/*.md"]) == []
    assert findings(tmp_path, include=["**/*.md", "*.rst"]) == [("warning", "glob-matches-nothing")]
    assert findings(tmp_path, corpus="nowhere") == [("warning", "no-such-folder")]
    assert findings(tmp_path, corpus="docs", snapshots="docs") == [("error", "corpus-in-store")]
    assert findings(tmp_path, corpus=["docs", "docs/../docs"], snapshots=".") == [("error", "corpus-in-store")] * 2
    assert findings(tmp_path, chunk={"size": 200, "overlap": 150}) == [("error", "overlap-too-large")]
    provider = {"provider": "openai-compatible", "model": "m"}
    assert findings(tmp_path, embedding=provider) == [("error", "no-base-url")]


def test_postings_come_from_a_scrape_job_that_ran_before(tmp_path: Path) -> None:
    scrape, other = OtherSpec(kind="scrape"), OtherSpec(kind="other")
    corpus = {"postings": "boards"}
    assert findings(tmp_path, corpus=corpus) == [("error", "no-such-job")]
    assert findings(tmp_path, {"boards": other}, corpus=corpus) == [("error", "not-a-scrape-job")]
    assert findings(tmp_path, {"boards": scrape}, corpus=corpus) == [("warning", "not-in-needs")]
    assert findings(tmp_path, {"boards": scrape}, corpus=corpus, needs=["boards"]) == []


def test_every_field_has_a_description() -> None:
    models = (IngestSpec, Chunk, Checks, Smoke, Postings, Provider, EmbeddingClass)
    assert [name for model in models for name, field in model.model_fields.items() if not field.description] == []


def test_validating_imports_nothing_heavy() -> None:
    script = (
        "import sys\nfrom pathlib import Path\nfrom orchestrator.kinds.ingest import KIND\n"
        "spec = KIND.load_model().model_validate({'kind': 'ingest', 'corpus': 'docs', 'include': ['*.md']})\n"
        "KIND.find_problems('a', spec, {}, Path('.'))\n"
        "heavy = {'llama_index', 'numpy', 'sqlalchemy', 'httpx', 'selectolax', 'tokenizers', 'sqlite3'}\n"
        "print(sorted(heavy & set(sys.modules)))\n"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert done.stdout == "[]\n", done.stderr

"""`orchestrate search`, from a spec and without one."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

SPEC = """
version: 1
jobs:
  handbook: {kind: ingest, corpus: docs, embedding: none}
  elsewhere: {kind: ingest, corpus: docs, embedding: none, snapshots: index/elsewhere}
"""
FILES = {
    "docs/holidays.md": "---\nteam: people\n---\n# Holidays\n\nEverybody has thirty days of holiday a year.\n\x1b[31mred\n",
    "docs/howto/resume.md": "# Resume\n\nAn interrupted run continues with resume.\n",
}


@pytest.fixture
def indexed(project: Callable[..., Path]) -> Path:
    """A project whose two jobs have published."""
    from orchestrator.deadline import CancelToken, Deadline, WorkContext
    from orchestrator.job import Surroundings
    from orchestrator.kinds.ingest.job import IngestJob
    from orchestrator.kinds.ingest.spec import IngestSpec

    root = project(SPEC, FILES)
    context = WorkContext(Deadline.never(), CancelToken())
    for name, store in (("handbook", None), ("elsewhere", "index/elsewhere")):
        fields = {"kind": "ingest", "corpus": "docs", "embedding": "none", "snapshots": store}
        around = Surroundings(name, "20261121T165300.123Z-1a2b3c4d", root, root / ".orchestrate", "", {})
        job = IngestJob(IngestSpec.model_validate(fields), around)
        plan = job.plan(context)
        with job.world() as world:  # type: ignore[misc]
            for unit in plan.units:
                inner = WorkContext(Deadline.never(), CancelToken(), world=world)
                job.apply(unit, job.work(unit, inner), context)
        job.commit(context)
    return root


def test_search_prints_the_json_of_the_contract(indexed: Path, verb: Callable[..., Any]) -> None:
    done = verb("search", "handbook", "days of holiday", "--json", "--top", "1", cwd=indexed)
    assert done.code == 0, done.text
    document = done.json()
    assert document["format_version"] == 1
    assert (indexed / ".orchestrate/snapshots/handbook" / document["snapshot_id"]).is_dir()
    (hit,) = document["hits"]
    assert {"score", "document", "node_id", "start", "end", "text"} <= hit.keys()
    assert hit["document"] == "holidays.md"
    source = (indexed / "docs/holidays.md").read_text()
    assert source[hit["start"] : hit["end"]] == hit["text"]


def test_search_shows_passages_with_document_line_and_headings(indexed: Path, verb: Callable[..., Any]) -> None:
    done = verb("search", "handbook", "days of holiday", "--top", "1", cwd=indexed)
    assert "holidays.md:4  Holidays" in done.stdout
    assert "thirty days" in done.stdout
    assert "\x1b" not in done.stdout, "no control character of a document reaches the terminal"


def test_search_finds_the_store_where_the_spec_puts_it(indexed: Path, verb: Callable[..., Any]) -> None:
    spec = indexed / "jobs.yaml"
    done = verb("search", "elsewhere", "resume", "-f", str(spec), "--json", cwd=indexed.parent)
    assert done.json()["hits"][0]["document"] == "howto/resume.md"
    spec.unlink()
    without = verb("search", "handbook", "resume", "--state-dir", str(indexed / ".orchestrate"), "--json", cwd=indexed)
    assert without.json()["hits"][0]["document"] == "howto/resume.md"


def test_search_filters_by_path_and_metadata(indexed: Path, verb: Callable[..., Any]) -> None:
    def documents(*options: str) -> set[str]:
        done = verb("search", "handbook", "run holiday", "--json", *options, cwd=indexed)
        return {hit["document"] for hit in done.json()["hits"]}

    assert documents() == {"holidays.md", "howto/resume.md"}
    assert documents("--path", "howto/**") == {"howto/resume.md"}
    assert documents("--where", "team=people") == {"holidays.md"}


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (("nothing", "x"), 5, "no job"),
        (("handbook", "x", "--snapshot", "1999"), 5, "no snapshot"),
        (("handbook", "x", "--mode", "dense"), 2, "no vectors"),
        (("handbook", "x", "--mode", "telepathic"), 2, "telepathic"),
        (("handbook", "x", "--where", "team"), 2, "KEY=VALUE"),
        (("handbook",), 2, "QUERY"),
    ],
)
def test_what_cannot_be_searched_says_why(
    indexed: Path, verb: Callable[..., Any], arguments: tuple[str, ...], code: int, said: str
) -> None:
    done = verb("search", *arguments, cwd=indexed)
    assert done.code == code
    assert said in done.stderr


def test_a_job_without_a_snapshot_says_what_to_run(project: Callable[..., Path], verb: Callable[..., Any]) -> None:
    done = verb("search", "handbook", "x", cwd=project(SPEC, FILES))
    assert (done.code, "orchestrate run" in done.stderr) == (5, True)

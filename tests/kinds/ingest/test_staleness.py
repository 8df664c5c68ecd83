"""How stale a snapshot is, what a plan estimates, and that a plan resumes by what is in the cache."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from orchestrator.job import Surroundings
from orchestrator.kinds.ingest import job as job_module
from orchestrator.kinds.ingest.spec import IngestSpec
from orchestrator.kinds.ingest.staleness import Staleness, staleness

Workshop = Any


def look(workshop: Workshop, patience: float = 10.0, **fields: Any) -> Staleness | None:
    spec = IngestSpec.model_validate({"kind": "ingest", "corpus": "docs", **fields})
    around = Surroundings("handbook", "", workshop.root, workshop.state, workshop.database, {})
    return staleness(spec, around, patience)


def words(workshop: Workshop, **fields: Any) -> str:
    found = look(workshop, **fields)
    assert found is not None
    return found.words()


def test_a_snapshot_is_fresh_until_a_document_is_new_changed_or_gone(handbook: Workshop) -> None:
    assert look(handbook) is None, "nothing is published"
    handbook.run()
    assert words(handbook) == ""
    handbook.write({"new.md": "# New\n\nA page.\n", "notes.txt": "The coffee machine is cleaned on Mondays.\n"})
    (handbook.docs / "page.html").unlink()
    assert words(handbook) == "1 new, 1 changed, 1 gone since it was made"
    handbook.run()
    assert words(handbook) == ""


@pytest.mark.parametrize("tick", [2.0, -60.0], ids=["by its times", "by its stamp"])
def test_a_quarantined_document_is_no_news_until_it_changes(
    handbook: Workshop, monkeypatch: pytest.MonkeyPatch, tick: float
) -> None:
    monkeypatch.setattr(job_module, "_CLOCK_TICK", tick)
    handbook.write({"broken.json": "{"})
    assert handbook.run().outcome.result["quarantined"] == 1
    assert words(handbook) == ""
    handbook.write({"broken.json": '{"a": "kites"}'})
    assert words(handbook) == "1 new since it was made"
    handbook.run()
    assert words(handbook) == ""


def test_other_settings_make_a_snapshot_stale_before_its_documents_are_looked_at(handbook: Workshop) -> None:
    handbook.run()
    assert words(handbook, chunk={"size": 600}) == "made with other settings"
    assert words(handbook, embedding="none") == "made with other settings"


def test_who_has_no_time_or_no_corpus_says_nothing(handbook: Workshop) -> None:
    handbook.run()
    assert look(handbook, patience=0.0) is None
    handbook.docs.rename(handbook.root / "elsewhere")
    assert look(handbook) is None


def test_a_look_imports_nothing_heavy() -> None:
    heavy = "{'numpy', 'llama_index', 'sqlalchemy', 'httpx', 'selectolax', 'tokenizers'}"
    program = f"import sys, orchestrator.kinds.ingest.staleness; sys.exit(len({heavy} & sys.modules.keys()))"
    done = subprocess.run([sys.executable, "-c", program], cwd=Path(__file__).parents[3], check=False)
    assert done.returncode == 0


def test_a_plan_estimates_by_what_earlier_runs_took(handbook: Workshop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(job_module, "_TELLING", 10)
    assert handbook.job().plan(handbook.context()).estimate_seconds is None
    handbook.run()
    assert handbook.job().plan(handbook.context()).estimate_seconds == 0.0
    handbook.write({"notes.txt": "Tea.\n"})
    little = handbook.job().plan(handbook.context()).estimate_seconds
    handbook.write({"notes.txt": "Tea and biscuits. " * 2000})
    much = handbook.job().plan(handbook.context()).estimate_seconds
    assert little is not None
    assert 0 < little < much
    assert handbook.job(chunk={"size": 500}).plan(handbook.context()).estimate_seconds is None, "another recipe, another pace"


def test_a_few_bytes_say_nothing_of_the_pace(handbook: Workshop) -> None:
    handbook.run()
    handbook.write({"notes.txt": "Tea.\n"})
    assert handbook.job().plan(handbook.context()).estimate_seconds is None


def test_a_resumed_plan_goes_by_the_cache_and_not_by_the_journal(handbook: Workshop) -> None:
    job = handbook.job()
    plan = job.plan(handbook.context())
    assert plan.self_resuming
    handbook.work(job, plan, handbook.context())
    job.abandon()
    assert handbook.job().plan(handbook.context()).units == []
    for path in (handbook.state / "cache").iterdir():
        path.unlink()
    assert [unit.key for unit in handbook.job().plan(handbook.context()).units] == [unit.key for unit in plan.units]

"""A fault at any step of an ingest: the last snapshot stays as it was, and the next run is complete."""

from __future__ import annotations

from typing import Any

import pytest

from orchestrator import files
from orchestrator.errors import OrchestrateError
from orchestrator.kinds.ingest import job as job_module
from orchestrator.kinds.ingest import store as store_module
from orchestrator.kinds.ingest.cache import Cache
from orchestrator.kinds.ingest.corpus import FolderCorpus
from orchestrator.kinds.ingest.index import IndexWriter
from orchestrator.kinds.ingest.parts import OwnParts
from orchestrator.kinds.ingest.readers import Readers
from orchestrator.kinds.ingest.store import Store
from orchestrator.kinds.ingest.verify import problems

Workshop = Any
STEPS = {
    "scan": (FolderCorpus, "scan"),
    "read": (FolderCorpus, "read"),
    "reader": (Readers, "read"),
    "cut": (OwnParts, "cut"),
    "embed": (OwnParts, "rows"),
    "cache": (Cache, "put"),
    "remember": (Cache, "remember"),
    "staging": (Store, "new_staging"),
    "index": (IndexWriter, "add"),
    "index ends": (IndexWriter, "finish"),
    "manifest": (job_module, "write_manifest"),
    "verify": (job_module, "check_complete"),
    "checks": (job_module, "failed_check"),
    "publish": (files, "publish_dir"),
    "pointer": (store_module.Store, "point_at"),
}


class Broken(Exception):
    """What nobody expects."""


def fail(*_: Any, **__: Any) -> Any:
    raise Broken


@pytest.mark.parametrize("step", STEPS)
def test_a_fault_at_any_step_changes_nothing_and_the_next_run_is_complete(
    handbook: Workshop, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    first = handbook.run().outcome.result["snapshot_id"]
    handbook.write({"new.md": "# New\n\nBrand new penguins.\n", "notes.txt": "The coffee machine is new.\n"})
    with monkeypatch.context() as patch:
        patch.setattr(*STEPS[step], fail)
        with pytest.raises((Broken, OrchestrateError)):
            handbook.run()
    assert handbook.store.current_id() == first
    assert problems(handbook.store.path / first) == []
    assert not handbook.store.staging.exists()
    done = handbook.run()
    assert (done.failures, done.outcome.result["documents"], done.outcome.result["quarantined"]) == ({}, 5, 0)
    assert handbook.store.ids() == [first, done.outcome.result["snapshot_id"]], "nothing of the failed run is left"
    with handbook.open() as snapshot:
        assert problems(snapshot.path) == []
        found = {word: snapshot.search(word)[0].document for word in ("penguins", "coffee", "holiday", "salaries")}
    assert found == {"penguins": "new.md", "coffee": "notes.txt", "holiday": "index.md", "salaries": "page.html"}


def test_a_fault_behind_the_commit_point_leaves_the_new_snapshot(handbook: Workshop, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(Cache, "keep", fail)
        with pytest.raises(Broken):
            handbook.run()
    assert problems(handbook.store.current()) == []
    assert handbook.run().outcome.message == "nothing changed"

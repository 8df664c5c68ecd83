"""The four verbs of an ingest job, on real files."""

from __future__ import annotations

import json
import pickle
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from orchestrator.deadline import CancelToken, Deadline, WorkContext
from orchestrator.errors import Cancelled, JobError
from orchestrator.job import Change
from orchestrator.kinds.ingest import corpus
from orchestrator.kinds.ingest.document import Unreadable
from orchestrator.kinds.ingest.job import IngestJob

Workshop = Any


def tree(folder: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.name != ".writer.lock"
    }


def test_first_run_publishes_every_document_and_search_finds_each(handbook: Workshop) -> None:
    done = handbook.run()
    assert done.outcome.result["documents"] == 4
    assert done.outcome.result["computed"] == 4
    assert done.outcome.result["snapshot_id"] == handbook.store.current_id()
    with handbook.open() as snapshot:
        for question, expected in {
            "how many days of holiday": "index.md",
            "continue an interrupted run": "howto/resume.rst",
            "when is the coffee machine cleaned": "notes.txt",
            "when are salaries paid": "page.html",
        }.items():
            for mode in ("hybrid", "lexical", "dense"):
                assert snapshot.search(question, 1, mode)[0].document == expected, (question, mode)


def test_offsets_lead_to_the_text_in_the_source(handbook: Workshop) -> None:
    handbook.run()
    source = (handbook.docs / "index.md").read_text()
    with handbook.open() as snapshot:
        hit = snapshot.search("days of holiday", 1, path="*.md")[0]
    assert source[hit.start : hit.end] == hit.text
    assert source.splitlines()[hit.line - 1] == hit.text.splitlines()[0]
    assert hit.title == "The handbook"


def test_second_run_computes_nothing_and_publishes_nothing(handbook: Workshop, counted: Callable[[], int]) -> None:
    handbook.run()
    before, embedded = tree(handbook.store.path), counted()
    done = handbook.run()
    assert [item.change for item in done.plan.items] == [Change.UNCHANGED] * 4
    assert not done.plan.units
    assert done.outcome.result["reused"] == 4
    assert counted() == embedded > 0
    assert tree(handbook.store.path) == before


def test_a_run_with_nothing_to_do_never_imports_llama_index(handbook: Workshop) -> None:
    handbook.run()
    script = (
        "import sys\nfrom pathlib import Path\n"
        "from orchestrator.deadline import CancelToken, Deadline, WorkContext\n"
        "from orchestrator.job import Surroundings\n"
        "from orchestrator.kinds.ingest import KIND\n"
        f"root = Path({str(handbook.root)!r})\n"
        "spec = KIND.load_model().model_validate({'kind': 'ingest', 'corpus': 'docs'})\n"
        "job = KIND.load_build()(spec, Surroundings('handbook', 'x', root, root / 'state', '', {}))\n"
        "context = WorkContext(Deadline.never(), CancelToken())\n"
        "assert not job.plan(context).units\n"
        "assert job.commit(context).message == 'nothing changed'\n"
        "print(sorted({'llama_index', 'numpy', 'tokenizers', 'sqlalchemy', 'httpx'} & set(sys.modules)))\n"
    )
    done = subprocess.run([sys.executable, "-W", "error", "-c", script], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout.strip()) == (0, "[]"), done.stderr


def test_editing_one_of_a_hundred_computes_one_and_keeps_all(workshop: Workshop) -> None:
    workshop.write({f"page-{number:03d}.md": f"# Page {number}\n\nFact number {number}.\n" for number in range(100)})
    first = workshop.run().outcome.result["snapshot_id"]
    workshop.write({"page-042.md": "# Page 42\n\nThe answer.\n"})
    done = workshop.run()
    assert (done.outcome.result["computed"], done.outcome.result["reused"]) == (1, 99)
    assert done.outcome.result["documents"] == 100
    assert done.outcome.result["snapshot_id"] > first
    assert [(item.key, item.reason) for item in done.plan.items if item.change is Change.CHANGED] == [
        ("page-042.md", "content changed")
    ]
    with workshop.open() as snapshot:
        assert snapshot.search("the answer", 1)[0].document == "page-042.md"
        assert not any("Fact" in hit.text for hit in snapshot.search("page 42", 100, path="page-042.md"))
        assert len(snapshot.documents()) == 100


def test_a_touched_file_is_not_computed_again(handbook: Workshop, counted: Callable[[], int]) -> None:
    handbook.run()
    embedded = counted()
    (handbook.docs / "notes.txt").touch()
    assert handbook.run().outcome.message == "nothing changed"
    assert counted() == embedded


def test_a_removed_document_is_gone_from_the_next_snapshot(handbook: Workshop) -> None:
    handbook.run()
    (handbook.docs / "notes.txt").unlink()
    done = handbook.run()
    assert done.outcome.result["removed"] == 1
    assert [(item.key, item.change) for item in done.plan.items if item.change is not Change.UNCHANGED] == [
        ("notes.txt", Change.GONE)
    ]
    assert "notes.txt" not in handbook.published()


def test_other_settings_compute_everything_anew_and_the_plan_says_why(handbook: Workshop) -> None:
    handbook.run()
    done = handbook.run(embedding="none")
    assert {item.reason for item in done.plan.items} == {"another embedding model"}
    assert done.outcome.result["computed"] == 4
    assert handbook.store.manifest(handbook.store.current_id()).embedding == {"name": "none", "dimensions": 0}


def test_two_machines_make_the_same_nodes(handbook: Workshop, tmp_path: Path) -> None:
    handbook.run()
    other = type(handbook)(tmp_path / "other")
    for path in sorted(handbook.docs.rglob("*"), reverse=True):
        if path.is_file():
            other.write({str(path.relative_to(handbook.docs)): path.read_bytes()})
    other.run()
    with handbook.open() as one, other.open() as two:
        assert rows(one) == rows(two)
        assert one.manifest.corpus_digest == two.manifest.corpus_digest
        assert [entry.sha256 for entry in one.manifest.files] == [entry.sha256 for entry in two.manifest.files]


def rows(snapshot: Any) -> list[Any]:
    query = "select id, hex(node_id), start, end, line, headings from nodes"
    places = snapshot._connection().execute(query).fetchall()
    return [(*place, hit.text) for place, hit in zip(places, snapshot.hits([(place[0], 1.0) for place in places]), strict=True)]


def test_an_empty_corpus_fails_and_leaves_the_snapshot_as_it_was(handbook: Workshop) -> None:
    handbook.run()
    before = tree(handbook.store.path)
    with pytest.raises(JobError) as raised:
        handbook.run(include=["**/*.nothing"])
    assert raised.value.failure_code == "empty_corpus"
    assert tree(handbook.store.path) == before


def test_documents_without_text_are_an_error(workshop: Workshop) -> None:
    workshop.write({"empty.md": "", "blank.txt": " \n\n"})
    with pytest.raises(JobError) as raised:
        workshop.run()
    assert raised.value.failure_code == "no_nodes"
    assert workshop.store.current_id() is None


def test_one_bad_document_is_quarantined_with_its_reason_and_the_others_are_published(handbook: Workshop) -> None:
    handbook.write({"broken.md": b"\xff\xfe\xfa not text \xd8"})
    done = handbook.run()
    assert done.failures == {"broken.md": "encoding"}
    assert done.outcome.result["quarantined"] == 1
    assert done.outcome.result["documents"] == 4
    manifest = handbook.store.manifest(handbook.store.current_id())
    assert [(each.document, each.reason) for each in manifest.quarantined] == [("broken.md", "encoding")]


def test_a_quarantined_document_is_tried_again_and_joins_when_it_is_repaired(handbook: Workshop) -> None:
    handbook.write({"broken.md": b"\xff broken"})
    first = handbook.run().outcome.result["snapshot_id"]
    again = handbook.run()
    assert again.failures == {"broken.md": "encoding"}
    assert [item.reason for item in again.plan.items if item.key == "broken.md"] == ["tried again: encoding the last time"]
    assert again.outcome.result["snapshot_id"] == first
    handbook.write({"broken.md": "# Repaired\n\nAll is well.\n"})
    done = handbook.run()
    assert (done.failures, done.outcome.result["computed"]) == ({}, 1)
    assert "broken.md" in handbook.published()


def test_a_document_that_cannot_be_read_just_now_stays_as_it_was_published(
    handbook: Workshop, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = handbook.run().outcome.result["snapshot_id"]
    handbook.write({"notes.txt": "Somebody is writing this.\n", "new.md": "# New\n\nNews.\n"})
    read = corpus._read

    def busy(root: Any, location: str, limit: int) -> bytes:
        if location == "notes.txt":
            raise Unreadable("the file changed while it was read", code="changed-while-read", retryable=True)
        return read(root, location, limit)

    with monkeypatch.context() as patch:
        patch.setattr(corpus, "_read", busy)
        done = handbook.run()
    assert done.failures == {"notes.txt": "changed-while-read"}
    assert done.outcome.result["snapshot_id"] > first
    with handbook.open() as snapshot:
        assert "coffee" in snapshot.search("coffee machine", 1)[0].text
        assert len(snapshot.documents()) == 5
    assert handbook.run().outcome.result["computed"] == 1


def test_on_bad_document_fail_publishes_nothing(handbook: Workshop) -> None:
    handbook.write({"broken.md": b"\xff broken"})
    with pytest.raises(JobError) as raised:
        handbook.run(on_bad_document="fail")
    assert raised.value.failure_code == "bad-document"
    assert handbook.store.current_id() is None


class Cancelling(WorkContext):
    """Is cancelled in one phase of the commit."""

    def __init__(self, phase: str) -> None:
        token = CancelToken()
        super().__init__(Deadline.never(), token, enter=lambda entered: token.request() if entered == phase else None)


@pytest.mark.parametrize("phase", ["verify", "publish"])
def test_a_cancel_before_the_commit_point_leaves_no_trace(handbook: Workshop, phase: str) -> None:
    handbook.run()
    before = tree(handbook.store.path)
    handbook.write({"new.md": "# New\n\nNews.\n"})
    with pytest.raises(Cancelled):
        handbook.run(Cancelling(phase))
    assert tree(handbook.store.path) == before
    assert not handbook.store.staging.exists()
    assert handbook.run().outcome.result["computed"] == 0, "the cache kept what was computed"


def test_units_and_results_survive_pickling(handbook: Workshop) -> None:
    job: IngestJob = handbook.job()
    plan = job.plan(handbook.context())
    assert job.world is not None
    with pickle.loads(pickle.dumps(job.world))() as world:
        for unit in plan.units:
            result = job.work(pickle.loads(pickle.dumps(unit)), handbook.context(world=world))
            assert pickle.loads(pickle.dumps(result)) == result
    job.abandon()


def test_units_have_the_same_keys_in_each_attempt_and_others_for_other_content(handbook: Workshop) -> None:
    keys = [unit.key for unit in handbook.job().plan(handbook.context()).units]
    assert keys == [unit.key for unit in handbook.job().plan(handbook.context()).units]
    handbook.write({"notes.txt": "Something else.\n"})
    assert keys != [unit.key for unit in handbook.job().plan(handbook.context()).units]


def test_what_was_applied_before_a_crash_is_not_computed_again(workshop: Workshop, counted: Callable[[], int]) -> None:
    workshop.write({f"page-{number}.md": f"# Page {number}\n\n" + "words " * 30_000 for number in range(6)})
    job = workshop.job()
    plan = job.plan(workshop.context())
    assert len(plan.units) > 2
    assert job.world is not None
    with job.world() as world:
        for unit in plan.units[:2]:
            job.apply(unit, job.work(unit, workshop.context(world=world)), workshop.context())
    job.abandon()
    embedded = counted()
    done = workshop.run()
    assert len(done.plan.units) == len(plan.units) - 2
    whole = counted()
    assert whole - embedded < whole
    with workshop.open() as snapshot:
        assert snapshot.manifest.nodes == whole


def test_nothing_durable_but_snapshot_and_cache_holds_text_and_nothing_holds_absolute_paths(handbook: Workshop) -> None:
    handbook.write({"broken.md": b"\xff broken"})
    done = handbook.run()
    canary = str(handbook.root).encode()
    for name, content in tree(handbook.state).items():
        assert canary not in content, name
    said = json.dumps([[each.error.message, each.error.hint] for each in done.outcomes if each.error])
    assert str(handbook.root) not in said


def test_state_directories_and_files_are_private(handbook: Workshop) -> None:
    handbook.run()
    for path in handbook.state.rglob("*"):
        assert not path.stat().st_mode & 0o077, path


def test_llama_index_settings_are_never_touched(handbook: Workshop) -> None:
    from llama_index.core import Settings

    before = dict(vars(Settings))
    handbook.run()
    with handbook.open() as snapshot:
        snapshot.as_retriever(similarity_top_k=2).retrieve("holiday")
    assert vars(Settings) == before

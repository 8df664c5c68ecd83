"""`orchestrate snapshots`: every verb, its exit codes, and that a running run is never disturbed."""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from orchestrator.deadline import CancelToken, Deadline, WorkContext
from orchestrator.errors import JobError
from orchestrator.files import Lock
from orchestrator.job import Surroundings
from orchestrator.kinds.ingest.job import IngestJob
from orchestrator.kinds.ingest.spec import IngestSpec

SPEC = "version: 1\nretention: {snapshots: 2}\njobs:\n  handbook: {kind: ingest, corpus: docs, embedding: none}\n"
ID = re.compile(r"\d{8}T\d{6}\.\d{6}Z-[0-9a-f]{4}")


def publish(root: Path, **fields: Any) -> str:
    context = WorkContext(Deadline.never(), CancelToken())
    spec = IngestSpec.model_validate({"kind": "ingest", "corpus": "docs", "embedding": "none", **fields})
    settings = {"retention": {"snapshots": 100}}
    around = Surroundings("handbook", "20261121T165300.123Z-1a2b3c4d", root, root / ".orchestrate", "", settings)
    job = IngestJob(spec, around)
    plan = job.plan(context)
    assert job.world is not None
    with job.world() as world:
        for unit in plan.units:
            job.apply(unit, job.work(unit, WorkContext(Deadline.never(), CancelToken(), world=world)), context)
    try:
        return str(job.commit(context).result["snapshot_id"])
    except JobError:
        job.abandon()
        raise


@pytest.fixture
def shop(project: Callable[..., Path], verb: Callable[..., Any]) -> Callable[..., Any]:
    """Run a verb on a project with three snapshots; `.root` and `.ids` tell of it."""
    root = project(SPEC, {"docs/a.md": "# A\n\nalpha\n", "docs/b.md": "# B\n\nbeta\n"})
    ids = [publish(root)]
    for text in ("gamma", "delta"):
        (root / "docs/a.md").write_text(f"# A\n\n{text}\n")
        ids.append(publish(root))

    def run(*arguments: str) -> Any:
        return verb("snapshots", *arguments, cwd=root)

    run.root, run.ids, run.store = root, ids, root / ".orchestrate/snapshots/handbook"  # type: ignore[attr-defined]
    return run


def test_list_shows_the_newest_first_with_a_star_at_the_current_one(shop: Any) -> None:
    done = shop("list", "handbook")
    assert ID.findall(done.stdout) == shop.ids[::-1]
    assert done.stdout.splitlines()[1].startswith("*")
    document = shop("list", "handbook", "--json").json()
    assert (document["format_version"], document["current"]) == (1, shop.ids[-1])
    assert [row["current"] for row in document["snapshots"]] == [True, False, False]
    assert document["snapshots"][0]["documents"] == 2


def test_verify_is_0_for_a_whole_snapshot_and_1_for_a_damaged_one(shop: Any) -> None:
    assert shop("verify", "handbook").code == 0
    os.truncate(shop.store / shop.ids[0] / "index.db", 100)
    done = shop("verify", "handbook", shop.ids[0], "--json")
    assert done.code == 1
    assert done.json()["problems"] == [done.json()["problems"][0]]
    assert "index.db" in done.json()["problems"][0]
    assert shop("verify", "handbook").code == 0


def test_diff_tells_what_changed(shop: Any) -> None:
    (shop.root / "docs/b.md").unlink()
    (shop.root / "docs/c.md").write_text("# C\n\nnew\n")
    last = publish(shop.root)
    document = shop("diff", "handbook", shop.ids[0], last, "--json").json()
    assert (document["added"], document["removed"], document["changed"]) == (["c.md"], ["b.md"], ["a.md"])
    text = shop("diff", "handbook", shop.ids[0]).stdout
    assert [line.strip() for line in text.splitlines() if line.startswith("  ")] == ["+ c.md", "- b.md", "~ a.md"]


def test_rollback_needs_yes_and_changes_what_search_answers(shop: Any, verb: Callable[..., Any]) -> None:
    assert shop("rollback", "handbook", shop.ids[0]).code == 2
    assert shop("list", "handbook", "--json").json()["current"] == shop.ids[-1]
    assert shop("rollback", "handbook", shop.ids[0], "--yes").code == 0
    assert shop("list", "handbook", "--json").json()["current"] == shop.ids[0]
    done = verb("search", "handbook", "alpha", "--json", cwd=shop.root)
    assert done.json()["hits"][0]["text"].endswith("alpha")
    assert publish(shop.root) > shop.ids[-1], "the next run publishes a newer one again"


def test_a_damaged_snapshot_is_never_rolled_back_to(shop: Any) -> None:
    os.truncate(shop.store / shop.ids[0] / "index.db", 100)
    assert shop("rollback", "handbook", shop.ids[0], "--yes").code == 4
    assert shop("list", "handbook", "--json").json()["current"] == shop.ids[-1]


def test_prune_keeps_the_current_and_the_pinned(shop: Any) -> None:
    assert shop("pin", "handbook", shop.ids[0]).code == 0
    assert "pinned" in shop("list", "handbook").stdout
    assert shop("prune", "handbook", "--keep", "1", "--dry-run").stdout.split() == [shop.ids[1]]
    assert len(shop("list", "handbook", "--json").json()["snapshots"]) == 3
    assert shop("prune", "handbook", "--keep", "1", "--json").json()["removed"] == [shop.ids[1]]
    assert shop("unpin", "handbook", shop.ids[0]).code == 0
    assert shop("prune", "handbook", "--keep", "1").stdout.split() == [shop.ids[0]]
    assert "nothing to remove" in shop("prune", "handbook").stderr


def test_without_keep_the_specs_retention_counts(shop: Any) -> None:
    assert shop("prune", "handbook").stdout.split() == [shop.ids[0]]


@pytest.mark.parametrize(
    "arguments",
    [("prune", "handbook", "--keep", "1"), ("rollback", "handbook", "ID", "--yes"), ("import", "handbook", "x.tar")],
)
def test_what_changes_the_store_is_refused_while_a_run_holds_it(shop: Any, arguments: tuple[str, ...]) -> None:
    shop("export", "handbook", str(shop.root / "x.tar"))
    with Lock.acquire(shop.store / ".writer.lock", "run 20261121T165300.123Z-1a2b3c4d"):
        done = shop(*(shop.ids[0] if each == "ID" else each for each in arguments))
    assert done.code == 3
    assert "run 20261121T165300" in done.stderr
    assert shop("list", "handbook", "--json").json()["current"] == shop.ids[-1]
    assert len(shop("list", "handbook", "--json").json()["snapshots"]) == 3


def test_an_export_can_be_imported_elsewhere(shop: Any, verb: Callable[..., Any], project: Callable[..., Path]) -> None:
    assert shop("export", "handbook", str(shop.root / "x.tar")).code == 0
    other = project(SPEC, {"docs/a.md": "# A\n"})
    done = verb("snapshots", "import", "handbook", str(shop.root / "x.tar"), "--current", cwd=other)
    assert done.code == 0, done.text
    assert verb("snapshots", "verify", "handbook", cwd=other).code == 0
    assert verb("search", "handbook", "delta", "--json", cwd=other).json()["snapshot_id"] == shop.ids[-1]
    assert verb("snapshots", "import", "handbook", str(shop.root / "x.tar"), cwd=other).code == 2


def test_what_a_check_held_back_can_be_accepted(shop: Any) -> None:
    (shop.root / "docs/a.md").write_text("# A\n\nepsilon\n")
    with pytest.raises(JobError):
        publish(shop.root, checks={"min_documents": 9})
    assert shop("accept", "handbook").code == 2
    assert shop("accept", "handbook", "--yes").code == 0
    current = shop("list", "handbook", "--json").json()["current"]
    assert current not in shop.ids
    assert shop("verify", "handbook").code == 0
    assert shop("accept", "handbook", "--yes").code == 5


@pytest.mark.parametrize("name", ["verify", "pin", "unpin", "rollback", "diff"])
def test_an_unknown_snapshot_is_exit_code_5(shop: Any, name: str) -> None:
    done = shop(name, "handbook", "1999", *(["--yes"] if name == "rollback" else []))
    assert (done.code, "no snapshot" in done.stderr) == (5, True)


def test_a_store_without_snapshots_is_told(project: Callable[..., Path], verb: Callable[..., Any]) -> None:
    root = project(SPEC, {"docs/a.md": "# A\n"})
    assert verb("snapshots", "list", "handbook", cwd=root).code == 0
    assert verb("snapshots", "verify", "handbook", cwd=root).code == 5
    assert verb("snapshots", "prune", "handbook", cwd=root).code == 5


def test_list_and_status_say_that_a_snapshot_is_stale(
    project: Callable[..., Path], orchestrate: Callable[..., Any], verb: Callable[..., Any]
) -> None:
    spec = "version: 1\njobs:\n  pages: {kind: ingest, corpus: docs, embedding: none}\n"
    root = project(spec, {"docs/a.md": "# A\n\nOne page.\n"})
    assert orchestrate("run", "--quiet", cwd=root).code == 0
    assert "stale" not in verb("snapshots", "list", "pages", cwd=root).stdout
    assert "stale" not in verb("status", cwd=root).stdout
    (root / "docs" / "b.md").write_text("# B\n\nAnother page.\n")
    assert "stale: 1 new since it was made" in verb("snapshots", "list", "pages", cwd=root).stdout
    assert verb("snapshots", "list", "pages", "--json", cwd=root).json()["stale"] == "1 new since it was made"
    assert "stale: the snapshot of pages: 1 new since it was made" in verb("status", cwd=root).stdout
    (root / "jobs.yaml").write_text("version: 1\njobs: [broken\n")
    assert "stale" not in verb("status", "--state-dir", ".orchestrate", cwd=root).text

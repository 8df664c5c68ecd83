"""`orchestrate plan`: what would be done, and that nothing is."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any

Maker = Callable[..., Any]


def _spec(**fields: Any) -> str:
    return "version: 1\njobs:\n  drill: " + json.dumps({"kind": "drill", "items": 7, **fields}) + "\n"


def test_a_plan_tells_what_is_new_and_why_and_changes_nothing(verb: Maker, project: Maker) -> None:
    root = project(_spec(output="out.txt"))
    done = verb("plan", cwd=root)
    assert (done.code, done.stderr) == (0, "")
    assert "+ 7 new" in done.stdout
    assert "7 new (a drill): item-0000000, item-0000001, item-0000002, and 4 more" in done.stdout
    assert sorted(path.name for path in root.iterdir()) == ["jobs.yaml"]


def test_a_plan_as_json_has_every_item_with_its_reason(verb: Maker, project: Maker) -> None:
    document = verb("plan", "--json", cwd=project(_spec(batch=3))).json()
    assert document["format_version"] == 1
    found = document["jobs"]["drill"]
    assert (found["new"], found["changed"], found["gone"], found["unchanged"], found["units"]) == (7, 0, 0, 0, 3)
    assert found["items"][0] == {"key": "item-0000000", "change": "new", "reason": "a drill"}


def test_the_exit_code_tells_changes_only_when_it_is_asked_for(verb: Maker, project: Maker) -> None:
    root = project(_spec())
    assert verb("plan", cwd=root).code == 0
    assert verb("plan", "--exit-code", cwd=root).code == 10
    assert verb("plan", "--exit-code", cwd=project(_spec(items=0))).code == 0


def test_a_job_that_cant_be_planned_is_told_with_its_reason(verb: Maker, project: Maker) -> None:
    done = verb("plan", cwd=project(_spec(fail_at="plan")))
    assert done.code == 1
    assert "the drill fails at plan" in done.stdout


def test_what_an_earlier_run_left_undone_elsewhere_is_a_change(verb: Maker, project: Maker) -> None:
    spec = "version: 1\njobs:\n  handbook: {kind: ingest, corpus: docs, embedding: default%s}\n"
    root = project(spec % "", {"docs/a.md": "# A\n"})
    assert verb("run", "--quiet", cwd=root).code == 0
    assert verb("plan", "--exit-code", cwd=root).code == 0
    (root / "jobs.yaml").write_text(spec % ", publish: {vector_store: 'shelf:Shelf'}")
    done = verb("plan", "--exit-code", cwd=root)
    assert done.code == 10
    assert re.search(r"^  > publish \S+ to the vector store$", done.stdout, flags=re.MULTILINE)
    found = verb("plan", "--json", cwd=root).json()["jobs"]["handbook"]
    assert (len(found["pending"]), found["changes"], found["unchanged"]) == (1, 1, 1)


def test_wrong_usage_of_plan(verb: Maker, project: Maker, tmp_path: Any) -> None:
    assert verb("plan", "--job", "other", cwd=project(_spec())).code == 2
    assert verb("plan", cwd=project(_spec(items=-1))).code == 2
    assert verb("plan", cwd=tmp_path).code == 2

"""Every exit code of the table in docs/reference/exit-codes.md, reached by a process, as a script or CI would see it."""

from __future__ import annotations

import json
import re
import signal
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import pytest

Maker = Callable[..., Any]
PAGE: Final = Path(__file__).resolve().parents[2] / "docs" / "reference" / "exit-codes.md"
REACHED: Final[dict[int, str]] = {}
"""By code, the test below that reaches it; filled by the decorator."""


def reaches(code: int) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Mark a test as the one that reaches a code. It gets the code as `code`."""

    def marked(test: Callable[..., None]) -> Callable[..., None]:
        REACHED[code] = test.__name__
        told: Callable[..., None] = pytest.mark.parametrize("code", [code])(test)
        return told

    return marked


def drill(**fields: Any) -> str:
    return f"version: 1\ngrace: 300ms\njobs:\n  drill: {json.dumps({'kind': 'drill', **fields})}\n"


@reaches(0)
def test_all_good(orchestrate: Maker, project: Maker, code: int) -> None:
    assert orchestrate("run", cwd=project(drill(items=3))).code == code


@reaches(1)
def test_an_item_that_failed_a_job_that_failed_a_spec_with_problems(orchestrate: Maker, project: Maker, code: int) -> None:
    assert orchestrate("run", cwd=project(drill(items=2, unlucky=1, behaviour="fail"))).code == code
    assert orchestrate("run", cwd=project(drill(fail_at="commit"))).code == code
    assert orchestrate("validate", cwd=project("version: 2\n")).code == code


@reaches(2)
def test_wrong_usage_and_an_invalid_spec_start_nothing(orchestrate: Maker, verb: Maker, project: Maker, code: int) -> None:
    root = project(drill(item=1))
    assert orchestrate("run", cwd=root).code == code
    for arguments in (["plan"], ["run", "--no-such-flag"], ["no-such-verb"], ["run", "--job", "nobody"]):
        assert verb(*arguments, cwd=root).code == code, arguments
    assert not (root / ".orchestrate").exists()


@reaches(3)
def test_a_target_that_another_run_holds(
    orchestrate: Maker, start: Maker, project: Maker, wait_until: Maker, code: int
) -> None:
    root = project(drill(behaviour="wait", seconds=60, output="out.txt"))
    first = start("run", cwd=root, stderr=subprocess.DEVNULL)
    wait_until(lambda: list(root.glob(".orchestrate/runs/2*/status.json")), what="the first run")
    done = orchestrate("run", cwd=root)
    assert (done.code, "in use by another run" in done.stderr) == (code, True)
    assert len(list(root.glob(".orchestrate/runs/2*"))) == 1
    assert first.poll() is None


@reaches(4)
def test_a_state_directory_that_cannot_be_used(orchestrate: Maker, project: Maker, code: int) -> None:
    root = project(drill(), {".orchestrate": "a file where the state directory belongs"})
    done = orchestrate("run", cwd=root)
    assert (done.code, "Traceback" in done.stderr) == (code, False)
    assert orchestrate("doctor", cwd=root).code == code


@reaches(5)
def test_no_such_run_snapshot_or_posting_and_nothing_to_resume(
    orchestrate: Maker, verb: Maker, project: Maker, code: int
) -> None:
    root = project(drill())
    assert orchestrate("run", cwd=root).code == 0
    assert orchestrate("resume", cwd=root).code == code
    for arguments in (["status", "20200101T0"], ["logs", "nothing"], ["postings"]):
        assert verb(*arguments, cwd=root).code == code, arguments

    handbook = project("version: 1\njobs: {handbook: {kind: ingest, corpus: docs}}\n", {"docs/a.md": "# A\n"})
    assert verb("search", "handbook", "x", cwd=handbook).code == code
    assert verb("snapshots", "verify", "handbook", cwd=handbook).code == code


@reaches(10)
def test_a_plan_that_has_changes(orchestrate: Maker, project: Maker, code: int) -> None:
    root = project(drill(items=3))
    assert orchestrate("plan", "--exit-code", cwd=root).code == code
    assert orchestrate("plan", cwd=root).code == 0


@reaches(124)
def test_a_timeout_alone(orchestrate: Maker, project: Maker, code: int) -> None:
    assert orchestrate("run", cwd=project(drill(behaviour="wait", seconds=60, timeout=0.5))).code == code


@reaches(130)
def test_ctrl_c_and_a_cancel(start: Maker, orchestrate: Maker, project: Maker, wait_until: Maker, code: int) -> None:
    for stop in ("signal", "cancel"):
        root = project(drill(behaviour="wait", seconds=60))
        process = start("run", cwd=root, stderr=subprocess.DEVNULL)
        wait_until(lambda at=root: at_work(at), what="the run's work")
        if stop == "signal":
            process.send_signal(signal.SIGINT)
        else:
            assert orchestrate("cancel", "--wait", "20", cwd=root).code == 0
        assert process.wait(20) == code, stop


@reaches(143)
def test_a_terminated_run(start: Maker, project: Maker, wait_until: Maker, code: int) -> None:
    root = project(drill(behaviour="wait", seconds=60))
    process = start("run", cwd=root, stderr=subprocess.DEVNULL)
    wait_until(lambda: at_work(root), what="the run's work")
    process.send_signal(signal.SIGTERM)
    assert process.wait(20) == code


def at_work(root: Path) -> bool:
    found = list(root.glob(".orchestrate/runs/2*/status.json"))
    return bool(found) and json.loads(found[0].read_bytes())["jobs"][0]["phase"] == "work"


def test_no_code_of_the_page_is_left_out() -> None:
    listed = {int(code) for code in re.findall(r"^\| (\d+) \|", PAGE.read_text(encoding="utf-8"), re.MULTILINE)}
    assert listed == set(REACHED)

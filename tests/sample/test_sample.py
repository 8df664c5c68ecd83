"""The sample as a stranger meets it: the tutorial's commands, executed in order in a copy of what the clone has."""

from __future__ import annotations

import json
import re
import shlex
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import pytest

from orchestrator.spec.kinds import built_in
from orchestrator.status import journal
from orchestrator.status.journal import Event

ROOT: Final = Path(__file__).resolve().parents[2]
TUTORIAL: Final = ROOT / "docs" / "tutorial" / "first-run.md"
BROKEN: Final = re.compile(r"```yaml broken\n(.+?)```", re.DOTALL)
COMMAND: Final = re.compile(r"^\$ orchestrate (.+)$", re.MULTILINE)
EXPECTED: Final = {"validate": 1, "resume": 5}
"""Exit codes that the page announces; every other command ends with 0."""


@dataclass(frozen=True)
class Step:
    """One command of the page, and how it ended."""

    words: tuple[str, ...]
    code: int
    stdout: str
    stderr: str


def copy_of_the_sample(folder: Path) -> Path:
    shutil.copytree(ROOT / "docs", folder / "docs")
    (folder / "examples").mkdir()
    shutil.copy(ROOT / "examples" / "boards.har", folder / "examples")
    shutil.copy(ROOT / "jobs.yaml", folder)
    return folder


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return copy_of_the_sample(tmp_path_factory.mktemp("sample"))


@pytest.fixture(scope="module")
def steps(folder: Path, clean_environment: dict[str, str]) -> list[Step]:
    """Every command of the tutorial, executed in its order."""
    page = TUTORIAL.read_text(encoding="utf-8")
    broken = BROKEN.search(page)
    assert broken is not None
    (folder / "broken.yaml").write_text(broken[1], encoding="utf-8")
    steps = []
    for line in COMMAND.findall(page):
        words = shlex.split(line)
        done = subprocess.run(
            [sys.executable, "-m", "orchestrator", *words],
            cwd=folder,
            env=clean_environment,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        steps.append(Step(tuple(words), done.returncode, done.stdout, done.stderr))
    return steps


def the(steps: list[Step], *words: str) -> Step:
    """Return the first step that begins with these words."""
    return next(step for step in steps if step.words[: len(words)] == words)


@pytest.mark.timeout(240)
def test_each_command_of_the_tutorial_ends_as_the_page_says(steps: list[Step]) -> None:
    ended = {step.words: (step.code, step.stderr) for step in steps}
    assert {words: said for words, said in ended.items() if said[0] != EXPECTED.get(words[0], 0)} == {}
    assert len(steps) >= 13


def test_the_first_run_succeeds_and_names_the_companies_that_failed_on_purpose(steps: list[Step]) -> None:
    said = the(steps, "run").stderr
    assert "3 succeeded" in said
    assert "Soylent Foods" in said
    assert "Massive Dynamic" in said
    assert "next: " in said


def test_the_status_adds_up(steps: list[Step]) -> None:
    document = json.loads(the(steps, "status", "--json").stdout)
    assert (document["state"], document["schema_version"], document["spec_path"]) == ("succeeded", 1, "jobs.yaml")
    jobs = {job["name"]: job for job in document["jobs"]}
    assert list(jobs) == ["boards", "handbook", "openings"]
    boards = jobs["boards"]
    assert boards["items"]["total"] == boards["items"]["done"] == 8
    assert (boards["items"]["failed"], boards["failures_total"]) == (2, 2)
    assert boards["result"]["new"] > 25
    assert jobs["openings"]["items"]["total"] == boards["result"]["new"]
    assert jobs["handbook"]["result"]["nodes"] > jobs["handbook"]["result"]["documents"] > 20


def test_each_job_goes_through_the_phases_of_its_kind_in_their_order(steps: list[Step], folder: Path) -> None:
    run_id = json.loads(the(steps, "status", "--json").stdout)["run_id"]
    entries = journal.read(folder / ".orchestrate" / "runs" / run_id / "journal.jsonl").entries
    for name, kind in (("boards", built_in()["scrape"]), ("handbook", built_in()["ingest"])):
        seen = [str((entry.detail or {})["phase"]) for entry in entries if entry.job == name and entry.event is Event.PHASE]
        order = [kind.phases.all.index(phase) for phase in seen]
        assert order == sorted(set(order)), seen
        assert len(seen) >= 3


def test_the_postings_show_real_variety(steps: list[Step]) -> None:
    listed = json.loads(the(steps, "postings", "--company").stdout)["postings"]
    assert {posting["company"] for posting in listed} == {"Acme Robotics"}
    assert {"remote", "hybrid"} <= {posting["workplace"] for posting in listed}
    assert any(posting["salary_min"] for posting in listed)
    assert any(len(_places(posting)) > 1 for posting in listed)
    table = the(steps, "postings").stdout
    assert "Site Reliability Engineer" in table
    assert "nternship" not in table


def _places(posting: Mapping[str, Any]) -> list[Any]:
    places = posting["locations"]
    return list(json.loads(places) if isinstance(places, str) else places)


def test_the_handbook_answers_and_so_do_the_openings(steps: list[Step]) -> None:
    assert "how-to/resume-a-run.md" in the(steps, "search", "handbook").stdout
    assert the(steps, "search", "openings").stdout.strip()


def test_the_second_run_has_nothing_to_do(steps: list[Step]) -> None:
    second = [step for step in steps if step.words[0] == "run"][1]
    assert "new" not in second.stderr
    assert "computed" not in second.stderr
    plan = the(steps, "plan").stdout
    assert re.search(r"^handbook  \+ 0 new  ~ 0 changed  - 0 gone  = \d\d unchanged$", plan, flags=re.MULTILINE), plan


def test_the_mistake_is_found_at_its_place_with_a_suggestion(steps: list[Step]) -> None:
    answer = the(steps, "validate").stdout
    assert "broken.yaml:6:5" in answer
    assert "did you mean `timeout`?" in answer


@pytest.mark.timeout(240)
def test_a_killed_run_reads_as_interrupted_and_is_resumed(
    tmp_path: Path, start: Callable[..., Any], orchestrate: Callable[..., Any], wait_until: Callable[..., Any]
) -> None:
    folder = copy_of_the_sample(tmp_path)
    process = start("run", "--quiet", cwd=folder)
    wait_until(lambda: [j for j in folder.glob(".orchestrate/runs/2*/journal.jsonl") if j.stat().st_size], 60, what="the run")
    process.send_signal(signal.SIGKILL)
    process.wait(timeout=10)
    assert orchestrate("status", "--json", cwd=folder).json()["state"] == "interrupted"
    assert orchestrate("resume", "--quiet", cwd=folder, timeout=120).code == 0
    after = orchestrate("status", "--json", cwd=folder).json()
    assert (after["state"], after["attempt"]) == ("succeeded", 2)

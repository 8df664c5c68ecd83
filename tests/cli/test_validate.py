"""`orchestrate validate`: many files, every format, the right exit code, and nothing heavy imported."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

SOUND = "version: 1\njobs: {a: {kind: ingest, corpus: docs}}\n"
TYPO = "version: 1\njobs: {a: {kind: ingest, corpus: docs, timout: 9}}\n"
DOCS = {"docs/a.md": "# A\n"}
Verb = Callable[..., Any]


@pytest.fixture(autouse=True)
def outside_of_github(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("GITHUB_ACTIONS", raising=False)


def test_a_sound_file_is_one_quiet_line(verb: Verb, project: Verb) -> None:
    ended = verb("validate", cwd=project(SOUND, DOCS))
    assert (ended.code, ended.stdout, ended.stderr) == (0, "", "jobs.yaml: no problems\n")


def test_problems_are_shown_and_end_with_1(verb: Verb, project: Verb) -> None:
    ended = verb("validate", cwd=project(TYPO, DOCS))
    assert ended.code == 1
    assert ended.stdout.splitlines()[:2] == ["error[unknown-key]: unknown key `timout` in job `a`", "  --> jobs.yaml:2:40"]
    assert "did you mean `timeout`?" in ended.stdout
    assert ended.stderr == "jobs.yaml: 1 error\n"


def test_seven_mistakes_are_seven_problems(verb: Verb, project: Verb) -> None:
    text = """\
version: 1
max_parallel_jobs: 0
jobs:
  a:
    kind: ingest
    corpus: docs
    timeout: 200s
    timout: 5
    enabled: yes
  b:
    kind: ingst
  c: {kind: ingest, corpus: docs, needs: [d]}
  e: {kind: scrape}
"""
    ended = verb("validate", "--format", "concise", cwd=project(text, DOCS))
    places = [line.split(": ")[0] for line in ended.stdout.splitlines()]
    assert places == [f"jobs.yaml:{at}" for at in ("2:20", "7:14", "8:5", "9:14", "11:11", "12:43", "13:3")]
    assert ended.code == 1


def test_a_warning_is_no_failure_unless_strict(verb: Verb, project: Verb) -> None:
    root = project(SOUND)
    assert verb("validate", cwd=root).code == 0
    assert "warning[no-such-folder]" in verb("validate", cwd=root).stdout
    assert verb("validate", "--strict", cwd=root).code == 1


def test_without_a_file_it_says_what_to_do(verb: Verb, tmp_path: Path) -> None:
    ended = verb("validate", cwd=tmp_path)
    assert ended.code == 2
    assert "there is no jobs.yaml here" in ended.stderr
    assert "orchestrate init" in ended.stderr


def test_a_named_file_that_does_not_exist_is_a_problem(verb: Verb, project: Verb) -> None:
    ended = verb("validate", "nope.yaml", "jobs.yaml", cwd=project(SOUND, DOCS))
    assert ended.code == 1
    assert "unreadable-file" in ended.stdout
    assert "nope.yaml" in ended.stdout


def test_several_files_and_folders_are_checked_together(verb: Verb, project: Verb) -> None:
    files = {"x/jobs.yaml": TYPO, "x/y/night.jobs.yaml": TYPO, "x/other.yaml": TYPO, "x/.hidden/jobs.yaml": TYPO, "docs/a": ""}
    ended = verb("validate", "--format", "concise", "jobs.yaml", "x", cwd=project(SOUND, files))
    named = {line.split(":")[0] for line in ended.stdout.splitlines() if "unknown-key" in line}
    assert named == {"x/jobs.yaml", "x/y/night.jobs.yaml"}
    assert "3 files: 2 errors" in ended.stderr


def test_a_folder_without_specs_is_wrong_usage(verb: Verb, tmp_path: Path) -> None:
    ended = verb("validate", ".", cwd=tmp_path)
    assert ended.code == 2
    assert "no jobs.yaml" in ended.stderr


def test_standard_input_is_read(orchestrate: Verb, project: Verb) -> None:
    root = project(SOUND, DOCS)
    ended = orchestrate("validate", "-", "--format", "concise", cwd=root, input=TYPO)
    assert ended.code == 1
    assert ended.stdout.startswith("<stdin>:2:40: error[unknown-key]")
    assert orchestrate("validate", "-", cwd=root, input=SOUND).code == 0


@pytest.mark.parametrize("flags", [["--json"], ["--format", "json"]])
def test_json_is_a_document_even_without_problems(verb: Verb, project: Verb, flags: list[str]) -> None:
    assert verb("validate", *flags, cwd=project(SOUND, DOCS)).json() == {
        "format_version": 1,
        "errors": 0,
        "warnings": 0,
        "problems": [],
    }
    document = verb("validate", *flags, cwd=project(TYPO, DOCS)).json()
    assert [each["code"] for each in document["problems"]] == ["unknown-key"]


def test_github_is_the_format_in_its_actions(verb: Verb, project: Verb, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    root = project(TYPO, DOCS)
    assert verb("validate", cwd=root).stdout.startswith("::error title=unknown-key,file=jobs.yaml,line=2,col=40,")
    assert verb("validate", "--format", "concise", cwd=root).stdout.startswith("jobs.yaml:2:40")


def test_sarif_is_written(verb: Verb, project: Verb) -> None:
    document = json.loads(verb("validate", "--format", "sarif", cwd=project(TYPO, DOCS)).stdout)
    assert document["runs"][0]["results"][0]["ruleId"] == "unknown-key"


def test_colours_only_where_asked(verb: Verb, project: Verb, monkeypatch: pytest.MonkeyPatch) -> None:
    root = project(TYPO, DOCS)
    assert "\x1b" not in verb("validate", cwd=root).stdout
    monkeypatch.setenv("FORCE_COLOR", "1")
    assert "\x1b" in verb("validate", cwd=root).stdout
    monkeypatch.setenv("NO_COLOR", "1")
    assert "\x1b" not in verb("validate", cwd=root).stdout


def test_a_closed_pipe_is_no_error(clean_environment: dict[str, str], project: Verb) -> None:
    items = "".join("      - {bord: lever}\n" for _ in range(800))
    root = project(f"version: 1\njobs:\n  a:\n    kind: scrape\n    companies:\n{items}")
    command = f"{sys.executable} -m orchestrator validate | head -1"
    done = subprocess.run(
        ["bash", "-o", "pipefail", "-c", command],
        cwd=root,
        env=clean_environment,
        capture_output=True,
        text=True,
        timeout=50,
        check=False,
    )
    assert done.stdout.startswith("error[")
    assert "Traceback" not in done.stderr
    assert "BrokenPipe" not in done.stderr


def test_help_begins_with_examples(verb: Verb, tmp_path: Path) -> None:
    ended = verb("validate", "-h", cwd=tmp_path)
    assert ended.code == 0
    assert ended.stdout.index("Examples:") < ended.stdout.index("Options")


HEAVY = ("httpx", "sqlalchemy", "rich", "llama_index", "streamlit", "numpy", "jsonschema", "asyncio", "nh3", "selectolax")


def test_validating_imports_nothing_heavy(clean_environment: dict[str, str], project: Verb) -> None:
    spec = """\
version: 1
jobs:
  boards: {kind: scrape, companies: [{name: Acme, board: greenhouse, token: acme}]}
  handbook: {kind: ingest, corpus: docs, include: ["*.md"]}
"""
    code = (
        "import sys\nfrom orchestrator.cli.main import main\nsys.argv[1:] = ['validate']\n"
        "try:\n    main()\nexcept SystemExit as end:\n    assert not end.code, end.code\n"
        f"print([name for name in {HEAVY!r} if name in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=project(spec, DOCS),
        env=clean_environment,
        capture_output=True,
        text=True,
        timeout=50,
        check=True,
    )
    assert done.stdout.strip() == "[]"

"""Every verb, wherever it is called: in a pipe, with a closed standard output, in a directory without jobs.yaml."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final

import pytest

from orchestrator.cli.main import VERBS

ARGUMENTS: Final[Mapping[str, tuple[str, ...]]] = {
    "config": ("show",),
    "db": ("stats",),
    "detect": ("https://jobs.lever.co/initech",),
    "explain": ("jobs.scrape.http",),
    "schedule": ("print", "--cron", "0 6 * * *"),
    "search": ("handbook", "resume"),
    "snapshots": ("list", "handbook"),
}
EMPTY: Final = {  # What a directory without jobs.yaml means to a verb.
    "bundle": 5, "cancel": 5, "config": 2, "db": 5, "detect": 0, "doctor": 0, "explain": 0, "init": 0, "logs": 5, "plan": 2,
    "postings": 5, "prune": 0, "resume": 5, "run": 2, "runs": 0, "schedule": 2, "schema": 0, "search": 5, "snapshots": 0,
    "status": 5, "validate": 2,
}  # fmt: skip
USED: Final = {**dict.fromkeys(EMPTY, 0), "db": 5, "init": 2, "postings": 5, "resume": 5}  # After a run that succeeded.
CONTROL: Final = re.compile(r"[\x00-\x08\x0b-\x1f\x7f]")
STARTED: Final = sorted(set(VERBS) - {"dashboard"})  # It goes on until it is stopped; tests/dashboard has its own.


@pytest.mark.parametrize("name", STARTED)
def test_in_an_empty_directory_a_verb_says_what_to_do(verb: Callable[..., Any], tmp_path: Path, name: str) -> None:
    done = verb(name, *ARGUMENTS.get(name, ()), cwd=tmp_path)
    assert done.code == EMPTY[name], done.text
    assert "Traceback" not in done.text
    assert not CONTROL.search(done.text)
    if done.code:
        assert "orchestrate " in done.stderr  # The next command.


@pytest.fixture(scope="module")
def used(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a project that ran once."""
    folder = tmp_path_factory.mktemp("used")
    (folder / "docs").mkdir()
    (folder / "docs" / "a.txt").write_text("How to resume a run: type resume.\n")
    spec = "version: 1\njobs:\n  handbook: {kind: ingest, corpus: docs, include: ['*.txt'], embedding: none}\n"
    (folder / "jobs.yaml").write_text(spec)
    subprocess.run([sys.executable, "-m", "orchestrator", "run", "--quiet"], cwd=folder, check=True)
    return folder


@pytest.mark.parametrize("name", STARTED)
def test_in_a_pipe_a_verb_writes_plain_text(verb: Callable[..., Any], used: Path, name: str) -> None:
    done = verb(name, *ARGUMENTS.get(name, ()), cwd=used)
    assert done.code == USED[name], done.text
    assert done.text.strip()
    assert not CONTROL.search(done.text)
    assert "Traceback" not in done.text


@pytest.mark.parametrize("verb", STARTED)
def test_a_closed_standard_output_is_no_reason_for_a_traceback(used: Path, verb: str) -> None:
    command = (
        f'exec "$0" -m orchestrator {" ".join((verb, *(f"{chr(39)}{word}{chr(39)}" for word in ARGUMENTS.get(verb, ()))))} >&-'
    )
    done = subprocess.run(
        ["sh", "-c", command, sys.executable], cwd=used, capture_output=True, text=True, check=False, timeout=50
    )
    assert "Traceback" not in done.stderr
    assert "unexpected" not in done.stderr


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="/dev/full is Linux's")
@pytest.mark.parametrize("words", ["--version", "validate --format json", "schema spec"])
def test_a_result_that_cannot_be_written_is_told_and_has_its_exit_code(used: Path, words: str) -> None:
    command = ["sh", "-c", f'exec "$0" -m orchestrator {words} > /dev/full', sys.executable]
    done = subprocess.run(command, cwd=used, capture_output=True, text=True, check=False, timeout=50)
    assert done.returncode == 4
    assert done.stderr.strip() == "error: the output can't be written: No space left on device"


@pytest.mark.parametrize("verb", STARTED)
def test_a_reader_that_has_enough_is_no_reason_for_a_traceback(used: Path, verb: str) -> None:
    words = " ".join((verb, *(f"{chr(39)}{word}{chr(39)}" for word in ARGUMENTS.get(verb, ()))))
    command = f'"$0" -m orchestrator {words} | true'
    done = subprocess.run(
        ["sh", "-c", command, sys.executable], cwd=used, capture_output=True, text=True, check=False, timeout=50
    )
    assert "Traceback" not in done.stderr
    assert "BrokenPipe" not in done.stderr


@pytest.mark.parametrize("name", sorted(VERBS))
def test_help_begins_with_examples_and_names_its_options(verb: Callable[..., Any], name: str) -> None:
    done = verb(name, "-h")
    assert done.code == 0
    assert done.stdout.index("Examples:") < done.stdout.index("Options:")
    assert "install-completion" not in done.stdout


@pytest.mark.parametrize("words", [("config", "show"), ("doctor",), ("plan",), ("run",)], ids=" ".join)
def test_a_spec_is_named_as_an_argument_or_by_an_option(
    verb: Callable[..., Any], project: Callable[..., Path], words: tuple[str, ...]
) -> None:
    root = project("version: 1\n", {"other.yaml": "version: 1\njobs: {drill: {kind: drill}}\n"})
    assert verb(*words, "other.yaml", cwd=root).code == 0
    assert verb(*words, "-f", "other.yaml", cwd=root).code == 0
    both = verb(*words, "jobs.yaml", "--file", "other.yaml", cwd=root)
    assert both.code == 2
    assert "two specs are named" in both.stderr

"""`orchestrate bundle`."""

import json
import tarfile
from collections.abc import Callable
from pathlib import Path
from typing import Any


def test_bundle_holds_the_files_of_the_run(orchestrate: Callable[..., Any], project: Callable[[str], Path]) -> None:
    folder = project("version: 1\njobs:\n  drill: {kind: drill, items: 3}\n")
    assert orchestrate("run", cwd=folder).code == 0
    done = orchestrate("bundle", "-o", "report.tar.gz", cwd=folder)
    assert done.code == 0, done.stderr
    with tarfile.open(folder / "report.tar.gz") as archive:
        names = archive.getnames()
        machine = json.load(archive.extractfile("machine.json"))
    assert names == ["machine.json", "spec.json", "status.json", "journal.jsonl", "run.log"]
    assert machine["pydantic"] != "not installed"


def test_bundle_names_no_home_directory(orchestrate: Callable[..., Any], project: Callable[[str], Path]) -> None:
    folder = project("version: 1\njobs:\n  drill: {kind: drill, behaviour: crash}\n")
    home = folder / "home-of-somebody"
    home.mkdir()
    orchestrate("run", cwd=folder, env={"HOME": str(home)})
    log = next((folder / ".orchestrate" / "runs").glob("*/run.log"))
    log.write_text(f"{log.read_text()}\nread {home}/secret.txt\n")
    assert orchestrate("bundle", "-o", "report.tar.gz", cwd=folder, env={"HOME": str(home)}).code == 0
    with tarfile.open(folder / "report.tar.gz") as archive:
        packed = archive.extractfile("run.log").read().decode()
    assert "secret.txt" in packed
    assert str(home) not in packed


def test_bundle_of_no_run_says_so(orchestrate: Callable[..., Any], tmp_path: Path) -> None:
    done = orchestrate("bundle", cwd=tmp_path)
    assert done.code == 5
    assert "no run yet" in done.stderr

"""Runs of a scrape that are killed at random moments and resumed, and one of ten thousand companies. By marker only."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.torture
COMPANIES, POSTINGS, WORKERS = 120, 5, 4
AT_MOST_REPEATED = WORKERS * 8  # What an attempt has in hand: fetched, waiting for it, or waiting to be applied.
Tell = Callable[[str], None]
PROC = Path("/proc")


class Peaks:
    """What a process and all that it started took of memory at most, each by itself, looked at while they are there."""

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        self._most: dict[int, int] = {}
        self._family = {process.pid}

    def look(self) -> None:
        """Note what each of them took until now: Linux keeps the most since a program's start."""
        for folder in PROC.glob("[0-9]*"):
            with suppress(FileNotFoundError, ProcessLookupError):
                said = dict(
                    re.findall(r"^(PPid|VmHWM):\s+(\d+)", (folder / "status").read_text(encoding="utf-8"), re.MULTILINE)
                )
                pid = int(folder.name)
                if pid in self._family or int(said["PPid"]) in self._family:
                    self._family.add(pid)
                    self._most[pid] = int(said.get("VmHWM", 0)) // 1024 or self._most.get(pid, 0)  # A zombie has none.

    def megabytes(self) -> list[int]:
        """Return what each took, the largest first. Their sum is more than they ever took together."""
        return sorted(self._most.values(), reverse=True)


class Project:
    """A folder with a spec of many companies, and the program as a process."""

    def __init__(self, root: Path, server: Any, companies: int, engine: Any = "threads") -> None:
        self.root = root
        http = {"base_urls": {"greenhouse": server.url}, "allow_private_hosts": ["127.0.0.1"]}
        each = [{"name": f"Company {n}", "board": "greenhouse", "token": f"b{n}"} for n in range(companies)]
        job = {"kind": "scrape", "concurrency": WORKERS, "companies": each, "http": http}
        root.mkdir(parents=True)
        (root / "jobs.yaml").write_text(json.dumps({"version": 1, "engine": engine, "jobs": {"boards": job}}), encoding="utf-8")

    def start(self, *arguments: str) -> subprocess.Popen[bytes]:
        command = [sys.executable, "-m", "orchestrator", *arguments]
        environment = {**os.environ, "PYTHONPATH": str(Path(__file__).resolve().parents[3])}
        null = subprocess.DEVNULL
        return subprocess.Popen(command, cwd=self.root, env=environment, stdout=null, stderr=null)

    def begin(self, verb: str) -> subprocess.Popen[bytes]:
        return self.start(verb, "--quiet")

    def tables(self, driver: Any) -> Any:
        driver.database = f"sqlite:///{self.root}/.orchestrate/postings.db"
        postings = "select company_key, identifier, title, status, content_hash, version from postings order by 1, 2"
        history = (
            "select p.company_key, p.identifier, h.event from posting_history h join postings p on p.id = h.posting_id "
            "order by 1, 2, 3"
        )
        return driver.rows(postings), driver.rows(history)


@pytest.fixture
def serving(server: Any, boards: Any) -> Callable[[int, int], Any]:
    def serve(companies: int, postings: int) -> Any:
        for number in range(companies):
            rows = [boards.row(number * 100 + each, title=f"Engineer {each}") for each in range(postings)]
            server.routes[f"/v1/boards/b{number}/jobs"] = boards.greenhouse(*rows)
        return server

    return serve


def undisturbed(project: Project) -> float:
    started = time.monotonic()
    assert project.start("run", "--quiet").wait() == 0
    return time.monotonic() - started


@pytest.mark.parametrize("engine", ["threads", "dask"])
def test_killed_and_resumed_runs_leave_the_tables_of_one_that_nobody_disturbed(
    engine: str,
    tmp_path: Path,
    driver: Any,
    serving: Any,
    lives: Callable[..., Any],
    rounds: Callable[[int], Iterator[int]],
    tell: Tell,
    cluster_of: Callable[..., Any],
) -> None:
    server = serving(COMPANIES, POSTINGS)
    place = {"dask": cluster_of(2).address} if engine == "dask" else engine
    whole = Project(tmp_path / "whole", server, COMPANIES)
    undisturbed(whole)
    takes = min(undisturbed(Project(tmp_path / f"measured-{n}", server, COMPANIES, place)) for n in range(2))
    expected = whole.tables(driver)
    assert len(expected[0]) == len(expected[1]) == COMPANIES * POSTINGS
    repeated = 0
    for number in rounds(1):
        project = Project(tmp_path / f"run-{number}", server, COMPANIES, place)
        server.hits.clear()
        each = lives(
            project.root,
            lambda verb, project=project: project.start(verb, "--quiet"),
            lambda: fetched(server) == COMPANIES,
            takes,
        )
        each()
        assert each.wrong == []
        assert project.tables(driver) == expected
        again = sum(server.hits[path] for path in server.routes) - COMPANIES
        assert again <= each.kills.total() * AT_MOST_REPEATED, f"{again} companies were fetched again"
        repeated += again
    tell(f"0 lost, 0 doubled, {repeated} in flight were repeated")


def fetched(server: Any) -> int:
    """Return of how many companies somebody asked for the postings."""
    return sum(server.hits[path] > 0 for path in server.routes)


def test_the_same_comparison_notices_an_event_too_many(tmp_path: Path, driver: Any, serving: Any) -> None:
    """The control: one more line of history, as a sync that isn't one transaction would leave it."""
    project = Project(tmp_path / "whole", serving(3, 2), 3)
    undisturbed(project)
    before = project.tables(driver)
    driver.execute("insert into posting_history (posting_id, run_id, at, event) values (1, 'r', 'x', 'new')")
    assert project.tables(driver) != before


@pytest.mark.skipif(not PROC.is_dir(), reason="what processes took is read from /proc")
def test_ten_thousand_companies_stay_below_300_megabytes_with_all_processes_of_the_run(
    tmp_path: Path, driver: Any, serving: Any, whole: bool, tell: Tell
) -> None:
    count = 10_000 if whole else 1_000
    project = Project(tmp_path / "many", serving(count, 1), count)
    process = project.start("run", "--quiet")
    peaks = Peaks(process)
    while process.poll() is None:
        peaks.look()
        with suppress(subprocess.TimeoutExpired):
            process.wait(0.05)
    assert process.returncode == 0
    assert len(project.tables(driver)[0]) == count
    own, *others = peaks.megabytes()
    tell(f"{count} companies: {own} MB at most, and {others} MB for its readers and its watchdog's shell")
    assert len([each for each in others if each > 10]) == 2, "both readers were seen"
    assert own + sum(others) < (300 if whole else 130)

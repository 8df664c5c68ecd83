"""Runs of a scrape that are killed at random moments and resumed, and one of ten thousand companies. By marker only."""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

BUDGET = float(os.environ.get("ORCHESTRATE_TORTURE_SECONDS") or 20.0)
pytestmark = [pytest.mark.torture, pytest.mark.timeout(BUDGET * 4 + 240)]
COMPANIES, POSTINGS = 60, 5
Tell = Callable[[str], None]


@pytest.fixture
def tell(capsys: pytest.CaptureFixture[str], request: pytest.FixtureRequest) -> Tell:
    def say(text: str) -> None:
        with capsys.disabled():
            print(f"\n{request.node.name}: {text}")  # noqa: T201 - the figure is what the run is for

    return say


@pytest.fixture
def chance(tell: Tell) -> random.Random:
    seed = int(os.environ.get("ORCHESTRATE_TORTURE_SEED") or random.SystemRandom().randrange(2**32))
    tell(f"ORCHESTRATE_TORTURE_SEED={seed}")
    return random.Random(seed)


class Project:
    """A folder with a spec of many companies, and the program as a process."""

    def __init__(self, root: Path, server: Any, companies: int, engine: Any = "threads") -> None:
        self.root = root
        http = {"base_urls": {"greenhouse": server.url}, "allow_private_hosts": ["127.0.0.1"]}
        each = [{"name": f"Company {n}", "board": "greenhouse", "token": f"b{n}"} for n in range(companies)]
        job = {"kind": "scrape", "concurrency": 8, "companies": each, "http": http}
        root.mkdir(parents=True)
        (root / "jobs.yaml").write_text(json.dumps({"version": 1, "engine": engine, "jobs": {"boards": job}}), encoding="utf-8")

    def start(self, *arguments: str) -> subprocess.Popen[bytes]:
        command = [sys.executable, "-m", "orchestrator", *arguments]
        environment = {**os.environ, "PYTHONPATH": str(Path(__file__).resolve().parents[3])}
        null = subprocess.DEVNULL
        return subprocess.Popen(command, cwd=self.root, env=environment, stdout=null, stderr=null)

    def state(self) -> str:
        runs = sorted((self.root / ".orchestrate" / "runs").glob("*/status.json"))
        return json.loads(runs[-1].read_text(encoding="utf-8"))["state"] if runs else ""

    def tables(self, driver: Any) -> Any:
        driver.database = f"sqlite:///{self.root}/.orchestrate/postings.db"
        postings = "select company_key, identifier, title, status, content_hash, version from postings order by 1, 2"
        history = (
            "select p.company_key, p.identifier, h.event from posting_history h join postings p on p.id = h.posting_id "
            "order by 1, 2, 3"
        )
        return driver.rows(postings), driver.rows(history)

    def drill(self, chance: random.Random, longest: float) -> int:
        """Run and kill, resume and kill, until it is done. Returns the kills."""
        kills = 0
        while self.state() != "succeeded":
            process = self.start("resume" if self.state() else "run", "--quiet")
            try:
                process.wait(chance.uniform(0.2, longest))
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
                kills += 1
                longest *= 1.1  # However slow the machine is, it ends.
        return kills


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
    engine: str, tmp_path: Path, driver: Any, serving: Any, chance: random.Random, tell: Tell, cluster_of: Callable[..., Any]
) -> None:
    server = serving(COMPANIES, POSTINGS)
    place = {"dask": cluster_of(2).address} if engine == "dask" else engine
    whole = Project(tmp_path / "whole", server, COMPANIES)
    undisturbed(whole)
    takes = min(undisturbed(Project(tmp_path / f"measured-{n}", server, COMPANIES, place)) for n in range(2))
    expected = whole.tables(driver)
    assert len(expected[0]) == len(expected[1]) == COMPANIES * POSTINGS
    kills, runs, end = 0, 0, time.monotonic() + BUDGET
    while not runs or time.monotonic() < end:
        runs += 1
        project = Project(tmp_path / f"run-{runs}", server, COMPANIES, place)
        kills += project.drill(chance, takes)
        assert project.tables(driver) == expected
    tell(f"{kills} kills of {runs} runs: 0 lost, 0 doubled")


def test_the_same_comparison_notices_an_event_too_many(tmp_path: Path, driver: Any, serving: Any) -> None:
    """The control: one more line of history, as a sync that isn't one transaction would leave it."""
    project = Project(tmp_path / "whole", serving(3, 2), 3)
    undisturbed(project)
    before = project.tables(driver)
    driver.execute("insert into posting_history (posting_id, run_id, at, event) values (1, 'r', 'x', 'new')")
    assert project.tables(driver) != before


def test_ten_thousand_companies_stay_below_300_megabytes(tmp_path: Path, driver: Any, serving: Any, tell: Tell) -> None:
    project = Project(tmp_path / "many", serving(10_000, 1), 10_000)
    process = project.start("run", "--quiet")
    _, status, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    assert process.returncode == 0
    assert len(project.tables(driver)[0]) == 10_000
    megabytes = used.ru_maxrss / (1024 if sys.platform == "linux" else 1024 * 1024)
    tell(f"10,000 companies: {megabytes:.0f} MB at most, {used.ru_utime + used.ru_stime:.1f} s of CPU")
    assert megabytes < 300

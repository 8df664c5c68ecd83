"""Whole runs on a cluster, from the command line: they end like those on threads, and Dask isn't heard."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Maker = Callable[..., Any]
DRILL = {"kind": "drill", "concurrency": 2, "output": "out.txt"}
ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def small_cluster(cluster_of: Callable[..., Any]) -> Any:
    """Two workers in one process."""
    return cluster_of(2)


def _spec(address: str | None, **drill: Any) -> str:
    document = {"version": 1, "jobs": {"drill": {**DRILL, **drill}}}
    return json.dumps(document if address is None else {**document, "engine": {"dask": address}})


def _status(root: Path) -> Any:
    (path,) = (root / ".orchestrate" / "runs").glob("*/status.json")
    return json.loads(path.read_text(encoding="utf-8"))


def _written(root: Path) -> Counter[str]:
    return Counter((root / "out.txt").read_text(encoding="utf-8").splitlines())


def test_a_run_on_a_cluster_ends_like_one_on_threads_and_dask_isnt_heard(
    small_cluster: Any, project: Maker, orchestrate: Maker
) -> None:
    root = project(_spec(small_cluster.address, items=60, batch=2))
    done = orchestrate("run", cwd=root)
    assert done.code == 0, done.text
    assert "60/60 items" in done.stderr
    assert "distributed" not in done.text
    status = _status(root)
    assert status["engine"] == small_cluster.engine
    assert status["jobs"][0]["items"]["succeeded"] == 60
    assert status["warnings"] == []
    assert _written(root) == Counter({f"item-{number:07d}": 1 for number in range(60)})


def test_a_scheduler_that_isnt_there_ends_the_run_with_4_a_hint_and_no_noise(project: Maker, orchestrate: Maker) -> None:
    root = project(_spec("tcp://127.0.0.1:9", items=3))
    done = orchestrate("run", cwd=root)
    assert done.code == 4, done.text
    assert "the scheduler at tcp://127.0.0.1:9 can't be reached" in done.stderr
    assert "--engine threads" in done.stderr
    assert "Traceback" not in done.text
    assert "distributed" not in done.text
    assert _status(root)["jobs"][0]["error"]["code"] == "engine-unreachable"


def test_a_run_whose_scheduler_is_lost_ends_with_4_and_is_resumed_without_it(
    cluster_of: Callable[..., Any], project: Maker, orchestrate: Maker, start: Maker, wait_until: Maker
) -> None:
    lost = cluster_of(2)
    root = project(_spec(None, items=60, behaviour="wait", seconds=0.2))
    run = start("run", "--engine", lost.engine, cwd=root, stdout=subprocess.DEVNULL)
    wait_until((root / "out.txt").exists, 30.0, what="the first result")
    lost.scheduler.kill()
    _, told = run.communicate(timeout=30)
    assert run.returncode == 4, told.decode()
    assert b"was lost" in told, told.decode()
    assert b"distributed" not in told
    before = _written(root)
    assert 0 < len(before) < 60
    done = orchestrate("resume", "--engine", "threads", cwd=root)
    assert done.code == 0, done.text
    assert _written(root) == Counter({f"item-{number:07d}": 1 for number in range(60)})


def test_both_kinds_leave_the_same_on_a_cluster_as_on_threads(small_cluster: Any, project: Maker, orchestrate: Maker) -> None:
    found = []
    for engine in ("threads", small_cluster.engine):
        root = project((ROOT / "jobs.yaml").read_text(encoding="utf-8"))
        shutil.copytree(ROOT / "docs", root / "docs")
        shutil.copytree(ROOT / "examples", root / "examples")
        done = orchestrate("run", "--engine", engine, cwd=root)
        assert done.code == 0, done.text
        assert "distributed" not in done.text
        rows = json.loads(orchestrate("postings", "--format", "json", cwd=root).stdout)
        postings = sorted((row["company"], row["title"], row["url"]) for row in rows["postings"])
        jobs = {job["name"]: {**job["result"], "snapshot_id": None} for job in _status(root)["jobs"]}
        jobs["boards"].pop("bytes")
        hits = json.loads(orchestrate("search", "handbook", "resume a run", "--json", cwd=root).stdout)["hits"]
        found.append((postings, jobs, [(hit["document"], hit["start"]) for hit in hits]))
    assert found[0] == found[1]
    assert found[0][0]


@pytest.mark.parametrize("wanted", ["steam", "dask://", "dask://host", "tcp://host:99999", "http://host:8786"])
def test_an_engine_that_doesnt_exist_is_refused_before_anything_starts(project: Maker, orchestrate: Maker, wanted: str) -> None:
    root = project(_spec(None, items=1))
    done = orchestrate("run", "--engine", wanted, cwd=root)
    assert done.code == 2
    assert "dask://host:8786" in done.stderr
    assert not (root / ".orchestrate").exists()


def test_a_recording_on_a_cluster_is_refused_also_when_the_flag_asks_for_it(project: Maker, orchestrate: Maker) -> None:
    companies = [{"name": "Acme", "board": "greenhouse", "token": "acme"}]
    job = {"kind": "scrape", "companies": companies, "record": "new.har"}
    root = project(json.dumps({"version": 1, "jobs": {"boards": job}}))
    done = orchestrate("run", "--engine", "dask://127.0.0.1:9", cwd=root)
    assert done.code == 2
    assert "record with --engine threads" in done.stderr
    assert not (root / ".orchestrate").exists()


def test_dask_is_imported_by_runs_on_a_cluster_only(
    small_cluster: Any, project: Maker, clean_environment: dict[str, str]
) -> None:
    probe = "import sys\nfrom orchestrator.cli.main import main\nsys.argv[0] = 'orchestrate'\ntry:\n    main()\n"
    probe += "except SystemExit:\n    print('distributed' in sys.modules)\n"
    for address, imported in ((None, "False"), (small_cluster.address, "True")):
        root = project(_spec(address, items=1))
        command = [sys.executable, "-c", probe, "run", "--quiet"]
        done = subprocess.run(command, cwd=root, env=clean_environment, capture_output=True, text=True, check=True)
        assert done.stdout.strip().splitlines()[-1] == imported, done.stderr


LOUD = """
import logging, sys, warnings
import distributed
from orchestrator.engine.dask.quiet import quieten
quieten()
def be_loud():
    for name in ("distributed.client", "distributed", "tornado.application", "asyncio"):
        logging.getLogger(name).error("loud 1\\nloud 2")
    warnings.warn_explicit("loud 3", UserWarning, "client.py", 1, module="distributed.client")
be_loud()
ours = logging.getLogger("orchestrator")
ours.setLevel(logging.INFO)
ours.addHandler(logging.StreamHandler(sys.stdout))
be_loud()
"""


def test_what_dask_logs_goes_to_the_runs_log_in_one_line_and_nowhere_else(clean_environment: dict[str, str]) -> None:
    done = subprocess.run([sys.executable, "-c", LOUD], env=clean_environment, capture_output=True, text=True, check=True)
    assert done.stderr == ""
    names = ("distributed.client", "distributed", "tornado.application", "asyncio")
    assert done.stdout.splitlines() == [f"{name}: loud 1" for name in names]

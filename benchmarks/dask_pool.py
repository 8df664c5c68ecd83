"""S13 of the release bar: what a unit costs on a Dask cluster, and what a second worker brings to an ingest.

    python benchmarks/dask_pool.py [--units 2000] [--megabytes 6] [--rounds 3]

A scheduler and its workers run as processes on loopback, each worker with one thread and one thread in its libraries. A unit's
cost is that of many no-op units over that of few, so it holds no start-up. The ingest is measured by the clock from its first
phase to its last, and for its work alone, with one worker and with two in turns. Both workers share this machine's cores with
the run, the scheduler and whatever else goes on. So the processor seconds of each are printed, too.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import resource
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import datetime
from pathlib import Path
from statistics import median
from typing import Any, Final, NamedTuple

import psutil

ROOT: Final = Path(__file__).resolve().parents[1]
COMMAND: Final = "from orchestrator.__main__ import run; run()"
BAR_UNIT, BAR_FACTOR = 5.0, 1.7
START: Final = """
import asyncio
from distributed import Scheduler
async def main():
    async with Scheduler(host="127.0.0.1", port=0, dashboard=False) as scheduler:
        print(scheduler.address, flush=True)
        await scheduler.finished()
asyncio.run(main())
"""
SINGLE: Final = {
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "RAYON_NUM_THREADS": "1",
    "TOKENIZERS_PARALLELISM": "false",
}


def main() -> int:
    """Measure, print, and return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--units", type=int, default=2_000)
    parser.add_argument("--megabytes", type=int, default=6)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--check", action="store_true")
    options = parser.parse_args()
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        one, two = (stack.enter_context(cluster(folder, workers)) for workers in (1, 2))
        unit = median(unit_cost(two.address, options.units, folder) for _ in range(options.rounds))
        print(f"a no-op unit on two workers: {unit:.2f} ms (bar: {BAR_UNIT:g} ms)", flush=True)
        factor = ingests(one, two, options, folder)
    return 1 if options.check and (unit > BAR_UNIT or factor < BAR_FACTOR) else 0


class Cluster(NamedTuple):
    """A scheduler's address, its process and those of its workers."""

    address: str
    scheduler: int
    workers: list[int]

    def cpu(self) -> tuple[float, float]:
        """Return the processor seconds that scheduler and workers took so far."""
        return _cpu(self.scheduler), sum(_cpu(worker) for worker in self.workers)


def _cpu(process: int) -> float:
    times = psutil.Process(process).cpu_times()
    return float(times.user + times.system)


@contextmanager
def cluster(folder: Path, workers: int) -> Iterator[Cluster]:
    """Run a scheduler and workers."""
    environment = {**os.environ, **SINGLE, "PYTHONPATH": os.pathsep.join([str(ROOT), str(ROOT / "examples" / "drill_kind")])}
    places: dict[str, Any] = {"cwd": folder, "env": environment, "stderr": subprocess.DEVNULL}
    processes = [subprocess.Popen([sys.executable, "-c", START], stdout=subprocess.PIPE, text=True, **places)]
    assert processes[0].stdout is not None
    address = processes[0].stdout.readline().strip()
    worker = [sys.executable, "-m", "distributed.cli.dask_worker", address, "--no-nanny", "--nthreads", "1", "--no-dashboard"]
    processes += [subprocess.Popen(worker, stdout=subprocess.DEVNULL, **places) for _ in range(workers)]
    try:
        yield Cluster(address, processes[0].pid, [process.pid for process in processes[1:]])
    finally:
        for process in processes:
            process.terminate()
            process.wait()


def run(address: str, job: dict[str, Any], folder: Path) -> list[dict[str, Any]]:
    """Run a job in a fresh state directory; return the journal's entries."""
    spec = {"version": 1, "engine": {"dask": address}, "jobs": {"bench": job}}
    (folder / "jobs.yaml").write_text(json.dumps(spec), encoding="utf-8")
    with tempfile.TemporaryDirectory(dir=folder) as state:
        command = [sys.executable, "-c", COMMAND, "run", "--quiet", "--state-dir", state]
        path = os.pathsep.join([str(ROOT), str(ROOT / "examples" / "drill_kind")])
        subprocess.run(command, cwd=folder, env={**os.environ, **SINGLE, "PYTHONPATH": path}, check=True)
        (journal,) = Path(state).glob("runs/*/journal.jsonl")
        return [json.loads(line) for line in journal.read_text(encoding="utf-8").splitlines()]


def unit_cost(address: str, units: int, folder: Path) -> float:
    """Return what a no-op unit costs, in milliseconds: many over few."""
    few, many = (seconds(run(address, {"kind": "drill", "items": count}, folder)) for count in (units // 20, units))
    return (many - few) / (units - units // 20) * 1000


def seconds(entries: list[dict[str, Any]], first: str = "", last: str = "") -> float:
    """Return the seconds between two phases; without them those of the whole job."""
    at = {entry["detail"]["phase"]: entry["at"] for entry in entries if entry["event"] == "phase"}
    at |= {entry["event"]: entry["at"] for entry in entries if entry["event"] in {"job_started", "job_finished"}}
    began, ended = (datetime.fromisoformat(at[key]) for key in (first or "job_started", last or "job_finished"))
    spent: float = (ended - began).total_seconds()
    return spent


def ingests(one: Cluster, two: Cluster, options: argparse.Namespace, folder: Path) -> float:
    """Print what an ingest takes with one worker and with two; return the factor of its work."""
    corpus(folder / "docs", options.megabytes)
    corpus(folder / "warm", 1)
    # LlamaIndex's own splitter makes it bound by the workers; the default one costs as little as storing what it yields.
    job = {"kind": "ingest", "concurrency": 4, "corpus": "docs", "chunk": {"splitter": "sentence"}}
    for each in (one, two):
        for _ in range(2):  # Each worker process imports once what it needs.
            run(each.address, {**job, "corpus": "warm"}, folder)
    rows: dict[str, list[tuple[float, ...]]] = {one.address: [], two.address: []}
    for _ in range(options.rounds):
        for each in (one, two):
            rows[each.address].append(ingest(each, job, folder))
    whole_one, work_one, _, _, _ = (median(column) for column in zip(*rows[one.address], strict=True))
    whole_two, work_two, *cpu = (median(column) for column in zip(*rows[two.address], strict=True))
    print("| ingest | one worker | two workers | factor |\n|---|---|---|---|")
    for name, alone, both in (("whole job", whole_one, whole_two), ("its work", work_one, work_two)):
        print(f"| {name}, {options.megabytes} MB | {alone:.1f} s | {both:.1f} s | {alone / both:.2f} |")
    print(f"processor seconds with two workers: workers {cpu[1]:.1f}, scheduler {cpu[0]:.1f}, run {cpu[2]:.1f}")
    print(f"(bar: {BAR_FACTOR} for the work where each worker has a core; this machine has {os.cpu_count()} in all)")
    factor: float = work_one / work_two
    return factor


def ingest(cluster: Cluster, job: dict[str, Any], folder: Path) -> tuple[float, ...]:
    """Return seconds of the job and of its work, and processor seconds of scheduler, workers and run."""
    before, children = cluster.cpu(), resource.getrusage(resource.RUSAGE_CHILDREN)
    entries = run(cluster.address, job, folder)
    after, later = cluster.cpu(), resource.getrusage(resource.RUSAGE_CHILDREN)
    own = later.ru_utime + later.ru_stime - children.ru_utime - children.ru_stime
    phases = [entry["detail"]["phase"] for entry in entries if entry["event"] == "phase"]
    spent = tuple(late - early for early, late in zip(before, after, strict=True))
    return (seconds(entries), seconds(entries, phases[1], phases[2]), *spent, own)


def corpus(folder: Path, megabytes: int) -> None:
    """Write documents of about 50 kB, of invented words."""
    chance = random.Random(7)  # noqa: S311 - the same documents each time
    words = ["".join(chance.choices("abcdefghijklmnoprstuvwz", k=chance.randrange(2, 10))) for _ in range(5_000)]
    folder.mkdir()
    for number in range(megabytes * 20):
        text = "\n\n".join(" ".join(chance.choices(words, k=90)) + "." for _ in range(90))
        (folder / f"page-{number}.md").write_text(f"# Page {number}\n\n{text}\n", encoding="utf-8")


if __name__ == "__main__":
    raise SystemExit(main())

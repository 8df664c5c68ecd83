"""No-op items in a run, journal and status durable, beside a bare thread pool that computes the same.

`python benchmarks/items.py [--most 100000] [--rounds 3]` prints, for 1, 1,000, 10,000 and 100,000 items, the time of a whole
process and what an item costs inside a run over what it costs inside the bare pool. With `--check` it exits with 1 if a figure
is above its bar. Peers that happen to be installed (doit, luigi) are measured for 1,000 tasks.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from datetime import datetime
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parents[1]
SIZES: Final = (1, 1_000, 10_000, 100_000)
BAR_OVER_POOL: Final = 0.1e-3
BAR_GROWTH: Final = 1.2
COMMAND: Final = "from orchestrator.cli.main import main; main()"  # What the installed script does.
POOL: Final = """
import queue, sys, threading, time
items, workers = int(sys.argv[1]), 4
todo, done = queue.SimpleQueue(), queue.SimpleQueue()
def serve():
    while (item := todo.get()) is not None:
        done.put(item)
started = time.perf_counter()
threads = [threading.Thread(target=serve, daemon=True) for _ in range(workers)]
for thread in threads:
    thread.start()
for item in range(items):
    todo.put(item)
for item in range(items):
    done.get()
for thread in threads:
    todo.put(None)
for thread in threads:
    thread.join()
print(time.perf_counter() - started)
"""
DOIT: Final = """
def task_drill():
    for number in range(1000):
        yield {"name": str(number), "actions": [lambda: None]}
"""
LUIGI: Final = """
import luigi
class Drill(luigi.Task):
    number = luigi.IntParameter()
    ran = False
    def run(self): self.ran = True
    def complete(self): return self.ran
luigi.build([Drill(number) for number in range(1000)], local_scheduler=True, workers=1, log_level="ERROR")
"""


def environment() -> dict[str, str]:
    """Return an environment with the drill kind in reach."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "COV_", "ORCHESTRATE_"))}
    return {**kept, "PYTHONPATH": os.pathsep.join([str(ROOT), str(ROOT / "examples" / "drill_kind")])}


def process(arguments: list[str], folder: Path) -> tuple[float, str]:
    """Run a process; return its wall time and what it printed."""
    started = time.perf_counter()
    done = subprocess.run(
        [sys.executable, *arguments], cwd=folder, env=environment(), check=True, capture_output=True, text=True
    )
    return time.perf_counter() - started, done.stdout


def run(items: int, folder: Path) -> tuple[float, float]:
    """Return the wall time of a run's process, and what its job took inside."""
    (folder / "jobs.yaml").write_text(f"version: 1\njobs: {{drill: {{kind: drill, items: {items}}}}}\n", encoding="utf-8")
    wall, printed = process(["-c", COMMAND, "run", "--json"], folder)
    last = json.loads(printed.splitlines()[-1])["run"]
    job = last["jobs"][0]
    if last["state"] != "succeeded" or job["items"]["succeeded"] != items:
        raise SystemExit(f"the run of {items} items ended as {last['state']}")
    return wall, _between(job["started_at"], job["finished_at"])


def _between(started: str, finished: str) -> float:
    """Return seconds between two times of a status file."""
    return (datetime.fromisoformat(finished) - datetime.fromisoformat(started)).total_seconds()


def measure(items: int, rounds: int, folder: Path) -> tuple[float, float, float, float]:
    """Return medians: wall and inside of a run, wall and inside of the pool."""
    rows = []
    for _ in range(rounds):
        pool_wall, pool_inside = process(["-c", POOL, str(items)], folder)
        rows.append((*run(items, folder), pool_wall, float(pool_inside)))
    wall, inside, pool_wall, pool_inside = (statistics.median(column) for column in zip(*rows, strict=True))
    return wall, inside, pool_wall, pool_inside


def main() -> int:
    """Measure, print, and return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--most", type=int, default=SIZES[-1])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--check", action="store_true")
    options = parser.parse_args()
    per_item: dict[int, float] = {}
    over: dict[int, float] = {}
    print("| items | run | inside, per item | bare pool | inside, per item | over the pool |")
    print("|---|---|---|---|---|---|")
    with tempfile.TemporaryDirectory() as name:
        for items in (size for size in SIZES if size <= options.most):
            wall, inside, pool_wall, pool_inside = measure(items, options.rounds, Path(name))
            per_item[items] = inside / items
            over[items] = (inside - pool_inside) / items
            cells = (f"{wall:.3f} s", milliseconds(per_item[items]), f"{pool_wall:.3f} s", milliseconds(pool_inside / items))
            print(f"| {items:,} | {' | '.join(cells)} | {milliseconds(over[items])} |", flush=True)
        peers(Path(name))
    growth = per_item[max(per_item)] / per_item[1_000]
    print(f"\n{max(per_item):,} items cost {growth:.2f} times as much per item as 1,000 (bar: {BAR_GROWTH})")
    above = growth > BAR_GROWTH or any(cost > BAR_OVER_POOL for items, cost in over.items() if items > 1)
    return 1 if options.check and above else 0


def milliseconds(seconds: float) -> str:
    """Return a short time for the table."""
    return f"{seconds * 1000:.3f} ms"


def peers(folder: Path) -> None:
    """Measure 1,000 tasks of the peers that are installed."""
    (folder / "dodo.py").write_text(DOIT, encoding="utf-8")
    (folder / "drills.py").write_text(LUIGI, encoding="utf-8")
    commands = {"doit": ["-m", "doit", "run", "-n", "4", "-P", "thread"], "luigi": ["drills.py"]}
    for name, arguments in commands.items():
        if importlib.util.find_spec(name) is not None:
            print(f"| 1,000 by {name} | {process(arguments, folder)[0]:.3f} s | | | | |")


if __name__ == "__main__":
    raise SystemExit(main())

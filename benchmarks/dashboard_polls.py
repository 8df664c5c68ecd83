"""S12: one poll of the dashboard with 10,000 old runs; with --tabs also the server's CPU and memory with tabs watching.

    python benchmarks/dashboard_polls.py [--runs 10000] [--polls 500] [--names 100000] [--tabs 1 5 20] [--seconds 60]

A poll is what the fragment does: files read, views made, tree built and encoded. A writer refreshes the running run's
status before each poll, so nothing is measured that a cache alone could answer.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import contextmanager
from pathlib import Path
from statistics import linear_regression, mean, median
from typing import TYPE_CHECKING, Final

from dashboard.compose.now import now_page
from dashboard.compose.run import Asked as AskedRun
from dashboard.compose.run import run_page
from dashboard.compose.runs import Asked as AskedRuns
from dashboard.compose.runs import runs_page
from dashboard.nodes import Drawn, h
from dashboard.store import Store
from orchestrator import files
from orchestrator.status.journal import Event as Line
from orchestrator.status.journal import JournalWriter
from orchestrator.status.layout import RunDir, StateDir, new_run_id
from orchestrator.status.models import InFlight, Items, JobStatus, RunStatus, utc
from orchestrator.status.states import State

if TYPE_CHECKING:
    from collections.abc import Iterator

ITEMS: Final = 2_000
WARM: Final = 1_000
SEARCHING: Final = "runs, first search"
TICKS: Final = os.sysconf("SC_CLK_TCK")


def status_of(begun: float, state: State, revision: int = 1) -> RunStatus:
    """Return a status with three jobs and twenty items in hand."""
    ended = utc(begun + 90) if state is not State.RUNNING else None
    hands = [InFlight(key=f"company {number}", started_at=utc(begun), note="page 2 of 7") for number in range(20)]
    jobs = [
        JobStatus(
            name=name, kind="scrape", state=state, attempt=1, started_at=utc(begun), finished_at=ended, rate=3.2,
            items=Items(total=ITEMS, done=revision % ITEMS, succeeded=revision % ITEMS), result={"new": 31, "changed": 4},
            in_flight=hands if ended is None else [], in_flight_total=20 if ended is None else 0,
        )
        for name in ("boards", "remote", "labs")
    ]  # fmt: skip
    return RunStatus(
        revision=revision, run_id=new_run_id(begun), name="nightly", spec_path="jobs.yaml", spec_digest="5a427c3f", state=state,
        created_at=utc(begun), started_at=utc(begun), updated_at=utc(time.time()), finished_at=ended, host=os.uname().nodename,
        pid=os.getpid(), jobs=jobs,
    )  # fmt: skip


def write(run: RunDir, status: RunStatus) -> None:
    """Replace a run's status file."""
    files.write_atomic(run.status, status.model_dump_json().encode(), durable=False)


@contextmanager
def history(folder: Path, runs: int) -> Iterator[tuple[StateDir, RunDir, RunStatus]]:
    """Write a state directory with many old runs and one that goes on, its lease held."""
    state, now = StateDir(folder / ".orchestrate"), time.time()
    for number in range(runs):
        old = status_of(now - 600 * (number + 1), State.FAILED if number % 20 == 0 else State.SUCCEEDED)
        run = state.run(old.run_id)
        run.path.mkdir(parents=True)
        run.status.write_bytes(old.model_dump_json().encode())
    live = status_of(now - 30, State.RUNNING)
    run = state.run(live.run_id)
    run.path.mkdir(parents=True)
    write(run, live)
    journal = JournalWriter(run.journal)
    for number in range(ITEMS):
        journal.record(
            utc(now), Line.ITEM_FINISHED, job="boards", attempt=1, item=f"company {number}", state="succeeded", seconds=0.4
        )
    journal.flush()
    journal.close()
    with files.Lock.acquire(run.lease):
        yield state, run, live


def measure(look: Callable[[], Drawn], before: Callable[[int], None], polls: int) -> tuple[list[float], float]:
    """Return the milliseconds of each poll, and its mean CPU in milliseconds. A search ends when it has seen every run."""
    took, used, searching = [], 0.0, False
    for number in range(polls):
        before(number)
        begun, cpu = time.perf_counter(), time.process_time()
        drawn = look()
        json.dumps(h("div", drawn.tree)[2])
        took.append(1000 * (time.perf_counter() - begun))
        used += time.process_time() - cpu
        if searching and not drawn.searching:
            break
        searching = drawn.searching
    return took, 1000 * used / len(took)


def bodies(state: StateDir, run: RunDir, live: RunStatus, polls: int, *, search: bool = True) -> bool:
    """Print a line for each page; return whether S12 holds."""
    store = Store(state)

    def refresh(number: int) -> None:
        write(run, live.model_copy(update={"revision": number + 2, "updated_at": utc(time.time())}))

    good = True
    print(f"{'page':22}{'polls':>7}{'first':>9}{'p50':>9}{'p95':>9}{'max':>9}{'CPU':>9}   milliseconds a poll")
    for name, look in pages_of(store, run, search=search).items():
        took, cpu = measure(look, refresh, 10_000 if name == SEARCHING else polls)
        steady = sorted(took[1:])
        p95 = steady[int(len(steady) * 0.95)]
        print(f"{name:22}{len(took):7}{took[0]:9.2f}{median(steady):9.2f}{p95:9.2f}{steady[-1]:9.2f}{cpu:9.2f}")
        good = good and p95 < 50 and cpu <= 10
    print(f"S12 (p95 < 50 ms, <= 10 ms CPU): {'holds' if good else 'MISSED'}")
    return good


def pages_of(store: Store, run: RunDir, *, search: bool) -> dict[str, Callable[[], Drawn]]:
    """Return what a poll of each page calls. The first search reads the whole history, a step a poll."""
    pages: dict[str, Callable[[], Drawn]] = {
        "now": lambda: now_page(store, now=time.time()),
        "run": lambda: run_page(store, AskedRun(run.run_id), now=time.time()),
        "runs": lambda: runs_page(store, AskedRuns()),
    }
    if search:
        pages[SEARCHING] = lambda: runs_page(store, AskedRuns(state="failed"))
        pages["runs, filtered"] = lambda: runs_page(store, AskedRuns(state="failed", text="night"))
    return pages


def memory(state: StateDir, run: RunDir, live: RunStatus, polls: int = 1_000) -> bool:
    """Print how this process's memory moves over many polls of every page; return whether it grows by less than 1 %."""
    store, seen = Store(state), []
    pages = list(pages_of(store, run, search=True).values())
    store.scan(3600)
    for number in range(polls + WARM):
        write(run, live.model_copy(update={"revision": number + 2, "updated_at": utc(time.time())}))
        json.dumps(h("div", pages[number % len(pages)]().tree)[2])
        if number >= WARM:
            seen.append(resident(os.getpid()))
    slope = linear_regression(range(len(seen)), seen).slope * polls / mean(seen)
    print(f"memory over {polls} polls: {seen[0]:.1f} -> {seen[-1]:.1f} MB, slope {100 * slope:+.2f} %")
    return slope < 0.01


def names_only(runs: int, polls: int) -> bool:
    """Print the polls of pages over that many runs of which only the newest are ever opened."""
    with tempfile.TemporaryDirectory() as place, history(Path(place), 100) as (state, run, live):
        for number in range(runs):
            (state.runs / new_run_id(time.time() - 1e6 - number)).mkdir()
        print(f"{runs} runs, names only:")
        return bodies(state, run, live, polls, search=False)


def cpu_seconds(pid: int) -> float:
    """Return the CPU time that a process has used."""
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


def resident(pid: int) -> float:
    """Return a process's memory in MB."""
    found = re.search(r"VmRSS:\s+(\d+)", Path(f"/proc/{pid}/status").read_text(encoding="ascii"))
    return int(found[1]) / 1024 if found else 0.0


def with_tabs(folder: Path, tabs: int, seconds: float, tick: Callable[[int], None]) -> None:
    """Print what the server uses while so many tabs watch a run, each polling once a second."""
    from browser_tabs import watch

    command = [sys.executable, "-m", "orchestrator", "dashboard", "--port", "8777", "--state-dir", str(folder / ".orchestrate")]
    with subprocess.Popen(command, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as server:
        try:
            assert server.stdout is not None
            address = next(word for word in server.stdout.readline().split() if word.startswith("http://"))
            watched = watch(address, tabs, seconds, tick, lambda: (cpu_seconds(server.pid), resident(server.pid)))
            used = 1000 * watched.cpu / max(1, len(watched.trips))
            trips = sorted(watched.trips)
            p95 = trips[int(len(trips) * 0.95)]
            print(
                f"{tabs:3} tabs: {used:6.1f} ms CPU a poll, round trip p50 {median(trips):.0f} p95 {p95:.0f} ms, "
                f"{watched.size / 1000:.1f} kB, {watched.memory[0]:.0f} -> {watched.memory[1]:.0f} MB, {len(trips)} polls"
            )
        finally:
            server.kill()


def main() -> None:
    """Measure and print; exit 1 if S12 is missed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=10_000)
    parser.add_argument("--polls", type=int, default=500)
    parser.add_argument("--names", type=int, default=100_000)
    parser.add_argument("--tabs", type=int, nargs="*", default=[])
    parser.add_argument("--seconds", type=float, default=60)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as place, history(Path(place), asked.runs) as (state, run, live):
        good = bodies(state, run, live, asked.polls)
        good = memory(state, run, live) and good
        for tabs in asked.tabs:
            with_tabs(Path(place), tabs, asked.seconds, lambda number: write(run, live.model_copy(update={"revision": number})))
    good = names_only(asked.names, asked.polls) and good if asked.names else good
    sys.exit(0 if good else 1)


if __name__ == "__main__":
    main()

"""Runs that race for one target, and a run beside `prune`: one winner, nothing harmed."""

from __future__ import annotations

import json
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from orchestrator.status import read
from orchestrator.status.layout import StateDir
from orchestrator.status.states import Shown

Maker = Callable[..., Any]
BOTH_QUIET = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}

CHECK_THEN_SET = """
import sys, threading
from pathlib import Path
mark = Path(sys.argv[1])
print("ready", flush=True)
sys.stdin.readline()
if not mark.exists():
    threading.Event().wait(0.2)
    mark.touch()
    print("won", flush=True)
else:
    print("late", flush=True)
"""


def _spec(items: int, seconds: float) -> str:
    job = {"kind": "drill", "items": items, "behaviour": "wait", "seconds": seconds, "concurrency": 2, "output": "out.txt"}
    return f"version: 1\njobs: {json.dumps({'drill': job})}\n"


def _states(root: Path) -> Counter[str]:
    state = StateDir(root / ".orchestrate")
    return Counter(read.look(state.run(run_id)).state.value for run_id in read.run_ids(state))


def test_of_twenty_racing_starts_one_wins_each_time(
    start: Maker,
    verb: Maker,
    project: Maker,
    wait_until: Maker,
    rounds: Callable[[int], Iterator[int]],
    tell: Callable[[str], None],
    whole: bool,
) -> None:
    races, most = 0, 20 if whole else 8
    for _ in rounds(1):
        root = project(_spec(60, 60.0))
        racers = [start("run", "--quiet", cwd=root, **BOTH_QUIET) for _ in range(most)]
        wait_until(lambda racers=racers: sum(racer.poll() is not None for racer in racers) >= most - 1, 200.0, what="refusals")
        assert _states(root) == Counter(running=1)
        assert verb("cancel", cwd=root).code == 0
        assert Counter(racer.wait(60) for racer in racers) == Counter({130: 1, 3: most - 1})
        assert _states(root) == Counter(cancelled=1)
        races += 1
    tell(f"{races} races of {most}: one winner each")


def test_the_same_race_has_several_winners_where_a_start_checks_and_then_sets(tmp_path: Path) -> None:
    command = [sys.executable, "-c", CHECK_THEN_SET, str(tmp_path / "mark")]
    pipes: dict[str, Any] = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    racers = [subprocess.Popen(command, **pipes) for _ in range(20)]
    for racer in racers:
        assert racer.stdout
        assert racer.stdout.readline() == "ready\n"
    for racer in racers:
        assert racer.stdin
        racer.stdin.write("\n")
        racer.stdin.flush()
    answers = [racer.communicate(timeout=60)[0].strip() for racer in racers]
    assert answers.count("won") > 1


def test_runs_and_prunes_beside_each_other_harm_nobody(
    start: Maker, verb: Maker, project: Maker, rounds: Callable[[int], Iterator[int]], tell: Callable[[str], None], whole: bool
) -> None:
    root = project("retention: {runs: 3}\n" + _spec(10, 0.05))
    pruned = runs = 0
    for _ in rounds(3 if whole else 1):
        run = start("run", "--quiet", "--wait", "30s", cwd=root, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
        assert run.stderr
        while run.poll() is None:
            code = verb("prune", "--keep", "1", cwd=root).code
            assert code in {0, 3}
            pruned += code == 0
            if pruned % 50 == 49:
                verb("runs", cwd=root)
        assert run.returncode == 0, run.stderr.read().decode()
        runs += 1
        latest = StateDir(root / ".orchestrate")
        assert read.look(latest.run(read.run_ids(latest)[0])).state is Shown.SUCCEEDED
    assert len((root / "out.txt").read_text(encoding="utf-8").splitlines()) == 10 * runs
    tell(f"{runs} runs beside {pruned} prunes: nothing harmed")

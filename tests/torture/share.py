"""What the torture tests of every area share: seconds to divide among loops, printed seeds, and runs killed at random moments.

ORCHESTRATE_TORTURE_SECONDS is how long all the loops of a call may take together; without it each one has 20 seconds and
nothing is left out. ORCHESTRATE_TORTURE_SEED repeats what was random.
"""

from __future__ import annotations

import os
import random
import subprocess
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import pytest

from orchestrator.status import journal, read
from orchestrator.status.journal import Event
from orchestrator.status.layout import RunDir, StateDir
from orchestrator.status.read import Seen
from orchestrator.status.states import FINAL, Shown

LOOP_SECONDS: Final = 20.0
END_SECONDS: Final = 0.1
PATIENCE_SECONDS: Final = 200.0  # For an attempt that nobody kills, on whatever machine.
POLL_SECONDS: Final = 0.005
_loops: Final = pytest.StashKey[int]()


def pytest_configure() -> None:
    """Choose the seed once for every process of a call: all of them have to leave out the same tests."""
    os.environ.setdefault("ORCHESTRATE_TORTURE_SEED", str(random.SystemRandom().randrange(2**32)))


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Of tests that are alike but for a parameter, a share of the torture runs some, chosen by chance."""
    alike = [item for item in items if item.get_closest_marker("torture") and item.get_closest_marker("alike")]
    if not alike or not os.environ.get("ORCHESTRATE_TORTURE_SECONDS"):
        return
    left_out = set(random.Random(_seed()).sample(alike, len(alike) * 2 // 3))
    config.hook.pytest_deselected(items=list(left_out))
    items[:] = [item for item in items if item not in left_out]


def pytest_collection_finish(session: pytest.Session) -> None:
    """Count the loops that were chosen, and give what is tortured time enough on a machine that does other things, too."""
    loops = ["rounds" in getattr(item, "fixturenames", ()) for item in session.items]
    session.config.stash[_loops] = max(1, sum(loops))
    limit = pytest.mark.timeout(_loop_seconds(session.config) * 4 + 240)
    for item in session.items:
        if item.get_closest_marker("torture") and not item.get_closest_marker("timeout"):
            item.add_marker(limit)


def _seed() -> int:
    return int(os.environ["ORCHESTRATE_TORTURE_SEED"])


def _loop_seconds(config: pytest.Config) -> float:
    together = os.environ.get("ORCHESTRATE_TORTURE_SECONDS")
    return float(together) / config.stash[_loops] if together else LOOP_SECONDS


@pytest.fixture
def whole(request: pytest.FixtureRequest) -> bool:
    """Whether there is time for everything; else a smaller size has to show the same."""
    return _loop_seconds(request.config) >= LOOP_SECONDS


@pytest.fixture
def rounds(request: pytest.FixtureRequest) -> Callable[[int], Iterator[int]]:
    """Count rounds until the loop's seconds are used up, but at least as many as asked for."""

    def count(least: int) -> Iterator[int]:
        end = time.monotonic() + _loop_seconds(request.config)
        number = 0
        while number < least or time.monotonic() < end:
            yield number
            number += 1

    return count


@pytest.fixture
def tell(capsys: pytest.CaptureFixture[str], request: pytest.FixtureRequest) -> Callable[[str], None]:
    """Print a figure of the release bar."""

    def say(text: str) -> None:
        with capsys.disabled():
            print(f"\n{request.node.name}: {text}", flush=True)  # noqa: T201 - the figure is what the run is for

    return say


@pytest.fixture
def chance(tell: Callable[[str], None]) -> random.Random:
    """Return a source of chance whose seed is printed."""
    seed = _seed()
    tell(f"ORCHESTRATE_TORTURE_SEED={seed}")
    return random.Random(seed)


def latest(root: Path) -> Seen | None:
    """Return the latest run of a project as readers see it."""
    state = StateDir(root / ".orchestrate")
    runs = read.run_ids(state)
    return read.look(state.run(runs[0])) if runs else None


def _nothing(directory: RunDir) -> None:
    """Do nothing between two attempts."""


@dataclass
class Lives:
    """One run that is killed and resumed until it succeeds. `kills` tells what it was doing each time.

    `begin` starts a verb as a process; `nearly_done` tells that what remains is the run's end. `longest` seconds are about
    what an undisturbed run takes. `wrong` collects what must not be.
    """

    root: Path
    begin: Callable[[str], subprocess.Popen[bytes]]
    nearly_done: Callable[[], bool]
    longest: float
    chance: random.Random
    kills: Counter[str] = field(default_factory=Counter)
    wrong: list[str] = field(default_factory=list)

    def __call__(self, between: Callable[[RunDir], None] = _nothing) -> None:
        """Kill and resume; `between` is called with the run before each attempt but the first."""
        while not self.wrong:
            seen = latest(self.root)
            if seen is not None and seen.state is Shown.SUCCEEDED:
                return
            if seen is not None:
                between(seen.directory)
            self._attempt("run" if seen is None else "resume")

    def _attempt(self, verb: str) -> None:
        begun, only_the_end = _begun(self.root), self.nearly_done()
        process = self.begin(verb)
        moment = self.chance.choice(["at the start", "anywhere", "anywhere", "at the end", "never"])
        if moment == "at the end" and not only_the_end:
            self._await_the_end(process)
        shorter = {"at the start": self.longest / 3, "at the end": self.longest if only_the_end else END_SECONDS}
        seconds = self.chance.uniform(0, shorter.get(moment, self.longest))
        try:
            code = process.wait(PATIENCE_SECONDS if moment == "never" else seconds)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
            self._judge_kill(begun)
        else:
            if code != 0:
                self.wrong.append(f"{verb} ended with {code}")

    def _await_the_end(self, process: subprocess.Popen[bytes]) -> None:
        pause = threading.Event()
        while not self.nearly_done() and process.poll() is None:
            pause.wait(POLL_SECONDS)

    def _judge_kill(self, begun: int) -> None:
        seen = latest(self.root)
        if seen is not None and seen.status.state in FINAL and _begun(self.root) > begun:
            self.kills["behind the last status"] += 1
        elif _begun(self.root) == begun:
            self.kills["at start-up"] += 1
        else:
            self.kills["at the end" if self.nearly_done() else "at work"] += 1
        if seen is not None and seen.status.state not in FINAL and seen.state is not Shown.INTERRUPTED:
            self.wrong.append(f"a killed run reads as {seen.state}")


def _begun(root: Path) -> int:
    """Return how many attempts of the latest run the journal knows."""
    seen = latest(root)
    entries = journal.read(seen.directory.journal).entries if seen else ()
    return sum(entry.event is Event.RUN_STARTED for entry in entries)


@pytest.fixture
def lives(chance: random.Random, tell: Callable[[str], None]) -> Iterator[Callable[..., Lives]]:
    """Return a maker of runs that are killed and resumed. How often, and where, is told when the test ends."""
    made: list[Lives] = []

    def make(
        root: Path, begin: Callable[[str], subprocess.Popen[bytes]], nearly_done: Callable[[], bool], longest: float
    ) -> Lives:
        made.append(Lives(root, begin, nearly_done, longest, chance))
        return made[-1]

    yield make
    kills = sum((each.kills for each in made), Counter())
    where = ", ".join(f"{count} {what}" for what, count in sorted(kills.items()))
    wrong = sum(len(each.wrong) for each in made)
    tell(f"{kills.total()} kills of {len(made)} runs ({where}), {wrong} wrong")

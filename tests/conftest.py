"""What the tests of every area share: the command line, projects, waiting for processes, and the thread check."""

from __future__ import annotations

import io
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import redirect_stderr, redirect_stdout, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import pytest
import typer

ROOT: Final = Path(__file__).resolve().parent.parent
THREAD_PATIENCE: Final = 5.0
POLL_SECONDS: Final = 0.01
pytest_plugins = ["tests.torture.share"]

for _signal in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
    # A shell that starts the suite in the background has its children ignore signals; the program keeps that on purpose.
    if signal.getsignal(_signal) is signal.SIG_IGN:
        signal.signal(_signal, signal.default_int_handler if _signal is signal.SIGINT else signal.SIG_DFL)


@dataclass(frozen=True)
class Ended:
    """How a command ended. A process that was killed by a signal has the negative signal number as code, as in subprocess."""

    code: int
    stdout: str
    stderr: str

    def json(self) -> Any:
        return json.loads(self.stdout)

    @property
    def text(self) -> str:
        return self.stdout + self.stderr


@pytest.fixture(autouse=True)
def no_thread_outlives_its_test() -> Iterator[None]:
    """TQ-10: what a test starts has ended a few seconds after it, or the test failed to end it."""
    before = set(threading.enumerate())
    yield
    end = time.monotonic() + THREAD_PATIENCE
    for thread in set(threading.enumerate()) - before:
        thread.join(max(0.0, end - time.monotonic()))
    left = sorted(thread.name for thread in set(threading.enumerate()) - before)
    assert not left, f"these threads outlive the test: {', '.join(left)}"


@pytest.fixture
def gate() -> Iterator[threading.Event]:
    """An event that is set when the test ends: what waits for it can't outlive the test."""
    event = threading.Event()
    yield event
    event.set()


@pytest.fixture(scope="session")
def wait_until() -> Callable[..., Any]:
    """Wait for something that another process does; returns the predicate's first true value, or fails."""

    def wait(predicate: Callable[[], Any], seconds: float = 20.0, *, what: str = "it") -> Any:
        pause, end = threading.Event(), time.monotonic() + seconds
        while not (value := predicate()):
            assert time.monotonic() < end, f"{what} didn't happen within {seconds:g} s"
            pause.wait(POLL_SECONDS)
        return value

    return wait


@pytest.fixture(scope="session")
def clean_environment() -> dict[str, str]:
    """Return the environment of a person's shell without CI, with the drill kind in reach."""
    dropped = ("CI", "GITHUB_", "ORCHESTRATE_", "PYTEST_", "PYTHON", "NO_COLOR", "FORCE_COLOR", "COLUMNS", "LINES", "COV_")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(dropped)}
    path = os.pathsep.join([str(ROOT), str(ROOT / "examples" / "drill_kind")])
    return {**kept, "PYTHONPATH": path, "TERM": "xterm", "LC_ALL": "C.UTF-8"}


@pytest.fixture
def project(tmp_path: Path) -> Callable[..., Path]:
    """Return a maker of projects: a folder with a jobs.yaml of the given text, and other files by name."""
    made: list[Path] = []

    def make(spec: str, files: Mapping[str, str] | None = None) -> Path:
        root = tmp_path / f"project-{len(made)}"
        made.append(root)
        root.mkdir()
        for name, text in {"jobs.yaml": spec, **(files or {})}.items():
            path = root / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
        return root

    return make


@pytest.fixture
def orchestrate(clean_environment: dict[str, str]) -> Callable[..., Ended]:
    """Run the command line as a process of its own and wait for its end."""

    def run(
        *arguments: str,
        cwd: Path,
        env: Mapping[str, str] | None = None,
        input: str = "",  # noqa: A002 - subprocess calls it so
        timeout: float = 50.0,
    ) -> Ended:
        done = subprocess.run(
            [sys.executable, "-m", "orchestrator", *arguments],
            cwd=cwd,
            env={**clean_environment, **(env or {})},
            input=input.encode(),
            capture_output=True,
            timeout=timeout,
            check=False,
        )
        return Ended(done.returncode, done.stdout.decode(), done.stderr.decode())

    return run


@pytest.fixture
def start(clean_environment: dict[str, str]) -> Iterator[Callable[..., subprocess.Popen[bytes]]]:
    """Start the command line in the background; what still runs when the test ends is killed.

    Pipes are read by `communicate` only, so output of more than a pipe's size needs `stderr=subprocess.DEVNULL`.
    """
    started: list[subprocess.Popen[bytes]] = []

    def run(*arguments: str, cwd: Path, env: Mapping[str, str] | None = None, **options: Any) -> subprocess.Popen[bytes]:
        pipes = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
        command = [sys.executable, "-m", "orchestrator", *arguments]
        process = subprocess.Popen(command, cwd=cwd, env={**clean_environment, **(env or {})}, **{**pipes, **options})
        started.append(process)
        return process

    yield run
    for process in started:
        if process.poll() is None:
            with suppress(ProcessLookupError):
                process.send_signal(signal.SIGKILL)
        process.wait(timeout=10)
        for pipe in (process.stdin, process.stdout, process.stderr):
            if pipe is not None:
                pipe.close()


@pytest.fixture
def verb(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Callable[..., Ended]:
    """Run a verb in this process: a tenth of the time. Not for runs that leave threads behind, which end the process."""
    for name in ("CI", "GITHUB_STEP_SUMMARY", "ORCHESTRATE_STATE_DIR", "FORCE_COLOR"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setattr(sys, "excepthook", sys.excepthook)  # the verbs install their own

    def run(*arguments: str, cwd: Path | None = None) -> Ended:
        from orchestrator.cli.main import app

        monkeypatch.chdir(cwd or tmp_path)
        stdout, stderr = io.StringIO(), io.StringIO()
        with redirect_stdout(stdout), redirect_stderr(stderr):
            code = _exit_code(app, list(arguments))
        return Ended(code, stdout.getvalue(), stderr.getvalue())

    return run


def _exit_code(app: typer.Typer, arguments: list[str]) -> int:
    try:
        typer.main.get_command(app)(arguments, prog_name="orchestrate")
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else int(end.code is not None)
    return 0


SCHEDULER: Final = """
import asyncio, sys
from distributed import Scheduler, Worker

async def main(inside):
    async with Scheduler(host="127.0.0.1", port=0, dashboard=False) as scheduler:
        workers = [await Worker(scheduler.address, nthreads=1, host="127.0.0.1", dashboard=False) for _ in range(inside)]
        print(f"address={scheduler.address}", flush=True)
        await scheduler.finished()

asyncio.run(main(int(sys.argv[1])))
"""


class Cluster:
    """A Dask scheduler on loopback, with workers inside of its process, and others as processes of their own."""

    def __init__(self, folder: Path, environment: Mapping[str, str], inside: int) -> None:
        self.folder = folder
        self.workers: list[subprocess.Popen[bytes]] = []
        self._environment = dict(environment)
        self.scheduler = self._start("scheduler", "-c", SCHEDULER, str(inside))
        self._wait_for(lambda: "address=" in self.log("scheduler"))
        self.address = next(line[8:] for line in self.log("scheduler").splitlines() if line.startswith("address="))

    @property
    def engine(self) -> str:
        return self.address.replace("tcp://", "dask://")

    def add_worker(self, *options: str) -> None:
        """Start a worker of one thread, and wait until the scheduler has it."""
        number = len(self.workers)
        places = ["--local-directory", str(self.folder), "--no-dashboard", "--nthreads", "1", *(options or ["--no-nanny"])]
        self.workers.append(self._start(f"worker-{number}", "-m", "distributed.cli.dask_worker", self.address, *places))
        self._wait_for(lambda: "Registered to" in self.log(f"worker-{number}"))

    def log(self, name: str) -> str:
        return (self.folder / f"{name}.log").read_text(encoding="utf-8")

    def close(self) -> None:
        for process in (*self.workers, self.scheduler):
            process.terminate()
        for process in (*self.workers, self.scheduler):
            with suppress(subprocess.TimeoutExpired):
                process.wait(5)
            process.kill()
            process.wait()

    def _start(self, name: str, *arguments: str) -> subprocess.Popen[bytes]:
        command = [sys.executable, *arguments]
        with (self.folder / f"{name}.log").open("wb") as output:
            return subprocess.Popen(command, stdout=output, stderr=output, env=self._environment, cwd=self.folder)

    @staticmethod
    def _wait_for(predicate: Callable[[], bool]) -> None:
        pause, end = threading.Event(), time.monotonic() + 100
        while not predicate():
            assert time.monotonic() < end, "the cluster didn't start"
            pause.wait(POLL_SECONDS)


@pytest.fixture(scope="module")
def cluster_of(tmp_path_factory: pytest.TempPathFactory, clean_environment: dict[str, str]) -> Iterator[Callable[..., Cluster]]:
    """Return a maker of clusters whose workers find the units of tests, and modules in the given folders.

    A unit may kill two workers before Dask gives it up.
    """
    clusters: list[Cluster] = []
    path = os.pathsep.join([clean_environment["PYTHONPATH"], str(ROOT / "tests" / "engine" / "on_workers")])
    environment = {**clean_environment, "DASK_DISTRIBUTED__SCHEDULER__ALLOWED_FAILURES": "1"}

    def make(inside: int, *folders: Path) -> Cluster:
        found = {"PYTHONPATH": os.pathsep.join([path, *map(str, folders)])}
        clusters.append(Cluster(tmp_path_factory.mktemp("cluster"), {**environment, **found}, inside))
        return clusters[-1]

    yield make
    for cluster in clusters:
        cluster.close()


@pytest.fixture(scope="module")
def cluster(cluster_of: Callable[..., Cluster]) -> Cluster:
    """A cluster of two workers that the tests of a module share."""
    cluster: Cluster = cluster_of(0)
    for _ in range(2):
        cluster.add_worker()
    return cluster

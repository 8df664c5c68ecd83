"""How the dashboard ends: at once, with the signal's exit code, without a traceback, at whatever moment it is asked."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from http import HTTPStatus
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

import pytest

from orchestrator.errors import ExitCode

# By which line of Python's report of its imports a moment is known: from our own first line to the last before it serves.
MOMENTS = (
    "typer.core", "orchestrator.cli.main", "orchestrator.cli.terminal", "orchestrator.cli.options", "streamlit.config",
    "streamlit.runtime", "streamlit.web.cli", "uvicorn",
)  # fmt: skip
ASKED = {
    "Ctrl-C": ([signal.SIGINT], ExitCode.SIGINT, MOMENTS),
    "Ctrl-C, Ctrl-C": ([signal.SIGINT, signal.SIGINT], ExitCode.SIGINT, ("streamlit.config", "uvicorn")),
    "SIGTERM": ([signal.SIGTERM], ExitCode.SIGTERM, ("orchestrator.cli.main", "streamlit.runtime")),
    "SIGHUP": ([signal.SIGHUP], ExitCode.SIGTERM, ("streamlit.web.cli",)),
}
pytestmark = pytest.mark.timeout(120)


def a_port() -> int:
    with closing(socket.socket()) as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port


def listens(port: int) -> bool:
    with closing(socket.socket()) as probe:
        # Linux may connect a socket with itself where nobody listens.
        return probe.connect_ex(("127.0.0.1", port)) == 0 and probe.getsockname() != probe.getpeername()


@contextmanager
def begun(folder: Path, port: int, *flags: str, **options: Any) -> Iterator[subprocess.Popen[str]]:
    """Start the dashboard in a session of its own, with flags of Python's."""
    command = [sys.executable, *flags, "-m", "orchestrator", "dashboard", "--port", str(port)]
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}
    pipes: dict[str, Any] = {"stdout": subprocess.DEVNULL, "stderr": subprocess.PIPE, "text": True}
    with subprocess.Popen(command, cwd=folder, env=environment, start_new_session=True, **pipes, **options) as process:
        try:
            yield process
        finally:
            process.kill()


def members(session: int) -> list[str]:
    """Return the processes of a session that have not ended."""
    found = subprocess.run(["ps", "-s", str(session), "-o", "pid=,stat=,args="], capture_output=True, text=True, check=False)
    return [line for line in found.stdout.splitlines() if line.split()[1][0] != "Z"]


@pytest.mark.parametrize(("asked", "moment"), [(asked, moment) for asked, (*_, when) in ASKED.items() for moment in when])
def test_asked_while_it_starts_it_leaves_nothing_behind(tmp_path: Path, asked: str, moment: str) -> None:
    numbers, code, _ = ASKED[asked]
    port = a_port()
    with begun(tmp_path, port, "-X", "importtime") as process:  # So on stderr it tells each module that was imported.
        assert process.stderr is not None
        said = ""
        for line in process.stderr:
            said += line
            if line.rpartition("|")[2].strip() == moment:
                break
        for number in numbers:
            process.send_signal(number)
        said += process.communicate(timeout=20)[1]
        # Before the verb has begun the system ends the process; a shell calls that by the same code.
        assert process.returncode in {code, -numbers[0]}
        assert "Traceback" not in said
        assert "Aborted" not in said
        assert not listens(port)
        assert members(process.pid) == []


@pytest.mark.parametrize("asked", ASKED)
def test_asked_while_it_serves_it_leaves_nothing_behind(tmp_path: Path, asked: str, wait_until: Callable[..., Any]) -> None:
    numbers, code, _ = ASKED[asked]
    port = a_port()
    with begun(tmp_path, port) as process:
        wait_until(lambda: process.poll() is not None or listens(port), 60, what="the dashboard")
        with closing(HTTPConnection("127.0.0.1", port)) as tab:
            tab.request("GET", "/")
            assert tab.getresponse().status == HTTPStatus.OK
            for number in numbers:
                process.send_signal(number)
            said = process.communicate(timeout=20)[1]
        assert process.returncode == code
        assert "Traceback" not in said
        assert said.endswith("stopped\n")
        assert not listens(port)
        assert members(process.pid) == []


def test_a_signal_that_its_parent_ignores_is_ignored(tmp_path: Path, wait_until: Callable[..., Any]) -> None:
    """As a shell without job control does for the SIGINT of what it starts in the background, and `nohup` for SIGHUP."""
    port = a_port()
    with begun(tmp_path, port, preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_IGN)) as process:
        wait_until(lambda: process.poll() is not None or listens(port), 60, what="the dashboard")
        process.send_signal(signal.SIGINT)
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=20)
        assert process.returncode == ExitCode.SIGTERM

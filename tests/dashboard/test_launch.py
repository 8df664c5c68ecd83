"""`orchestrate dashboard`: the address, the port, the flags, and who may connect."""

from __future__ import annotations

import http.client
import signal
import socket
import subprocess
import sys
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
import typer

from dashboard.options import options
from orchestrator.cli import dashboard as verb
from orchestrator.errors import ExitCode, MissingExtra, UsageError


def handshake(address: str, host: str, origin: str) -> str:
    """Ask for the page's websocket with a Host and an Origin; return the status line."""
    port = int(address.rpartition(":")[2])
    with closing(socket.create_connection(("127.0.0.1", port), timeout=5)) as connection:
        connection.sendall(
            f"GET /_stcore/stream HTTP/1.1\r\nHost: {host}\r\nOrigin: {origin}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
            "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n".encode()
        )
        return connection.recv(200).decode(errors="replace").partition("\r\n")[0]


def test_it_starts_without_any_run_takes_the_next_port_refuses_strangers_and_ends(
    tmp_path: Path, launch: Callable[..., Any]
) -> None:
    with closing(socket.socket()) as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with launch(tmp_path, "--port", str(port), "--refresh", "0.5") as (process, address):
            assert int(address.rpartition(":")[2]) > port
            host = address.removeprefix("http://")
            assert " 101 " in handshake(address, host, address)
            assert " 101 " not in handshake(address, "evil.example", "http://evil.example")
            assert " 101 " not in handshake(address, host, "http://evil.example")
            process.send_signal(signal.SIGINT)
            assert process.wait(20) == ExitCode.SIGINT
            errors = process.stderr.read() if process.stderr else ""
            assert "Traceback" not in errors
            assert f"port {port} is taken" in errors
    assert not (tmp_path / ".orchestrate").exists()


def test_a_closed_standard_output_is_no_reason_to_stop(tmp_path: Path, wait_until: Callable[..., Any]) -> None:
    port = a_port()
    command = ["sh", "-c", f'exec "$0" -m orchestrator dashboard --port {port} >&-', sys.executable]
    with subprocess.Popen(command, cwd=tmp_path, stderr=subprocess.PIPE, text=True) as process:
        try:
            wait_until(lambda: process.poll() is not None or answers(port), 60, what="the dashboard")
            assert process.poll() is None
        finally:
            process.send_signal(signal.SIGINT)
            _, errors = process.communicate(timeout=20)
    assert "Traceback" not in errors
    assert process.returncode == ExitCode.SIGINT


def test_open_opens_its_address_in_the_browser_of_the_person(
    tmp_path: Path, launch: Callable[..., Any], wait_until: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    browser, opened = tmp_path / "browser", tmp_path / "opened"
    browser.write_text(f"#!{sys.executable}\n{BROWSER}")
    browser.chmod(0o755)
    monkeypatch.setenv("BROWSER", str(browser))
    for name in ("XDG_CURRENT_DESKTOP", "DESKTOP_SESSION", "DISPLAY", "WAYLAND_DISPLAY"):
        monkeypatch.delenv(name, raising=False)
    with launch(tmp_path, "--port", str(a_port()), "--open") as (_, address):
        wait_until(lambda: opened.exists() and opened.read_text().endswith("\n"), what="the browser")
        asked_for, blocked = opened.read_text().splitlines()
    assert asked_for == address
    assert blocked == "set()"  # It can be asked to end; the dashboard's own threads block what asks.


BROWSER = """
import pathlib, signal, sys
pathlib.Path(sys.argv[0]).with_name("opened").write_text(f"{sys.argv[1]}\\n{signal.pthread_sigmask(signal.SIG_BLOCK, [])}\\n")
"""


def a_port() -> int:
    """Return a port that nobody listens on, another one each time."""
    with closing(socket.socket()) as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port


def answers(port: int) -> bool:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=2)
    with closing(connection):
        try:
            connection.request("GET", "/")
            return connection.getresponse().status == http.HTTPStatus.OK
        except (OSError, http.client.HTTPException):  # The latter from itself: Linux may connect so where nobody listens.
            return False


def test_it_listens_on_this_machine_only_and_sends_nothing_out() -> None:
    arguments = verb.streamlit_arguments(8501)
    for flag in (
        "--server.address=127.0.0.1", "--server.allowedHosts=localhost", "--server.allowedHosts=127.0.0.1",
        "--server.headless=true", "--browser.gatherUsageStats=false", "--client.showErrorDetails=none",
        "--client.showErrorLinks=false",
        "--server.fileWatcherType=none",
    ):  # fmt: skip
        assert flag in arguments


def test_every_flag_is_one_that_streamlit_knows() -> None:
    from streamlit import config

    known = config.get_config_options()
    names = {argument[2:].partition("=")[0] for argument in verb.streamlit_arguments(1) if argument.startswith("--")}
    assert names <= set(known)


def test_a_missing_streamlit_is_a_sentence_with_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(verb, "find_spec", lambda _: None)
    with pytest.raises(MissingExtra, match="extra `dashboard`"):
        verb.dashboard()


def test_no_free_port_close_by_is_a_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(verb, "PORTS_TRIED", 0)
    with pytest.raises(UsageError, match="no port from 8501"):
        verb.free_port(8501)


def test_what_the_launcher_says_is_what_the_pages_hear(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    said: list[str] = []
    monkeypatch.setattr(verb, "serve", said.extend)
    monkeypatch.setattr(verb, "end_on_signals", lambda: None)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "jobs.yaml").write_text("version: 1\nstate_dir: elsewhere\njobs: {}\n")
    verb.dashboard(port=8501, refresh=2.0)
    heard = options(said[said.index("--") + 1 :])
    assert (heard.state_dir, heard.root, heard.refresh) == (tmp_path / "elsewhere", tmp_path, 2.0)
    paces = [heard.pace(active=True), heard.pace(active=False), heard.pace(active=False, searching=True)]
    assert paces == [2.0, 5.0, 0.1]
    assert heard.place == "--state-dir elsewhere"
    with pytest.raises(SystemExit):
        options(["--refresh", "11"])


def test_the_verb_is_a_typer_application() -> None:
    assert isinstance(verb.app, typer.Typer)

"""`orchestrate dashboard`: starts the read-only dashboard on this machine."""

from __future__ import annotations

import os
import socket
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated, Final

import typer

from orchestrator.cli import terminal
from orchestrator.cli.options import File, StateDirectory
from orchestrator.cli.project import find_state_dir
from orchestrator.errors import MissingExtra, UsageError

ADDRESS: Final = "127.0.0.1"
PORTS_TRIED: Final = 50
HIGHEST_PORT: Final = 65_535

app = typer.Typer(rich_markup_mode=None, add_completion=False)


@app.command()
def dashboard(
    file: File = None,
    port: Annotated[
        int, typer.Option("--port", min=1, max=HIGHEST_PORT, help="The port; the next free one if it is taken.")
    ] = 8501,
    state_dir: StateDirectory = None,
    open_browser: Annotated[bool, typer.Option("--open", help="Open it in the browser.")] = False,
    refresh: Annotated[
        float, typer.Option("--refresh", min=0.1, max=10, help="Seconds between two looks while something runs.")
    ] = 1.0,
) -> None:
    """Show what runs and what was found, in a browser on this machine. It reads and never writes.

    \b
    Examples:
      orchestrate dashboard                    on http://127.0.0.1:8501
      orchestrate dashboard --open             and open it
      orchestrate dashboard --state-dir DIR    of another project
    """  # noqa: D301 - \b is Typer's mark for a paragraph that isn't wrapped
    if find_spec("streamlit") is None:
        raise MissingExtra("the dashboard", "dashboard")
    state = find_state_dir(file, state_dir)
    root = file.parent if file is not None and file.is_file() else file or Path()
    free = free_port(port)
    if free != port:
        terminal.say(f"port {port} is taken")
    terminal.show(f"the dashboard is at http://{ADDRESS}:{free}  (Ctrl-C ends it)")
    pages = ["--state-dir", str(state.path), "--root", str(root.absolute()), "--refresh", str(refresh)]
    arguments = [sys.executable, *streamlit_arguments(free, open_browser=open_browser), "--", *pages]
    os.execv(sys.executable, arguments)  # noqa: S606 - our own interpreter, no shell; Ctrl-C then reaches Streamlit itself


def free_port(first: int) -> int:
    """Return the first port from `first` on that nobody listens on. Raises UsageError if there is none close by."""
    for port in range(first, min(first + PORTS_TRIED, HIGHEST_PORT + 1)):
        with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
            # As the server does: a port that a closed connection still lingers on counts as free.
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((ADDRESS, port))
            except OSError:
                continue
            return port
    raise UsageError(f"no port from {first} on is free", hint="choose another one with --port")


def streamlit_arguments(port: int, *, open_browser: bool) -> list[str]:
    """Return Streamlit's command line. Allowed hosts keep out pages that rebind a name of theirs to this machine."""
    script = find_spec("dashboard")
    if script is None or script.origin is None:
        raise MissingExtra("the dashboard", "dashboard")
    options = {
        "server.address": ADDRESS,
        "server.port": str(port),
        "server.headless": "false" if open_browser else "true",
        "server.showEmailPrompt": "false",
        "server.fileWatcherType": "none",
        "server.runOnSave": "false",
        "server.enableStaticServing": "false",
        "server.maxUploadSize": "1",
        "browser.gatherUsageStats": "false",
        "browser.serverAddress": ADDRESS,
        "client.toolbarMode": "viewer",
        "client.showErrorDetails": "none",
        "client.showErrorLinks": "false",
        "runner.magicEnabled": "false",
        "logger.hideWelcomeMessage": "true",
        "logger.level": "warning",
    }
    flags = [f"--{name}={value}" for name, value in options.items()]
    hosts = [f"--server.allowedHosts={host}" for host in ("localhost", ADDRESS)]
    return ["-m", "streamlit", "run", str(Path(script.origin).with_name("app.py")), *flags, *hosts]

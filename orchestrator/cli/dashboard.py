"""`orchestrate dashboard`: starts the read-only dashboard on this machine."""

from __future__ import annotations

import os
import signal
import socket
import sys
import threading
from contextlib import closing, suppress
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated, Final, NoReturn

import typer

from orchestrator.cli import terminal
from orchestrator.cli.options import File, StateDirectory
from orchestrator.cli.project import find_state_dir
from orchestrator.errors import ExitCode, MissingExtra, UsageError

ADDRESS: Final = "127.0.0.1"
PORTS_TRIED: Final = 50
HIGHEST_PORT: Final = 65_535
ENDING: Final = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
_OPEN: Final = "import sys, webbrowser; webbrowser.open(sys.argv[1])"

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
    end_on_signals()
    state = find_state_dir(file, state_dir)
    root = file.parent if file is not None and file.is_file() else file or Path()
    free = free_port(port)
    if free != port:
        terminal.say(f"port {port} is taken")
    terminal.show(f"the dashboard is at http://{ADDRESS}:{free}  (Ctrl-C ends it)")
    if open_browser:
        threading.Thread(target=_open_when_it_answers, args=(free,), name="open", daemon=True).start()
    pages = ["--state-dir", str(state.path), "--root", str(root.absolute()), "--refresh", str(refresh)]
    serve([*streamlit_arguments(free), "--", *pages])


def end_on_signals() -> None:
    """From now on Ctrl-C, SIGTERM and SIGHUP end the process at once, with 130 or 143, whatever it is doing.

    They are blocked in every thread, and one thread waits for them. A handler would not do: Streamlit puts its own in its
    place, and while it is imported, or its loop begins or closes, an interrupt is a traceback. Nothing has to be brought to an
    end: the dashboard only reads. A signal that whoever started it has it ignore stays ignored.
    """
    heard = {one for one in ENDING if signal.getsignal(one) is not signal.SIG_IGN}
    signal.pthread_sigmask(signal.SIG_BLOCK, ENDING)
    if heard:
        threading.Thread(target=_end_on, args=(heard,), name="signals", daemon=True).start()


def _end_on(heard: set[signal.Signals]) -> NoReturn:
    number = signal.sigwait(heard)
    with suppress(OSError):  # The terminal may be what has gone.
        terminal.say("\nstopped" if terminal.is_terminal(sys.stderr) else "stopped")
    os._exit(int(ExitCode.SIGINT if number == signal.SIGINT else ExitCode.SIGTERM))


def serve(arguments: list[str]) -> None:
    """Run Streamlit in this process until a signal ends it. Raises SystemExit if it can't be started."""
    from streamlit.web.cli import main

    main(arguments, prog_name="streamlit")


def _open_when_it_answers(port: int) -> None:
    """Open the address in the person's browser, by a process that blocks no signals: the browser would inherit that."""
    pause = threading.Event()
    while not _answers(port):
        pause.wait(0.1)
    command = [sys.executable, "-c", _OPEN, f"http://{ADDRESS}:{port}"]
    os.waitpid(os.posix_spawn(sys.executable, command, os.environ, setsigmask=()), 0)


def _answers(port: int) -> bool:
    with closing(socket.socket(socket.AF_INET, socket.SOCK_STREAM)) as probe:
        # Linux may connect a socket with itself where nobody listens.
        return probe.connect_ex((ADDRESS, port)) == 0 and probe.getsockname() != probe.getpeername()


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


def streamlit_arguments(port: int) -> list[str]:
    """Return Streamlit's command line. Allowed hosts keep out pages that rebind a name of theirs to this machine."""
    script = find_spec("dashboard")
    if script is None or script.origin is None:
        raise MissingExtra("the dashboard", "dashboard")
    options = {
        "server.address": ADDRESS,
        "server.port": str(port),
        "server.headless": "true",
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
    return ["run", str(Path(script.origin).with_name("app.py")), *flags, *hosts]

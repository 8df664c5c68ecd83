"""`orchestrate bundle`: a redacted report of one run, for a bug report."""

from __future__ import annotations

import io
import json
import platform
import tarfile
import time
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Annotated, Final

import typer

from orchestrator import __version__, files
from orchestrator.cli import options, project, terminal
from orchestrator.redact import Redactor
from orchestrator.status import read

app = typer.Typer(rich_markup_mode=None, add_completion=False)
Output = Annotated[
    Path | None, typer.Option("--output", "-o", metavar="FILE", help="Where to write; default: here.", show_default=False)
]
PACKAGES: Final = ("pydantic", "pyyaml", "typer", "rich", "httpx", "sqlalchemy", "streamlit", "llama-index-core", "wordllama")
MOST_BYTES: Final = 2_000_000  # Of each file, its end: that is where the trouble stands.


@app.command()
def bundle(
    run: options.Run = None,
    file: options.File = None,
    state_dir: options.StateDirectory = None,
    output: Output = None,
) -> None:
    """Pack spec, status, journal and log of a run, redacted, with the versions of this machine.

    \b
    Examples:
      orchestrate bundle
      orchestrate bundle 7f3a1b2c -o report.tar.gz
    """  # noqa: D301 - \b is Typer's mark for a paragraph that isn't wrapped
    directory = read.find(project.find_state_dir(file, state_dir), run)
    redact = Redactor([str(Path.home())])
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as archive:
        _add(archive, "machine.json", json.dumps(_machine(), indent=1).encode())
        for path in (directory.spec, directory.status, directory.journal, directory.log, directory.crash_log):
            if path.is_file():
                text = path.read_bytes()[-MOST_BYTES:].decode(errors="replace")
                _add(archive, path.name, redact(text).encode())
    target = output or Path(f"orchestrate-{directory.run_id}.tar.gz")
    files.write_atomic(target.absolute(), packed.getvalue())
    terminal.show(str(target))
    terminal.say("look through it before you attach it to a bug report")


def _machine() -> dict[str, str]:
    found = {"orchestrate": __version__, "python": platform.python_version(), "system": platform.platform()}
    for package in PACKAGES:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            found[package] = "not installed"
    return found


def _add(archive: tarfile.TarFile, name: str, data: bytes) -> None:
    entry = tarfile.TarInfo(name)
    entry.size, entry.mode, entry.mtime = len(data), files.PRIVATE_FILE, int(time.time())
    archive.addfile(entry, io.BytesIO(data))

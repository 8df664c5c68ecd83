"""Cold starts beside their peers: `--help` beside an empty Typer program, `validate` beside Typer, PyYAML and a Pydantic model.

`python benchmarks/start_up.py [--rounds 25]` prints medians of whole processes, start to exit, run in turns, and their ratios.
With `--check` it exits with 1 if a ratio is above its bar.
"""

from __future__ import annotations

import argparse
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parents[1]
COMMAND: Final = "from orchestrator.__main__ import run\nrun()\n"  # What the installed script does.
EMPTY: Final = """
import typer
app = typer.Typer(rich_markup_mode=None)
@app.command()
def nothing() -> None:
    pass
app()
"""
PEER: Final = '''
"""As much as a program can leave out: the same libraries, a model of the same size, no positions, no rules."""
from typing import Annotated, Literal
import typer, yaml
from pydantic import BaseModel, ConfigDict, Field
class Model(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)
class Company(Model):
    name: str | None = Field(default=None, description="a")
    board: str | None = Field(default=None, description="b")
    token: str | None = Field(default=None, description="c")
    url: str | None = Field(default=None, description="d")
    sitemap: bool = Field(default=False, description="e")
    limit: int | None = Field(default=None, ge=1, description="f")
class PerHost(Model):
    concurrency: int | None = Field(default=None, ge=1, le=128, description="a")
    min_interval: float = Field(default=0.0, ge=0, description="b")
class Http(Model):
    request_timeout: float = Field(default=30.0, gt=0, le=180, description="a")
    retries: int = Field(default=3, ge=0, le=10, description="b")
    per_host: PerHost = Field(default=PerHost(), description="c")
    max_body: int = Field(default=32_000_000, ge=1, description="d")
    user_agent: str | None = Field(default=None, description="e")
    robots: Literal["pages", "ignore"] = Field(default="pages", description="f")
    allow_private_hosts: list[str] = Field(default_factory=list, description="g")
    base_urls: dict[str, str] = Field(default_factory=dict, description="h")
class Sync(Model):
    max_drop: str = Field(default="30%", description="a")
    max_close: str = Field(default="50%", description="b")
    close_after: int | None = Field(default=None, ge=1, description="c")
    confirm_empty: int = Field(default=2, ge=1, description="d")
class Job(Model):
    enabled: bool = Field(default=True, description="a")
    needs: list[str] = Field(default_factory=list, description="b")
    timeout: str = Field(default="180s", description="c")
    progress_every: str = Field(default="2s", description="d")
    attempts: int = Field(default=1, ge=1, le=100, description="e")
    concurrency: int = Field(default=4, ge=1, le=128, description="f")
    max_failures: int | str = Field(default=0, description="g")
class Scrape(Job):
    kind: Literal["scrape"] = Field(description="a")
    companies: list[Company] = Field(min_length=1, description="b")
    include_title: list[str] = Field(default_factory=list, description="c")
    exclude_title: list[str] = Field(default_factory=list, description="d")
    details: Literal["none", "new-only", "all"] = Field(default="new-only", description="e")
    http: Http = Field(default=Http(), description="f")
    sync: Sync = Field(default=Sync(), description="g")
    replay: str | None = Field(default=None, description="h")
    record: str | None = Field(default=None, description="i")
class Chunk(Model):
    size: int = Field(default=1200, ge=100, description="a")
    overlap: int = Field(default=0, ge=0, description="b")
    splitter: str = Field(default="headings", description="c")
class Smoke(Model):
    query: str = Field(description="a")
    expect: str = Field(description="b")
    top: int = Field(default=5, ge=1, description="c")
class Checks(Model):
    min_documents: int = Field(default=1, ge=0, description="a")
    max_removed: str = Field(default="50%", description="b")
    smoke: list[Smoke] = Field(default_factory=list, description="c")
class Postings(Model):
    postings: str = Field(description="a")
class Ingest(Job):
    kind: Literal["ingest"] = Field(description="a")
    corpus: str | list[str] | Postings = Field(description="b")
    include: list[str] = Field(default_factory=list, description="c")
    exclude: list[str] = Field(default_factory=list, description="d")
    max_file_size: str = Field(default="20MB", description="e")
    on_bad_document: Literal["quarantine", "fail"] = Field(default="quarantine", description="f")
    readers: dict[str, str] = Field(default_factory=dict, description="g")
    chunk: Chunk = Field(default=Chunk(), description="h")
    embedding: str | dict[str, str] = Field(default="default", description="i")
    snapshots: str | None = Field(default=None, description="j")
    checks: Checks = Field(default=Checks(), description="k")
class Retention(Model):
    runs: int = Field(default=50, ge=1, description="a")
    snapshots: int = Field(default=5, ge=1, description="b")
class Defaults(Model):
    timeout: str | None = Field(default=None, description="a")
    progress_every: str | None = Field(default=None, description="b")
    attempts: int | None = Field(default=None, description="c")
class Spec(Model):
    version: Literal[1] = Field(description="a")
    name: str | None = Field(default=None, description="b")
    state_dir: str = Field(default=".orchestrate", description="c")
    database: str | None = Field(default=None, description="d")
    max_parallel_jobs: int = Field(default=2, ge=1, le=64, description="e")
    engine: str = Field(default="threads", description="f")
    retention: Retention = Field(default=Retention(), description="g")
    defaults: Defaults = Field(default=Defaults(), description="h")
    jobs: dict[str, Annotated[Scrape | Ingest, Field(discriminator="kind")]] = Field(min_length=1, description="i")
app = typer.Typer(rich_markup_mode=None)
@app.command()
def validate(file: str = "jobs.yaml") -> None:
    with open(file, "rb") as stream:
        Spec.model_validate(yaml.load(stream, Loader=yaml.CSafeLoader))
    typer.echo(f"{file}: no problems", err=True)
app()
'''
PAIRS: Final = (
    ("--help", ("command.py", "--help"), "empty Typer program, --help", ("empty.py", "--help"), 1.25),
    ("validate", ("command.py", "validate"), "Typer + PyYAML + Pydantic", ("peer.py",), 1.25),
)


def sample(folder: Path) -> None:
    """Lay the sample's spec and the peers into a folder, as bytecode where a package would be."""
    shutil.copy(ROOT / "jobs.yaml", folder)
    shutil.copytree(ROOT / "docs", folder / "docs")
    (folder / "examples").mkdir()
    shutil.copy(ROOT / "examples" / "boards.har", folder / "examples")
    (folder / "command.py").write_text(COMMAND, encoding="utf-8")
    for name, source in (("empty", EMPTY), ("peer", PEER)):
        (folder / f"_{name}.py").write_text(source, encoding="utf-8")
        (folder / f"{name}.py").write_text(f"import _{name}\n", encoding="utf-8")


def seconds(arguments: tuple[str, ...], folder: Path) -> float:
    """Return how long a process takes, start to exit. Raises if it fails."""
    started = time.perf_counter()
    subprocess.run([sys.executable, *arguments], cwd=folder, env=environment(), check=True, capture_output=True)
    return time.perf_counter() - started


def environment() -> dict[str, str]:
    """Return an environment in which nothing measures or colours."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "COV_", "ORCHESTRATE_"))}
    return {**kept, "PYTHONPATH": str(ROOT), "NO_COLOR": "1"}


def main() -> int:
    """Measure, print, and return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=25)
    parser.add_argument("--check", action="store_true")
    options = parser.parse_args()
    above = False
    print("| cold start | median | beside | median | ratio | bar |")
    print("|---|---|---|---|---|---|")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        sample(folder)
        for title, ours, peer_title, peer, bar in PAIRS:
            runs = [(seconds(ours, folder), seconds(peer, folder)) for _ in range(options.rounds + 2)][2:]
            mine, other = (statistics.median(column) for column in zip(*runs, strict=True))
            above = above or mine / other > bar
            print(f"| `orchestrate {title}` | {mine:.3f} s | {peer_title} | {other:.3f} s | {mine / other:.2f} | {bar} |")
    return 1 if options.check and above else 0


if __name__ == "__main__":
    raise SystemExit(main())

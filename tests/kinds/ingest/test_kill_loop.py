"""R3 for ingest: runs killed at random and resumed, compared with one that nobody disturbed."""

from __future__ import annotations

import os
import random
import sqlite3
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from orchestrator.kinds.ingest import verify
from orchestrator.kinds.ingest.store import Store

SECONDS = float(os.environ.get("ORCHESTRATE_TORTURE_SECONDS") or 20.0)
DOCUMENTS = 400
BATCH_DOCUMENTS = 20
IN_FLIGHT = 2 * 3 * BATCH_DOCUMENTS  # Two workers, each with one unit in hand and two results that wait.
SPEC = """version: 1
jobs:
  handbook: {kind: ingest, corpus: docs, chunk: {splitter: "slow:Slow"}, timeout: 60s}
"""
SLOW = '''"""A node parser that takes its time, and notes which documents it was given."""
import os, threading
from pathlib import Path
from llama_index.core.node_parser import SentenceSplitter

class Slow(SentenceSplitter):
    def __init__(self):
        super().__init__(chunk_size=1000, chunk_overlap=0, tokenizer=list, chunking_tokenizer_fn=lambda text: [text])

    def get_nodes_from_documents(self, documents, show_progress=False, **options):
        threading.Event().wait(0.004)
        with Path(__file__).with_name("computed.txt").open("a") as stream:
            stream.writelines(f"{document.node_id}\\n" for document in documents)
        return super().get_nodes_from_documents(documents, show_progress, **options)
'''
pytestmark = [pytest.mark.torture, pytest.mark.timeout(SECONDS * 4 + 180)]


def corpus() -> dict[str, str]:
    """Documents large enough that about twenty make a batch."""
    filler = "The quick brown fox jumps over the lazy dog near the river bank.\n\n" * 380
    return {
        f"docs/{number % 7}/page{number}.md": f"# Page {number}\n\nTopic t{number}.\n\n{filler}" for number in range(DOCUMENTS)
    }


def computed(root: Path) -> list[str]:
    path = root / "computed.txt"
    return path.read_text().splitlines() if path.exists() else []


def content(root: Path) -> Any:
    """Return everything in the current snapshot that doesn't depend on when it was made."""
    snapshot = Store(root / ".orchestrate" / "snapshots" / "handbook").find()
    assert verify.problems(snapshot) == []
    with closing(sqlite3.connect(snapshot / "index.db")) as connection:
        documents = connection.execute("select id, key, digest, cache_key, first_node, nodes from documents").fetchall()
        nodes = connection.execute("select * from nodes order by id").fetchall()
        hits = connection.execute("select rowid, rank from passages where passages match 't7' order by rank").fetchall()
    return documents, nodes, hits, (snapshot / "vectors.npy").read_bytes()


@pytest.fixture(scope="module")
def chance() -> random.Random:
    seed = int(os.environ.get("ORCHESTRATE_TORTURE_SEED") or random.SystemRandom().randrange(2**32))
    print(f"\nORCHESTRATE_TORTURE_SEED={seed}")  # noqa: T201 - whoever repeats a failure needs it
    return random.Random(seed)


def disturbed(root: Path, start: Callable[..., Any], chance: random.Random) -> int:
    """Run, kill and resume until the run ends; return the number of kills."""
    kills, verb, patience = 0, "run", 6.0
    while True:
        process = start(verb, "--quiet", cwd=root, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=path_of(root))
        try:
            code = process.wait(chance.uniform(0.2, patience))
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
            kills += 1
            patience += 0.5  # On a busy machine, too, it comes to an end.
            started = any((root / ".orchestrate" / "runs").glob("*/status.json"))
            verb = "resume" if started else "run"
            continue
        if code == 0:
            return kills
        # A kill beyond the last line of a run leaves one that succeeded: there is nothing to resume.
        assert (verb, code) == ("resume", 5), f"{verb} ended with {code}"
        return kills


def path_of(root: Path) -> dict[str, str]:
    return {"PYTHONPATH": os.pathsep.join([str(Path(__file__).parents[3]), str(root)])}


def rounds(least: int) -> Iterator[int]:
    end, number = time.monotonic() + SECONDS, 0
    while number < least or time.monotonic() < end:
        yield number
        number += 1


@pytest.mark.parametrize("engine", ["threads", "dask"])
def test_killed_and_resumed_runs_publish_what_an_undisturbed_one_does(
    engine: str,
    project: Callable[..., Path],
    start: Callable[..., Any],
    orchestrate: Callable[..., Any],
    chance: random.Random,
    cluster_of: Callable[..., Any],
) -> None:
    files = corpus()
    calm = project(SPEC, {"slow.py": SLOW, **files})
    assert orchestrate("run", "--quiet", cwd=calm, env=path_of(calm), timeout=120).code == 0
    expected = content(calm)
    assert sorted(computed(calm)) == sorted(name.removeprefix("docs/") for name in files)
    kills = repeated = 0
    for _ in rounds(1):
        root = project(SPEC, {"slow.py": SLOW, **files})
        if engine == "dask":  # Its workers import the project's splitter, so each project has a cluster of its own.
            cluster = cluster_of(2, root)
            (root / "jobs.yaml").write_text(f'engine: {{dask: "{cluster.address}"}}\n{SPEC}')
        some = disturbed(root, start, chance)
        again = len(computed(root)) - DOCUMENTS
        assert content(root) == expected
        assert 0 <= again <= some * IN_FLIGHT, f"{again} of {DOCUMENTS} documents were computed again after {some} kills"
        kills, repeated = kills + some, repeated + again
        if engine == "dask":
            cluster.close()
    print(f"{kills} kills, {repeated} documents in flight computed again, none lost, none doubled")  # noqa: T201 - the figure
    assert kills


def test_a_run_that_forgot_its_cache_is_found_out(
    project: Callable[..., Path], start: Callable[..., Any], wait_until: Callable[..., Any], orchestrate: Callable[..., Any]
) -> None:
    """The control: without the cache more is computed again than was in flight, and the result is the same all the same."""
    root = project(SPEC, {"slow.py": SLOW, **corpus()})
    process = start("run", "--quiet", cwd=root, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=path_of(root))
    wait_until(lambda: len(computed(root)) > IN_FLIGHT * 2, 60, what="more than what is in flight")
    process.kill()
    process.wait()
    for path in (root / ".orchestrate" / "cache").iterdir():
        path.unlink()
    assert orchestrate("resume", "--quiet", cwd=root, env=path_of(root), timeout=120).code == 0
    assert len(computed(root)) - DOCUMENTS > IN_FLIGHT
    assert len(content(root)[0]) == DOCUMENTS

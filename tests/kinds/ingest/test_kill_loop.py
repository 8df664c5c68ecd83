"""R3 for ingest: runs killed at random and resumed, compared with one that nobody disturbed."""

from __future__ import annotations

import os
import shutil
import sqlite3
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from orchestrator.kinds.ingest import verify
from orchestrator.kinds.ingest.store import Store

DOCUMENTS = 40
IN_FLIGHT = 2 * 8  # Two workers, each with one document in hand and others that wait, or whose results do.
SPEC = """version: 1
jobs:
  handbook: {kind: ingest, corpus: docs, chunk: {splitter: "slow:Slow"}, timeout: 180s}
"""
SLOW = '''"""A node parser that takes its time for the beginning of a document, and notes which ones it was given."""
import os, threading
from pathlib import Path
from llama_index.core.node_parser import SentenceSplitter

class Slow(SentenceSplitter):
    def __init__(self):
        super().__init__(chunk_size=1000, chunk_overlap=0, tokenizer=list, chunking_tokenizer_fn=lambda text: [text])

    def get_nodes_from_documents(self, documents, show_progress=False, **options):
        threading.Event().wait(0.03)
        with Path(__file__).with_name("computed.txt").open("a") as stream:
            stream.writelines(f"{document.node_id}\\n" for document in documents)
        return super().get_nodes_from_documents(documents, show_progress, **options)

    def _split_text(self, text, chunk_size):
        return super()._split_text(text[:10_000], chunk_size)
'''
pytestmark = pytest.mark.torture


def corpus() -> dict[str, str]:
    """Documents large enough that each is a batch of its own."""
    filler = "The quick brown fox jumps over the lazy dog near the river bank.\n\n" * 3900
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


def path_of(root: Path) -> dict[str, str]:
    return {"PYTHONPATH": os.pathsep.join([str(Path(__file__).parents[3]), str(root)])}


@pytest.mark.parametrize("engine", ["threads", "dask"])
def test_killed_and_resumed_runs_publish_what_an_undisturbed_one_does(
    engine: str,
    project: Callable[..., Path],
    start: Callable[..., Any],
    lives: Callable[..., Any],
    cluster_of: Callable[..., Any],
    rounds: Callable[[int], Iterator[int]],
    tell: Callable[[str], None],
) -> None:
    files = corpus()
    calm = project(SPEC, {"slow.py": SLOW, **files})
    began = time.monotonic()
    assert begun(start, calm, "run").wait(200) == 0
    takes = time.monotonic() - began
    expected = content(calm)
    assert sorted(computed(calm)) == sorted(name.removeprefix("docs/") for name in files)
    root = project(SPEC, {"slow.py": SLOW, **files})
    if engine == "dask":  # Its workers import the project's splitter.
        (root / "jobs.yaml").write_text(f'engine: {{dask: "{cluster_of(2, root).address}"}}\n{SPEC}')
    repeated = kills = 0
    for _ in rounds(1):
        each = lives(root, partial(begun, start, root), partial(all_computed, root), takes)
        each()
        assert each.wrong == []
        assert content(root) == expected
        repeated, kills = repeated + len(computed(root)) - DOCUMENTS, kills + each.kills.total()
        shutil.rmtree(root / ".orchestrate")
        (root / "computed.txt").unlink()
    assert 0 <= repeated <= kills * IN_FLIGHT, f"{repeated} of {DOCUMENTS} documents were computed again after {kills} kills"
    tell(f"0 documents lost, 0 doubled, {repeated} in flight were computed again")


def begun(start: Callable[..., Any], root: Path, verb: str) -> Any:
    return start(verb, "--quiet", cwd=root, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=path_of(root))


def all_computed(root: Path) -> bool:
    return len(set(computed(root))) == DOCUMENTS


def test_a_run_that_forgot_its_cache_is_found_out(
    project: Callable[..., Path], start: Callable[..., Any], wait_until: Callable[..., Any], orchestrate: Callable[..., Any]
) -> None:
    """The control: without the cache more is computed again than was in flight, and the result is the same all the same."""
    root = project(SPEC, {"slow.py": SLOW, **corpus()})
    process = begun(start, root, "run")
    wait_until(lambda: len(computed(root)) > IN_FLIGHT, 100, what="more than what is in flight")
    process.kill()
    process.wait()
    for path in (root / ".orchestrate" / "cache").iterdir():
        path.unlink()
    assert orchestrate("resume", "--quiet", cwd=root, env=path_of(root), timeout=120).code == 0
    assert len(computed(root)) - DOCUMENTS > IN_FLIGHT
    assert len(content(root)[0]) == DOCUMENTS

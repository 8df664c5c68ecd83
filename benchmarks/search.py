"""S9 of the release bar: opening a snapshot and asking it, beside LlamaIndex's SimpleVectorStore with the same vectors.

    python benchmarks/search.py STORE [--questions questions.json] [--rounds 4] [--without-peer]

STORE is a snapshot or the store of a job, such as `.orchestrate/snapshots/handbook`. Every figure is by the clock and of one
thread, with the question's embedding, in turns of ours and the peer; medians count. The peer is asked for the nearest vectors
only, ours for both: full text and vectors. `questions.json` is a list of `{"query": ...}`.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median, quantiles
from typing import Any

from orchestrator.kinds.ingest.search import Snapshot, open_snapshot

QUESTIONS = (
    "how do I deprecate a feature",
    "what is the process of an election",
    "generators that are closed early",
    "keyword arguments with types",
    "why was this syntax accepted",
    "version numbers of packages",
    "how errors are handled across threads",
    "import hooks and where modules come from",
    "default values of generics",
    "what has to be tested before a release",
)


def main() -> None:
    """Measure and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("store", type=Path)
    parser.add_argument("--questions", type=Path)
    parser.add_argument("--rounds", type=int, default=4)
    parser.add_argument("--without-peer", action="store_true")
    options = parser.parse_args()
    told = json.loads(options.questions.read_text()) if options.questions else [{"query": each} for each in QUESTIONS]
    questions = [each["query"] for each in told]
    opened = [_seconds(lambda: open_snapshot(options.store).close()) for _ in range(options.rounds * 5)]
    with open_snapshot(options.store) as snapshot:
        print(f"{snapshot.manifest.nodes} nodes")
        print(f"{'open':28} {median(opened) * 1e3:8.1f} ms")
        print(f"{'first question':28} {_seconds(lambda: snapshot.search(questions[0])) * 1e3:8.1f} ms, with loading the model")
        ways: dict[str, Callable[[str], Any]] = {
            "hybrid": snapshot.search,
            "lexical": lambda query: snapshot.search(query, mode="lexical"),
            "dense": lambda query: snapshot.search(query, mode="dense"),
        }
        if not options.without_peer:
            ways["SimpleVectorStore"] = peer(snapshot)
        figures = _asked(ways, questions, options.rounds)
    for name, times in figures.items():
        print(f"{name:28} {median(times) * 1e3:8.1f} ms, 95 % within {quantiles(times, n=20)[-1] * 1e3:.1f} ms")
    if not options.without_peer:
        print(f"{'peer / hybrid':28} {median(figures['SimpleVectorStore']) / median(figures['hybrid']):8.1f}")


def _asked(ways: dict[str, Callable[[str], Any]], questions: list[str], rounds: int) -> dict[str, list[float]]:
    figures: dict[str, list[float]] = {name: [] for name in ways}
    for _ in range(rounds):
        for query in questions:
            for name, ask in ways.items():
                figures[name].append(_seconds(lambda ask=ask, query=query: ask(query)))  # type: ignore[misc]
    return figures


def _seconds(work: Callable[[], Any]) -> float:
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def peer(snapshot: Snapshot) -> Callable[[str], Any]:
    """Return a way to ask LlamaIndex's own store, filled with the vectors of a snapshot."""
    import numpy as np
    from llama_index.core.schema import TextNode
    from llama_index.core.vector_stores import SimpleVectorStore, VectorStoreQuery

    rows = np.load(snapshot.path / "vectors.npy", mmap_mode="r")
    store = SimpleVectorStore()
    store.add([TextNode(id_=str(number), text="", embedding=row.astype(float).tolist()) for number, row in enumerate(rows)])
    return lambda query: store.query(VectorStoreQuery(query_embedding=list(snapshot.embed(query)), similarity_top_k=5))


if __name__ == "__main__":
    main()

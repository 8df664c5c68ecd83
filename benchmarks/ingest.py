"""S7-S11 of the release bar: this ingest beside LlamaIndex's documented path, on a folder of documentation.

    python benchmarks/ingest.py FOLDER [--questions questions.json] [--without-peer]

Each step runs in a process of its own, so that its memory and its imports are its own. `questions.json` is a list of
`{"query": ..., "expect": "path or glob"}`. All figures are of one machine: trust ratios.
"""

from __future__ import annotations

import argparse
import json
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

ROOT: Final = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))
SUFFIXES: Final = {".md", ".rst", ".txt"}


def main() -> None:
    """Run every step and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--questions", type=Path)
    parser.add_argument("--without-peer", action="store_true")
    parser.add_argument("--step", help=argparse.SUPPRESS)
    parser.add_argument("--work", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.step:
        print(json.dumps(STEPS[options.step](options)))
        return
    with tempfile.TemporaryDirectory() as work:
        shutil.copytree(options.folder, Path(work, "docs"), ignore=_only_text)
        measure(options, Path(work))


def _only_text(folder: str, names: list[str]) -> set[str]:
    return {name for name in names if Path(folder, name).is_file() and Path(name).suffix not in SUFFIXES}


def measure(options: argparse.Namespace, work: Path) -> None:
    """Run the steps in order; later ones build on earlier ones."""
    text = sum(path.stat().st_size for path in (work / "docs").rglob("*") if path.is_file())
    count = sum(path.is_file() for path in (work / "docs").rglob("*"))
    print(f"{count} files, {text / 1e6:.1f} MB")
    first = step("first", options, work)
    show("first build", first)
    floor = step("floor", options, work)
    share = floor["cpu"] / max(0.01, first["cpu"] - first["import_cpu"])
    show("floor: tokenise and gather", floor, f"{share:.0%} of the first build without imports")
    print(f"{'  of the first build, imports':28} {first['import_cpu']:8.2f} CPU-s")
    disk = sum(path.stat().st_size for path in (work / "state").rglob("*") if path.is_file())
    print(f"{'disk':28} {disk / 1e6:8.1f} MB  {disk / text:.1f}x of the text")
    again = step("first", options, work)
    show("nothing changed", again, f"llama_index imported: {again['llama_index']}")
    for path in sorted(path for path in (work / "docs").rglob("*") if path.is_file())[::100]:
        path.write_text(path.read_text(errors="replace") + "\n\nOne more paragraph.\n")
    show("1 % changed", step("first", options, work))
    queries = step("queries", options, work)
    print(f"{'open / hybrid query p50':28} {queries['open'] * 1e3:8.1f} ms / {queries['p50'] * 1e3:.1f} ms")
    if "recall" in queries:
        print(f"{'R@5 / MRR':28} {queries['recall']:8.2f}    / {queries['mrr']:.2f}  ({queries['questions']} questions)")
        print(f"{'missed':28} {', '.join(queries['missed']) or 'none'}")
    if not options.without_peer:
        peer = step("peer", options, work)
        show("LlamaIndex as documented", peer, f"ours is {first['cpu'] / peer['cpu']:.0%} of its CPU")


def step(name: str, options: argparse.Namespace, work: Path) -> dict[str, Any]:
    """Run one step in a process of its own."""
    command = [sys.executable, __file__, str(options.folder), "--step", name, "--work", str(work)]
    if options.questions:
        command += ["--questions", str(options.questions)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(done.stderr)
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


def show(name: str, figures: dict[str, Any], note: str = "") -> None:
    """Print one line of the table."""
    print(f"{name:28} {figures['cpu']:8.2f} CPU-s {figures['wall']:7.2f} s {figures['rss']:5.0f} MB  {note}")


def timed(work: Callable[[], dict[str, Any]]) -> dict[str, Any]:
    """Return what the work says, with its wall clock, CPU and memory."""
    wall, cpu = time.perf_counter(), time.process_time()
    found = work()
    rss = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (1024 * 1024 if sys.platform == "darwin" else 1024)
    return {"wall": time.perf_counter() - wall, "cpu": time.process_time() - cpu, "rss": rss, **found}


def build(options: argparse.Namespace) -> dict[str, Any]:
    """Drive a job as the engine's `inline` pool does."""

    def run() -> dict[str, Any]:
        from orchestrator.deadline import CancelToken, Deadline, WorkContext
        from orchestrator.job import Surroundings
        from orchestrator.kinds.ingest.job import IngestJob
        from orchestrator.kinds.ingest.spec import IngestSpec

        spec = IngestSpec.model_validate({"kind": "ingest", "corpus": "docs"})
        around = Surroundings("bench", "20261121T165300.123Z-1a2b3c4d", options.work, options.work / "state", "", {})
        job = IngestJob(spec, around)
        context = WorkContext(Deadline.never(), CancelToken())
        plan = job.plan(context)
        before = time.process_time()
        if plan.units:
            import llama_index.core.ingestion  # noqa: F401 - its cost is told apart
        imported = time.process_time() - before
        assert job.world is not None
        with job.world() as world:
            inner = WorkContext(Deadline.never(), CancelToken(), world=world)
            for unit in plan.units:
                job.apply(unit, job.work(unit, inner), context)
        result = dict(job.commit(context).result)
        return {"import_cpu": imported, "llama_index": "llama_index" in sys.modules, **result}

    return timed(run)


def floor(options: argparse.Namespace) -> dict[str, Any]:
    """Tokenise every text with the tokenizer's own library and gather its vectors: what is left if all else were free."""
    import numpy as np

    from orchestrator.kinds.ingest.table import load_table

    table = load_table()
    tokenizer, weights = table.tokenizer, table.weights
    texts = []
    for path in sorted((options.work / "docs").rglob("*")):
        if path.is_file():
            text = path.read_text(errors="replace")
            texts += [text[start : start + 1000] for start in range(0, len(text), 1000)]

    def run() -> dict[str, Any]:
        for start in range(0, len(texts), 64):
            for each in tokenizer.encode_batch_fast(texts[start : start + 64], add_special_tokens=False):
                tokens, counts = np.unique(np.asarray(each.ids, dtype=np.int32), return_counts=True)
                counts.astype(np.float32) @ weights.take(tokens, axis=0)
        return {}

    return timed(run)


def queries(options: argparse.Namespace) -> dict[str, Any]:
    """Ask questions: latency, and where the expected document stands."""
    from orchestrator.kinds.ingest.globs import compile_glob
    from orchestrator.kinds.ingest.search import open_snapshot

    before = time.perf_counter()
    snapshot = open_snapshot(options.work / "state" / "snapshots" / "bench")
    opened = time.perf_counter() - before
    asked = json.loads(options.questions.read_text()) if options.questions else [{"query": "how to install a plugin"}] * 20
    snapshot.search(asked[0]["query"])
    times, ranks, missed = [], [], []
    for question in asked:
        before = time.perf_counter()
        hits = snapshot.search(question["query"], 20)
        times.append(time.perf_counter() - before)
        if "expect" in question:
            glob = compile_glob(question["expect"])
            documents = list(dict.fromkeys(hit.document for hit in hits))
            ranks.append(next((place for place, name in enumerate(documents, 1) if glob.match(name)), 0))
            if not 0 < ranks[-1] <= 5:
                missed.append(question["query"])
    snapshot.close()
    found: dict[str, Any] = {"open": opened, "p50": sorted(times)[len(times) // 2]}
    if ranks:
        found["recall"] = sum(0 < rank <= 5 for rank in ranks) / len(ranks)
        found["mrr"] = sum(1 / rank for rank in ranks if rank) / len(ranks)
        found |= {"questions": len(ranks), "missed": missed}
    return found


def peer(options: argparse.Namespace) -> dict[str, Any]:
    """LlamaIndex as its documentation shows it, with the same embedding; stores are written at the end."""

    def run() -> dict[str, Any]:
        from llama_index.core import SimpleDirectoryReader, StorageContext
        from llama_index.core.ingestion import IngestionCache, IngestionPipeline
        from llama_index.core.node_parser import SentenceSplitter
        from llama_index.core.storage.docstore import SimpleDocumentStore
        from llama_index.core.vector_stores import SimpleVectorStore

        from orchestrator.kinds.ingest.nodes import TableEmbedding
        from orchestrator.kinds.ingest.splitters import sentences

        documents = SimpleDirectoryReader(str(options.work / "docs"), recursive=True).load_data()
        docstore, store = SimpleDocumentStore(), SimpleVectorStore()
        pipeline = IngestionPipeline(
            # Its own sentence tokenizer needs nltk's data, which isn't on every machine.
            transformations=[SentenceSplitter(chunking_tokenizer_fn=sentences), TableEmbedding()],
            docstore=docstore,
            vector_store=store,
            cache=IngestionCache(),
        )
        nodes = pipeline.run(documents=documents)
        pipeline.persist(str(options.work / "peer"))
        context = StorageContext.from_defaults(docstore=docstore, vector_store=store)
        context.persist(str(options.work / "peer"))
        return {"nodes": len(nodes)}

    return timed(run)


STEPS: Final[dict[str, Callable[[argparse.Namespace], dict[str, Any]]]] = {
    "first": build,
    "floor": floor,
    "queries": queries,
    "peer": peer,
}

if __name__ == "__main__":
    main()

"""S7-S11 of the release bar: this ingest beside LlamaIndex's documented path, on a folder of documentation.

    python benchmarks/ingest.py FOLDER [--questions questions.json] [--rounds 3] [--without-peer]

Every figure of a build is of a whole command, from process start to exit, in processor seconds and by the clock: ours is
`orchestrate run`. Rounds of ours and of the peer take turns, and the median counts. The peer embeds with the same model, by the
code that its package comes with; once more it is given our own code for it, to tell what the rest takes. `questions.json` is a
list of `{"query": ..., "expect": "path or glob"}`. All figures are of one machine: trust ratios.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import Any, Final, NamedTuple

ROOT: Final = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))
SUFFIXES: Final = {".md", ".rst", ".txt"}
SPEC: Final = "version: 1\njobs:\n  bench: {kind: ingest, corpus: docs, max_failures: 10%}\n"
"""Foreign trees have some empty documents."""


class Cost(NamedTuple):
    """What a process took: processor seconds, seconds by the clock, megabytes at its largest."""

    cpu: float
    wall: float
    rss: float


def main() -> None:
    """Run every step and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--questions", type=Path)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--without-peer", action="store_true")
    parser.add_argument("--step", help=argparse.SUPPRESS)
    parser.add_argument("--work", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.step:
        print(json.dumps(STEPS[options.step](options)))
        return
    with tempfile.TemporaryDirectory() as work:
        options.work = Path(work)
        shutil.copytree(options.folder, options.work / "docs", ignore=_only_text)
        (options.work / "jobs.yaml").write_text(SPEC)
        measure(options)


def _only_text(folder: str, names: list[str]) -> set[str]:
    return {name for name in names if Path(folder, name).is_file() and Path(name).suffix not in SUFFIXES}


def measure(options: argparse.Namespace) -> None:
    """Run the steps in order; later ones build on earlier ones."""
    documents = sorted(path for path in (options.work / "docs").rglob("*") if path.is_file())
    text = sum(path.stat().st_size for path in documents)
    print(f"{len(documents)} files, {text / 1e6:.1f} MB")
    ours, peers = builds(options)
    first = show("first build", ours)
    floor = step("floor", options)
    inside = step("inside", options)
    share = floor["cpu"] / inside["cpu"]
    print(
        f"{'floor: tokenise and gather':28} {floor['cpu']:8.2f} CPU-s  {share:.0%} of a first build without start and imports"
    )
    disk = sum(path.stat().st_size for path in state(options).rglob("*") if path.is_file())
    print(f"{'disk':28} {disk / 1e6:8.1f} MB  {disk / text:.1f}x of the text")
    again = show("nothing changed", [command(options) for _ in range(options.rounds)])
    changed = show("1 % changed", [changed_build(options, documents, number) for number in range(options.rounds)])
    print(f"{'  of a first build':28} {changed.cpu / first.cpu:8.0%}")
    ask(options)
    if peers:
        peer = show("LlamaIndex as documented", peers)
        unchanged = show("  nothing changed", [measured(peer_command(options, "peer_again"))])
        print(f"{'first build / peer':28} {first.cpu / peer.cpu:8.1%}")
        shutil.rmtree(options.work / "peer")
        helped = show("  with our embedding code", [measured(peer_command(options, "peer_with_our_embedding"))])
        print(f"{'  first build / this':28} {first.cpu / helped.cpu:8.1%}")
        shares = f"{again.cpu / peer.cpu:8.1%} of its first build, {again.cpu / unchanged.cpu:.1%} of its second"
        print(f"{'nothing changed / peer':28} {shares}")


def builds(options: argparse.Namespace) -> tuple[list[Cost], list[Cost]]:
    """Build from nothing, ours and the peer in turns."""
    ours, peers = [], []
    for _ in range(options.rounds):
        shutil.rmtree(state(options), ignore_errors=True)
        ours.append(command(options))
        if not options.without_peer:
            shutil.rmtree(options.work / "peer", ignore_errors=True)
            peers.append(measured(peer_command(options, "peer")))
    return ours, peers


def state(options: argparse.Namespace) -> Path:
    """Return the state directory of the commands that are measured."""
    return Path(options.work, ".orchestrate")


def command(options: argparse.Namespace) -> Cost:
    """Run `orchestrate run` in the folder."""
    return measured([sys.executable, "-m", "orchestrator", "run", "--quiet"], options.work)


def changed_build(options: argparse.Namespace, documents: list[Path], number: int) -> Cost:
    """Change every hundredth document and run again."""
    for path in documents[number::100]:
        path.write_text(path.read_text(errors="replace") + f"\n\nOne more paragraph, number {number}.\n")
    return command(options)


def peer_command(options: argparse.Namespace, name: str) -> list[str]:
    """Return the command that runs one step of the peer."""
    return [sys.executable, __file__, str(options.folder), "--step", name, "--work", str(options.work)]


def measured(arguments: list[str], folder: Path | None = None) -> Cost:
    """Run a command to its end; its own processes count, too."""
    began = time.perf_counter()
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    process = subprocess.Popen(arguments, cwd=folder, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    assert process.stderr is not None
    told = process.stderr.read()
    _, status, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise SystemExit(told.decode())
    process.stderr.close()
    return Cost(used.ru_utime + used.ru_stime, time.perf_counter() - began, _megabytes(used.ru_maxrss))


def _megabytes(maxrss: float) -> float:
    return maxrss / (1024 * 1024 if sys.platform == "darwin" else 1024)


def show(name: str, costs: list[Cost]) -> Cost:
    """Print the median of some rounds, and return it."""
    middle = Cost(*(median(each) for each in zip(*costs, strict=True)))
    several = "  ".join(f"{each.cpu:.2f}" for each in costs) if len(costs) > 1 else ""
    print(f"{name:28} {middle.cpu:8.2f} CPU-s {middle.wall:7.2f} s {middle.rss:5.0f} MB  {several}")
    return middle


def ask(options: argparse.Namespace) -> None:
    """Print how fast and how well the snapshot answers."""
    found = step("queries", options)
    print(
        f"{'open / hybrid query p50':28} {found['open'] * 1e3:8.1f} ms / {found['p50'] * 1e3:.1f} ms  ({found['nodes']} nodes)"
    )
    if "recall" in found:
        print(f"{'R@5 / MRR':28} {found['recall']:8.2f}    / {found['mrr']:.2f}  ({found['questions']} questions)")
        print(f"{'missed':28} {', '.join(found['missed']) or 'none'}")


def step(name: str, options: argparse.Namespace) -> dict[str, Any]:
    """Run one step in a process of its own, so that its memory and its imports are its own."""
    arguments = peer_command(options, name)
    if options.questions:
        arguments += ["--questions", str(options.questions.resolve())]
    done = subprocess.run(arguments, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(done.stderr)
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


def timed(work: Callable[[], dict[str, Any]]) -> dict[str, Any]:
    """Return what the work says, with its wall clock, CPU and memory."""
    wall, cpu = time.perf_counter(), time.process_time()
    found = work()
    rss = _megabytes(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
    return {"wall": time.perf_counter() - wall, "cpu": time.process_time() - cpu, "rss": rss, **found}


def inside(options: argparse.Namespace) -> dict[str, Any]:
    """Drive a job as the engine's `inline` pool does, imports done before."""
    from orchestrator.deadline import CancelToken, Deadline, WorkContext
    from orchestrator.job import Surroundings
    from orchestrator.kinds.ingest.job import IngestJob
    from orchestrator.kinds.ingest.spec import IngestSpec
    from orchestrator.kinds.ingest.table import load_table

    load_table()
    spec = IngestSpec.model_validate({"kind": "ingest", "corpus": "docs"})
    around = Surroundings("inside", "20261121T165300.123Z-1a2b3c4d", options.work, options.work / "inside", "", {})

    def run() -> dict[str, Any]:
        job = IngestJob(spec, around)
        context = WorkContext(Deadline.never(), CancelToken())
        plan = job.plan(context)
        assert job.world is not None
        with job.world() as world:
            inner = WorkContext(Deadline.never(), CancelToken(), world=world)
            for unit in plan.units:
                job.apply(unit, job.work(unit, inner), context)
        return dict(job.commit(context).result)

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
    snapshot = open_snapshot(state(options) / "snapshots" / "bench")
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
    found: dict[str, Any] = {"open": opened, "p50": median(times), "nodes": snapshot.manifest.nodes}
    if ranks:
        found["recall"] = sum(0 < rank <= 5 for rank in ranks) / len(ranks)
        found["mrr"] = sum(1 / rank for rank in ranks if rank) / len(ranks)
        found |= {"questions": len(ranks), "missed": missed}
    return found


def peer(options: argparse.Namespace) -> dict[str, Any]:
    """LlamaIndex as its documentation shows it, with the same model; stores are written at the end."""
    from llama_index.core.storage.docstore import SimpleDocumentStore
    from llama_index.core.vector_stores import SimpleVectorStore

    return _documented(options, SimpleDocumentStore(), SimpleVectorStore(), _packaged_embedding())


def peer_with_our_embedding(options: argparse.Namespace) -> dict[str, Any]:
    """Do the same with our own code for the same vectors, which takes a sixth of the time of the package's."""
    from llama_index.core.storage.docstore import SimpleDocumentStore
    from llama_index.core.vector_stores import SimpleVectorStore

    from orchestrator.kinds.ingest.nodes import TableEmbedding

    return _documented(options, SimpleDocumentStore(), SimpleVectorStore(), TableEmbedding())


def _packaged_embedding() -> Any:
    """Return the model as its package computes it, as a custom embedding of LlamaIndex."""
    import wordllama
    from llama_index.core.base.embeddings.base import BaseEmbedding

    # Without a folder, it looks for its tokenizer in the wrong one and downloads it.
    model = wordllama.WordLlama.load(cache_dir=Path(wordllama.__file__).parent, disable_download=True)

    class PackagedEmbedding(BaseEmbedding):
        def _get_text_embeddings(self, texts: list[str]) -> list[list[float]]:
            rows: list[list[float]] = model.embed(texts, norm=True).tolist()
            return rows

        def _get_text_embedding(self, text: str) -> list[float]:
            return self._get_text_embeddings([text])[0]

        def _get_query_embedding(self, query: str) -> list[float]:
            return self._get_text_embedding(query)

        async def _aget_query_embedding(self, query: str) -> list[float]:
            return self._get_text_embedding(query)

    return PackagedEmbedding(embed_batch_size=256)


def peer_again(options: argparse.Namespace) -> dict[str, Any]:
    """Do the same once more over what it stored, with nothing changed."""
    from llama_index.core.storage.docstore import SimpleDocumentStore
    from llama_index.core.vector_stores import SimpleVectorStore

    place = options.work / "peer"
    docstore = SimpleDocumentStore.from_persist_path(str(place / "docstore.json"))
    store = SimpleVectorStore.from_persist_path(str(place / "default__vector_store.json"))
    return _documented(options, docstore, store, _packaged_embedding())


def _documented(options: argparse.Namespace, docstore: Any, store: Any, embedding: Any) -> dict[str, Any]:
    from llama_index.core import SimpleDirectoryReader, StorageContext
    from llama_index.core.ingestion import IngestionCache, IngestionPipeline
    from llama_index.core.node_parser import SentenceSplitter

    from orchestrator.kinds.ingest.splitters import sentences

    documents = SimpleDirectoryReader(str(options.work / "docs"), recursive=True, filename_as_id=True).load_data()
    pipeline = IngestionPipeline(
        # Its own sentence tokenizer needs nltk's data, which isn't on every machine.
        transformations=[SentenceSplitter(chunking_tokenizer_fn=sentences), embedding],
        docstore=docstore,
        vector_store=store,
        cache=IngestionCache(),
    )
    if (options.work / "peer").exists():
        pipeline.load(str(options.work / "peer"))
    nodes = pipeline.run(documents=documents)
    pipeline.persist(str(options.work / "peer"))
    StorageContext.from_defaults(docstore=docstore, vector_store=store).persist(str(options.work / "peer"))
    return {"nodes": len(nodes)}


STEPS: Final[dict[str, Callable[[argparse.Namespace], dict[str, Any]]]] = {
    "inside": inside,
    "floor": floor,
    "queries": queries,
    "peer": peer,
    "peer_again": peer_again,
    "peer_with_our_embedding": peer_with_our_embedding,
}

if __name__ == "__main__":
    main()

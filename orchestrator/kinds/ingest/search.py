"""Searching a published snapshot: lexical, dense, or both by reciprocal rank fusion. Opens for reading only.

Needs SQLite and, for the dense part, NumPy; llama_index only for `as_retriever` and what builds on it.
"""

from __future__ import annotations

import os
import re
import sqlite3
import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Literal, NamedTuple, Self

from orchestrator import files
from orchestrator.errors import JobError, NotFound, UnreadableState, UsageError
from orchestrator.kinds.ingest.asking import Closing
from orchestrator.kinds.ingest.database import open_read_only, told
from orchestrator.kinds.ingest.globs import compile_glob
from orchestrator.kinds.ingest.index import DATABASE, VECTORS, check_format
from orchestrator.kinds.ingest.manifest import NAME as MANIFEST
from orchestrator.kinds.ingest.manifest import Manifest, read_manifest
from orchestrator.kinds.ingest.recipe import DEFAULT, EmbeddingChoice
from orchestrator.kinds.ingest.store import CURRENT, Store
from orchestrator.kinds.ingest.texts import text_of

if TYPE_CHECKING:
    import numpy as np
    from llama_index.core import VectorStoreIndex
    from llama_index.core.base.base_query_engine import BaseQueryEngine
    from llama_index.core.base.base_retriever import BaseRetriever
    from llama_index.core.base.embeddings.base import BaseEmbedding
    from numpy.typing import NDArray

Mode = Literal["hybrid", "lexical", "dense"]
WEIGHTS: Final = "bm25(4.0, 2.0, 1.0)"
"""Of title, headings and body, measured: see benchmarks/ingest.py."""
_RRF_K: Final = 60
_LEXICAL_WEIGHT: Final = 2.0
_DEPTH: Final = 100
"""Places of each list that are fused, at least."""
_BLOCK: Final = 1024
"""Rows that are widened at a time: they stay in the processor's cache."""
_KEPT_BYTES: Final = 64_000_000
"""Up to so much, vectors are kept as float32 after the first question, which then takes a fifth of the time."""
_WORD: Final = re.compile(r"[^\W_]+")
_COMPOUND: Final = re.compile(r"\w+(?:[._-]\w+)+|\w*[^\W_]_\w+")
_COMMON: Final = (
    "a about also am an and any are as at be been being but by can could did do does for from had has have how i if in into is "
    "it its just me my of on or our should so some such than that the their them then there these they this those to was we "
    "were what when where which who why will with would you your"
)
_STOP_WORDS: Final = frozenset(_COMMON.split())
Ranked = list[tuple[int, float]]
"""Rows of nodes, best first, with their scores."""


class Hit(NamedTuple):
    """One node that was found. Offsets count characters of the document's text, lines count from 1."""

    score: float
    document: str
    node_id: str
    start: int
    end: int
    text: str
    line: int
    title: str
    headings: str


class Snapshot:
    """An open snapshot. Thread-safe; as long as it is open, retention leaves it alone. Close it, or use it in `with`."""

    def __init__(self, path: Path, embedding: BaseEmbedding | EmbeddingChoice | None = None) -> None:
        """Open a snapshot's directory. `embedding` embeds questions if the manifest's model can't be opened by itself.

        Raises UnreadableState if it is damaged or of a newer version.
        """
        self.path = path
        self._hold = _held(path / MANIFEST)
        self._connections: list[sqlite3.Connection] = []
        self._local = threading.local()
        self._opening = threading.RLock()
        self._embedding = embedding
        self._opened_model: Closing | None = None
        self._loaded: NDArray[np.floating[Any]] | None = None
        self._empty: NDArray[np.bool_] | None = None
        with ExitStack() as undo:
            undo.callback(self.close)
            self.manifest: Manifest = read_manifest(path)
            with told("read", path / DATABASE):
                check_format(self._connection(), path.name)
            undo.pop_all()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close every file; retention may have the snapshot again."""
        with self._opening:
            while self._connections:
                self._connections.pop().close()
            self._loaded = None
            if self._opened_model is not None:
                self._opened_model.close()
                self._opened_model = None
            if self._hold >= 0:
                os.close(self._hold)
                self._hold = -1

    @property
    def dense(self) -> bool:
        """Whether the snapshot has vectors."""
        return bool(self.manifest.embedding.get("dimensions"))

    def search(
        self, query: str, top: int = 5, mode: Mode = "hybrid", *, path: str | None = None, where: dict[str, str] | None = None
    ) -> list[Hit]:
        """Return the best nodes, best first, at most `top`.

        `path` is a glob over document paths; `where` are metadata of documents that have to be equal. A snapshot without
        vectors is searched lexically if the mode is `hybrid`, and refuses `dense` with a UsageError. Raises JobError if the
        model that embedded it can't be opened, ValueError for an unknown mode.
        """
        if mode not in {"hybrid", "lexical", "dense"}:
            raise ValueError(f"unknown mode {mode!r}")
        allowed = self._allowed(path, where)
        depth = max(_DEPTH, top * 4)
        if mode == "lexical" or (mode == "hybrid" and not self.dense):
            ranked = self.lexical(query, top, allowed)
        elif not self.dense:
            raise UsageError(f"{self.path.name} has no vectors", hint="it was made with `embedding: none`")
        elif mode == "dense":
            ranked = self.nearest(self.embed(query), top, allowed)
        else:
            lexical = self.lexical(query, depth, allowed)
            ranked = fused(lexical, self.nearest(self.embed(query), depth, allowed))
        return self.hits(ranked[:top])

    def lexical(self, query: str, top: int, allowed: Callable[[int], bool] | None = None) -> Ranked:
        """Return rows by full text; the score is higher for better ones."""
        match = match_of(query)
        if not match:
            return []
        sql = f"select rowid, rank from passages where passages match ? and rank match '{WEIGHTS}' order by rank"  # noqa: S608
        with told("search", self.path / DATABASE):
            if allowed is None:
                rows = self._connection().execute(f"{sql} limit ?", (match, top))
                return [(row, -rank) for row, rank in rows]
            found: Ranked = []
            for row, rank in self._connection().execute(sql, (match,)):
                if allowed(row):
                    found.append((row, -rank))
                    if len(found) >= top:
                        break
            return found

    def nearest(self, vector: Sequence[float], top: int, allowed: Callable[[int], bool] | None = None) -> Ranked:
        """Return rows by cosine similarity with a vector, exactly: every row is looked at."""
        import numpy as np

        if not self.dense or not self.manifest.nodes:
            return []
        wanted = np.asarray(vector, dtype=np.float32)
        length = float(np.linalg.norm(wanted))
        if length == 0.0:
            return []
        scores = self._scores(wanted / length)
        if allowed is not None:
            for row in range(len(scores)):
                if not allowed(row + 1):
                    scores[row] = -np.inf
        top = min(top, len(scores))
        best = np.argpartition(-scores, top - 1)[:top]
        best = best[np.lexsort((best, -scores[best]))]
        return [(int(row) + 1, float(scores[row])) for row in best if scores[row] > -np.inf]

    def _scores(self, wanted: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return the similarity of every row. Memory stays flat however many there are.

        `einsum` instead of a matrix product, whose threads cost more than they gain here, tenfold on a busy machine.
        """
        import numpy as np

        vectors = self._vectors()
        scores = np.empty(len(vectors), dtype=np.float32)
        for start in range(0, len(vectors), _BLOCK):
            block = vectors[start : start + _BLOCK].astype(np.float32, copy=False)
            np.einsum("ij,j->i", block, wanted, out=scores[start : start + _BLOCK])
        if len(vectors) != self.manifest.nodes:
            scores[self._empty_rows(len(vectors))] = -np.inf
        return scores

    def _empty_rows(self, rows: int) -> NDArray[np.bool_]:
        """Return which rows belong to no node any more: an index that went on from another one may have some."""
        with self._opening:
            if self._empty is None:
                import numpy as np

                self._empty = np.ones(rows, dtype=np.bool_)
                for _, first, nodes, _ in self._spans():
                    self._empty[first - 1 : first - 1 + nodes] = False
            return self._empty

    def _spans(self) -> Iterable[tuple[str, int, int, str]]:
        with told("read", self.path / DATABASE):
            return self._connection().execute("select key, first_node, nodes, metadata from documents").fetchall()

    def _vectors(self) -> NDArray[np.floating[Any]]:
        with self._opening:
            if self._loaded is None:
                import numpy as np

                try:
                    loaded = np.load(self.path / VECTORS, mmap_mode="r", allow_pickle=False)
                except (OSError, ValueError) as error:
                    raise UnreadableState(f"the vectors of {self.path.name} can't be read: {error}") from error
                small = loaded.size * 4 <= _KEPT_BYTES
                self._loaded = loaded.astype(np.float32) if small else loaded
            return self._loaded

    def embed(self, query: str) -> Sequence[float]:
        """Return the question's vector, made by the model that made the snapshot's."""
        identity = {key: value for key, value in self.manifest.embedding.items() if key != "dimensions"}
        if isinstance(self._embedding, EmbeddingChoice) or (self._embedding is None and identity.get("name") != DEFAULT):
            self._embedding = self._opened(identity)
        if self._embedding is not None:
            return self._embedding.get_query_embedding(query)
        from orchestrator.kinds.ingest.table import load_table

        row: Sequence[float] = load_table().embed([query])[0].tolist()
        return row

    def _opened(self, identity: Mapping[str, Any]) -> BaseEmbedding | None:
        """Return the model that the manifest names, None for the default one. A manifest has no keys: the spec may."""
        choice = self._embedding
        if not isinstance(choice, EmbeddingChoice) or choice.identity() != identity:
            arguments = {key: value for key, value in identity.items() if key not in {"name", "arguments"}}
            choice = EmbeddingChoice(str(identity.get("name")), arguments)
        if choice.identity() != identity:
            message = f"the model {choice.name} needs its arguments to be opened"
            raise JobError(message, code="embedding-failed", hint="give `embedding=`, or the spec that made the snapshot")
        if choice.name == DEFAULT:
            return None
        from orchestrator.kinds.ingest.models import open_embedding

        with self._opening:
            model = open_embedding(choice)
            self._opened_model = model if isinstance(model, Closing) else None
        return model

    def hits(self, ranked: Ranked) -> list[Hit]:
        """Return the nodes of these rows, in their order."""
        query = (
            "select d.key, d.title, n.node_id, n.start, n.end, n.line, n.headings "
            "from nodes n join documents d on d.id = n.document where n.id = ?"
        )
        found = []
        with told("read", self.path / DATABASE):
            for row, score in ranked:
                key, title, node, start, end, line, headings = self._connection().execute(query, (row,)).fetchone()
                text = text_of(self._connection(), row)
                found.append(Hit(round(score, 6), key, node.hex(), start, end, text, line, title, headings))
        return found

    def documents(self) -> list[tuple[str, str, int]]:
        """Return key, title and number of nodes of every document, by key."""
        with told("read", self.path / DATABASE):
            return self._connection().execute("select key, title, nodes from documents order by key").fetchall()

    def rows_of(self, node_ids: Iterable[str]) -> list[int]:
        """Return the rows of nodes by their ids; unknown ids are left out."""
        wanted = {bytes.fromhex(each) for each in node_ids}
        with told("read", self.path / DATABASE):
            rows = self._connection().execute("select id, node_id from nodes")
            return [row for row, node in rows if node in wanted]

    def _allowed(self, path: str | None, where: dict[str, str] | None) -> Callable[[int], bool] | None:
        if path is None and not where:
            return None
        import json

        glob = compile_glob(path) if path is not None else None
        rows: set[int] = set()
        for key, first, nodes, metadata in self._spans():
            if glob is not None and not glob.match(key):
                continue
            if where and not where.items() <= json.loads(metadata).items():
                continue
            rows.update(range(first, first + nodes))
        return rows.__contains__

    def _connection(self) -> sqlite3.Connection:
        """Return this thread's connection: one connection serves one query at a time."""
        known: sqlite3.Connection | None = getattr(self._local, "connection", None)
        if known is None:
            known = open_read_only(self.path / DATABASE)
            with self._opening:
                self._connections.append(known)
            self._local.connection = known
        return known

    def index(self) -> VectorStoreIndex:
        """Return the snapshot as an index of LlamaIndex; imports llama_index."""
        from orchestrator.kinds.ingest.vector_store import index_of

        return index_of(self)

    def as_retriever(self, **options: Any) -> BaseRetriever:
        """Return a retriever of LlamaIndex; `similarity_top_k` and `vector_store_query_mode` (default: hybrid) as there."""
        from orchestrator.kinds.ingest.vector_store import retriever_of

        return retriever_of(self, **options)

    def as_query_engine(self, llm: Any, **options: Any) -> BaseQueryEngine:
        """Return a query engine of LlamaIndex that answers with `llm` from what the snapshot finds."""
        from llama_index.core.query_engine import RetrieverQueryEngine

        return RetrieverQueryEngine.from_args(self.as_retriever(**options), llm=llm)


def match_of(query: str) -> str:
    """Return the full-text query: any word counts, stop words only if there is nothing else, compounds also as phrases."""
    words = list(dict.fromkeys(word.lower() for word in _WORD.findall(query)))
    telling = [word for word in words if word not in _STOP_WORDS] or words
    phrases = [" ".join(_WORD.findall(each)) for each in _COMPOUND.findall(query)]
    return " OR ".join(f'"{each}"' for each in [*telling, *dict.fromkeys(phrases)] if each)


def fused(lexical: Ranked, dense: Ranked) -> Ranked:
    """Return both lists as one by reciprocal rank fusion; ties in the order of rows, so that every run agrees."""
    scores: dict[int, float] = {}
    for weight, ranked in ((_LEXICAL_WEIGHT, lexical), (1.0, dense)):
        for place, (row, _) in enumerate(ranked, 1):
            scores[row] = scores.get(row, 0.0) + weight / (_RRF_K + place)
    return sorted(scores.items(), key=lambda each: (-each[1], each[0]))


def _held(manifest: Path) -> int:
    """Hold a snapshot against retention. Where holding isn't possible (some read-only mounts) nothing prunes either."""
    try:
        return files.hold(manifest)
    except FileNotFoundError:
        raise NotFound(f"{manifest.parent.name} is no snapshot", hint="`orchestrate snapshots list` shows them") from None
    except OSError:
        return -1


def open_snapshot(path: str | Path, *, embedding: BaseEmbedding | EmbeddingChoice | None = None) -> Snapshot:
    """Open a snapshot, or the current one of a store. Raises NotFound, or UnreadableState if it is damaged.

    `embedding` embeds questions; needed only if the model of the snapshot needs a key or arguments that aren't stored.
    """
    place = Path(path)
    if (place / MANIFEST).is_file() and not (place / CURRENT).exists():
        return Snapshot(place, embedding)
    store = Store(place)
    while True:
        snapshot = store.find()
        try:
            opened = Snapshot(snapshot, embedding)
        except (NotFound, UnreadableState):
            # A publication may have replaced and pruned it between the two steps.
            if store.current_id() == snapshot.name:
                raise
            continue
        return opened

"""An ingest as a job: scan the corpus, compute what isn't cached, and publish a snapshot if anything changed."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any, Final

from orchestrator.deadline import WorkContext
from orchestrator.errors import Failure, JobError, MissingExtra, UnreadableState
from orchestrator.job import Change, Job, Outcome, Plan, PlannedItem, Surroundings, Unit, UnitResult
from orchestrator.kinds.ingest import pipeline
from orchestrator.kinds.ingest.build import Origin, Previous, write_index, write_manifest
from orchestrator.kinds.ingest.cache import Cache, Pace
from orchestrator.kinds.ingest.checks import failed_check
from orchestrator.kinds.ingest.computed import Stored, cache_key
from orchestrator.kinds.ingest.document import Corpus, Scan, Seen, Stamp
from orchestrator.kinds.ingest.index import Entry, read_entries
from orchestrator.kinds.ingest.planning import batches, planned_item, quarantined_before, skipped_warning
from orchestrator.kinds.ingest.publication import Publication
from orchestrator.kinds.ingest.recipe import Recipe, recipe_of
from orchestrator.kinds.ingest.sources import corpus_of
from orchestrator.kinds.ingest.spec import IngestSpec
from orchestrator.kinds.ingest.store import Store, check_complete
from orchestrator.kinds.ingest.targets import store_of

_CLOCK_TICK: Final = 2.0
"""Seconds: a file that changed less than this before a scan may change again without its time telling."""

_TELLING: Final = 200_000
"""Bytes: what took less to compute says nothing about the pace, since it is mostly the start."""

_PASSING: Final = frozenset({"changed-while-read", "unreadable-file"})
"""Failures of the moment: they say nothing of the document's content, so the one that is published stays."""


def build(spec: IngestSpec, surroundings: Surroundings) -> Job:
    """Return the job of a spec. Reads nothing yet."""
    return IngestJob(spec, surroundings)


class IngestJob:
    """One ingest job of a run. Everything it needs to go on after a crash is in the cache and in the store."""

    work: Callable[[Unit, WorkContext], UnitResult] = staticmethod(pipeline.work)
    world: Callable[[], AbstractContextManager[Any]] | None

    def __init__(self, spec: IngestSpec, surroundings: Surroundings) -> None:
        self._spec = spec
        self._around = surroundings
        self._recipe: Recipe = recipe_of(spec)
        self._store = Store(store_of(spec, surroundings))
        self._corpus: Corpus = corpus_of(spec, surroundings, self._store.path)
        self._publication = Publication(spec.publish, surroundings.job, self._store) if spec.publish else None
        self._cache: Cache | None = None
        self._forget()
        self.world = pipeline.world_of(self._recipe)

    def _forget(self) -> None:
        self._scan = Scan(())
        self._stamps: Mapping[str, Stamp] = {}
        self._scanned_at = self._planned_at = 0.0
        self._previous: Previous | None = None
        self._entries: dict[str, Entry] = {}
        self._quarantined: dict[str, Failure] = {}
        self._model_failure: Failure | None = None
        self._waiting: set[str] = set()
        self._computed: set[str] = set()
        self._counts: Counter[str] = Counter()
        self._snapshot_id: str | None = None

    def plan(self, context: WorkContext) -> Plan:
        """Say what is new, changed, unchanged and gone. Raises JobError `empty_corpus` if there is nothing to index."""
        self._forget()
        self._scanned_at = time.time()
        self._previous, warning = self._read_previous()
        digest, assumed = self._known_recipe()
        with self._peeked_cache() as cache:
            self._stamps = cache.stamps(self._around.job) if cache else {}
            self._scan = self._corpus.scan(self._stamps, context)
            if not self._scan.documents:
                raise JobError("no document of the corpus is taken", code="empty_corpus", hint=_why_empty(self._scan))
            wanted = {each.key: _wanted(each, digest) for each in self._scan.documents if each.digest is not None}
            entries = self._previous.entries if self._previous else {}
            unpublished = {key: entry for key, entry in wanted.items() if entries.get(key) != entry}
            cached = cache.known(entry.cache_key for entry in unpublished.values()) if cache and unpublished else set()
            pace = cache.pace(self._around.job, digest) if cache else None
        self._entries = {key: entry for key, entry in wanted.items() if key not in unpublished or entry.cache_key in cached}
        to_do = [each for each in self._scan.documents if each.key not in self._entries]
        self._waiting = {each.key for each in to_do}
        self._count(entries)
        bad = quarantined_before(self._previous)
        items = [planned_item(each, wanted.get(each.key), self._previous, self._recipe, bad) for each in self._scan.documents]
        gone = [PlannedItem(key, Change.GONE, "no longer in the corpus") for key in sorted(entries.keys() - _keys(items))]
        units = list(batches(to_do, self._corpus, self._recipe))
        warnings = [each for each in (warning, assumed, skipped_warning(self._scan)) if each]
        self._planned_at = time.monotonic()
        # The cache is the truth: what it lost is computed again, whatever the journal says of an earlier attempt.
        return Plan(
            [*items, *gone],
            units,
            tuple(warnings),
            self_resuming=True,
            estimate_seconds=self._estimate(pace, to_do),
            pending=self._pending(),
        )

    def _known_recipe(self) -> tuple[bytes, str]:
        """Return the recipe's digest. Where nothing runs, a model that isn't installed counts as the last snapshot's."""
        try:
            return self._recipe.digest(), ""
        except MissingExtra:
            if not self._around.settings.get("plan_only"):
                raise
        self._recipe = self._recipe.assuming(self._previous.manifest.embedding if self._previous else {})
        return self._recipe.digest(), "the default embedding isn't installed here: the plan takes it for the last snapshot's"

    def _pending(self) -> tuple[str, ...]:
        """Return what is left to do elsewhere for a snapshot that stays current."""
        if self._publication is None or self._previous is None or not self._is_current():
            return ()
        current = self._previous.path.name
        return () if self._publication.is_settled(current) else (f"publish {current} to the vector store",)

    def _estimate(self, pace: Pace | None, to_do: Sequence[Seen]) -> float | None:
        if not to_do and self._is_current():
            return 0.0
        return None if pace is None else pace.seconds(_size(to_do), len(self._scan.documents))

    def _read_previous(self) -> tuple[Previous | None, str]:
        try:
            path = self._store.current()
            if path is None:
                return None, ""
            return Previous(path, self._store.manifest(path.name), read_entries(path)), ""
        except UnreadableState as error:
            return None, f"{error.message}; the snapshot is made anew"

    def _peeked_cache(self) -> AbstractContextManager[Cache | None]:
        return Cache.peek(self._around.state_dir / "cache")

    def _count(self, before: Mapping[str, Entry]) -> None:
        self._counts["reused"] = len(self._entries)
        self._counts["removed"] = len(before.keys() - {each.key for each in self._scan.documents})

    def prepare(self) -> None:
        """Open the cache."""
        self._open_cache()

    def apply(self, unit: Unit, result: UnitResult, context: WorkContext) -> None:
        """Store what was computed in the cache: one transaction, safe to repeat."""
        del context  # No checkpoint here: what is stored should be noted, too.
        computed: Sequence[Stored] = result.data or ()
        if computed:
            self._open_cache().put(computed, time.time())
        for each in computed:
            self._entries[each.key] = Entry(each.digest, each.cache_key)
        for outcome in result.outcomes:
            if outcome.error is None:
                self._quarantined.pop(outcome.key, None)
            elif outcome.error.code in pipeline.MODEL_FAILURES:
                self._model_failure = outcome.error
            else:
                self._quarantined[outcome.key] = outcome.error
        self._waiting.difference_update(unit.items if self._model_failure is None else ())
        self._computed.update(each.key for each in computed)

    def commit(self, context: WorkContext) -> Outcome:
        """Make and publish the next snapshot; if nothing changed, publish nothing."""
        self._store.sweep()
        self._refuse_bad_documents()
        self._keep_last_good()
        self._cache = self._open_cache()
        self._cache.remember(self._around.job, self._scan.documents, self._scanned_at - _CLOCK_TICK, self._stamps)
        if self._previous is not None and self._is_current():
            return self._stay(self._previous.path, context)
        if not self._entries:
            raise JobError(
                f"none of {len(self._quarantined)} documents could be read", code="no_nodes", hint="see the failures"
            )
        return self._publish(context)

    def _stay(self, current: Path, context: WorkContext) -> Outcome:
        """Publish nothing, but finish what an earlier run left undone elsewhere."""
        self._snapshot_id = current.name
        self._close_cache()
        if self._publication is not None and not self._publication.is_settled(current.name):
            context.enter("publish")
            self._publication.settle(current, context)
            return Outcome(self.tally(), message=f"published {current.name} to the vector store")
        return Outcome(self.tally(), message="nothing changed")

    def _refuse_bad_documents(self) -> None:
        if self._model_failure is not None:
            failure = self._model_failure
            raise JobError(failure.message, code=failure.code, hint=failure.hint, retryable=failure.retryable)
        lost = self._waiting - self._entries.keys() - self._quarantined.keys()
        for key in filter(self._recipe.readers.is_own, lost):
            self._quarantined[key] = Failure("reader-failed", "the job's own reader failed", "see the log")
        lost -= self._quarantined.keys()
        if lost:
            raise JobError(
                f"{len(lost)} documents couldn't be computed; the last snapshot stays",
                code="incomplete",
                hint="`orchestrate logs` says why; `orchestrate resume` repeats only these",
                retryable=True,
            )
        if self._quarantined and self._spec.on_bad_document == "fail":
            key, failure = min(self._quarantined.items())
            raise JobError(
                f"{len(self._quarantined)} documents can't be read, such as {key}: {failure.message}",
                code="bad-document",
                hint="`on_bad_document: quarantine` publishes the others",
            )

    def _keep_last_good(self) -> None:
        """Leave documents as they were published last that couldn't be read just now, but may be the next time."""
        before = self._previous
        if before is None or before.manifest.settings != self._recipe.settings():
            return
        for key, failure in self._quarantined.items():
            if failure.code in _PASSING and key in before.entries:
                self._entries[key] = before.entries[key]

    def _is_current(self) -> bool:
        before = self._previous
        return before is not None and before.entries == self._entries

    def _publish(self, context: WorkContext) -> Outcome:
        now, began = time.time(), time.monotonic()
        staging = self._store.new_staging(self._store.new_id(now))
        writer = write_index(staging, self._entries, self._open_cache(), self._previous, context)
        if not writer.nodes:
            raise JobError(f"{writer.documents} documents have no text to index", code="no_nodes", hint="see `corpus`")
        reasons = {key: failure.code for key, failure in self._quarantined.items()}
        origin = Origin(self._around.job, self._around.run_id, now, self._recipe, reasons, self._scan.skipped)
        manifest = write_manifest(staging, writer, self._entries, origin)
        context.enter("verify")
        check_complete(staging)
        self._counts["nodes"] = manifest.nodes
        problem = failed_check(self._spec.checks, staging, manifest, self._previous, self._entries)
        if problem is not None:
            self._store.hold(staging)
            raise problem
        context.enter("publish")
        if self._publication is not None:
            self._publication.fill(staging, context)
        context.commit_point()
        self._snapshot_id = self._store.publish(staging).name
        self._note_pace(began - self._planned_at, time.monotonic() - began)
        self._open_cache().keep((entry.cache_key for entry in self._entries.values()), now)
        self._store.prune(int(self._around.settings.get("retention", {}).get("snapshots", 5)))
        self._close_cache()
        if self._publication is not None:
            self._publication.switch(self._snapshot_id)
        return Outcome(self.tally(), message=f"published {self._snapshot_id}")

    def _note_pace(self, computing: float, publishing: float) -> None:
        size = _size([each for each in self._scan.documents if each.key in self._computed])
        if size >= _TELLING:
            pace = Pace(computing / size, publishing / len(self._entries))
            self._open_cache().note_pace(self._around.job, self._recipe.digest(), pace)

    def abandon(self) -> None:
        """Remove the staging; cache and published snapshots stay."""
        self._store.drop_staging()
        self._close_cache()

    def tally(self) -> Mapping[str, int | str | None]:
        """Return the counts so far."""
        nodes = self._counts["nodes"]
        if not nodes and self._previous is not None:
            nodes = self._previous.manifest.nodes
        return {
            "documents": len(self._entries),
            "nodes": nodes,
            "computed": len(self._computed),
            "reused": self._counts["reused"],
            "removed": self._counts["removed"],
            "quarantined": len(self._quarantined),
            "snapshot_id": self._snapshot_id,
        }

    def _open_cache(self) -> Cache:
        if self._cache is None:
            self._cache = Cache.open(self._around.state_dir / "cache")
        return self._cache

    def _close_cache(self) -> None:
        if self._cache is not None:
            self._cache.close()
            self._cache = None


def _wanted(seen: Seen, recipe: bytes) -> Entry:
    assert seen.digest is not None
    return Entry(seen.digest, cache_key(seen.digest, recipe, pipeline.name_of(seen.key)))


def _size(documents: Sequence[Seen]) -> int:
    return sum(each.size for each in documents)


def _keys(items: Sequence[PlannedItem]) -> set[str]:
    return {item.key for item in items}


def _why_empty(scan: Scan) -> str:
    if scan.skipped:
        reason, count = Counter(each.reason for each in scan.skipped).most_common(1)[0]
        return f"{count} entries were left out: {reason}"
    return "see `corpus`, `include` and `exclude`"

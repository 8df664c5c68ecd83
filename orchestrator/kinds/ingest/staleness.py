"""Whether a job's current snapshot still is what its spec and its corpus say: a quick look, for `status` and `snapshots`.

Imports nothing heavy and computes nothing: settings first, then the corpus by sizes and times, and content only of files
whose times tell nothing.
"""

from __future__ import annotations

from typing import Final, NamedTuple

from orchestrator.deadline import CancelToken, Deadline, WorkContext
from orchestrator.errors import OrchestrateError
from orchestrator.job import Surroundings
from orchestrator.kinds.ingest.cache import Cache
from orchestrator.kinds.ingest.computed import cache_key
from orchestrator.kinds.ingest.document import Seen, Stamp
from orchestrator.kinds.ingest.index import Entry, read_entries
from orchestrator.kinds.ingest.recipe import recipe_of
from orchestrator.kinds.ingest.sources import corpus_of
from orchestrator.kinds.ingest.spec import IngestSpec, Postings
from orchestrator.kinds.ingest.store import Store
from orchestrator.kinds.ingest.targets import store_of
from orchestrator.status.models import seconds

PATIENCE: Final = 0.5
"""Seconds that a look may take: then it says nothing."""


class Staleness(NamedTuple):
    """In what a snapshot differs from what a run would publish now. Documents that can't be read aren't counted.

    Nor are those that its run quarantined, until their content changes.
    """

    settings: bool = False
    new: int = 0
    changed: int = 0
    gone: int = 0

    def words(self) -> str:
        """Return the difference in a few words, empty if there is none."""
        if self.settings:
            return "made with other settings"
        counts = ((self.new, "new"), (self.changed, "changed"), (self.gone, "gone"))
        told = ", ".join(f"{count} {word}" for count, word in counts if count)
        return f"{told} since it was made" if told else ""


def staleness(spec: IngestSpec, surroundings: Surroundings, patience: float = PATIENCE) -> Staleness | None:
    """Return how stale the current snapshot is; None if there is none, or if a quick look can't tell.

    Changes nothing. `patience` is in seconds. The postings of a database are never asked.
    """
    context = WorkContext(Deadline.after(patience), CancelToken())
    try:
        return _looked(spec, surroundings, context)
    except OrchestrateError:  # Who runs the job is told what is wrong; who looks at it isn't held up.
        return None


def _looked(spec: IngestSpec, surroundings: Surroundings, context: WorkContext) -> Staleness | None:
    store = Store(store_of(spec, surroundings))
    current = store.current()
    if current is None:
        return None
    recipe = recipe_of(spec)
    manifest = store.manifest(current.name)
    if manifest.settings != recipe.settings():
        return Staleness(settings=True)
    if isinstance(spec.corpus, Postings):
        return None
    with Cache.peek(surroundings.state_dir / "cache") as cache:
        known = cache.stamps(surroundings.job) if cache else {}
    digest = recipe.digest()
    seen = corpus_of(spec, surroundings, store.path).scan(known, context).documents
    before = read_entries(current)
    wanted = {
        each.key: Entry(each.digest, cache_key(each.digest, digest, each.key.rpartition("/")[2]))
        for each in seen
        if each.digest is not None
    }
    refused = {each.document for each in manifest.quarantined}
    made = seconds(manifest.created_at)
    tried = {each.key for each in seen if each.key in refused and _as_it_was(each, known.get(each.key), made)}
    return Staleness(
        new=len(wanted.keys() - before.keys() - tried),
        changed=sum(before[key] != wanted[key] for key in wanted.keys() & before.keys()),
        gone=len(before.keys() - {each.key for each in seen}),
    )


def _as_it_was(seen: Seen, stamp: Stamp | None, made: float) -> bool:
    """Whether a document is what it was at `made`. A file that was young then has no stamp, but its times tell."""
    return stamp.digest == seen.digest if stamp is not None else max(seen.times) / 1e9 < made

"""The page Snapshots: per ingest job the current one, whether it is stale and why, its predecessors, and a search."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from dashboard import postings, snapshots
from dashboard.compose.postings import database_of
from dashboard.compose.run import spec_of
from dashboard.draw.parts import empty, problem
from dashboard.draw.snapshots import Card, hit_list, snapshot_card
from dashboard.freshness import Drift, Rules, Walk, changed_settings, folders_of, rules_of
from dashboard.nodes import Child, Drawn, Node, page
from dashboard.snapshots import Snapshot, Snapshots
from dashboard.store import Store
from dashboard.view import LIVE
from dashboard.words import seconds_of
from orchestrator.errors import UnreadableState
from orchestrator.status.layout import is_run_id

WATCHED: Final = 8
MOST_STORES: Final = 40
MOST_WALKS: Final = 64
_walks: dict[tuple[Path, str, Rules], Walk] = {}


@dataclass(frozen=True, slots=True)
class Asked:
    """What stands in the address of the page: a job, and the words that its snapshot is asked for."""

    job: str = ""
    text: str = ""

    def address(self, job: str = "") -> str:
        """Return the address of this page for one job."""
        return page("snapshots", job=job or self.job)


def snapshots_page(store: Store, asked: Asked, *, root: Path, place: str = "") -> Drawn:
    """Return one card a job. What can't be read is told on its card; the others stay."""
    names = store.names()
    live = any(store.summary(name).state in LIVE for name in names[:WATCHED])
    jobs = _jobs(store, names[0] if names else None)
    stores = _stores(store, jobs, root)
    cards: list[Child] = []
    walking = False
    for name, path in stores.items():
        reader = snapshots.of(path)
        try:
            found = _card(store, reader, name, jobs.get(name), root)
        except UnreadableState as error:
            cards.append(problem(error, f"The snapshots of {name}."))
            continue
        if found is None:
            continue
        walking = walking or (found.drift is not None and not found.drift.complete)
        text = asked.text if asked.job == name else ""
        hits = _hits(reader, found.current, name, text, place)
        cards.append(snapshot_card(found, place=place, address=asked.address(name), text=text, hits=hits))
    if not cards:
        cards.append(empty("No snapshot yet", "An ingest job publishes one; see the sample in jobs.yaml."))
    return Drawn(cards, title="Snapshots", active=live or walking)


def _jobs(store: Store, run_id: str | None) -> dict[str, Mapping[str, Any]]:
    """Return the ingest jobs of a run's resolved spec."""
    document = spec_of(store, store.state.run(run_id)) if run_id and is_run_id(run_id) and store.has(run_id) else None
    jobs = (document or {}).get("jobs")
    found = jobs.items() if isinstance(jobs, dict) else ()
    return {name: job for name, job in found if isinstance(job, dict) and job.get("kind") == "ingest"}


def _stores(store: Store, jobs: Mapping[str, Mapping[str, Any]], root: Path) -> dict[str, Path]:
    """Return the stores of the latest run's jobs, and those that lie in the state directory."""
    found: dict[str, Path] = {}
    for name, job in jobs.items():
        own = job.get("snapshots")
        found[name] = root / own if isinstance(own, str) else store.state.snapshots / name
    try:
        beside = sorted(path for path in store.state.snapshots.iterdir() if (path / "CURRENT").is_file())
    except OSError:
        beside = []
    for path in beside:
        found.setdefault(path.name, path)
    return dict(list(found.items())[:MOST_STORES])


def _card(store: Store, reader: Snapshots, name: str, job: Mapping[str, Any] | None, root: Path) -> Card | None:
    ids, current_id = reader.ids(), reader.current()
    if current_id is None:
        return None
    current = reader.read(current_id)
    others = [one for one in ids if one != current_id]
    earlier = next((one for one in others if one < current_id), None)
    settings = changed_settings(_jobs(store, current.run_id).get(name), job)
    try:
        reader.documents(current_id)
        difference, unread = reader.difference(earlier, current_id) if earlier else None, ""
    except UnreadableState as error:  # Of the index; what the manifest says stands all the same.
        difference, unread = None, error.message
    return Card(
        job=name,
        current=current,
        others=tuple(_readable(reader, others[:6])),
        others_total=len(others),
        difference=difference,
        earlier=earlier,
        settings=settings,
        drift=None if unread else _drift(reader, current, job, root),
        unread=unread,
        held=reader.held(),
        postings=_postings_since(store, current, job, root),
    )


def _readable(reader: Snapshots, names: list[str]) -> list[Snapshot]:
    found = []
    for name in names:
        try:
            found.append(reader.read(name))
        except UnreadableState:
            continue
    return found


def _drift(reader: Snapshots, current: Snapshot, job: Mapping[str, Any] | None, root: Path) -> Drift | None:
    """Return what changed in the corpus since; None for a corpus that isn't made of folders, or isn't known."""
    folders = folders_of(job, root) if job else {}
    made_at = seconds_of(current.created_at)
    if not job or not folders or made_at is None:
        return None
    key = (reader.path, current.snapshot_id, rules := rules_of(job))
    if key not in _walks:
        while len(_walks) >= MOST_WALKS:
            del _walks[next(iter(_walks))]
        _walks[key] = Walk(folders, frozenset(reader.documents(current.snapshot_id)), made_at, rules=rules)
    return _walks[key].advance()


def _postings_since(store: Store, current: Snapshot, job: Mapping[str, Any] | None, root: Path) -> int | None:
    """Return how many postings changed since, for a corpus that is made of postings in a database we can read."""
    corpus = job.get("corpus") if job else None
    if not isinstance(corpus, dict) or seconds_of(current.created_at) is None:
        return None
    database = database_of(store, root)
    if isinstance(database, str) or not database.is_file():
        return None
    return postings.of(database).changes_since(current.created_at)


def _hits(reader: Snapshots, current: Snapshot, job: str, text: str, place: str) -> Node | None:
    if not text.strip():
        return None
    try:
        return hit_list(reader.search(current.snapshot_id, text), job, text, place)
    except UnreadableState as error:
        return problem(error)

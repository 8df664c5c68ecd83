"""`orchestrate snapshots`: list, compare, verify, roll back, keep and remove the snapshots of an ingest job."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from orchestrator import files
from orchestrator.cli import options, project, terminal
from orchestrator.cli.stale import stale
from orchestrator.errors import ExitCode, NotFound, UnreadableState, UsageError

if TYPE_CHECKING:
    from orchestrator.kinds.ingest.recipe import EmbeddingChoice
    from orchestrator.kinds.ingest.store import Store

app = typer.Typer(
    rich_markup_mode=None,
    add_completion=False,
    no_args_is_help=True,
    help="""List, compare, verify and roll back the snapshots of an ingest job.

\b
Examples:
  orchestrate snapshots list handbook
  orchestrate snapshots diff handbook 20261121 20261122
  orchestrate snapshots rollback handbook 20261121 --yes
""",
)
Job = Annotated[str, typer.Argument(metavar="JOB", help="The ingest job.", show_default=False)]
Snapshot = Annotated[str, typer.Argument(metavar="ID", help="A snapshot's id, or a unique part of it.", show_default=False)]
MaybeSnapshot = Annotated[
    str | None, typer.Argument(metavar="ID", help="A snapshot's id; default: the current one.", show_default=False)
]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Do it; without this flag the verb only says what it would do.")]


def find_store(job: str, file: Path | None, state_dir: Path | None) -> Store:
    """Return the snapshot store of a job: where the spec puts it, or its place in the state directory without a spec.

    Raises NotFound if the spec has no such job, UsageError if the job isn't an ingest.
    """
    from orchestrator.kinds.ingest.store import Store

    if file is None and not project.DEFAULT_SPEC.is_file():
        return Store(_named(project.find_state_dir(None, state_dir).snapshots, job))
    resolved = project.load(file)
    state = project.state_dir_of(resolved, state_dir)
    spec = resolved.spec.jobs.get(job)
    if spec is None:
        raise NotFound(f"there is no job {job!r}", hint=f"{resolved.path.name} has: {', '.join(resolved.spec.jobs)}")
    if spec.kind != "ingest":
        raise UsageError(f"the job {job!r} is of the kind {spec.kind}; only ingest jobs have snapshots")
    from orchestrator.kinds.ingest.spec import IngestSpec
    from orchestrator.kinds.ingest.targets import store_of

    assert isinstance(spec, IngestSpec)
    return Store(store_of(spec, project.surroundings(resolved, state, job, "")))


def embedding_of(job: str, file: Path | None) -> EmbeddingChoice | None:
    """Return the embedding model of a job with its key and arguments, None without a spec: the manifest has neither."""
    if file is None and not project.DEFAULT_SPEC.is_file():
        return None
    from orchestrator.kinds.ingest.recipe import recipe_of
    from orchestrator.kinds.ingest.spec import IngestSpec

    spec = project.load(file).spec.jobs.get(job)
    return recipe_of(spec).embedding if isinstance(spec, IngestSpec) else None


def _named(folder: Path, job: str) -> Path:
    if not job or "/" in job or job.startswith("."):
        raise NotFound(f"there is no job {job!r}")
    return folder / job


@app.command("list")
def list_snapshots(
    job: Job, file: options.File = None, state_dir: options.StateDirectory = None, json: options.Json = False
) -> None:
    """List the snapshots, newest first; the current one has a star.

    \b
    Examples:
      orchestrate snapshots list handbook
      orchestrate snapshots list handbook --json
    """  # noqa: D301 - \b is Typer's mark for a paragraph that isn't wrapped
    store = find_store(job, file, state_dir)
    rows = [_row(store, name) for name in reversed(store.ids())]
    words = stale([job], file, state_dir).get(job, "")
    if json:
        document = {"format_version": 1, "job": job, "current": store.current_id(), "stale": words, "snapshots": rows}
        terminal.show_json(document)
    elif rows:
        header = ("", "snapshot", "documents", "nodes", "size", "embedding", "")
        terminal.show(terminal.table(header, (_cells(row) for row in rows), limit=terminal.width()))
        if words:
            terminal.show(f"stale: {words}; `orchestrate plan --job {job}` shows what a run would do")
    else:
        terminal.say("there is no published snapshot yet: `orchestrate run` makes one")


def _row(store: Store, name: str) -> dict[str, Any]:
    row: dict[str, Any] = {"snapshot_id": name, "current": name == store.current_id(), "pinned": name in store.pins()}
    try:
        manifest = store.manifest(name)
    except UnreadableState as error:
        return row | {"problem": error.message}
    return row | {
        "created_at": manifest.created_at,
        "run_id": manifest.run_id,
        "documents": manifest.documents,
        "nodes": manifest.nodes,
        "quarantined": manifest.quarantined_total,
        "embedding": manifest.embedding.get("name"),
        "bytes": sum(entry.size for entry in manifest.files),
        "corpus_digest": manifest.corpus_digest,
        "settings_digest": manifest.settings_digest,
    }


def _cells(row: dict[str, Any]) -> tuple[str, ...]:
    star = "*" if row["current"] else ""
    if "problem" in row:
        return star, row["snapshot_id"], "?", "?", "?", "?", row["problem"]
    size = f"{row['bytes'] / 1e6:.1f} MB"
    marks = ["pinned"] * row["pinned"] + [f"{row['quarantined']} quarantined"] * bool(row["quarantined"])
    counts = (str(row["documents"]), str(row["nodes"]))
    return star, row["snapshot_id"], *counts, size, str(row["embedding"]), ", ".join(marks)


@app.command()
def verify(
    job: Job,
    snapshot: MaybeSnapshot = None,
    file: options.File = None,
    state_dir: options.StateDirectory = None,
    json: options.Json = False,
) -> None:
    """Compare a snapshot with its manifest, byte for byte: whatever differs, is missing or doesn't belong is reported.

    \b
    Examples:
      orchestrate snapshots verify handbook
      orchestrate snapshots verify handbook 20261121
    """  # noqa: D301 - \b is Typer's mark for a paragraph that isn't wrapped
    from orchestrator.kinds.ingest.verify import problems

    place = find_store(job, file, state_dir).find(snapshot)
    found = problems(place)
    if json:
        terminal.show_json({"format_version": 1, "snapshot_id": place.name, "ok": not found, "problems": found})
    else:
        terminal.show("\n".join([f"{place.name}  {'damaged' if found else 'ok'}", *(f"  {each}" for each in found)]))
    if found:
        raise typer.Exit(int(ExitCode.FAILED))


@app.command()
def diff(
    job: Job,
    one: Annotated[str, typer.Argument(metavar="A", help="A snapshot's id.", show_default=False)],
    other: Annotated[str | None, typer.Argument(metavar="B", help="Default: the current one.", show_default=False)] = None,
    file: options.File = None,
    state_dir: options.StateDirectory = None,
    json: options.Json = False,
) -> None:
    """Compare two snapshots: documents and nodes that were added, removed or changed from A to B.

    \b
    Examples:
      orchestrate snapshots diff handbook 20261121
      orchestrate snapshots diff handbook 20261121 20261122 --json
    """  # noqa: D301 - \b is Typer's mark for a paragraph that isn't wrapped
    from orchestrator.kinds.ingest.compare import compare

    store = find_store(job, file, state_dir)
    before, after = store.find(one), store.find(other)
    found = compare(before, after)
    if json:
        terminal.show_json({"format_version": 1, "from": before.name, "to": after.name, **found._asdict()})
        return
    terminal.show(f"{before.name} -> {after.name}")
    counts = f"{len(found.added)} added, {len(found.removed)} removed, {len(found.changed)} changed"
    terminal.show(f"documents: {counts}, {found.unchanged} unchanged")
    terminal.show(f"nodes: {found.nodes_added} added, {found.nodes_removed} removed, {found.nodes_kept} kept")
    for name in found.settings:
        terminal.show(f"settings: {name} differs")
    for sign, keys in (("+", found.added), ("-", found.removed), ("~", found.changed)):
        for key in keys:
            terminal.show(f"  {sign} {terminal.printable(key)}")


@app.command()
def rollback(
    job: Job, snapshot: Snapshot, yes: Yes = False, file: options.File = None, state_dir: options.StateDirectory = None
) -> None:
    """Make an older snapshot the current one. It is verified first; no snapshot is removed.

    \b
    Examples:
      orchestrate snapshots rollback handbook 20261121
      orchestrate snapshots rollback handbook 20261121 --yes
    """  # noqa: D301 - \b is Typer's mark for a paragraph that isn't wrapped
    from orchestrator.kinds.ingest.store import check_complete

    store = find_store(job, file, state_dir)
    place = store.find(snapshot)
    if not yes:
        raise UsageError(f"this would make {place.name} the current snapshot of {job}", hint="repeat with --yes")
    with _locked(store, "snapshots rollback"):
        check_complete(place)
        store.sweep()
        store.point_at(place.name)
    terminal.say(f"{place.name} is the current snapshot of {job}; the next run with changes publishes a newer one")


def _locked(store: Store, verb: str) -> files.Lock:
    if not store.path.is_dir():
        raise NotFound("there is no published snapshot yet", hint="`orchestrate run` makes one")
    return files.Lock.acquire(store.lock, f"orchestrate {verb}")


@app.command()
def pin(job: Job, snapshot: MaybeSnapshot = None, file: options.File = None, state_dir: options.StateDirectory = None) -> None:
    """Keep a snapshot from retention.

    \b
    Examples:
      orchestrate snapshots pin handbook 20261121
    """  # noqa: D301 - \b is Typer's mark for a paragraph that isn't wrapped
    store = find_store(job, file, state_dir)
    place = store.find(snapshot)
    store.pin(place.name)
    terminal.say(f"{place.name} is pinned")


@app.command()
def unpin(
    job: Job, snapshot: MaybeSnapshot = None, file: options.File = None, state_dir: options.StateDirectory = None
) -> None:
    """Let retention have a pinned snapshot again.

    \b
    Examples:
      orchestrate snapshots unpin handbook 20261121
    """  # noqa: D301 - \b is Typer's mark for a paragraph that isn't wrapped
    store = find_store(job, file, state_dir)
    place = store.find(snapshot)
    terminal.say(f"{place.name} is not pinned any more" if store.unpin(place.name) else f"{place.name} was not pinned")


@app.command()
def prune(
    job: Job,
    keep: Annotated[
        int | None, typer.Option("--keep", min=1, help="How many stay; default: the spec's retention.", show_default=False)
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would be removed.")] = False,
    file: options.File = None,
    state_dir: options.StateDirectory = None,
    json: options.Json = False,
) -> None:
    """Remove old snapshots; never the current one, one that is pinned, or one that a reader holds.

    \b
    Examples:
      orchestrate snapshots prune handbook --dry-run
      orchestrate snapshots prune handbook --keep 2
    """  # noqa: D301 - \b is Typer's mark for a paragraph that isn't wrapped
    store = find_store(job, file, state_dir)
    most = keep or _retention(file)
    if dry_run:
        names = store.expendable(most)
    else:
        with _locked(store, "snapshots prune"):
            store.sweep()
            names = store.prune(most)
    if json:
        terminal.show_json({"format_version": 1, "removed": [] if dry_run else names, "expendable": names})
    elif names:
        terminal.show("\n".join(names))
    else:
        terminal.say("there is nothing to remove")


def _retention(file: Path | None) -> int:
    if file is None and not project.DEFAULT_SPEC.is_file():
        return 5
    return project.load(file).spec.retention.snapshots


@app.command()
def accept(job: Job, yes: Yes = False, file: options.File = None, state_dir: options.StateDirectory = None) -> None:
    """Publish the snapshot that the last run held back because a check failed.

    \b
    Examples:
      orchestrate snapshots accept handbook --yes
    """  # noqa: D301 - \b is Typer's mark for a paragraph that isn't wrapped
    from orchestrator.kinds.ingest.store import check_complete

    store = find_store(job, file, state_dir)
    waiting = store.waiting()
    if waiting is None:
        raise NotFound("no snapshot waits to be accepted")
    if not yes:
        raise UsageError(f"this would publish {waiting.name}", hint="repeat with --yes")
    with _locked(store, "snapshots accept"):
        check_complete(waiting)
        published = store.publish(waiting)
        store.sweep()
    terminal.say(f"published {published.name}")


@app.command("export")
def export_snapshot(
    job: Job,
    destination: Annotated[Path, typer.Argument(metavar="TAR", help="The file to write.", show_default=False)],
    snapshot: MaybeSnapshot = None,
    file: options.File = None,
    state_dir: options.StateDirectory = None,
) -> None:
    """Write a snapshot as one tar file that another machine can import.

    \b
    Examples:
      orchestrate snapshots export handbook handbook.tar
    """  # noqa: D301 - \b is Typer's mark for a paragraph that isn't wrapped
    from orchestrator.kinds.ingest.archive import export

    place = find_store(job, file, state_dir).find(snapshot)
    export(place, destination)
    terminal.say(f"wrote {place.name} to {destination.name}")


@app.command("import")
def import_snapshot(
    job: Job,
    source: Annotated[Path, typer.Argument(metavar="TAR", help="A file that `export` wrote.", show_default=False)],
    current: Annotated[bool, typer.Option("--current", help="Make it the current snapshot.")] = False,
    file: options.File = None,
    state_dir: options.StateDirectory = None,
) -> None:
    """Add an exported snapshot to the store, after it was verified.

    \b
    Examples:
      orchestrate snapshots import handbook handbook.tar --current
    """  # noqa: D301 - \b is Typer's mark for a paragraph that isn't wrapped
    from orchestrator.kinds.ingest.archive import take_in

    store = find_store(job, file, state_dir)
    files.make_private_dir(store.path)
    with _locked(store, "snapshots import"):
        store.sweep()
        place = take_in(store, source)
        if current:
            store.point_at(place.name)
    terminal.say(f"imported {place.name}")

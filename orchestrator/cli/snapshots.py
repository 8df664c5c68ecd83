"""`orchestrate snapshots`: list, compare, verify, roll back, keep and remove the snapshots of an ingest job."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from orchestrator.cli import options, project, terminal
from orchestrator.errors import ExitCode, NotFound, UnreadableState, UsageError

if TYPE_CHECKING:
    from orchestrator.kinds.ingest.store import Store

app = typer.Typer(
    rich_markup_mode=None,
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
    str | None, typer.Argument(metavar="[ID]", help="A snapshot's id; default: the current one.", show_default=False)
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
    if json:
        terminal.show_json({"format_version": 1, "job": job, "current": store.current_id(), "snapshots": rows})
    elif rows:
        header = ("", "snapshot", "documents", "nodes", "size", "embedding", "")
        terminal.show(terminal.table(header, (_cells(row) for row in rows), limit=terminal.width()))
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

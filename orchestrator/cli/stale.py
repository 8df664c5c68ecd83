"""How stale the snapshots of ingest jobs are, for the verbs that show them. Who can't tell says nothing."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from orchestrator.cli import project
from orchestrator.errors import OrchestrateError


def stale(jobs: Iterable[str], file: Path | None, state_dir: Path | None) -> dict[str, str]:
    """Return in a few words how the current snapshots of jobs differ from what a run would publish; fresh ones aren't in it."""
    names = list(jobs)
    if not names or (file is None and not project.DEFAULT_SPEC.is_file()):
        return {}
    try:
        resolved = project.load(file)
    except OrchestrateError:
        return {}
    from orchestrator.kinds.ingest.spec import IngestSpec
    from orchestrator.kinds.ingest.staleness import staleness

    state = project.state_dir_of(resolved, state_dir)
    found: dict[str, str] = {}
    for name in names:
        spec = resolved.spec.jobs.get(name)
        look = staleness(spec, project.surroundings(resolved, state, name, "")) if isinstance(spec, IngestSpec) else None
        if look is not None and look.words():
            found[name] = look.words()
    return found

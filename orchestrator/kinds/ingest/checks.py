"""What has to hold before a snapshot is published. A failed check holds it back; nothing else changes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

from orchestrator.errors import JobError
from orchestrator.kinds.ingest.build import Previous
from orchestrator.kinds.ingest.globs import compile_glob
from orchestrator.kinds.ingest.index import Entry
from orchestrator.kinds.ingest.manifest import Manifest
from orchestrator.kinds.ingest.spec import Checks, Smoke


def failed_check(
    checks: Checks, staging: Path, manifest: Manifest, previous: Previous | None, entries: Mapping[str, Entry]
) -> JobError | None:
    """Return why a snapshot must not be published, None if every check passed."""
    found = next(_failed(checks, staging, manifest, previous, entries), None)
    if found is None:
        return None
    message, field = found
    hint = f"change `checks.{field}`, or accept it as it is: `orchestrate snapshots accept {manifest.job} --yes`"
    return JobError(message, code="check-failed", hint=hint)


def _failed(
    checks: Checks, staging: Path, manifest: Manifest, previous: Previous | None, entries: Mapping[str, Entry]
) -> Iterator[tuple[str, str]]:
    if manifest.documents < checks.min_documents:
        yield f"{manifest.documents} documents are fewer than {checks.min_documents}", "min_documents"
    if previous is not None and previous.entries:
        before = len(previous.entries)
        removed = len(previous.entries.keys() - entries.keys())
        allowed = checks.max_removed if isinstance(checks.max_removed, int) else checks.max_removed * before
        if removed > allowed:
            yield f"{removed} of {before} documents would be removed", "max_removed"
    if checks.smoke:
        yield from _unanswered(checks.smoke, staging)


def _unanswered(questions: list[Smoke], staging: Path) -> Iterator[tuple[str, str]]:
    from orchestrator.kinds.ingest.search import Snapshot

    with Snapshot(staging) as snapshot:
        for number, question in enumerate(questions, 1):
            hits = snapshot.search(question.query, top=question.top)
            if not any(compile_glob(question.expect).match(hit.document) for hit in hits):
                yield f"question {number} doesn't find {question.expect} among the first {question.top}", "smoke"

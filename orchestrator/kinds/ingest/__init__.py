"""The kind `ingest`: documents of a corpus become a published snapshot that can be searched.

Importing this package costs nothing; what is heavy is named below and imported by the verbs that execute.
"""

from __future__ import annotations

from typing import Final

from orchestrator.spec.kinds import Kind, Phases

KIND: Final = Kind(
    name="ingest",
    summary="index documents, or stored postings, for retrieval",
    phases=Phases(
        plan="scan",
        work="embed",
        commit="index",
        all=("scan", "read", "embed", "index", "verify", "publish", "done"),
    ),
    noun="documents",
    model="orchestrator.kinds.ingest.spec:IngestSpec",
    build="orchestrator.kinds.ingest.job:build",
    targets="orchestrator.kinds.ingest.targets:targets",
    check="orchestrator.kinds.ingest.targets:check",
    requirements="orchestrator.kinds.ingest.requirements:requirements",
)

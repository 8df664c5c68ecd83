"""The kind `scrape`: gathers the postings of companies from job boards and keeps a table in line with them."""

from __future__ import annotations

from typing import Final

from orchestrator.spec.kinds import Kind, Phases

KIND: Final = Kind(
    name="scrape",
    summary="Gathers the postings of companies from job boards into a database.",
    phases=Phases(plan="plan", work="fetch", commit="sync", all=("plan", "fetch", "sync", "done")),
    noun="companies",
    model="orchestrator.kinds.scrape.spec:ScrapeSpec",
    build="orchestrator.kinds.scrape.job:build",
    targets="orchestrator.kinds.scrape.targets:targets",
    check="orchestrator.kinds.scrape.check:check",
    requirements="orchestrator.kinds.scrape.requirements:requirements",
)

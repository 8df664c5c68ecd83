"""A workshop for ingest jobs: a corpus on disk, and the four verbs driven without the engine."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from orchestrator.deadline import CancelToken, Deadline, WorkContext
from orchestrator.job import ItemOutcome, Outcome, Plan, Surroundings
from orchestrator.kinds.ingest.job import IngestJob
from orchestrator.kinds.ingest.search import Snapshot, open_snapshot
from orchestrator.kinds.ingest.spec import IngestSpec
from orchestrator.kinds.ingest.store import Store


@dataclass
class Done:
    """A driven job: what it planned, how its items ended, and its outcome."""

    job: IngestJob
    plan: Plan
    outcomes: list[ItemOutcome]
    outcome: Outcome

    @property
    def failures(self) -> dict[str, str]:
        return {each.key: each.error.code for each in self.outcomes if each.error is not None}


@dataclass
class Workshop:
    """A project with a folder `docs`, a state directory, and jobs that are driven here."""

    root: Path
    spec: dict[str, Any] = field(default_factory=dict)

    @property
    def docs(self) -> Path:
        return self.root / "docs"

    @property
    def state(self) -> Path:
        return self.root / "state"

    @property
    def store(self) -> Store:
        return Store(self.state / "snapshots" / "handbook")

    def write(self, files: Mapping[str, str | bytes]) -> None:
        for name, content in files.items():
            path = self.docs / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content if isinstance(content, bytes) else content.encode())

    def context(self, **options: Any) -> WorkContext:
        return WorkContext(Deadline.never(), CancelToken(), **options)

    def job(self, **fields: Any) -> IngestJob:
        spec = IngestSpec.model_validate({"kind": "ingest", "corpus": "docs", **self.spec, **fields})
        settings = {"retention": {"snapshots": 5}}
        around = Surroundings("handbook", "20261121T165300.123Z-1a2b3c4d", self.root, self.state, self.database, settings)
        return IngestJob(spec, around)

    @property
    def database(self) -> str:
        return f"sqlite:///{self.root / 'postings.db'}"

    def run(self, context: WorkContext | None = None, **fields: Any) -> Done:
        """Drive a job as the engine does; a job that raises is abandoned first."""
        job = self.job(**fields)
        context = context or self.context()
        finished = False
        try:
            plan = job.plan(context)
            outcomes = self.work(job, plan, context)
            done = Done(job, plan, outcomes, job.commit(context))
            finished = True
        finally:
            if not finished:
                job.abandon()
        return done

    def work(self, job: IngestJob, plan: Plan, context: WorkContext) -> list[ItemOutcome]:
        outcomes: list[ItemOutcome] = []
        assert job.world is not None
        with job.world() as world:
            for unit in plan.units:
                result = job.work(unit, self.context(world=world))
                job.apply(unit, result, context)
                outcomes.extend(result.outcomes)
        return outcomes

    def open(self) -> Snapshot:
        return open_snapshot(self.store.path)

    def published(self) -> list[str]:
        with self.open() as snapshot:
            return [key for key, _, _ in snapshot.documents()]


@pytest.fixture
def workshop(tmp_path: Path) -> Workshop:
    made = Workshop(tmp_path)
    made.docs.mkdir()
    return made


@pytest.fixture
def handbook(workshop: Workshop) -> Workshop:
    """A small corpus with one document of each family of the spine."""
    workshop.write(
        {
            "index.md": "---\ntitle: The handbook\nowner: Initech\n---\n# Welcome\n\nStart here.\n\n## Holidays\n\n"
            "Everybody has thirty days of holiday a year.\n",
            "howto/resume.rst": "Resuming a run\n==============\n\nA run that was interrupted continues with resume.\n",
            "notes.txt": "The coffee machine is cleaned on Fridays.\n",
            "page.html": "<html><head><title>Payroll</title></head><body><h1>Payroll</h1><p>Salaries are paid "
            "on the last working day.</p><script>x()</script></body></html>",
        }
    )
    return workshop


@pytest.fixture
def counted(monkeypatch: pytest.MonkeyPatch) -> Callable[[], int]:
    """Count how many texts the default model embeds."""
    from orchestrator.kinds.ingest.table import WordTable

    count = [0]
    embed = WordTable.embed

    def counting(self: WordTable, texts: Any) -> Any:
        count[0] += len(texts)
        return embed(self, texts)

    monkeypatch.setattr(WordTable, "embed", counting)
    return lambda: count[0]

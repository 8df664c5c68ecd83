"""The whole of jobs.yaml as models, version 1. The jobs are a union over the kinds that were found."""

from collections.abc import Mapping
from typing import Annotated, Literal

from pydantic import Field

from orchestrator.spec.base import JobSpec, SpecModel
from orchestrator.spec.engines import SchedulerAddress, engine_at
from orchestrator.spec.types import LONGEST_ATTEMPT, Allowance, Duration, Name, ProjectPath


class Dask(SpecModel):
    """Run the units on the workers of a Dask cluster."""

    dask: SchedulerAddress = Field(
        description="Address of a running scheduler, as `dask scheduler` prints it.", examples=["tcp://scheduler:8786"]
    )


class Retention(SpecModel):
    """How much history is kept."""

    runs: int = Field(default=50, ge=1, le=100_000, description="Runs that are kept in the state directory.")
    snapshots: int = Field(
        default=5,
        ge=1,
        le=10_000,
        description="Snapshots that are kept for each ingest job; CURRENT and pinned ones always are.",
    )


class Defaults(SpecModel):
    """Values for every job that doesn't set the field itself."""

    timeout: Annotated[Duration, Field(gt=0, le=LONGEST_ATTEMPT)] | None = Field(
        default=None, description="The most that one attempt may take, up to 180 s."
    )
    progress_every: Annotated[Duration, Field(ge=0.2, le=3)] | None = Field(
        default=None, description="How often status.json is refreshed: 0.2 s to 3 s."
    )
    attempts: Annotated[int, Field(ge=1, le=100)] | None = Field(default=None, description="How many attempts a job has.")
    concurrency: Annotated[int, Field(ge=1, le=128)] | None = Field(
        default=None, description="How many units of a job run at a time."
    )
    max_failures: Allowance | None = Field(default=None, description="How many items may fail with the job still `succeeded`.")


class Spec(SpecModel):
    """The content of jobs.yaml. `jobs` holds the models of their kinds; see `kinds.py`."""

    version: Literal[1] = Field(description="The version of this format.", examples=[1])
    name: str | None = Field(
        default=None, min_length=1, max_length=200, description="A name for the batch, shown in status and dashboard."
    )
    state_dir: ProjectPath = Field(
        default=".orchestrate", description="Where runs, caches and default targets are kept, relative to this file."
    )
    database: str | None = Field(
        default=None,
        min_length=1,
        description="URL of the database for postings; the default is postings.db in the state directory.",
        examples=["sqlite:///.orchestrate/postings.db"],
    )
    max_parallel_jobs: int = Field(default=2, ge=1, le=64, description="How many jobs run at a time.")
    engine: Literal["threads", "inline"] | Dask = Field(
        default="threads",
        description="Where units run: `threads` of this process, `inline` one after the other, or workers of a Dask cluster.",
        examples=["threads", {"dask": "tcp://scheduler:8786"}],
    )
    grace: Annotated[Duration, Field(ge=0.1, le=60)] = Field(
        default=5.0, description="How long a run waits for its workers after it was asked to stop."
    )
    allow_network_state: bool = Field(
        default=False, description="Accept a state directory on a network file system, where locks may not hold."
    )
    retention: Retention = Field(default=Retention(), description="How much history is kept.")
    defaults: Defaults = Field(default=Defaults(), description="Values for every job that doesn't set the field itself.")
    include: list[ProjectPath] = Field(
        default_factory=list,
        max_length=100,
        description="Further files, whose jobs are added to those of this one; paths in them start here, too.",
        examples=[["team-a.jobs.yaml"]],
    )
    jobs: Mapping[Name, JobSpec] = Field(min_length=1, max_length=1000, description="The jobs, by name.")

    @property
    def engine_text(self) -> str:
        """The engine as one text: `threads`, `inline` or `dask://host:port`."""
        return self.engine if isinstance(self.engine, str) else engine_at(self.engine.dask)

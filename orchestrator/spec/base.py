"""The base of every model of the spec, and the fields that each kind of job has."""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from orchestrator.spec.types import LONGEST_ATTEMPT, Allowance, Duration, Name


class SpecModel(BaseModel):
    """Strict and frozen: unknown keys are refused, and no value is converted to another type behind the writer's back."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, defer_build=True)


class Need(SpecModel):
    """A job that has to end before this one starts."""

    job: Name = Field(description="The name of the other job.")
    when: Literal["succeeded", "finished"] = Field(
        default="succeeded",
        description="`succeeded` waits for success; `finished` also starts this job when the other one was partial.",
    )


def _need(value: Any) -> Any:
    return {"job": value} if isinstance(value, str) else value


class JobSpec(SpecModel):
    """What every kind of job has. A kind adds its own fields."""

    kind: str = Field(description="The kind of the job.")
    enabled: bool = Field(default=True, description="A job that isn't enabled is validated, but doesn't run.")
    needs: list[Annotated[Need, BeforeValidator(_need, json_schema_input_type=Name | Need)]] = Field(
        default_factory=list,
        max_length=100,
        description="The jobs that have to end before this one starts.",
        examples=[["boards"]],
    )
    timeout: Annotated[Duration, Field(gt=0, le=LONGEST_ATTEMPT)] = Field(
        default=LONGEST_ATTEMPT, description="The most that one attempt may take, up to 180 s."
    )
    progress_every: Annotated[Duration, Field(ge=0.2, le=3)] = Field(
        default=2.0,
        description="How often status.json is refreshed: 0.2 s to 3 s. A run takes the smallest value of its jobs.",
    )
    attempts: int = Field(
        default=1, ge=1, le=100, description="How many attempts the job has; each continues where the last one stopped."
    )
    concurrency: int = Field(default=4, ge=1, le=128, description="How many units run at a time.")
    max_failures: Allowance = Field(
        default=0, description="How many items may fail with the job still `succeeded`: a count or a percentage."
    )

    def allows(self, failed: int, total: int) -> bool:
        """Whether `failed` of `total` items lie within `max_failures`."""
        if isinstance(self.max_failures, int):
            return failed <= self.max_failures
        return failed <= self.max_failures * total

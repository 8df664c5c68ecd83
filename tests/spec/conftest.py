"""A kind of its own for the tests of the spec, and a shorthand that checks a text."""

from __future__ import annotations

import sys
import types
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, Literal

import pytest
from pydantic import Field

from orchestrator.spec.base import JobSpec, SpecModel
from orchestrator.spec.kinds import Finding, Kind, Phases
from orchestrator.spec.load import check_spec
from orchestrator.spec.problems import Problem
from orchestrator.spec.resolved import Resolved
from orchestrator.spec.types import Duration, ProjectPath, Share, Size

MODULE = "kind_for_the_tests_of_the_spec"
Checked = tuple[Resolved | None, tuple[Problem, ...]]


class Oven(SpecModel):
    heat: int = Field(default=180, ge=50, le=300, description="Degrees.")
    preheat: Duration = Field(default=60.0, description="Before the first loaf.")
    door: Size = Field(default=1000, description="Its weight.")
    humidity: Share = Field(default=0.3, description="Of the air.")
    fan: bool = Field(default=False, description="Whether it runs.")
    labels: dict[str, str] = Field(default_factory=dict, description="Free keys.")


class Loaf(SpecModel):
    name: str = Field(min_length=1, description="What it is called.", examples=["rye"])
    flour: Literal["rye", "wheat", "spelt"] = Field(default="wheat", description="What it is made of.")


class BakeSpec(JobSpec):
    kind: Literal["bake"] = Field(description="The kind of the job.")
    loaves: list[Loaf] = Field(min_length=1, description="What is baked.", examples=[[{"name": "rye"}]])
    oven: Oven = Field(default=Oven(), description="How it is baked.")
    starter: str | list[str] | Oven | None = Field(default=None, description="A union.")
    recipe: ProjectPath | None = Field(default=None, description="A file.")
    after: str | None = Field(default=None, description="A job that the check looks for.")


def check(job: str, spec: BakeSpec, jobs: Mapping[str, JobSpec], root: Path) -> Iterator[Finding]:
    del job, root
    if spec.after is not None and spec.after not in jobs:
        yield Finding(("after",), "no-such-job", f"there is no job {spec.after}", "name another one")
    if len(spec.loaves) > 3:
        yield Finding(("loaves", 3, "name"), "too-much", "three are enough", severity="warning")


@pytest.fixture
def kinds(monkeypatch: pytest.MonkeyPatch) -> Mapping[str, Kind]:
    module = types.ModuleType(MODULE)
    module.BakeSpec, module.check = BakeSpec, check  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, MODULE, module)
    phases = Phases("plan", "bake", "cool", ("plan", "bake", "cool"))
    names = (f"{MODULE}:BakeSpec", f"{MODULE}:build", f"{MODULE}:targets", f"{MODULE}:check")
    return {"bake": Kind("bake", "bakes", phases, "loaves", *names)}


@pytest.fixture
def bake(kinds: Mapping[str, Kind], tmp_path: Path) -> Callable[..., Checked]:
    """Check a text as if it stood in `tmp_path/jobs.yaml`; further arguments are environment variables."""

    def checked(text: str, **environment: str) -> Checked:
        return check_spec(tmp_path / "jobs.yaml", environment=environment, text=text, name="jobs.yaml", kinds=kinds)

    return checked


@pytest.fixture
def problems_of(bake: Callable[..., Checked]) -> Callable[..., list[str]]:
    """Return `line:column code` of each problem of a text."""

    def said(text: str, **environment: str) -> list[str]:
        return [f"{each.line}:{each.column} {each.code}" for each in bake(text, **environment)[1]]

    return said


@pytest.fixture
def job(bake: Callable[..., Checked]) -> Callable[..., Any]:
    """Return the one job of a text with `lines` in it."""

    def made(lines: str = "", **environment: str) -> Any:
        resolved, problems = bake(one_job(lines), **environment)
        assert resolved is not None, problems
        return resolved.spec.jobs["bread"]

    return made


def one_job(lines: str) -> str:
    indented = "".join(f"    {line}\n" for line in lines.splitlines())
    return f"version: 1\njobs:\n  bread:\n    kind: bake\n    loaves: [{{name: rye}}]\n{indented}"


@pytest.fixture
def text_with() -> Callable[[str], str]:
    """Return a spec of one job, whose own lines begin at line 6, column 5."""
    return one_job

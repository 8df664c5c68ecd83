"""Kinds of jobs, found by discovery: each folder below `orchestrator/kinds`, then the entry points `orchestrator.kinds`.

A kind's package exposes `KIND`. Everything heavy is named as `module:attribute` and imported when it is used.
"""

from __future__ import annotations

import pkgutil
from collections.abc import Callable, Iterable, Mapping
from functools import cache
from importlib import import_module
from typing import TYPE_CHECKING, Any, Final, Literal, NamedTuple, cast

if TYPE_CHECKING:
    from pathlib import Path

    from orchestrator.job import Job, Surroundings, Target
    from orchestrator.spec.base import JobSpec

ENTRY_POINT_GROUP: Final = "orchestrator.kinds"


class Finding(NamedTuple):
    """A problem that a kind's own check found: `path` leads from the job to the value, `("companies", 3, "token")`."""

    path: tuple[str | int, ...]
    code: str
    message: str
    hint: str = ""
    severity: Literal["error", "warning"] = "error"
    at_key: bool = False
    """Whether the key at `path` is wrong, not what stands behind it."""


class Phases(NamedTuple):
    """The kind's words for the engine's verbs, as they stand in the status file."""

    plan: str
    work: str
    commit: str
    all: tuple[str, ...]


class Kind(NamedTuple):
    """What makes a kind of job. The strings name attributes as `module:attribute`."""

    name: str
    summary: str
    phases: Phases
    noun: str
    """What a person calls the items, in the plural: `companies`, `documents`."""
    model: str
    """A subclass of JobSpec."""
    build: str
    """`(spec, surroundings) -> Job`."""
    targets: str
    """`(spec, surroundings) -> Iterable[Target]`: what the job writes to; light, touches no network."""
    check: str | None = None
    """`(job name, spec, all job specs by name, root) -> Iterable[Finding]`: rules across fields; reads files at most."""
    requirements: str | None = None
    """`(spec, surroundings) -> Iterable[(module, what needs it)]`: what is imported when a job runs, for `doctor`."""

    def load_model(self) -> type[JobSpec]:
        """Return the model of the kind's jobs."""
        return cast("type[JobSpec]", _named(self.model))

    def load_build(self) -> Callable[[Any, Surroundings], Job]:
        """Return what builds a job; imports the kind's machinery."""
        return cast("Callable[[Any, Surroundings], Job]", _named(self.build))

    def find_targets(self, spec: JobSpec, surroundings: Surroundings) -> list[Target]:
        """Return what the job writes to."""
        return list(cast("Callable[[Any, Surroundings], Iterable[Target]]", _named(self.targets))(spec, surroundings))

    def find_requirements(self, spec: JobSpec, surroundings: Surroundings) -> list[tuple[str, str]]:
        """Return the modules that a job imports when it runs, each with what needs it."""
        if self.requirements is None:
            return []
        named = cast("Callable[[Any, Surroundings], Iterable[tuple[str, str]]]", _named(self.requirements))
        return list(named(spec, surroundings))

    def find_problems(self, job: str, spec: JobSpec, jobs: Mapping[str, JobSpec], root: Path) -> list[Finding]:
        """Return what the kind's own rules find."""
        if self.check is None:
            return []
        check = cast("Callable[[str, Any, Mapping[str, JobSpec], Path], Iterable[Finding]]", _named(self.check))
        return list(check(job, spec, jobs, root))


def _named(reference: str) -> Any:
    module, _, attribute = reference.partition(":")
    return getattr(import_module(module), attribute)


@cache
def built_in() -> Mapping[str, Kind]:
    """Return the kinds of this package, by name."""
    package = import_module("orchestrator.kinds")
    names = sorted(module.name for module in pkgutil.iter_modules(package.__path__) if module.ispkg)
    kinds = [cast("Kind", import_module(f"orchestrator.kinds.{name}").KIND) for name in names]
    return {kind.name: kind for kind in kinds}


@cache
def installed() -> Mapping[str, Kind]:
    """Return the kinds that other packages add by entry point; looked up only when a kind isn't built in."""
    from importlib.metadata import entry_points

    kinds = [cast("Kind", point.load()) for point in entry_points(group=ENTRY_POINT_GROUP)]
    return {kind.name: kind for kind in kinds if kind.name not in built_in()}


def find_kind(name: str) -> Kind | None:
    """Return the kind of that name, None if nobody has it."""
    return built_in().get(name) or installed().get(name)

"""Examining a document: every model, rule and reference is tried, and whatever is wrong becomes a problem with its place."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from itertools import islice
from pathlib import Path as FilePath
from typing import TYPE_CHECKING, Any, Final, TypeVar

from pydantic import BaseModel, ValidationError

from orchestrator.spec import rules
from orchestrator.spec.base import JobSpec
from orchestrator.spec.kinds import Finding, Kind, built_in, find_kind, installed
from orchestrator.spec.model import Defaults, Spec
from orchestrator.spec.problems import Path, Problem, did_you_mean, listed, problem, suggest
from orchestrator.spec.references import References
from orchestrator.spec.tree import Spot, Tree
from orchestrator.spec.words import described, named

if TYPE_CHECKING:
    from orchestrator.spec.mending import Mended

Model = TypeVar("Model", bound=BaseModel)
_MOST_JOBS: Final = 1000  # The bound of the model, which tells that there are more.
_TAKEN_LITERALLY: Final = frozenset({"bad-reference", "curly-quotes"})
_MOST_ERRORS: Final = 300  # Of one model; a reader has enough, and wording them all would take seconds.


class Examination:
    """One document with what was found. `spec` stays None as long as an error stands.

    `kinds` are the kinds to choose from; None means those that are installed, looked up one by one. `injected` holds, for
    each job, the fields that `defaults` set.
    """

    def __init__(self, tree: Tree, references: References, root: FilePath, kinds: Mapping[str, Kind] | None = None) -> None:
        self.tree = tree
        self.references = references
        self.root = root
        self.kinds = kinds
        self.problems: list[Problem] = []
        self.jobs: dict[str, JobSpec] = {}
        self.broken: set[str] = set()
        self.injected: dict[str, frozenset[str]] = {}
        self.spec: Spec | None = None
        self._mended: dict[str, Mended] = {}
        self._wrong: list[tuple[Any, ...]] = []

    def run(self) -> None:
        """Examine everything."""
        document = self.tree.root
        if not isinstance(document, dict):
            if not self.tree.problems:
                from orchestrator.spec.hints import NO_SPEC

                self._note("wrong-type", f"the file has to hold a mapping, not {described(document)}", (), NO_SPEC)
            return
        if "include" in document:
            from orchestrator.spec.include import include

            self.problems += include(self.tree, self.root)
        self.references.resolve()
        self.problems += self.references.problems
        defaults = self._defaults(document)
        raw_jobs = document.get("jobs")
        if isinstance(raw_jobs, dict):
            for name, raw in islice(raw_jobs.items(), _MOST_JOBS):
                self._job(name, raw, defaults)
        self._whole(document)
        self._across(document)
        told = {each.path for each in self.problems if each.severity == "error"}
        self.problems = [each for each in self.problems if not _follows_from(each, told)]

    def _defaults(self, document: dict[str, Any]) -> dict[str, Any]:
        """Return the defaults that are valid; each bad one is told once, here, instead of in every job."""
        raw = document.get("defaults")
        if not isinstance(raw, dict):
            return {}
        before = len(self.problems)
        if self._validated(Defaults, lambda: raw, ("defaults",)) is None:
            bad = {each.path[1] for each in self.problems[before:] if len(each.path) > 1}
            bad |= {key for key in raw if (id(raw), key) in self.tree.refused}
            return {key: raw[key] for key in Defaults.model_fields if key in raw and key not in bad and raw[key] is not None}
        return {key: value for key, value in raw.items() if value is not None}

    def _job(self, name: str, raw: Any, defaults: Mapping[str, Any]) -> None:
        path = ("jobs", name)
        self.broken.add(name)
        if not isinstance(raw, dict):
            self._no_job(path, raw)
            return
        kind = self._kind_of(raw, path)
        if kind is None:
            return
        model = kind.load_model()
        missing = {key: value for key, value in defaults.items() if key in model.model_fields and key not in raw}
        self.injected[name] = frozenset(missing)
        before = len(self.problems)
        job = self._validated(model, lambda: {**raw, **missing}, path, missing)
        if raw["kind"] != kind.name:  # The kind is a guess, so nobody can say that a field is missing.
            self.problems[before:] = [each for each in self.problems[before:] if each.code != "missing-field"]
        if job is not None:
            self.jobs[name] = job
            self.broken.discard(name)
        else:
            self._mend(name, kind, {**raw, **missing, "kind": kind.name})

    def _mend(self, name: str, kind: Kind, raw: dict[str, Any]) -> None:
        """Leave out what is wrong, so that the kind's own rules are tried on the rest of a broken job too."""
        from orchestrator.spec.mending import mend

        mended = mend(kind, raw, self._wrong, {"root": self.root})
        if mended is not None:
            self._mended[name] = mended

    def _no_job(self, path: tuple[str, str], raw: Any) -> None:
        """Tell of a job that is no mapping. Beside an empty job, it is a field of that one which isn't indented."""
        if raw is None:
            self._note("wrong-type", f"{named(path)} has no content", path, "indent its fields below it", at_key=True)
        elif None not in self.tree.root["jobs"].values():
            self._note("wrong-type", f"{named(path)} has to be a mapping, not {described(raw)}", path, at_key=True)

    def _kind_of(self, raw: dict[str, Any], path: tuple[str, str]) -> Kind | None:
        if "kind" not in raw:
            self._no_kind(raw, path)
            return None
        name = raw["kind"]
        if (id(raw), "kind") in self.tree.refused:
            return None
        if not isinstance(name, str):
            hint = f"it is {listed(self._kind_names())}"
            self._note("wrong-type", f"{named((*path, 'kind'))} has to be text, not {described(name)}", (*path, "kind"), hint)
            return None
        kind = self._find(name)
        if kind is None:
            names = self._kind_names()
            message = self.references.hidden(f"there is no kind `{name[:60]}`", (id(raw), "kind"))
            self._note("unknown-kind", message, (*path, "kind"), did_you_mean(name, names))
            self.tree.refused.add((id(raw), "kind"))
            meant = suggest(name, names)  # The other fields are checked as if it stood there.
            return self._find(meant) if meant is not None else None
        return kind

    def _no_kind(self, raw: dict[str, Any], path: tuple[str, ...]) -> None:
        """Tell that `kind` is missing, at the key that stands for it if there is one."""
        from orchestrator.spec import elsewhere

        other = next((key for key in raw if suggest(key, ["kind"], cutoff=0.8) or elsewhere.meant(key, ["kind"])), None)
        if other is not None:
            message = f"unknown key `{other[:60]}` in {named(path)}"
            self._note("unknown-key", message, (*path, other), "did you mean `kind`?", at_key=True)
            return
        hint = f"it is {listed(self._kind_names())}"
        self._note("missing-field", f"`kind` is missing in {named(path)}", path, hint, at_key=True)

    def _find(self, name: str) -> Kind | None:
        return find_kind(name) if self.kinds is None else self.kinds.get(name)

    def _kind_names(self) -> list[str]:
        return sorted(self.kinds) if self.kinds is not None else sorted({*built_in(), *installed()})

    def _whole(self, document: dict[str, Any]) -> None:
        def value() -> dict[str, Any]:
            whole = {key: inner for key, inner in document.items() if key not in {"jobs", "defaults"}}
            if "defaults" in document:
                valid = isinstance(document["defaults"], dict)
                whole["defaults"] = Defaults() if valid else document["defaults"]
            raw = document.get("jobs")
            if isinstance(raw, dict):
                stand_in = JobSpec.model_construct(kind="")
                whole["jobs"] = {name: self.jobs.get(name, stand_in) for name in raw}
            elif "jobs" in document:
                whole["jobs"] = raw
            return whole

        spec = self._validated(Spec, value, ())
        if spec is not None and isinstance(document.get("defaults"), dict):
            defaults = self._parsed_defaults(document["defaults"])
            spec = None if defaults is None else spec.model_copy(update={"defaults": defaults})
        self.spec = spec

    def _parsed_defaults(self, raw: dict[str, Any]) -> Defaults | None:
        try:
            return Defaults.model_validate(raw)
        except ValidationError:
            return None

    def _across(self, document: dict[str, Any]) -> None:
        raw_jobs = document.get("jobs")
        jobs = raw_jobs if isinstance(raw_jobs, dict) and len(raw_jobs) <= _MOST_JOBS else {}
        facts = rules.Facts(self.tree, self.references, self.root, jobs)
        self.problems += rules.all_problems(facts, self.spec)
        for name, job in self.jobs.items():
            kind = self._find(job.kind)
            if kind is None:
                continue
            for finding in kind.find_problems(name, job, self.jobs, self.root):
                self._finding(name, finding)
        for name, mended in self._mended.items():
            for finding in mended.kind.find_problems(name, mended.job, {**self.jobs, name: mended.job}, self.root):
                self._finding(name, mended.placed(finding))

    def _finding(self, name: str, finding: Finding) -> None:
        """Take over what a kind's check found, unless it only follows from what was found before."""
        spot = self.tree.spot(("jobs", name, *finding.path))
        if self._follows(spot):
            return
        exists = not spot.passed and len(spot.path) > 2  # noqa: PLR2004 - jobs, name
        span = self.tree.value_span(spot.path) if exists and not finding.at_key else self.tree.key_span(spot.path)
        hidden = self.references.hidden
        self.problems.append(
            problem(
                finding.code,
                hidden(finding.message, spot.slot),
                span,
                hint=hidden(finding.hint, spot.slot),
                path=spot.path,
                severity=finding.severity,
            )
        )

    def _follows(self, spot: Spot) -> bool:
        """Whether a value is the name of a broken job, was refused itself, or holds a scalar that was refused."""
        if isinstance(spot.value, str) and spot.value in self.broken:
            return True
        refused = self.tree.refused
        return bool(refused) and (spot.slot in refused or any(owner == id(spot.value) for owner, _ in refused))

    def _validated(
        self,
        model: type[Model],
        value: Callable[[], dict[str, Any]],
        prefix: tuple[str, ...],
        injected: Mapping[str, Any] | None = None,
    ) -> Model | None:
        """Return the model of a value, or None with its problems noted. `injected` keys stand in `defaults`."""
        context = {"root": self.root}
        while True:
            try:
                return model.model_validate(value(), context=context)
            except ValidationError as error:
                errors = error.errors(include_url=False, include_input=False)[:_MOST_ERRORS]
            self._wrong = [each["loc"] for each in errors]
            located = [{**each, "loc": _location(each["loc"], prefix, injected or {})} for each in errors]
            if not any([self._read_as_plain(each) for each in located]):  # noqa: C419 - each of them has to be tried
                from orchestrator.spec.wording import Wording

                wording = Wording(self.tree, self.references, model, prefix)
                self.problems += wording.problems(located)
                return None

    def _read_as_plain(self, error: Mapping[str, Any]) -> bool:
        """Read a resolved reference as a number or boolean where text isn't accepted."""
        spot = self.tree.spot(error["loc"])
        if spot.slot is None or spot.slot not in self.references.values or error["type"].startswith("string_"):
            return False
        return self.references.read_as_plain(self.tree.spot(spot.path[:-1]).value, spot.slot)

    def _note(self, code: str, message: str, path: tuple[str, ...], hint: str = "", *, at_key: bool = False) -> None:
        span = self.tree.key_span(path) if at_key else self.tree.value_span(path)
        self.problems.append(problem(code, message, span, hint=hint, path=path))


def _follows_from(each: Problem, told: set[Path]) -> bool:
    """Whether a warning that a value is taken as it stands repeats why it can't be used."""
    return each.severity == "warning" and each.code in _TAKEN_LITERALLY and each.path in told


def _location(loc: tuple[Any, ...], prefix: tuple[str, ...], injected: Mapping[str, Any]) -> tuple[Any, ...]:
    return ("defaults", *loc) if loc and loc[0] in injected else (*prefix, *loc)

"""What pydantic found, in sentences for people: one problem for each mistake, at the key or value that has to change."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from orchestrator.spec import elsewhere, fields, hints
from orchestrator.spec.branches import Found, allowed, meant, wanted
from orchestrator.spec.problems import Path, Problem, did_you_mean, listed, problem, suggest
from orchestrator.spec.references import References
from orchestrator.spec.scalars import plain
from orchestrator.spec.tree import Spot, Tree
from orchestrator.spec.words import cut, described, flow, named, place

_NUMBER_TYPES: Final = frozenset({"int_type", "float_type", "bool_type", "int_from_float", "bool_parsing", "int_parsing"})
_BOUNDS: Final = {
    "greater_than": ("gt", "has to be more than"),
    "greater_than_equal": ("ge", "has to be at least"),
    "less_than": ("lt", "has to be less than"),
    "less_than_equal": ("le", "can be at most"),
}
_IN_A_JOB: Final = 3  # jobs, name, key
_VERY_CLOSE: Final = 0.8
_SCALAR_START: Final = re.compile(r"-?\.?\d[\d.]*\s*([a-zA-Z%]*)")


@dataclass(frozen=True, slots=True)
class Wording:
    """Turns errors of a model into problems of a file."""

    tree: Tree
    references: References
    root: Any
    """The annotation that describes the document at `prefix`."""
    prefix: Path = ()

    def problems(self, errors: Iterable[Mapping[str, Any]]) -> list[Problem]:
        """Return the problems of errors whose locations are full paths; follow-ups of one mistake are left out."""
        found = [self._found(error) for error in errors]
        known = [each for each in found if not self._refused(each)]
        told = self._without_branches(known)
        unknown = {each.spot.path: each for each in told if each.type == "extra_forbidden"}
        misspelled = {(path[:-1], self._meant_key(each)) for path, each in unknown.items()}
        holders = {path[:-1] for path, each in unknown.items() if self._word_as_key(each)}
        outdented = {path for each in told for path in self._outdented(each, unknown)}
        undecided = {each.spot.path[:-1] for each in told if self._decides(each)}
        return [
            self._worded(each)
            for each in told
            if each.spot.path not in outdented
            and (
                each.type != "missing"
                or (
                    (each.spot.path, str(each.location[-1])) not in misspelled
                    and each.spot.path not in holders
                    and each.spot.path not in undecided
                )
            )
        ]

    def _amend(self, found: Found) -> None:
        """Say beside a word that tools read differently which words are possible, where a boolean isn't."""
        words = allowed(found)
        for index, each in enumerate(self.tree.problems):
            if words and each.path == found.spot.path and each.code == "ambiguous-scalar":
                self.tree.problems[index] = each._replace(hint=f"possible: {listed(words)}")

    def _decides(self, found: Found) -> bool:
        """Whether a wrong word is one that has to be there: what else is needed depends on it, and isn't told yet."""
        if found.type != "literal_error":
            return False
        info = fields.field_at(self.root, found.spot.path[len(self.prefix) :])
        return info is not None and info.is_required()

    def _outdented(self, found: Found, unknown: Collection[Path]) -> list[Path]:
        """Return the keys that stand beside an empty mapping, and in it if they were indented."""
        path = found.spot.path
        if found.value is not None or not path or isinstance(path[-1], int):
            return []
        inner = fields.annotations_at(self.root, path[len(self.prefix) :])
        keys = {key for model in inner if fields.is_model(model) for key in fields.keys_of(model)}
        return [each for each in unknown if each[:-1] == path[:-1] and each[-1] in keys]

    def _found(self, error: Mapping[str, Any]) -> Found:
        location = tuple(error["loc"])
        return Found(error["type"], error["msg"], error.get("ctx", {}), location, self._spot(location))

    def _spot(self, location: tuple[str | int, ...]) -> Spot:
        """Follow a location. Behind a union pydantic names the branch, which may well be the name of a key, too."""
        if location[: len(self.prefix)] != self.prefix:  # A value that `defaults` set.
            return self.tree.spot(location)
        path, passed = list(self.prefix), list[tuple[int, str | int]]()
        holders, names_branch = [self.root], False
        for part in location[len(self.prefix) :]:
            spot = self.tree.spot((*path, part))
            if names_branch or spot.passed:
                passed.append((len(path), part))
                names_branch = False
                continue
            path.append(part)
            inner = [each for holder in holders for each in fields.below(holder, part)]
            names_branch = any(fields.is_union(each) for each in inner)
            holders = [leaf for each in inner for leaf in fields.leaves(each)]
        spot = self.tree.spot(path)
        return Spot(spot.path, spot.value, tuple(passed), spot.slot)

    def _refused(self, found: Found) -> bool:
        if found.spot.slot in self.tree.refused:
            self._amend(found)
        if found.type == "string_pattern_mismatch" and found.spot.path[2:3] == ("needs",):
            return True  # No job can have that name, which is told once, as an unknown need.
        if found.spot.path == ("jobs",) and found.value is None and any(map(_is_job, self.tree.root.values())):
            return True  # The jobs aren't indented, which each of them tells.
        if found.type == "extra_forbidden" and isinstance(plain(str(found.spot.path[-1])), str):
            return False  # Whatever is wrong with the value of a key that doesn't exist isn't told.
        return found.spot.slot is not None and found.spot.slot in self.tree.refused

    def _without_branches(self, found: Sequence[Found]) -> list[Found]:
        """Keep, of the branches of each union, the one that the writer probably meant."""
        unions: dict[Path, dict[str | int, list[Found]]] = {}
        result: list[Found | Path] = []
        for each in found:
            passed = each.spot.passed[:-1] if each.type == "missing" else each.spot.passed
            if not passed or each.location[-1] == "[key]":
                result.append(each)
                continue
            depth, branch = passed[0]
            at = each.spot.path[:depth]
            if at not in unions:
                result.append(at)
            unions.setdefault(at, {}).setdefault(branch, []).append(each)
        flat: list[Found] = []
        for item in result:
            flat += [item] if isinstance(item, Found) else meant(item, unions[item])
        return flat

    def _worded(self, found: Found) -> Problem:
        for types, word in _WORDS:
            if found.type in types or (types == _TYPES and found.type.endswith("_type")):
                return word(self, found)
        return self._own_words(found)

    def unknown_key(self, found: Found) -> Problem:
        """Return the problem of a key that the model doesn't have."""
        path = found.spot.path
        key = str(path[-1])
        if len(path) == 1 and _is_job(found.value):
            return self.at_key("unknown-key", f"job `{cut(key)}` stands outside of `jobs`", path, "indent it below `jobs:`")
        message = f"unknown key `{cut(key)}`{place(path[:-1])}"
        return self.at_key("unknown-key", message, path, self._key_hint(key, path, found))

    def _meant_key(self, found: Found) -> str | None:
        """Return the key that a misspelled one, one of another tool, or the only one beside a required field stands for."""
        key, owners = str(found.spot.path[-1]), self._owners(found)
        known = [each for model in owners for each in fields.keys_of(model)]
        close = suggest(key, known, cutoff=_VERY_CLOSE) or elsewhere.meant(key, known)
        if close is None and not (hints.home_of(key, found.spot.path, owners) or elsewhere.sentence(key)):
            close = suggest(key, known)
        return close or self._only_one(found, owners)

    def _word_as_key(self, found: Found) -> str:
        """Return the word that stands as a key where it is possible as a value: `threads` of `engine: {threads: 8}`."""
        *owner, key = found.spot.path[len(self.prefix) :]
        info = fields.field_at(self.root, owner)
        words = fields.words_of(info.annotation) if info is not None else []
        return next((word for word in words if word == key), "")

    def _only_one(self, found: Found, owners: Sequence[Any]) -> str | None:
        """Return the one required field of a mapping that holds nothing but the unknown key."""
        required = [name for model in owners for name, info in model.model_fields.items() if info.is_required()]
        alone = len(found.spot.path) > _IN_A_JOB and len(self.tree.spot(found.spot.path[:-1]).value) == 1
        return required[0] if alone and len(required) == 1 else None

    def _key_hint(self, key: str, path: Path, found: Found) -> str:
        meant, owners = self._meant_key(found), self._owners(found)
        known = [each for model in owners for each in fields.keys_of(model)]
        if (
            meant is None
            and "name" in known
            and isinstance(path[-2:][0], int)
            and isinstance(found.value, dict)
            and any(each in known for each in found.value)
        ):
            return f"write `name: {cut(key)}`, and the other fields beside it"
        if word := self._word_as_key(found):
            return f"write `{path[-2]}: {word}`"
        if meant is not None:
            present = self.tree.spot((*path[:-1], meant))
            if present.passed:
                said = f"did you mean `{meant}`?"
                return said if suggest(key, [meant]) else self._without_key(found) or said
            if suggest(key, [meant], cutoff=_VERY_CLOSE):
                return f"did you mean `{meant}`? it stands on line {self.tree.key_span(present.path).line} already"
        return hints.for_key(key, path, owners, self.tree.spot((*path[:2], "kind")).value)

    def _without_key(self, found: Found) -> str:
        """Return what to write where the only key of a mapping isn't needed: `corpus: docs` for `corpus: {folder: docs}`."""
        path = found.spot.path
        whole = fields.annotations_at(self.root, path[len(self.prefix) : -1])
        if isinstance(found.value, str) and found.value in (self.tree.root.get("jobs") or ()):
            return ""
        if str not in whole or not isinstance(found.value, str) or len(self.tree.spot(path[:-1]).value) > 1:
            return ""
        return f"write `{path[-2]}: {flow(found.value)}`"

    def _owners(self, found: Found) -> list[Any]:
        """Return the models at the place of an unknown key; of a union the model that has most of the keys."""
        owners = [
            each for each in fields.annotations_at(self.root, found.spot.path[len(self.prefix) : -1]) if fields.is_model(each)
        ]
        holder = self.tree.spot(found.spot.path[:-1]).value
        return sorted(owners, key=lambda owner: -sum(key in holder for key in fields.keys_of(owner)))[:1]

    def missing_field(self, found: Found) -> Problem:
        """Return the problem of a field that has to be there."""
        key = str(found.location[-1])
        path = found.spot.path
        info = fields.field_at(self.root, (*path[len(self.prefix) :], key))
        hint = ""
        other = self._instead_of(found, key)
        if other is not None:
            message = f"`{key}` is missing{place(path)}, where `{cut(other)}` stands"
            return self.at_key("missing-field", message, (*path, other), f"did you mean `{key}`?")
        if info is not None:
            example = info.examples[0] if info.examples else None
            hint = f"add `{key}: {flow(example)}`" if example is not None else info.description or ""
        if (*path, key) == ("jobs",):
            hint = f"add `jobs:` with a key for each job: {hints.A_JOB}"
        return self.at_key("missing-field", f"`{key}` is missing{place(path)}", path, hint)

    def _instead_of(self, found: Found, key: str) -> str | None:
        """Return the key that probably stands for a missing one, where further keys are arguments and none is unknown."""
        holder = found.value if isinstance(found.value, dict) else {}
        owners = fields.annotations_at(self.root, found.spot.path[len(self.prefix) :])
        if not any(fields.is_model(each) and each.model_config.get("extra") == "allow" for each in owners):
            return None
        return next((each for each in holder if suggest(each, [key], cutoff=_VERY_CLOSE) or elsewhere.meant(each, [key])), None)

    def not_allowed(self, found: Found) -> Problem:
        """Return the problem of a value that isn't among the allowed ones."""
        words = allowed(found)
        name, value = self.name(found), self.said(found)
        if isinstance(found.value, str) and found.context.get("expected") == found.value:  # `version: "1"`
            return self.at_value(
                "wrong-type", f"{name} has to be the number {found.value}, not text", found, "remove the quotes"
            )
        hint = did_you_mean(str(found.value), words) if isinstance(found.value, str) else ""
        hint = hint or (f"possible: {listed(words)}" if words else "")
        if hint.startswith("possible") and (example := self._other_example(found)):
            hint += f", or for example `{example}`"
        return self.at_value("not-allowed", f"{name} can't be {value}", found, hint)

    def wrong_type(self, found: Found) -> Problem:
        """Return the problem of a value of another type."""
        kind = wanted(found)
        if found.value is None:
            return self._no_value(found, self._shown(found) or self._indented(found) or f"it takes {kind}")
        path = found.spot.path[len(self.prefix) :]
        annotations = fields.annotations_at(self.root, path)
        is_reference = found.spot.slot in self.references.values
        hint = self._shown(found) or (
            "" if is_reference else hints.for_type(found.value, kind, self._example(found), annotations)
        )
        hint = hint or hints.bounds(fields.field_at(self.root, path), kind)
        said = "text" if hint == hints.NO_QUOTES else self.said(found)
        return self.at_value("wrong-type", f"{self.name(found)} has to be {kind}, not {said}", found, hint)

    def _indented(self, found: Found) -> str:
        path = found.spot.path
        beside = self.tree.spot(path[:-1]).value if path else None
        keys = [key for key in beside if self._outdented(found, [(*path[:-1], key)])] if isinstance(beside, dict) else []
        owner = fields.annotations_at(self.root, path[len(self.prefix) : -1])
        own = {key for model in owner if fields.is_model(model) for key in fields.keys_of(model)}
        meant = [f"`{cut(key)}`" for key in keys if key not in own]
        return f"indent {listed(meant, 'and')} below it" if meant else ""

    def _other_example(self, found: Found) -> str:
        """Return an example of a mapping, where one is possible beside the words."""
        info = fields.field_at(self.root, found.spot.path[len(self.prefix) :])
        examples = info.examples if info is not None else None
        return next((flow(each) for each in examples or () if isinstance(each, dict)), "")

    def _no_value(self, found: Found, hint: str) -> Problem:
        return self.at_value("wrong-type", f"{self.name(found)} has no value", found, hint)

    def _shown(self, found: Found) -> str:
        is_jobs = found.spot.path == ("jobs",)
        return f"each job is a key with its fields below: {hints.A_JOB}" if is_jobs else ""

    def _example(self, found: Found) -> Any:
        """Return how a value would be written here, if the model shows it."""
        *owner, last = found.spot.path[len(self.prefix) :]
        info = fields.field_at(self.root, owner if isinstance(last, int) else (*owner, last))
        example = info.examples[0] if info is not None and info.examples else None
        return example[0] if isinstance(last, int) and isinstance(example, list) and example else example

    def out_of_range(self, found: Found) -> Problem:
        """Return the problem of a number beyond its bounds."""
        key, words = _BOUNDS[found.type]
        limit = _with_unit(found.context[key], found.value)
        info = fields.field_at(self.root, found.spot.path[len(self.prefix) :])
        hint = hints.for_bound(info, found.spot.path, found.value, found.context)
        return self.at_value("out-of-range", f"{self.name(found)} {words} {limit}, not {self.said(found)}", found, hint)

    def wrong_length(self, found: Found) -> Problem:
        """Return the problem of a list or text that is too short or too long."""
        context = found.context
        if "min_length" in context:
            amount, most = int(context["min_length"]), False
        else:
            amount, most = int(context["max_length"]), True
        noun = "character" if found.type.startswith("string") else "entry"
        nouns = noun if amount == 1 else f"{noun[:-1]}ies" if noun.endswith("y") else f"{noun}s"
        if not found.value and not most:
            return self.at_value("wrong-length", f"{self.name(found)} is empty", found, f"it takes at least {amount} {nouns}")
        words = "can have at most" if most else "needs at least"
        return self.at_value("wrong-length", f"{self.name(found)} {words} {amount:,} {nouns}", found)

    def wrong_form(self, found: Found) -> Problem:
        """Return the problem of a text that doesn't match its pattern."""
        pattern = str(found.context.get("pattern", "")).strip("^$")
        if found.location[-1] == "[key]" and len(found.spot.path) == 2:  # noqa: PLR2004 - jobs, name
            name = str(found.spot.path[-1])
            hint = hints.job_name(name)
            return self.at_key("bad-name", f"`{cut(name)}` can't be the name of a job", found.spot.path, hint)
        hint = hints.FORMS.get(pattern) or f"it has to match `{pattern}`"
        return self.at_value("wrong-form", f"{self.name(found)} can't be {self.said(found)}", found, hint)

    def _own_words(self, found: Found) -> Problem:
        said = found.context.get("problem")
        if found.value is None:
            return self._no_value(found, str(found.context.get("hint", "")))
        if isinstance(said, str):
            message = f"{self.name(found)}: {said}"
            if found.location[-1] == "[key]":
                return self.at_key(
                    found.type, f"{said}{place(found.spot.path[:-1])}", found.spot.path, str(found.context.get("hint", ""))
                )
            return self.at_value(found.type, message, found, str(found.context.get("hint", "")))
        text = found.message.removeprefix("Value error, ").removeprefix("Assertion failed, ").removeprefix("Input ")
        return self.at_value("invalid-value", f"{self.name(found)}: {text}", found)

    def name(self, found: Found) -> str:
        """Return how a person calls the place: `` `timeout` in job `a` ``."""
        path = found.spot.path
        return named(path)

    def said(self, found: Found) -> str:
        """Return the value as a person would quote it; a resolved reference is quoted as it stands in the file."""
        slot = found.spot.slot
        if slot is not None and slot in self.references.values:
            return f"`{self.tree.references[slot]}`"
        return described(found.value)

    def at_key(self, code: str, message: str, path: Path, hint: str = "") -> Problem:
        """Return a problem that points at the key."""
        hidden = self.references.hidden
        return problem(code, hidden(message), self.tree.key_span(path), hint=hidden(hint), path=path)

    def at_value(self, code: str, message: str, found: Found, hint: str = "") -> Problem:
        """Return a problem that points at the value."""
        path, slot = found.spot.path, found.spot.slot
        message, hint = self.references.hidden(message, slot), self.references.hidden(hint, slot)
        return problem(code, message, self.tree.value_span(path), hint=hint, path=path)


_TYPES: Final = frozenset({"int_from_float", "is_instance_of", "none_required"})
_WORDS: Final[tuple[tuple[frozenset[str], Callable[[Wording, Found], Problem]], ...]] = (
    (frozenset({"extra_forbidden"}), Wording.unknown_key),
    (frozenset({"missing", "union_tag_not_found"}), Wording.missing_field),
    (frozenset({"literal_error", "enum", "union_tag_invalid", "expected-one-of"}), Wording.not_allowed),
    (_TYPES, Wording.wrong_type),
    (frozenset(_BOUNDS), Wording.out_of_range),
    (frozenset({"too_short", "too_long", "string_too_short", "string_too_long"}), Wording.wrong_length),
    (frozenset({"string_pattern_mismatch"}), Wording.wrong_form),
)


def wants_a_number(error: Mapping[str, Any]) -> bool:
    """Whether an error of pydantic says that text stands where a number or a boolean should."""
    return error["type"] in _NUMBER_TYPES


def _is_job(value: Any) -> bool:
    return isinstance(value, dict) and "kind" in value


def _with_unit(limit: Any, value: Any) -> str:
    """Return a bound in the unit that the writer used."""
    number = float(limit)
    unit = (parts[1] if (parts := _SCALAR_START.match(value)) else "") if isinstance(value, str) else ""
    if unit == "%":
        return f"{number * 100:g}%"
    if unit.endswith("B"):
        return f"{number:,.0f} bytes"
    return f"{number:g} s" if unit else f"{number:,.12g}"

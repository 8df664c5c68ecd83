"""JSON Schemas in draft-07, made from the models: of jobs.yaml for editors, of the files of a run for other programs.

Draft-07, since the YAML language server reads no later one (http://json-schema.org/draft-07/json-schema-release-notes).
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any, Final

from annotated_types import Ge, Gt, Le, Lt
from pydantic import BaseModel, TypeAdapter
from pydantic.json_schema import JsonSchemaMode, models_json_schema

from orchestrator.spec import fields
from orchestrator.spec.kinds import Kind, built_in
from orchestrator.spec.model import Spec
from orchestrator.spec.types import NAME

if TYPE_CHECKING:
    from pydantic.fields import FieldInfo

DRAFT: Final = "http://json-schema.org/draft-07/schema#"
_REFS: Final = "#/definitions/{model}"
_REFERENCE: Final = {"$ref": "#/definitions/reference"}
_ANYTHING_WITH_X: Final[dict[str, Any]] = {"^x-": {}}
_BOUNDS: Final = (
    (Ge, "ge", "minimum"),
    (Gt, "gt", "exclusiveMinimum"),
    (Le, "le", "maximum"),
    (Lt, "lt", "exclusiveMaximum"),
)


def spec_schema(kinds: Mapping[str, Kind] | None = None) -> dict[str, Any]:
    """Return the schema of jobs.yaml with the jobs of these kinds, by default the built-in ones."""
    models = {name: kind.load_model() for name, kind in sorted((kinds or built_in()).items())}
    roots: tuple[type[BaseModel], ...] = (Spec, *models.values())
    wanted: list[tuple[type[BaseModel], JsonSchemaMode]] = [(each, "validation") for each in roots]
    by_model, whole = models_json_schema(wanted, by_alias=True, ref_template=_REFS)
    definitions = whole["$defs"]
    jobs = {name: by_model[model, "validation"]["$ref"] for name, model in models.items()}
    for model in _all_models(roots):
        _complete(definitions, model)
    top = definitions.pop(by_model[Spec, "validation"]["$ref"].rpartition("/")[2])
    definitions.pop("JobSpec", None)
    for reference in jobs.values():
        definition = definitions[reference.rpartition("/")[2]]
        definition["patternProperties"] = _ANYTHING_WITH_X
    _set_jobs(top, jobs)
    definitions = {name: _draft7(definition) for name, definition in sorted(definitions.items())}
    definitions["reference"] = {
        "title": "Reference",
        "description": "A value from the environment or a file: `${env:NAME}`, `${env:NAME:-default}`, `${file:path}`.",
        "type": "string",
        "pattern": r"\$\{(env|file):[^}]+\}",
    }
    return {
        "$schema": DRAFT,
        "title": "jobs.yaml",
        "description": "The jobs of orchestrate.",
        **{key: value for key, value in _draft7(top).items() if key not in {"title", "description"}},
        "patternProperties": _ANYTHING_WITH_X,
        "definitions": definitions,
    }


def as_json(schema: Mapping[str, Any]) -> str:
    """Return a schema as it is committed: indented, UTF-8, with a newline at its end."""
    return json.dumps(schema, ensure_ascii=False, indent=2) + "\n"


def status_schema() -> dict[str, Any]:
    """Return the schema of status.json."""
    from orchestrator.status.models import RunStatus

    return model_schema(RunStatus, "status.json")


def journal_schema() -> dict[str, Any]:
    """Return the schema of one line of journal.jsonl."""
    from orchestrator.status.journal import Entry

    schema = TypeAdapter(Entry).json_schema(ref_template=_REFS)
    schema["properties"]["crc"] = {
        "title": "Crc",
        "description": "CRC-32 of the line's other fields in their order, as eight hex digits.",
        "type": "string",
        "pattern": "^[0-9a-f]{8}$",
    }
    schema["required"] = [*schema["required"], "crc"]
    return _titled(schema, "a line of journal.jsonl")


def model_schema(model: type[BaseModel], title: str) -> dict[str, Any]:
    """Return the schema of a file that a model describes."""
    return _titled(model.model_json_schema(ref_template=_REFS), title)


SCHEMAS: Final[dict[str, Callable[[], dict[str, Any]]]] = {
    "spec": spec_schema,
    "status": status_schema,
    "journal": journal_schema,
}


def _titled(schema: dict[str, Any], title: str) -> dict[str, Any]:
    definitions = schema.pop("$defs", {})
    rest = {key: value for key, value in _draft7(schema, references=False).items() if key != "title"}
    done = {name: _draft7(each, references=False) for name, each in sorted(definitions.items())}
    return {"$schema": DRAFT, "title": title, **rest, "definitions": done}


def _set_jobs(top: dict[str, Any], jobs: Mapping[str, str]) -> None:
    job = {
        "type": "object",
        "required": ["kind"],
        "properties": {"kind": {"title": "Kind", "description": "The kind of the job.", "enum": list(jobs)}},
        "allOf": [
            {
                "if": {"properties": {"kind": {"const": name}}, "required": ["kind"]},
                "then": {"$ref": reference},
            }
            for name, reference in jobs.items()
        ],
    }
    old = top["properties"]["jobs"]
    top["properties"]["jobs"] = {
        "title": "Jobs",
        "description": old["description"],
        "examples": [{"handbook": {"kind": "ingest", "corpus": "docs"}}],
        "type": "object",
        "minProperties": 1,
        "patternProperties": {f"^(?!x-){NAME}$": job, **_ANYTHING_WITH_X},
        "additionalProperties": False,
    }


def _all_models(roots: Iterable[type[BaseModel]]) -> list[type[BaseModel]]:
    """Return the models and every model that their fields can hold."""
    found: list[type[BaseModel]] = []
    pending: list[Any] = list(roots)
    while pending:
        each = pending.pop()
        if fields.is_model(each):
            if each not in found:
                found.append(each)
                pending += [leaf for info in each.model_fields.values() for leaf in fields.leaves(info.annotation)]
        else:
            pending += [leaf for inner in fields.arguments_of(each) for leaf in fields.leaves(inner)]
    return found


def _complete(definitions: dict[str, Any], model: type[BaseModel]) -> None:
    """Add what pydantic leaves out of a model's properties: defaults of factories, bounds of durations, examples."""
    definition = definitions[_definition_of(definitions, model)]
    for name, info in model.model_fields.items():
        prop = definition["properties"][info.alias or name]
        prop.setdefault("title", (info.alias or name).replace("_", " ").capitalize())
        prop.setdefault("description", info.description)
        if info.default_factory is not None:
            prop["default"] = info.get_default(call_default_factory=True, validated_data={})
        if isinstance(prop.get("default"), dict):
            prop["default"] = {key: value for key, value in prop["default"].items() if value is not None}
        prop["examples"] = _examples(info, prop)
        for alternative in prop.get("anyOf", []):
            if alternative.get("type") == "number":
                _bound(alternative, info.metadata)


def _examples(info: FieldInfo, prop: Mapping[str, Any]) -> list[Any]:
    """Return the field's examples; where it has none, its default and the choices that it has."""
    if info.examples:
        return info.examples
    default = prop.get("default")
    choices: list[Any] = next((each["enum"] for each in (prop, *prop.get("anyOf", [])) if "enum" in each), [])
    return [default] if default is not None and not choices else list(choices) or [prop.get("const", default)]


def _definition_of(definitions: Mapping[str, Any], model: type[BaseModel]) -> str:
    """Return the name of a model's definition; of two models with one name, pydantic puts the module before it."""
    if model.__name__ in definitions:
        return model.__name__
    qualified = f"{model.__module__}.{model.__qualname__}".replace(".", "__")
    return next(name for name in definitions if name.startswith(qualified))


def _bound(number: dict[str, Any], metadata: Iterable[Any]) -> None:
    for constraint in metadata:
        for kind, attribute, keyword in _BOUNDS:
            if isinstance(constraint, kind):
                number[keyword] = getattr(constraint, attribute)


def _draft7(schema: Any, *, references: bool = True) -> Any:
    """Return a schema in the words of draft-07; with `references`, numbers and choices may also be `${env:...}`."""
    if isinstance(schema, list):
        return [_draft7(each, references=references) for each in schema]
    if isinstance(schema, float) and schema.is_integer():
        return int(schema)
    if not isinstance(schema, dict):
        return schema
    done = {
        key: value if key in {"default", "examples", "enum", "const"} else _draft7(value, references=references)
        for key, value in schema.items()
        if key != "discriminator"
    }
    for key in ("default", "examples"):
        if key in done:
            done[key] = _whole_numbers(done[key])
    if "oneOf" in done:  # Of branches that overlap, such as a reference, `oneOf` would refuse both.
        done["anyOf"] = done.pop("oneOf")
    if "$ref" in done and len(done) > 1:  # Draft-07 ignores whatever stands beside a `$ref`.
        done["allOf"] = [{"$ref": done.pop("$ref")}]
    return _or_reference(done) if references else done


_SAID_ONCE: Final = ("title", "description", "default", "examples")


def _or_reference(schema: dict[str, Any]) -> dict[str, Any]:
    """Let a number or a choice be a reference, too: it is resolved before it is validated."""
    if "anyOf" in schema:
        return {**schema, "anyOf": _flat(schema["anyOf"])}
    takes_text = schema.get("type") == "string" and "pattern" not in schema and "enum" not in schema
    if schema.get("type") not in {"integer", "number", "boolean", "string"} or takes_text or "const" in schema:
        return schema
    around: dict[str, Any] = {key: schema[key] for key in _SAID_ONCE if key in schema}
    return {**around, "anyOf": [{key: value for key, value in schema.items() if key not in around}, _REFERENCE]}


def _flat(alternatives: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return alternatives without unions inside unions, the reference once and last."""
    inner = [each["anyOf"] if set(each) == {"anyOf"} else [each] for each in alternatives]
    flat = [each for group in inner for each in group]
    return [*(each for each in flat if each != _REFERENCE), *([_REFERENCE] if _REFERENCE in flat else [])]


def _whole_numbers(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _whole_numbers(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [_whole_numbers(inner) for inner in value]
    return int(value) if isinstance(value, float) and value.is_integer() else value

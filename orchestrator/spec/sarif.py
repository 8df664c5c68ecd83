"""Problems as SARIF 2.1.0, for code scanning. Source of the format: OASIS, Static Analysis Results Interchange Format."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Sequence
from typing import Any, Final
from urllib.parse import quote

from orchestrator import __version__
from orchestrator.spec.codes import explanation
from orchestrator.spec.problems import Problem

SCHEMA: Final = "https://json.schemastore.org/sarif-2.1.0.json"


def as_sarif(problems: Sequence[Problem]) -> str:
    """Return a SARIF log with one run; addresses are relative to the working directory, never absolute."""
    codes = sorted({each.code for each in problems})
    driver = {"name": "orchestrate", "version": __version__, "rules": [_rule(code) for code in codes]}
    results, seen = [], Counter[str]()
    for each in problems:
        key = f"{each.file}\0{each.code}\0{each.where}\0{each.message}"
        results.append(_result(each, codes.index(each.code), key, seen[key]))
        seen[key] += 1
    run = {"tool": {"driver": driver}, "columnKind": "unicodeCodePoints", "results": results}
    return json.dumps({"$schema": SCHEMA, "version": "2.1.0", "runs": [run]}, ensure_ascii=False, indent=2)


def _rule(code: str) -> dict[str, Any]:
    known = explanation(code)
    rule: dict[str, Any] = {"id": code}
    if known is not None:
        rule["shortDescription"] = {"text": known.title}
        rule["fullDescription"] = {"text": known.text}
        rule["help"] = {"text": known.text}
    return rule


def _result(found: Problem, rule: int, key: str, repeated: int) -> dict[str, Any]:
    region = {
        "startLine": found.line,
        "startColumn": found.column,
        "endLine": found.end_line,
        "endColumn": found.end_column,
    }
    text = f"{found.message} ({found.hint})" if found.hint else found.message
    fingerprint = hashlib.sha256(f"{key}\0{repeated}".encode()).hexdigest()[:32]
    return {
        "ruleId": found.code,
        "ruleIndex": rule,
        "level": found.severity,
        "message": {"text": text},
        "locations": [{"physicalLocation": {"artifactLocation": {"uri": _uri(found.file)}, "region": region}}],
        "partialFingerprints": {"problem/v1": fingerprint},
    }


def _uri(file: str) -> str:
    return quote(file.removeprefix("./").replace("\\", "/"), safe="/-._~")

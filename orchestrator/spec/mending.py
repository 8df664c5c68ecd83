"""Mending a broken job: what is wrong is left out, so that the rules across fields can be tried on the rest."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError

from orchestrator.spec.base import JobSpec
from orchestrator.spec.kinds import Finding, Kind


@dataclass(frozen=True)
class Mended:
    """A job without its wrong fields and list items. `kept` tells, for each list, where its items stand in the file."""

    kind: Kind
    job: JobSpec
    kept: Mapping[str, Sequence[int]]

    def placed(self, finding: Finding) -> Finding:
        """Return a finding with its path as it is in the file."""
        path = finding.path
        if len(path) > 1 and path[0] in self.kept and isinstance(path[1], int):
            return finding._replace(path=(path[0], self.kept[str(path[0])][path[1]], *path[2:]))
        return finding


def mend(kind: Kind, raw: Mapping[str, Any], wrong: Sequence[tuple[Any, ...]], context: Mapping[str, Any]) -> Mended | None:
    """Return the job without the values at the `wrong` places; None if what is left is no job (a field is missing)."""
    fields: set[Any] = set()
    items: dict[str, set[int]] = {}
    for loc in wrong:
        field: Any = loc[0] if loc else None
        index = loc[1] if len(loc) > 1 else None
        if isinstance(raw.get(field), list) and isinstance(index, int):
            items.setdefault(field, set()).add(index)
        else:
            fields.add(field)
    left = {key: value for key, value in raw.items() if key not in fields or key == "kind"}
    kept = {key: [index for index in range(len(left[key])) if index not in bad] for key, bad in items.items() if key in left}
    left.update({key: [left[key][index] for index in indexes] for key, indexes in kept.items()})
    try:
        job = kind.load_model().model_validate(left, context=dict(context))
    except ValidationError:
        return None
    return Mended(kind, job, kept)

"""A stored posting and a new row of it: what stays, what changes, and how a change is told. Pure."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Final

from orchestrator.kinds.scrape.posting import CONTENT, Posting, content_hash, places_as_json
from orchestrator.kinds.scrape.row import Place

_PAY: Final = ("salary_min", "salary_max", "salary_currency", "salary_unit")
_LONG: Final = frozenset({"description_html", "description_text"})
_LONGEST: Final = 200
_EMPTY: Final = (None, "", "[]")


def merge(row: Mapping[str, Any], stored: Mapping[str, Any]) -> dict[str, Any]:
    """Return the row with its gaps filled from what is stored: an empty optional field erases nothing.

    Pay is one value: half of an old range and half of a new one would be a third.
    """
    merged = {name: stored[name] if row[name] in _EMPTY else row[name] for name in CONTENT}
    if row["locations"] in _EMPTY and row["location"] not in (None, stored["location"]):
        merged["locations"] = places_as_json((Place(row["location"]),))  # It moved: the stored places are those of before.
    if merged["locations"] != stored["locations"]:
        merged["locations"] = _with_countries(merged["locations"], stored["locations"])
    if any(row[name] is not None for name in _PAY):
        merged.update({name: row[name] for name in _PAY})
    return merged


def _with_countries(places: str, stored: str) -> str:
    """Return places with the stored country where a place of the same words has none: some boards name it in details only."""
    known = {place.text: place.country for place in _places(stored)}
    return places_as_json(tuple(at if at.country else at._replace(country=known.get(at.text, "")) for at in _places(places)))


def _places(stored: str) -> tuple[Place, ...]:
    return tuple(Place(**place) for place in json.loads(stored))


def hash_of(merged: Mapping[str, Any]) -> str:
    """Return the content hash of a merged row."""
    values = {name: merged[name] for name in CONTENT if name != "locations"}
    return content_hash(Posting(identifier="", locations=_places(merged["locations"]), **values))


def changes(merged: Mapping[str, Any], stored: Mapping[str, Any]) -> dict[str, Any]:
    """Return the fields that differ as `{name: [old, new]}`, texts clipped; descriptions are only named."""
    found: dict[str, Any] = {}
    for name in CONTENT:
        if merged[name] != stored[name]:
            found[name] = None if name in _LONG else [_clip(stored[name]), _clip(merged[name])]
    return found


def _clip(value: Any) -> Any:
    return value[: _LONGEST - 1] + "…" if isinstance(value, str) and len(value) > _LONGEST else value

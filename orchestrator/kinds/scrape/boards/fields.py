"""Reading the answers of boards: safe access to parsed JSON whose shape is only promised.

Nothing here raises for a value of another type than expected: a missing or odd value is None, an empty text or an empty list.
The shape of the answer itself is checked by `rows`, since a wrong one must never pass as an empty board.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any, Final, TypeGuard

from orchestrator.kinds.scrape.boards.base import BadAnswer, Listing
from orchestrator.kinds.scrape.row import RawSalary

_ESCAPES: Final = (("&lt;", "<"), ("&gt;", ">"), ("&quot;", '"'), ("&#39;", "'"))
"""What a serialiser escapes, beside the ampersand. That one is undone last: what stands behind it then is no escape."""
_BEGINNING: Final = 500
_MANY: Final = 8


class Fields:
    """One JSON object; a path of keys leads to a value: `row.text("location", "name")`."""

    __slots__ = ("_values",)

    def __init__(self, values: Any) -> None:
        self._values = values

    def get(self, *path: str) -> Any:
        """Return the value as it is, None if any step is missing."""
        value = self._values
        for key in path:
            if not isinstance(value, dict):
                return None
            value = value.get(key)
        return value

    def text(self, *path: str) -> str:
        """Return a text without blanks around it; a number becomes its text, anything else is empty."""
        value = self._values
        for key in path:  # As in `get`, without the call: this is what a row is read by.
            value = value.get(key) if isinstance(value, dict) else None
        if isinstance(value, str):
            return value.strip()
        return str(value) if isinstance(value, (int, float)) and not isinstance(value, bool) else ""

    def flag(self, *path: str) -> bool | None:
        """Return true or false, None if it is neither."""
        value = self.get(*path)
        return value if isinstance(value, bool) else None

    def part(self, *path: str) -> Fields:
        """Return the object there; an empty one if there is none."""
        return Fields(self.get(*path))

    def parts(self, *path: str) -> list[Fields]:
        """Return the objects of a list, leaving out what isn't an object."""
        value = self.get(*path)
        return [Fields(each) for each in value if isinstance(each, dict)] if isinstance(value, list) else []

    def texts(self, *path: str) -> list[str]:
        """Return the texts of a list that aren't blank; a single text counts as a list of one."""
        value = self.get(*path)
        values = value if isinstance(value, list) else [value]
        return [each.strip() for each in values if isinstance(each, str) and each.strip()]


def document(body: Any) -> Fields:
    """Return the answer if it is an object. Raises BadAnswer."""
    if not isinstance(body, dict):
        raise BadAnswer(f"the answer is {_kind(body)} instead of an object")
    return Fields(body)


def rows(body: Any, found: Listing, *path: str) -> Iterator[Fields]:
    """Return the objects of the list at `path`, or of the answer itself; others count as bad rows.

    Raises BadAnswer if there is no list, before any row is read.
    """
    value = Fields(body).get(*path)
    if not isinstance(value, list):
        raise BadAnswer(f"{'`' + '.'.join(path) + '`' if path else 'the answer'} is {_kind(value)} instead of a list")
    return _objects(value, found)


def _objects(values: list[Any], found: Listing) -> Iterator[Fields]:
    for each in values:
        if isinstance(each, dict):
            yield Fields(each)
        else:
            found.bad(f"a row is {_kind(each)} instead of an object")


def unescape_once(text: str) -> str:
    """Return HTML that came entity-escaped in JSON. Once: `&amp;lt;T&amp;gt;` must not become a tag."""
    import html

    if text.count("&", 0, _BEGINNING) > _MANY:  # Escaped markup, which a pass for each letter does in a fifth of the time.
        undone = text
        for escape, letter in _ESCAPES:
            undone = undone.replace(escape, letter)
        if undone.count("&") == undone.count("&amp;"):
            return undone.replace("&amp;", "&")
    return html.unescape(text)


def first(*texts: str) -> str:
    """Return the first text that isn't empty, else an empty one."""
    return next((text for text in texts if text), "")


def span(bands: Sequence[RawSalary]) -> RawSalary | None:
    """Return the range over all bands that are paid in the commonest currency and for its period, None without any.

    Boards have a band for each level or place. A zero is a field that nobody filled in.
    """
    units = Counter((band.currency, band.period) for band in bands if _is_paid(band.minimum) or _is_paid(band.maximum))
    if not units:
        return None
    unit = max(units, key=lambda each: units[each])  # Of several the first.
    alike = [band for band in bands if (band.currency, band.period) == unit]
    lows = [band.minimum for band in alike if _is_paid(band.minimum)]
    highs = [band.maximum for band in alike if _is_paid(band.maximum)]
    return RawSalary(min(lows, default=None), max(highs, default=None), *unit)


def _is_paid(amount: object) -> TypeGuard[float]:
    return isinstance(amount, (int, float)) and amount > 0


def _kind(value: Any) -> str:
    names = {dict: "an object", list: "a list", str: "a text", bool: "true or false", type(None): "missing or null"}
    return names.get(type(value), "a number")

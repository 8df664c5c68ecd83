"""Plain scalars of YAML: what an unquoted word means, and the words that are refused since tools disagree on them.

The rules are those of YAML's core schema (https://yaml.org/spec/1.2.2/, chapter 10.3) without what YAML 1.1 reads
differently: such a word is a `Trap`, never a guess.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, Final, NamedTuple


class Trap(NamedTuple):
    """A word that is read differently by other tools: why it is refused, and what to write instead."""

    text: str
    message: str
    hint: str


_NULL: Final = ("", "~", "null", "Null", "NULL")
_WORDS: Final[dict[str, Any]] = {
    **dict.fromkeys(_NULL),
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
}
_TRUE_IN_1_1: Final = frozenset({"yes", "Yes", "YES", "on", "On", "ON"})
_FALSE_IN_1_1: Final = frozenset({"no", "No", "NO", "off", "Off", "OFF"})
_SPECIAL_START: Final = frozenset("0123456789+-.~nNyYtTfFoO")
_NUMBER_START: Final = frozenset("0123456789+-.")
_INTEGER: Final = re.compile(r"[-+]?(?:0|[1-9][0-9]*)")
_DECIMAL: Final = re.compile(r"[-+]?(?:0|[1-9][0-9]*)?\.[0-9]+|[-+]?(?:0|[1-9][0-9]*)\.")
# Compiled when a number isn't an ordinary one: start-up time is measured.
_LEADING_ZERO: Final = r"[-+]?0[0-9]+(?:\.[0-9]*)?"
_OTHER_BASE: Final = r"[-+]?0[xob][0-9a-fA-F_]+"
_EXPONENT: Final = r"[-+]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)[eE][-+]?[0-9]+"
_UNDERSCORES: Final = r"[-+]?[0-9][0-9_]*_[0-9_]*(?:\.[0-9_]*)?"
_SEXAGESIMAL: Final = r"[-+]?[0-9][0-9_]*(?::[0-5]?[0-9])+(?:\.[0-9_]*)?"
_DATE: Final = (
    r"[0-9]{4}-[0-9]{1,2}-[0-9]{1,2}(?:(?:[Tt]|[ \t]+)[0-9]{1,2}:[0-9]{2}:[0-9]{2}(?:\.[0-9]*)?"
    r"(?:[ \t]*(?:Z|[-+][0-9]{1,2}(?::?[0-9]{2})?))?)?"
)
_NOT_FINITE: Final = r"[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN)"
_LONGEST_NUMBER: Final = 40  # Longer ones are text: converting and matching them would take quadratic time.


def plain(text: str) -> Any:
    """Return what an unquoted scalar means: text, int, float, bool, None, or a `Trap`."""
    if text[:1] not in _SPECIAL_START and text:
        return text
    if text in _WORDS:
        return _WORDS[text]
    if text[0] in _NUMBER_START:
        return _number(text)
    if text in _TRUE_IN_1_1 or text in _FALSE_IN_1_1:
        meant = "true" if text in _TRUE_IN_1_1 else "false"
        return Trap(text, f"`{text}` is text for some tools and {meant} for others", f'write {meant}, or "{text}" for text')
    return text


def _number(text: str) -> Any:
    if len(text) > _LONGEST_NUMBER:
        return text
    if _INTEGER.fullmatch(text):
        return int(text)
    if _DECIMAL.fullmatch(text):
        return float(text)
    return _trap(text) or text


def _trap(text: str) -> Trap | None:
    for form, message, instead in _TRAPS:
        if re.fullmatch(form, text):
            return Trap(text, f"`{text}` {message(text)}", f'write {instead(text)}"{text}" for text')
    return None


def _decimal_of(text: str) -> str:
    try:
        return str(int(text.replace("_", ""), 0))
    except ValueError:
        return "a decimal number"


def _without_exponent(text: str) -> str:
    value = float(text)
    return f"{value:.12g}" if 1e-4 <= abs(value) < 1e12 else "the number in full"  # noqa: PLR2004 - where %g writes none


def _seconds_of(text: str) -> str:
    total = 0.0
    for part in text.replace("_", "").lstrip("+-").split(":"):
        total = total * 60 + float(part)
    return f"{total:.12g}"


def _always(words: str) -> Callable[[str], str]:
    return lambda _: words


def _number_or(converted: Callable[[str], str]) -> Callable[[str], str]:
    return lambda text: f"{converted(text)}, or "


def _without_zeros(text: str) -> str:
    return text.lstrip("+-").lstrip("0") or "0"


_NUMBER_OR_TEXT: Final = _always("is a number for some tools and text for others")
_TRAPS: Final[tuple[tuple[str, Callable[[str], str], Callable[[str], str]], ...]] = (
    (
        _LEADING_ZERO,
        lambda text: f"is {_without_zeros(text)} for some tools and an octal number for others",
        _number_or(_without_zeros),
    ),
    (_OTHER_BASE, _NUMBER_OR_TEXT, _number_or(_decimal_of)),
    (_EXPONENT, _NUMBER_OR_TEXT, _number_or(_without_exponent)),
    (_UNDERSCORES, _NUMBER_OR_TEXT, _number_or(lambda text: text.replace("_", ""))),
    (
        _SEXAGESIMAL,
        _always("is read as a number to the base 60 by some tools"),
        lambda text: f'"{_seconds_of(text)}s" for a duration, or ',
    ),
    (_DATE, _always("is a date for some tools and text for others"), _always("")),
    (_NOT_FINITE, _always("is no finite number"), _always("a number, or ")),
)

"""What a duration, a size or a share was probably meant to be that isn't written as one. Imported when one is refused."""

from __future__ import annotations

import re
from typing import Any, Final

from orchestrator.spec.words import written

_PART: Final = re.compile(r"(\d+(?:[.,]\d+)?)\s*([a-zµ]*)[\s,]*(?:and\s+)?")
_ISO: Final = re.compile(r"pt?(?=\d)")
_CLOCK: Final = re.compile(r"(?:(\d{1,2}):)?(\d{1,2}):(\d{2})")
_UNITS_OF_TIME: Final[dict[str, str]] = {
    word: unit
    for unit, words in {
        "ms": "ms msec msecs millis milli millisecond milliseconds",
        "s": "s sec secs second seconds",
        "m": "m min mins minute minutes",
        "h": "h hr hrs hour hours",
        "d": "d day days",
        "w": "w week weeks",
    }.items()
    for word in words.split()
}
_HOURS: Final = {"d": 24, "w": 168}
_BELOW: Final = {"h": "m", "m": "s", "s": "ms"}
_SIZE: Final = re.compile(r"(\d+(?:[.,]\d+)?)\s*([a-z]+)")
_PREFIXES: Final = {"": "", "kilo": "k", "mega": "M", "giga": "G", "tera": "T", "k": "k", "m": "M", "g": "G", "t": "T"}
_SHARE: Final = re.compile(r"(\d+(?:[.,]\d+)?)\s*(?:percent|pct|per cent|prozent|%+)?")
_MOST_PERCENT: Final = 100
_LONGEST: Final = 40


def duration(text: str) -> str:
    """Return `1m30s` for `90 sec`, `1 min 30`, `PT1M30S` or `1:30`; empty if nobody can tell."""
    plain = text.strip().lower()
    if not plain or len(plain) > _LONGEST:
        return ""
    clock = _CLOCK.fullmatch(plain)
    if clock is not None:
        return _shown([(int(clock[1] or 0), "h"), (int(clock[2]), "m"), (int(clock[3]), "s")])
    plain = re.sub(r"(?<=d)t", "", _ISO.sub("", plain, count=1))
    parts: list[tuple[float, str]] = []
    position = 0
    while position < len(plain):
        part = _PART.match(plain, position)
        if part is None:
            return ""
        unit = _UNITS_OF_TIME.get(part[2]) if part[2] else _BELOW.get(parts[-1][1]) if parts else None
        if unit is None:
            return ""
        amount = float(part[1].replace(",", "."))
        parts.append((amount * _HOURS[unit], "h") if unit in _HOURS else (amount, unit))
        position = part.end()
    return _shown(parts)


def _shown(parts: list[tuple[float, str]]) -> str:
    return "".join(f"{amount:.12g}{unit}" for amount, unit in parts if amount)


def size(text: str) -> str:
    """Return `20MB` for `20M`, `20mb` or `20 megabytes`; empty if nobody can tell."""
    parts = _SIZE.fullmatch(text.strip().lower()) if len(text) <= _LONGEST else None
    if parts is None:
        return ""
    unit = re.fullmatch(r"(kilo|mega|giga|tera|[kmgt])?(i)?(?:b|byte|bytes)?", parts[2])
    if unit is None or not unit[0]:
        return ""
    return f"{parts[1].replace(',', '.')}{_PREFIXES[unit[1] or '']}{unit[2] or ''}B"


def share(value: Any) -> str:
    """Return `30%` for `30`, `30 percent` or `"0.3"`; empty if nobody can tell."""
    parts = _SHARE.fullmatch(written(value).strip().lower()) if isinstance(value, (str, int, float)) else None
    if parts is None or isinstance(value, bool) or len(parts[0]) > _LONGEST:
        return ""
    number = float(parts[1].replace(",", "."))
    if number < 1 and parts[0] == parts[1]:
        number *= 100
    return f"{number:.12g}%" if number <= _MOST_PERCENT else ""


def allowance(value: Any) -> str:
    """Return how a count or a share was probably meant: `0` for `none`, `100%` for `all`, `5%` for `0.05`."""
    words = {
        "none": "0",
        "no": "0",
        "never": "0",
        "false": "0",
        "all": "100%",
        "any": "100%",
        "unlimited": "100%",
        "true": "100%",
    }
    return words.get(written(value).lower(), "") or share(value)

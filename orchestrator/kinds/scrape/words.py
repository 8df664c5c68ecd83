"""The vendors' words for workplaces, employment types and pay periods, and ours: schema.org's names in capitals."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Final, Literal, TypeAlias

Workplace: TypeAlias = Literal["remote", "hybrid", "onsite"]

_LETTERS: Final = re.compile(r"[^a-z]+")
_SHORT: Final = re.compile(r"(?<![a-z])(?:ft|pt|prn|temps?(?!\W*(?:plein|partiel|complet)))(?![a-z])")
"""Words of their own: `permanent employee` holds no `temp`, and French `temps plein` is something else."""
_IN_FULL: Final = {"ft": "fulltime", "pt": "parttime", "prn": "perdiem", "temp": "temporary", "temps": "temporary"}
_SEVERAL_MODELS: Final = re.compile(r"[;,/|&]|\b(?:or|and)\b")
_UNPLACED: Final = frozenset({"distributed", "flexible"})
"""No place, but no way of working either that we know."""
_NO_INTERNS: Final = re.compile(r"international|internal")
_WORKPLACES: Final[dict[str, Workplace]] = {
    "remote": "remote",
    "fullremote": "remote",
    "fullyremote": "remote",
    "remotefirst": "remote",
    "remoteonly": "remote",
    "telecommute": "remote",
    "telecommuting": "remote",
    "homeoffice": "remote",
    "hybrid": "hybrid",
    "hybridremote": "hybrid",
    "remotehybrid": "hybrid",
    "onsite": "onsite",
    "inoffice": "onsite",
    "office": "onsite",
    "inperson": "onsite",
}
# "Remote sensing" and "remote site" are no way of working, and "non-remote" is the opposite.
_REMOTE: Final = re.compile(
    r"(?<!non-)(?<!non )(?<!not )(?<!no )"
    r"\b(?:remote(?!\s+(?:sensing|sites?|area|control))|work (?:from|at) home|wfh|tele(?:commut|work)\w*|anywhere)\b"
)
_BOTH: Final = re.compile(r"\bhybrid[ -]+remote\b|\bremote[ -]+hybrid\b")
_HYBRID: Final = re.compile(r"\bhybrid\b")
_ONSITE: Final = re.compile(r"\b(?:on[- ]?site|in[- ]?office|in[- ]?person)\b")
# The first rule that a word contains wins: "fulltime_internship" is an internship, "temporary full time" is temporary.
_EMPLOYMENT: Final = (
    ("intern", "INTERN"),
    ("trainee", "INTERN"),
    ("apprentice", "INTERN"),
    ("workingstudent", "INTERN"),
    ("werkstudent", "INTERN"),
    ("praktik", "INTERN"),
    ("volunteer", "VOLUNTEER"),
    ("perdiem", "PER_DIEM"),
    ("freelance", "CONTRACTOR"),
    ("fulltimefixedterm", "FULL_TIME"),
    ("parttimefixedterm", "PART_TIME"),
    ("fixedtermfulltime", "FULL_TIME"),
    ("fixedtermparttime", "PART_TIME"),
    ("tempor", "TEMPORARY"),
    ("fixedterm", "TEMPORARY"),
    ("seasonal", "TEMPORARY"),
    ("fulltime", "FULL_TIME"),
    ("vollzeit", "FULL_TIME"),
    ("tempsplein", "FULL_TIME"),
    ("tempscomplet", "FULL_TIME"),
    ("parttime", "PART_TIME"),
    ("teilzeit", "PART_TIME"),
    ("tempspartiel", "PART_TIME"),
    ("contract", "CONTRACTOR"),
    ("other", "OTHER"),
)
# Whole words: `holidays` and `Monday` name no period. A text that names two of them names none.
_UNITS: Final = (
    ("HOUR", re.compile(r"\b(?:hour|hr)(?:s|ly)?\b")),
    ("DAY", re.compile(r"\b(?:day|daily|days|diem)\b")),
    ("WEEK", re.compile(r"\b(?:week|wk)(?:s|ly)?\b")),
    ("MONTH", re.compile(r"\b(?:month|mo|mth)(?:s|ly)?\b")),
    ("YEAR", re.compile(r"\b(?:year|yr)(?:s|ly)?\b|\bannual(?:ly|i[sz]ed)?\b|\bannum\b|\bp\.a\b")),
)
# `2 WEEKS`, `bi-weekly` and `semi-month` are none of our periods.
_SEVERAL: Final = re.compile(
    r"\b(?:[2-9]|\d\d+|two|three|four)[- ]*(?:hour|day|week|month|year)|\b(?:bi|semi)[- _]?(?:week|month|annual|year)"
)
_CURRENCY: Final = re.compile(r"[A-Z]{3}")


@lru_cache(maxsize=1024)
def workplace(word: str) -> Workplace | None:
    """Return what a vendor's own word means (`on-site`, `TELECOMMUTE`); None for `unspecified` and the unknown."""
    return _WORKPLACES.get(_LETTERS.sub("", word.lower()))


@lru_cache(maxsize=4096)
def workplace_in(text: str) -> Workplace | None:
    """Return what the text of a location says; None if it says nothing or several things."""
    lower = text.lower()
    if _BOTH.search(lower):
        return "hybrid"
    said: list[Workplace] = []
    for pattern, meaning in ((_REMOTE, "remote"), (_HYBRID, "hybrid"), (_ONSITE, "onsite")):
        if pattern.search(lower):
            said.append(meaning)  # type: ignore[arg-type]
    return said[0] if len(said) == 1 else None


@lru_cache(maxsize=4096)
def is_work_model(text: str) -> bool:
    """Whether the text of a location names ways of working and no place: `Hybrid`, `In-Office`, `Distributed; Hybrid`."""
    models = [model for part in _SEVERAL_MODELS.split(text.lower()) if (model := _LETTERS.sub("", part))]
    return bool(models) and all(model in _WORKPLACES or model in _UNPLACED for model in models)


@lru_cache(maxsize=1024)
def employment(word: str) -> str | None:
    """Return schema.org's name for a kind of employment; None for an unknown word."""
    whole = _SHORT.sub(lambda short: _IN_FULL[short[0]], word.lower())
    letters = _NO_INTERNS.sub("", _LETTERS.sub("", whole))
    return next((name for part, name in _EMPLOYMENT if part in letters), None)


@lru_cache(maxsize=1024)
def unit(word: str) -> str | None:
    """Return the period that pay is for: HOUR, DAY, WEEK, MONTH or YEAR. `1 YEAR` and `per-year-salary` are YEAR."""
    lower = word.lower().replace("_", " ")
    if _SEVERAL.search(lower):
        return None
    meant = [name for name, pattern in _UNITS if pattern.search(lower)]
    return meant[0] if len(meant) == 1 else None


def currency(word: str) -> str | None:
    """Return an ISO 4217 code, None for anything else."""
    code = word.strip().upper()
    return code if _CURRENCY.fullmatch(code) else None

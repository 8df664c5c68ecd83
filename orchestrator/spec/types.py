"""Types of spec fields: durations, sizes, shares, names and paths, each with its bounds and its JSON Schema.

Durations are floats in seconds (`90`, `"90s"`, `"1m30s"`), sizes are ints in bytes (`"32MB"` is 32,000,000 bytes,
`"32MiB"` 33,554,432), shares are floats between 0 and 1 (`"30%"`).
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated, Any, Final

from pydantic import AfterValidator, BeforeValidator, Field, PlainSerializer, StringConstraints, ValidationInfo, WithJsonSchema
from pydantic_core import PydanticCustomError

LONGEST_ATTEMPT: Final = 180.0
NAME: Final = r"[a-z0-9][a-z0-9_-]{0,62}"

_DURATION: Final = r"(?:(\d+(?:\.\d+)?)h)?(?:(\d+(?:\.\d+)?)m)?(?:(\d+(?:\.\d+)?)s)?(?:(\d+(?:\.\d+)?)ms)?"
_NUMBER: Final = r"\d+(?:\.\d+)?"
_SIZE: Final = r"(\d+(?:\.\d+)?)\s*([kKMGT]?i?B)?"
_UNITS: Final = {"B": 1, "kB": 1000, "KB": 1000, "MB": 1000**2, "GB": 1000**3, "TB": 1000**4}
_BINARY: Final = {"KiB": 1024, "kiB": 1024, "MiB": 1024**2, "GiB": 1024**3, "TiB": 1024**4}
_PERCENT: Final = r"(\d+(?:\.\d+)?)\s*%"
_ALL: Final = 100
_ODD_IN_A_PATH: Final = r"[\0\\~$%:]"


def _refuse(code: str, message: str, hint: str) -> PydanticCustomError:
    return PydanticCustomError(code, "{problem}", {"problem": message, "hint": hint})


def _no_duration(value: Any) -> PydanticCustomError:
    from orchestrator.spec import meant
    from orchestrator.spec.words import described

    near = meant.duration(value) if isinstance(value, str) else ""
    hint = f'write "{near}"; ' if near else ""
    return _refuse("not-a-duration", f"{described(value)} is no duration", f'{hint}durations look like "90s" or "1m30s"')


def parse_duration(value: Any) -> float:
    """Return seconds for `90`, `"90"`, `"90s"`, `"1m30s"`, `"2h"` or `"250ms"`. Raises PydanticCustomError."""
    if isinstance(value, bool) or not isinstance(value, (int, float, str)):
        raise _no_duration(value)
    if isinstance(value, (int, float)):
        return float(value)
    text = value.strip()
    if re.fullmatch(_NUMBER, text):
        return float(text)
    parts = re.fullmatch(_DURATION, text)
    if not text or parts is None:
        raise _no_duration(value)
    return sum(float(part) * unit for part, unit in zip(parts.groups(), (3600.0, 60.0, 1.0, 0.001), strict=True) if part)


def parse_size(value: Any) -> int:
    """Return bytes for `20000000`, `"20MB"` or `"20MiB"`. Raises PydanticCustomError."""
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    if isinstance(value, str) and (parts := re.fullmatch(_SIZE, value.strip())):
        return int(float(parts[1]) * (_UNITS | _BINARY)[parts[2] or "B"])
    from orchestrator.spec import meant
    from orchestrator.spec.words import described

    near = meant.size(value) if isinstance(value, str) else ""
    hint = f'write "{near}"' if near else 'write it as "20MB", "512kB" or a number of bytes'
    raise _refuse("not-a-size", f"{described(value)} is no size", hint)


def parse_share(value: Any) -> float:
    """Return a share between 0 and 1 for `"30%"` or `0.3`. Raises PydanticCustomError."""
    if isinstance(value, str) and (parts := re.fullmatch(_PERCENT, value.strip())):
        return float(parts[1]) / 100
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return float(value)
    from orchestrator.spec import meant
    from orchestrator.spec.words import described

    near = meant.share(value)
    hint = f'write "{near}"' if near else 'write it as "30%" or as a number from 0 to 1'
    raise _refuse("not-a-share", f"{described(value)} is no share", hint)


def parse_allowance(value: Any) -> int | float:
    """Return a count of items (int) or a share of them (float, from a percentage). Raises PydanticCustomError."""
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    if isinstance(value, str) and value.isdecimal():
        return int(value)
    if isinstance(value, str) and (parts := re.fullmatch(_PERCENT, value.strip())):
        if float(parts[1]) > _ALL:
            raise _refuse("not-an-allowance", f"{value} is more than all", "a percentage can be at most 100%")
        return float(parts[1]) / _ALL
    from orchestrator.spec import meant
    from orchestrator.spec.words import described

    near = meant.allowance(value)
    hint = f"write {near}" if near.isdecimal() else f'write "{near}"' if near else 'write it as 3 or "5%"'
    raise _refuse("not-an-allowance", f"{described(value)} is neither a count nor a percentage", hint)


def _allowance_as_written(value: float) -> int | str:
    """Return a share as a percentage: as a bare number it couldn't be told from a count."""
    return value if isinstance(value, int) else f"{value * 100:.12g}%"


def _inside_project(value: str, info: ValidationInfo) -> str:
    if re.search(_ODD_IN_A_PATH, value):
        from orchestrator.spec.paths import refused

        why = refused(value)
        if why is not None:
            raise _refuse("bad-path", *why)
    root = (info.context or {}).get("root")
    if root is None:
        return value
    base = Path(root).resolve()
    if not (base / value).resolve().is_relative_to(base):
        raise _refuse(
            "path-outside-project",
            f"{value!r} leads out of the project",
            "every path lies below the folder of jobs.yaml, also where links lead",
        )
    return value


_DURATION_SCHEMA: Final = {
    "anyOf": [
        {"type": "number", "minimum": 0},
        {"type": "string", "pattern": r"^(\d+(\.\d+)?h)?(\d+(\.\d+)?m)?(\d+(\.\d+)?s?)?(\d+(\.\d+)?ms)?$"},
    ],
}

Duration = Annotated[float, BeforeValidator(parse_duration), Field(ge=0), WithJsonSchema(_DURATION_SCHEMA)]
Size = Annotated[
    int,
    BeforeValidator(parse_size),
    Field(gt=0),
    WithJsonSchema(
        {"anyOf": [{"type": "integer", "minimum": 1}, {"type": "string", "pattern": r"^\d+(\.\d+)?\s*([kKMGT]?i?B)?$"}]}
    ),
]
Share = Annotated[
    float,
    BeforeValidator(parse_share),
    Field(ge=0, le=1),
    WithJsonSchema(
        {"anyOf": [{"type": "number", "minimum": 0, "maximum": 1}, {"type": "string", "pattern": r"^\d+(\.\d+)?\s*%$"}]}
    ),
]
Allowance = Annotated[
    int | float,
    BeforeValidator(parse_allowance),
    Field(ge=0),
    PlainSerializer(_allowance_as_written, when_used="json"),
    WithJsonSchema({"anyOf": [{"type": "integer", "minimum": 0}, {"type": "string", "pattern": r"^\d+(\.\d+)?\s*%$|^\d+$"}]}),
]
Name = Annotated[str, StringConstraints(pattern=f"^{NAME}$")]
ProjectPath = Annotated[str, StringConstraints(min_length=1, max_length=4096), AfterValidator(_inside_project)]
Glob = Annotated[str, StringConstraints(min_length=1, max_length=1024)]

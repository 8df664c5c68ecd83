"""Every code that the program's own kinds can give is explained."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

from orchestrator.spec.codes import CODES

PACKAGE: Final = Path(__file__).resolve().parents[2] / "orchestrator"
CODE: Final = r'"([a-z][a-z0-9]*(?:-[a-z0-9]+)+)"'
GIVEN: Final = (
    rf"Finding\(\s*\([^()]*(?:\([^()]*\))?[^()]*\)[^,]*,\s*{CODE}",
    rf"(?:PydanticCustomError|_refuse|_Unresolved)\(\s*{CODE}",
    rf'Misplaced\(\s*"[a-z]*",\s*{CODE}',
    rf"(?<![_a-z])problem\(\s*{CODE}",
    rf"\.(?:problem|_note|at_key|at_value|_refuse)\((?:event, )?\s*{CODE}",
)


def given() -> dict[str, str]:
    files = [*PACKAGE.glob("spec/*.py"), *PACKAGE.glob("kinds/*/*.py")]
    texts = {file.relative_to(PACKAGE).as_posix(): file.read_text(encoding="utf-8") for file in files}
    return {code: name for name, text in texts.items() for form in GIVEN for code in re.findall(form, text)}


def test_every_code_that_is_given_is_explained() -> None:
    codes = given()
    assert len(codes) > 40
    assert {code: name for code, name in codes.items() if code not in CODES} == {}


def test_every_explained_code_is_given_somewhere() -> None:
    text = "".join(file.read_text(encoding="utf-8") for file in PACKAGE.rglob("*.py") if file.name != "codes.py")
    assert [code for code in CODES if f'"{code}"' not in text] == []

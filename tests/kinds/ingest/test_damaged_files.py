"""Damaged files are read, or refused with a reason: a reader raises nothing else, whatever its library does."""

from __future__ import annotations

import io
import json
import random
import zipfile
from collections.abc import Callable
from typing import Any

import docx
import pypdfium2
import pytest

from orchestrator.kinds.ingest.document import Unreadable
from orchestrator.kinds.ingest.readers import Readers

ROUNDS = 250
MAIL = b"""From: Ada <ada@letters.example>
Subject: =?utf-8?q?Gr=C3=BC=C3=9Fe?=
MIME-Version: 1.0
Content-Type: multipart/alternative; boundary=x

--x
Content-Type: text/plain; charset=utf-8
Content-Transfer-Encoding: quoted-printable

Hello =C3=BC
--x
Content-Type: text/html; charset=iso-8859-1
Content-Transfer-Encoding: base64

PGI+SGFsbG88L2I+
--x--
"""
NOTEBOOK = {"cells": [{"cell_type": "markdown", "source": ["# T\n", "x"]}, {"cell_type": "code", "source": "print(1)"}]}


def archive(members: dict[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as packed:
        for name, content in members.items():
            packed.writestr(name, content)
    return buffer.getvalue()


def word() -> bytes:
    document = docx.Document()
    document.add_heading("Title", 0)
    document.add_table(2, 2).cell(0, 0).text = "cell"
    document.add_heading("Section", 2)
    buffer = io.BytesIO()
    document.save(buffer)
    return buffer.getvalue()


def book() -> bytes:
    package = (
        b'<package xmlns="p"><manifest><item id="a" href="a.xhtml"/></manifest><spine><itemref idref="a"/></spine></package>'
    )
    container = b'<container xmlns="c"><rootfiles><rootfile full-path="o/p.opf"/></rootfiles></container>'
    page = b"<body><h1>First</h1>text</body>"
    return archive({"META-INF/container.xml": container, "o/p.opf": package, "o/a.xhtml": page})


def pdf() -> bytes:
    document = pypdfium2.PdfDocument.new()
    document.new_page(100, 100)
    buffer = io.BytesIO()
    document.save(buffer)
    return buffer.getvalue()


def scratched(data: bytes, rng: random.Random) -> bytes:
    """Return the data with some bytes changed, a stretch left out, or a stretch repeated."""
    damaged = bytearray(data)
    first = rng.randrange(len(damaged))
    match rng.randrange(3):
        case 0:
            for _ in range(rng.randint(1, 6)):
                damaged[rng.randrange(len(damaged))] = rng.choice(b'\0\n"<[{\xff=' + bytes([rng.randrange(256)]))
        case 1:
            del damaged[first : rng.randrange(first, len(damaged)) + 1]
        case _:
            damaged[first:first] = damaged[first : first + 50]
    return bytes(damaged)


def scratched_inside(data: bytes, rng: random.Random) -> bytes:
    """Return an archive with one member damaged or missing."""
    with zipfile.ZipFile(io.BytesIO(data)) as packed:
        members = {name: packed.read(name) for name in packed.namelist()}
    chosen = rng.choice(list(members))
    if rng.random() < 0.2:
        del members[chosen]
    else:
        members[chosen] = scratched(members[chosen], rng)
    return archive(members)


@pytest.mark.parametrize(
    ("name", "whole", "damage"),
    [
        ("a.docx", word, scratched),
        ("a.docx", word, scratched_inside),
        ("a.epub", book, scratched),
        ("a.epub", book, scratched_inside),
        ("a.pdf", pdf, scratched),
        ("a.eml", lambda: MAIL, scratched),
        ("a.ipynb", lambda: json.dumps(NOTEBOOK).encode(), scratched),
        ("a.html", lambda: b"<title>T</title><h1>A</h1><table><tr><td>1</td></tr></table><pre> x </pre>", scratched),
        ("a.csv", lambda: b'a,b\n1,"x\ny"\n', scratched),
        ("a.json", lambda: b'{"a": [1, 2, {"b": null}]}', scratched),
        ("a.jsonl", lambda: b'{"a": 1}\n{"b": [2]}\n', scratched),
        ("a.md", lambda: b"---\ntitle: x\n---\n# A\n```\nx\n```\nB\n---\n", scratched),
        ("a.rst", lambda: b"A\n=\n\n.. note:: x\n\nB\n-\n", scratched),
    ],
)
def test_a_damaged_file_is_read_or_refused_with_a_reason(
    name: str, whole: Callable[[], bytes], damage: Callable[[bytes, random.Random], bytes]
) -> None:
    data = whole()
    refused: list[Unreadable] = []
    for seed in range(ROUNDS):
        damaged = damage(data, random.Random(seed))
        try:
            parsed: Any = Readers().read(name, damaged)
            assert parsed.text.strip()
        except Unreadable as reason:
            refused.append(reason)
    assert refused, "some were damaged for good"
    assert all(reason.failure().code and reason.message for reason in refused)

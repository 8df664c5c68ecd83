"""Jupyter notebooks (nbformat 4): Markdown cells with their headings, code cells as they are; outputs are left out."""

from __future__ import annotations

import json
from typing import Any

from orchestrator.kinds.ingest.document import Heading, Parsed, Unreadable
from orchestrator.kinds.ingest.readers import Limits
from orchestrator.kinds.ingest.readers.markdown import read_markdown
from orchestrator.kinds.ingest.readers.text import decode


def read_notebook(name: str, data: bytes, limits: Limits) -> Parsed:
    """Return the cells of a notebook as one text. Raises Unreadable if it is none."""
    cells = _cells(decode(data))
    parts: list[str] = []
    headings: list[Heading] = []
    length = 0
    for kind, source in cells:
        if kind == "markdown":
            inner = read_markdown(name, source.encode("utf-8", "replace"), limits)
            headings.extend(Heading(length + each.start, each.level, each.title) for each in inner.headings)
        parts.append(source.rstrip("\n") + "\n\n")
        length += len(parts[-1])
    return Parsed("".join(parts), headings[0].title if headings else None, tuple(headings))


def _cells(text: str) -> list[tuple[str, str]]:
    try:
        document: Any = json.loads(text)
        cells = document["cells"]
        found = [(cell["cell_type"], _source(cell["source"])) for cell in cells]
    except (ValueError, KeyError, TypeError, RecursionError):
        raise Unreadable("the file is no notebook of version 4", code="unreadable-notebook") from None
    return [(kind, source) for kind, source in found if kind in {"markdown", "code"} and source.strip()]


def _source(source: Any) -> str:
    return source if isinstance(source, str) else "".join(source)

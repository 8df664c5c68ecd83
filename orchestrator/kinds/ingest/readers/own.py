"""Readers that the spec names by `module:Class`: any reader of LlamaIndex, or anything with its `load_data(file)`."""

from __future__ import annotations

import tempfile
from pathlib import Path

from orchestrator import files
from orchestrator.errors import JobError
from orchestrator.kinds.ingest.document import Heading, Parsed, Unreadable


def read_own(reference: str, name: str, data: bytes) -> Parsed:
    """Return what the reader makes of a file, several documents as sections of one.

    The reader gets a private copy under the file's own name: it can't follow links, and can't see a file that changes.
    Whatever it raises is left to the unit's boundary; a document that it reads is a unit of its own. Raises JobError
    `readers-failed` if the reader can't be imported, Unreadable if it returns nothing.
    """
    from orchestrator.kinds.ingest.models import load_class

    reader = load_class(reference, "readers")()
    if not hasattr(reader, "load_data"):
        raise JobError(f"{reference} has no load_data", code="readers-failed", hint="see `readers`")
    with tempfile.TemporaryDirectory(prefix="orchestrate-") as folder:
        copy = Path(folder, name)
        copy.write_bytes(data)
        copy.chmod(files.PRIVATE_FILE)
        documents = list(reader.load_data(copy))
    if not documents:
        raise Unreadable("its reader found nothing in it", code="no-text")
    return _joined([(str(each.metadata.get("page_label", "")), each.get_content()) for each in documents])


def _joined(parts: list[tuple[str, str]]) -> Parsed:
    text, headings = "", []
    for label, content in parts:
        if label and len(parts) > 1:
            headings.append(Heading(len(text), 1, f"page {label}"))
        text += content.rstrip() + "\n\n"
    return Parsed(text, None, tuple(headings))

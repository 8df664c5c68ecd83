"""PDF by pypdfium2: the text of each page, pages as headings. PDFium isn't thread-safe, so one lock guards all of it."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any, Final

from orchestrator.errors import MissingExtra
from orchestrator.kinds.ingest.document import Heading, Parsed, Unreadable
from orchestrator.kinds.ingest.readers import Limits

if TYPE_CHECKING:
    from pypdfium2 import PdfDocument

_pdfium: Final = threading.Lock()


def read_pdf(name: str, data: bytes, limits: Limits) -> Parsed:
    """Return a PDF's text. Raises Unreadable: encrypted, broken, too many pages, or scanned pages without text."""
    del name
    try:
        import pypdfium2
    except ImportError as error:
        raise MissingExtra("reading PDF", "ingest") from error
    if not data.lstrip()[:1024].count(b"%PDF-"):
        raise Unreadable("the content is no PDF", code="unreadable-pdf")
    with _pdfium:
        try:
            document = pypdfium2.PdfDocument(data)
        except pypdfium2.PdfiumError as error:
            raise Unreadable(_reason(error), code="unreadable-pdf") from None
        try:
            return _text(document, limits)
        except pypdfium2.PdfiumError as error:
            raise Unreadable(f"a page can't be read: {error}", code="unreadable-pdf") from None
        finally:
            document.close()


def _reason(error: Exception) -> str:
    text = str(error)
    if "password" in text.lower():
        return "the file is encrypted"
    return "the file is broken" if "format" in text.lower() else f"the file can't be opened: {text}"


def _text(document: PdfDocument, limits: Limits) -> Parsed:
    count = len(document)
    if count > limits.pages:
        raise Unreadable(
            f"the document has {count} pages, the limit is {limits.pages}",
            code="too-many-pages",
            hint="raise max_pages, or exclude the file",
        )
    parts: list[str] = []
    headings: list[Heading] = []
    length = 0
    for number in range(count):
        content = _page_text(document, number)
        headings.append(Heading(length, 1, f"page {number + 1}"))
        parts.append(content.replace("\r\n", "\n").replace("\ufffe", "").rstrip() + "\n\n")
        length += len(parts[-1])
        if length > limits.characters:
            break  # The caller refuses it; reading on would only take memory.
    text = "".join(parts)
    if not text.strip():
        raise Unreadable("the pages have no text: they may be scanned images", code="no-text", hint="run OCR on it")
    metadata: dict[str, Any] = document.get_metadata_dict()
    title = str(metadata.get("Title") or "").strip() or None
    author = str(metadata.get("Author") or "").strip()
    return Parsed(text, title, tuple(headings), 0, {"author": author[:1000]} if author else {})


def _page_text(document: PdfDocument, number: int) -> str:
    page = document[number]
    try:
        text_page = page.get_textpage()
        try:
            return str(text_page.get_text_range())
        finally:
            text_page.close()
    finally:
        page.close()

"""Readers: one file per family of formats, chosen by suffix. A reader returns text with headings, or says why it can't.

A reader never guesses: what isn't text of the expected form is refused with a reason instead of being decoded as garbage.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from importlib import import_module
from pathlib import PurePosixPath
from typing import Final, NamedTuple

from orchestrator.kinds.ingest.document import Parsed, Unreadable


class Limits(NamedTuple):
    """The most that one document may have."""

    characters: int = 20_000_000
    pages: int = 5_000


Reader = Callable[[str, bytes, Limits], Parsed]
"""`(file name, content, limits) -> Parsed`; raises Unreadable."""

_TEXT: Final = "text:read_text"
_CODE: Final = "text:read_code"
_SOURCE_SUFFIXES: Final = (
    ".py .pyi .js .mjs .ts .tsx .jsx .go .rs .java .kt .c .h .cc .cpp .hpp .cs .rb .php .sh .bash .sql .lua .swift "
    ".scala .r .pl .toml .yaml .yml .ini .cfg .css .scss .proto .tf"
)
_BY_SUFFIX: Final[Mapping[str, str]] = {
    ".txt": _TEXT,
    ".text": _TEXT,
    ".log": _TEXT,
    ".md": "markdown:read_markdown",
    ".markdown": "markdown:read_markdown",
    ".mdx": "markdown:read_markdown",
    ".rst": "rst:read_rst",
    ".html": "html:read_html",
    ".htm": "html:read_html",
    ".xhtml": "html:read_html",
    ".json": "data:read_json",
    ".jsonl": "data:read_jsonl",
    ".ndjson": "data:read_jsonl",
    ".csv": "data:read_csv",
    ".tsv": "data:read_csv",
    ".ipynb": "notebook:read_notebook",
    ".pdf": "pdf:read_pdf",
    ".docx": "office:read_docx",
    ".epub": "office:read_epub",
    ".eml": "mail:read_mail",
    **dict.fromkeys(_SOURCE_SUFFIXES.split(), _CODE),
}
_BY_NAME: Final = frozenset(
    {"readme", "license", "licence", "changelog", "contributing", "authors", "makefile", "dockerfile", "notice"}
)
KNOWN: Final = frozenset(_BY_SUFFIX) | _BY_NAME
"""Suffixes and names that are taken while the spec has no `include`."""

BROKEN: Final = (
    ArithmeticError,
    AssertionError,
    AttributeError,
    EOFError,
    LookupError,
    OSError,
    RuntimeError,
    SyntaxError,
    TypeError,
    ValueError,
)
"""What libraries raise for broken content, beside their own errors: they take for granted what they need."""

MOST_MARKS: Final = 3_000_000
"""Tags and attributes of markup, counted as `<` and `=`: a thousand pages have half a million. Each takes hundreds of bytes
as a part of a tree, however short it is, so that a bound on bytes alone doesn't keep the memory."""

VERSION: Final = 2
"""Part of the cache's keys: raise it when a reader's result changes."""


class Readers(NamedTuple):
    """The readers of a job: those of this package, and its own by suffix as `module:Class`."""

    own: Mapping[str, str] = {}
    limits: Limits = Limits()

    def is_own(self, name: str) -> bool:
        """Whether the job's own code reads this file; what that may raise isn't known."""
        return bool(self.own) and PurePosixPath(name).suffix.lower() in self.own

    def read(self, name: str, data: bytes) -> Parsed:
        """Return the document as text. Raises Unreadable with the reason."""
        suffix = PurePosixPath(name).suffix.lower()
        if not data.strip():
            raise Unreadable("the file is empty", code="empty")
        if suffix in self.own:
            from orchestrator.kinds.ingest.readers.own import read_own

            parsed = read_own(self.own[suffix], name, data)
        else:
            module, _, function = _BY_SUFFIX.get(suffix, _TEXT).partition(":")
            reader: Reader = getattr(import_module(f"{__name__}.{module}"), function)
            parsed = reader(name, data, self.limits)
        return self._bounded(parsed)

    def _bounded(self, parsed: Parsed) -> Parsed:
        if len(parsed.text) > self.limits.characters:
            raise Unreadable(
                f"the document has {len(parsed.text)} characters, the limit is {self.limits.characters}",
                code="too-long",
                hint="raise max_characters, or exclude the file",
            )
        if not parsed.text[parsed.body :].strip():
            raise Unreadable("the document has no text", code="no-text")
        _refuse_halves(parsed)
        return parsed


def check_marks(count: int) -> None:
    """Raise Unreadable if markup with so many tags and attributes would take too much memory as a tree."""
    if count > MOST_MARKS:
        message = f"it has {count} tags and attributes, the limit is {MOST_MARKS}"
        raise Unreadable(message, code="too-large", hint="exclude the file")


def _refuse_halves(parsed: Parsed) -> None:
    """Refuse surrogates without their other half, which JSON can write: no file and no model takes them."""
    told = (
        parsed.text,
        parsed.title or "",
        *(each.title for each in parsed.headings),
        *parsed.metadata,
        *parsed.metadata.values(),
    )
    try:
        for text in told:
            text.encode()
    except UnicodeEncodeError:
        raise Unreadable(
            "the text has half of a character: a surrogate on its own", code="encoding", hint="save the file as UTF-8"
        ) from None

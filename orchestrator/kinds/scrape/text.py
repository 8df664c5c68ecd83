"""Text as it may be stored: without NUL, control characters and lone surrogates, HTML sanitised, and HTML as plain text."""

from __future__ import annotations

import html
import re
import unicodedata
from functools import cache
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    import nh3

LONGEST_HTML: Final = 400_000
"""Characters of a description; longer ones were templates that went wrong, or attacks."""

# PostgreSQL refuses NUL in text, UTF-8 refuses lone surrogates, and nobody wants the other controls.
_UNSTORABLE: Final = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x84\x86-\x9f\ud800-\udfff\ufffe\uffff]")
_BREAKS: Final = re.compile(r"<(?:br|/p|/div|/li|/tr|/h[1-6]|/ul|/ol|/table|/blockquote|/pre|hr)\b[^>]*>", re.IGNORECASE)
_BULLETS: Final = re.compile(r"<li\b[^>]*>", re.IGNORECASE)
_TAGS: Final = re.compile(r"<[^>]*>")
_ALLOWED: Final = frozenset(
    re.findall(
        r"\w+",
        "a abbr b blockquote br code dd div dl dt em h1 h2 h3 h4 h5 h6 hr i li ol p pre s small span strong sub sup "
        "table tbody td th thead tr u ul",
    )
)


def storable(text: str) -> str:
    """Return `text` without characters that a database or a terminal may refuse."""
    return _UNSTORABLE.sub("", text) if _UNSTORABLE.search(text) else text


def one_line(value: object, longest: int = 1000) -> str:
    """Return a text in one line, in NFC, without what can't be stored; a number becomes its text, anything else is empty."""
    if not isinstance(value, str):
        return str(value) if isinstance(value, (int, float)) and not isinstance(value, bool) else ""
    return nfc(" ".join(storable(value).split()))[:longest]


def nfc(text: str) -> str:
    """Return the text in Unicode's normal form C."""
    return text if text.isascii() else unicodedata.normalize("NFC", text)


@cache
def _cleaner() -> nh3.Cleaner:
    import nh3

    return nh3.Cleaner(
        tags=set(_ALLOWED),
        clean_content_tags={"script", "style", "template", "iframe", "object", "svg", "math"},
        attributes={"a": {"href", "title"}},
        url_schemes={"http", "https", "mailto", "tel"},
        link_rel="noopener noreferrer nofollow",
        strip_comments=True,
    )


def sanitise(markup: str) -> str:
    """Return HTML of which only harmless elements are left. Entities stay as they are meant: nothing is unescaped here."""
    if not markup:
        return ""
    return nfc(storable(_cleaner().clean(storable(_cut(markup))))).strip()


def _cut(markup: str) -> str:
    """Return at most `LONGEST_HTML` characters, not ending in half an entity or tag."""
    if len(markup) <= LONGEST_HTML:
        return markup
    kept = markup[:LONGEST_HTML]
    begun = max(kept.rfind("&"), kept.rfind("<"))
    return kept if max(kept.rfind(";"), kept.rfind(">")) > begun else kept[:begun]


def plain(sanitised: str) -> str:
    """Return the text of sanitised HTML: a line for each block, a dash for each list item."""
    if not sanitised:
        return ""
    text = " ".join(sanitised.split())  # Line breaks of the source mean nothing in HTML.
    text = _BULLETS.sub("\n- ", _BREAKS.sub("\n", text))
    return tidy(html.unescape(_TAGS.sub("", text)))


def tidy(text: str) -> str:
    """Return plain text with single blanks, without empty lines."""
    lines = (" ".join(line.split()) for line in text.split("\n"))  # A tenth of the time of regular expressions.
    return nfc(storable("\n".join(line for line in lines if line)))[:LONGEST_HTML]

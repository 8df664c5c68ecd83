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
_CONTROLS: Final = bytes([*range(9), 11, 12, *range(14, 32), 127])
_CONTROLS_AS_BLANKS: Final = bytes.maketrans(_CONTROLS, b" " * len(_CONTROLS))
# What a tag of sanitised HTML is in plain text; the others are nothing. None of these has attributes there.
_BREAKS: Final = re.findall(r"\S+", "br hr /p /div /li /tr /dt /dd /ul /ol /dl /table /blockquote /pre /h1 /h2 /h3 /h4 /h5 /h6")
_LINES: Final = dict.fromkeys(_BREAKS, "\n") | {"li": "\n- "}
_ALLOWED: Final = frozenset(
    re.findall(
        r"\w+",
        "a abbr b blockquote br code dd div dl dt em h1 h2 h3 h4 h5 h6 hr i li ol p pre s small span strong sub sup "
        "table tbody td th thead tr u ul",
    )
)


def storable(text: str) -> str:
    """Return `text` without characters that a database or a terminal may refuse."""
    if text.isascii() and (raw := text.encode()).translate(_CONTROLS_AS_BLANKS) == raw:  # A tenth of the search's time.
        return text
    return _UNSTORABLE.sub("", text) if _UNSTORABLE.search(text) else text


def one_line(value: object, longest: int = 1000) -> str:
    """Return a text in one line, in NFC, without what can't be stored; a number becomes its text, anything else is empty."""
    if not isinstance(value, str):
        return str(value) if isinstance(value, (int, float)) and not isinstance(value, bool) else ""
    if value.isascii() and value.isprintable() and "  " not in value:  # Nearly every text: a fifth of the time.
        return value.strip()[:longest]
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
    clean = _cleaner().clean(storable(_cut(markup)))
    # Numbers may name what can't be stored (`&#1;`); without them, what was storable still is.
    return nfc(storable(clean) if "#" in markup and "&#" in markup else clean).strip()


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
    # Line breaks of the source mean nothing in HTML. What is sanitised has `<` and `>` around tags only.
    before, *tagged = sanitised.replace("\n", " ").split("<")
    pieces = [before]
    for part in tagged:
        tag, _, after = part.partition(">")
        pieces += _LINES.get(tag, ""), after
    return _tidied(html.unescape("".join(pieces)))


def tidy(text: str) -> str:
    """Return plain text with single blanks, without empty lines."""
    return _tidied(storable(text))


def _tidied(text: str) -> str:
    lines = map(_single_spaced, text.split("\n"))
    return nfc("\n".join(filter(None, lines)))[:LONGEST_HTML]


def _single_spaced(line: str) -> str:
    """Return a storable line with single blanks. ASCII has but two other ones then: looking for them costs a tenth."""
    if line.isascii() and "  " not in line and "\t" not in line and "\r" not in line:
        return line.strip()
    return " ".join(line.split())

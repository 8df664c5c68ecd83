"""Tokens of texts, word by word: the same tokens as those of a whole text, from a memory of words seen before.

Llama 2's tokenizer merges a whole text as one word. None of its 32,000 tokens spans the places where `_WORD` and `_PART`
cut (a test asks all of them), so no merge does, and a word has the same tokens wherever it stands. Words repeat: this takes
a third of the time of tokenising each text anew.
"""

from __future__ import annotations

import re
from array import array
from collections.abc import Sequence
from itertools import chain
from typing import Any, Final

_WORD: Final = re.compile(r" *[^ \n]+|\n| +")
_PART: Final = re.compile(
    # Letters, or signs, with the spaces before them; whatever touches other characters than ASCII as one.
    r" *+(?:[A-Za-z]++(?![\x80-\U0010ffff])|[!-/:-@\[-`{-~\r]++(?![\x80-\U0010ffff])|[^ 0-9\x00-\x0c\x0e-\x1f\x7f]++)"
    # Digits and control characters stand alone.
    r"|[0-9\x00-\x0c\x0e-\x1f\x7f]| +"
)
_SPECIAL: Final = ("<s>", "</s>", "<unk>")
"""Text that the tokenizer takes for its own marks; what follows one begins like a text."""
_MOST_CHARACTERS: Final = 3_000_000
"""What is remembered at most: about 30 MB with everything around it. Then it begins anew."""


class Words:
    """Remembers the tokens of words. Thread-safe: two threads that learn a word at once learn the same."""

    def __init__(self, tokenizer: Any) -> None:
        self._tokenizer = tokenizer
        self._model = tokenizer.model
        self._forget()

    def _forget(self) -> None:
        self._words: dict[str, bytes] = {}
        self._parts: dict[str, bytes] = {}
        self._characters = 0

    def tokens(self, texts: Sequence[str]) -> list[bytes]:
        """Return the ids of each text's tokens, two bytes each in the machine's order."""
        if self._characters > _MOST_CHARACTERS:
            self._forget()
        words = self._words  # Another thread may forget meanwhile; this one goes on with what it has.
        cut = [_WORD.findall(" " + text) if _is_plain(text) else [] for text in texts]
        for new in set(chain.from_iterable(cut)).difference(words):
            words[new] = b"".join(map(self._part, _PART.findall(new)))
            self._characters += len(new)
        return [
            b"".join(map(words.__getitem__, each)) if each else self._whole(text)
            for text, each in zip(texts, cut, strict=True)
        ]

    def _part(self, part: str) -> bytes:
        tokens = self._parts.get(part)
        if tokens is None:
            found = self._model.tokenize(part.replace(" ", "\u2581"))
            tokens = self._parts[part] = array("H", [token.id for token in found]).tobytes()
        return tokens

    def _whole(self, text: str) -> bytes:
        return array("H", self._tokenizer.encode(text, add_special_tokens=False).ids).tobytes()


def _is_plain(text: str) -> bool:
    return bool(text) and not any(mark in text for mark in _SPECIAL)

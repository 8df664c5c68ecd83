"""Tokens of texts, word by word: the same tokens as those of a whole text, from a memory of words seen before.

Llama 2's tokenizer merges a whole text as one word. None of its 32,000 tokens spans the places where `_WORD` cuts (a test
asks all of them), so no merge does, and a word has the same tokens wherever it stands. Words repeat: this takes a third of
the time of tokenising each text anew.
"""

from __future__ import annotations

import re
from array import array
from collections.abc import Sequence
from typing import Any, Final

_WORD: Final = re.compile(
    # Letters, or signs, with the spaces before them; whatever touches other characters than ASCII as one.
    r" *+(?:[A-Za-z]++(?![\x80-\U0010ffff])|[!-/:-@\[-`{-~\r]++(?![\x80-\U0010ffff])|[^ 0-9\x00-\x0c\x0e-\x1f\x7f]++)"
    # Digits, control characters and spaces before either never merge.
    r"|[0-9]++|[\x00-\x0c\x0e-\x1f\x7f]++| +"
)
_SPECIAL: Final = ("<s>", "</s>", "<unk>", "\u2581")
"""What the tokenizer takes for its own marks: the text behind one begins anew, and the last one stands for a space."""
_GENERATION: Final = 250_000
"""How many characters of words are learned before those that weren't met since are forgotten: about 8 MB of memory."""


class _Memory(dict[str, bytes]):
    """The tokens of words; those that are missing come from the generation before, or are asked of the model."""

    def __init__(self, model: Any, before: dict[str, bytes]) -> None:
        super().__init__()
        self._model = model
        self._before = before
        self.characters = 0

    def __missing__(self, word: str) -> bytes:
        tokens = self._before.get(word)
        if tokens is None:
            tokens = array("H", [token.id for token in self._model.tokenize(word.replace(" ", "\u2581"))]).tobytes()
        self[word] = tokens
        self.characters += len(word)
        return tokens

    def next_generation(self) -> _Memory:
        """Return an empty memory that remembers this one, and nothing older."""
        self._before = {}
        return _Memory(self._model, self)


class Words:
    """Tokenises texts. Thread-safe: two threads that learn a word at once learn the same."""

    def __init__(self, tokenizer: Any) -> None:
        self._tokenizer = tokenizer
        self._memory = _Memory(tokenizer.model, {})

    def tokens(self, texts: Sequence[str]) -> list[bytes]:
        """Return the ids of each text's tokens, two bytes each in the machine's order."""
        if self._memory.characters > _GENERATION:
            self._memory = self._memory.next_generation()
        word = self._memory.__getitem__
        return [b"".join(map(word, _WORD.findall(" " + text))) if _is_plain(text) else self._whole(text) for text in texts]

    def _whole(self, text: str) -> bytes:
        return array("H", self._tokenizer.encode(text, add_special_tokens=False).ids).tobytes()


def _is_plain(text: str) -> bool:
    return bool(text) and not any(map(text.__contains__, _SPECIAL))

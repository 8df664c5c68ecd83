"""Tokens of texts, word by word: the same tokens as those of a whole text, from a memory of words seen before.

Llama 2's tokenizer merges a whole text as one word. None of its 32,000 tokens spans the places where `cut` cuts (a test
asks all of them), so no merge does, and a word has the same tokens wherever it stands. Words repeat, and NumPy finds
thousands in one call: this takes a seventh of the time of tokenising each text anew.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable, Sequence
from itertools import chain
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

Numbers = NDArray[np.int64]
Small = NDArray[np.int32]
Halves = tuple[NDArray[np.uint64], NDArray[np.uint64]]
"""The first and the second eight bytes of words."""

_SPECIAL: Final = ("<s>", "</s>", "<unk>", "\u2581", "\0")
"""What the tokenizer takes for its own marks: the text behind one begins anew. The last one is ours, between texts."""
_SPACE, _LETTER, _SIGN, _DIGIT, _CONTROL, _FOREIGN, _MARK = range(7)
_HALF: Final = 8
_LONGEST: Final = 16
"""Bytes of a word that the table compares. Longer ones are few, and looked up one by one."""
_SLOT_BITS: Final = 20
_MOST: Final = 1 << 17
"""How many words are remembered, in about 15 MB; then all are forgotten, and those that are met again are learned again."""
_MIXERS: Final = (np.uint64(0x9E3779B97F4A7C15), np.uint64(0xC2B2AE3D27D4EB4F))
_MASKS: Final = np.array([(1 << 8 * count) - 1 for count in range(_HALF + 1)], dtype=np.uint64)


def _sort_of(byte: int) -> int:
    if byte in {0, ord(" ")}:
        return _SPACE if byte else _MARK
    character = chr(byte)
    if not character.isascii():
        return _FOREIGN
    if character.isalpha() or character.isdigit():
        return _LETTER if character.isalpha() else _DIGIT
    return _SIGN if character.isprintable() or character == "\r" else _CONTROL


_SORTS: Final = np.array([_sort_of(byte) for byte in range(256)], dtype=np.uint8)
_TAKES_SPACES: Final = np.isin(np.arange(7), (_LETTER, _SIGN, _FOREIGN))


class Words:
    """Tokenises texts. Thread-safe."""

    def __init__(self, tokenizer: Any) -> None:
        self._tokenizer = tokenizer
        self._memory = _Memory()
        self._one_at_a_time = threading.Lock()

    def tokens(self, texts: Sequence[str]) -> tuple[Small, Small]:
        """Return the ids of all tokens, and beside each the number of its text; those of one text are in their order."""
        plain = [number for number, text in enumerate(texts) if text and not any(map(text.__contains__, _SPECIAL))]
        owners, tokens = self._by_word([texts[number] for number in plain])
        owners = np.array(plain, dtype=np.int32)[owners]
        for number in sorted(set(range(len(texts))) - set(plain)):
            ids = self.whole(texts[number])
            owners = np.append(owners, np.full(len(ids), number, dtype=np.int32))
            tokens = np.append(tokens, ids)
        return owners, tokens

    def whole(self, text: str) -> Small:
        """Return the ids of a text's tokens as the tokenizer makes them."""
        return np.array(self._tokenizer.encode(text, add_special_tokens=False).ids, dtype=np.int32)

    def _by_word(self, texts: Iterable[str]) -> tuple[Small, Small]:
        data = "".join(f"\0 {text}" for text in texts).encode()  # The tokenizer, too, puts a space before a text.
        starts, ends = cut(data)
        marks = _bytes(data)[starts] == 0
        owners = (np.cumsum(marks, dtype=np.int32) - 1)[~marks]
        starts, ends = starts[~marks], ends[~marks]
        with self._one_at_a_time:
            memory, words = self._known(data, starts, ends)
        counts = memory.counts[words]
        # The n-th of all tokens lies in the memory as far behind the first of its word as it does here.
        before = np.cumsum(counts, dtype=np.int32) - counts
        places = np.arange(counts.sum(), dtype=np.int32) + np.repeat(memory.firsts[words] - before, counts)
        return np.repeat(owners, counts), memory.tokens[places]

    def _known(self, data: bytes, starts: Numbers, ends: Numbers) -> tuple[_Memory, Numbers]:
        """Return a memory that knows all these words, and their numbers in it."""
        if len(self._memory) > _MOST:
            self._memory = _Memory()
        memory = self._memory
        numbers = memory.find(ends - starts, _halves(data, starts, ends))
        missing = np.flatnonzero(numbers < 0)
        met = [data[start:end] for start, end in zip(starts[missing].tolist(), ends[missing].tolist(), strict=True)]
        new = list(dict.fromkeys(word for word in met if word not in memory.others))
        learned = memory.learn(new, self._asked(new)) if new else {}
        numbers[missing] = [learned[word] if word in learned else memory.others[word] for word in met]
        return memory, numbers

    def _asked(self, words: Sequence[bytes]) -> tuple[Small, Small]:
        """Return the tokens of words, and how many each has. One by one: the tokenizer takes longer for all at once."""
        ask = self._tokenizer.model.tokenize
        found = [[token.id for token in ask(word.decode().replace(" ", "\u2581"))] for word in words]
        counts = np.array([len(ids) for ids in found], dtype=np.int32)
        return np.fromiter(chain.from_iterable(found), dtype=np.int32, count=int(counts.sum())), counts


class _Memory:
    """The tokens of words. A table finds short words by their bytes, exactly; the others stand in a dictionary."""

    def __init__(self) -> None:
        self._slots = np.full(1 << _SLOT_BITS, -1, dtype=np.int32)
        self._halves: Halves = (np.empty(0, dtype=np.uint64), np.empty(0, dtype=np.uint64))
        self.tokens: Small = np.empty(0, dtype=np.int32)
        self.firsts: Small = np.empty(0, dtype=np.int32)
        self.counts: Small = np.empty(0, dtype=np.int32)
        self.others: dict[bytes, int] = {}

    def __len__(self) -> int:
        return len(self.counts)

    def find(self, lengths: Numbers, halves: Halves) -> Numbers:
        """Return the numbers of words, -1 for those that the table doesn't have."""
        numbers = self._slots[_slots(halves)].astype(np.int64)
        if len(self):
            same = (self._halves[0][numbers] == halves[0]) & (self._halves[1][numbers] == halves[1]) & (lengths <= _LONGEST)
            numbers[~same] = -1
        return numbers

    def learn(self, words: Sequence[bytes], tokens: tuple[Small, Small]) -> dict[bytes, int]:
        """Add words that aren't there yet; return their numbers. Arrays are replaced, so who has the old ones may go on."""
        ids, counts = tokens
        first = len(self)
        lengths = np.array([len(word) for word in words])
        ends = np.cumsum(lengths)
        halves = _halves(b"".join(words), ends - lengths, ends)
        self.firsts = np.append(self.firsts, len(self.tokens) + np.cumsum(counts, dtype=np.int32) - counts)
        self.counts = np.append(self.counts, counts)
        self.tokens = np.append(self.tokens, ids)
        self._halves = (np.append(self._halves[0], halves[0]), np.append(self._halves[1], halves[1]))
        numbers = np.arange(first, first + len(words))
        slots = _slots(halves)
        free = (self._slots[slots] < 0) & (lengths <= _LONGEST)
        self._slots[slots[free]] = numbers[free]
        learned = dict(zip(words, numbers.tolist(), strict=True))
        beside = self._slots[slots] != numbers  # Another word has the slot, or the word is too long for one.
        self.others.update((words[place], first + place) for place in np.flatnonzero(beside).tolist())
        return learned


def cut(data: bytes) -> tuple[Numbers, Numbers]:
    """Return where the words of UTF-8 begin and end; together they are all of it.

    Letters and signs are words of their own, each with the spaces before it; what touches other characters than ASCII is one
    word. Digits, control characters and spaces before either never merge with anything.
    """
    sorts = _SORTS[_bytes(data)]
    before, here = sorts[:-1], sorts[1:]
    starts = np.flatnonzero((before != here) & ~((before == _SPACE) & _TAKES_SPACES[here])) + 1
    starts = np.concatenate((np.zeros(min(1, len(data)), dtype=np.int64), starts))
    ends = np.append(starts[1:], len(data)) if len(data) else starts
    if data.isascii():
        return starts, ends
    # A stretch of letters, signs and others without a space in between is one word if it has one of the others.
    last = sorts[ends - 1]
    goes_on = np.append(False, _TAKES_SPACES[last[:-1]] & _TAKES_SPACES[sorts[starts[1:]]])
    stretch = np.cumsum(~goes_on)
    foreign = np.zeros(int(stretch[-1]) + 1, dtype=np.bool_)
    foreign[stretch[last == _FOREIGN]] = True
    starts = starts[~(goes_on & foreign[stretch])]
    return starts, np.append(starts[1:], len(data))


def _bytes(data: bytes) -> NDArray[np.uint8]:
    return np.frombuffer(data, dtype=np.uint8)


def _halves(data: bytes, starts: Numbers, ends: Numbers) -> Halves:
    """Return the first sixteen bytes of words as two numbers each, with zeros behind short ones."""
    padded = np.frombuffer(data + bytes(_LONGEST), dtype=np.uint8)
    lengths = ends - starts
    windows = np.lib.stride_tricks.sliding_window_view(padded, _LONGEST)[starts]
    numbers = np.ascontiguousarray(windows).view(np.uint64)
    low = numbers[:, 0] & _MASKS[np.minimum(lengths, _HALF)]
    high = numbers[:, 1] & _MASKS[np.clip(lengths - _HALF, 0, _HALF)]
    return low, high


def _slots(halves: Halves) -> Numbers:
    mixed = halves[0] * _MIXERS[0] ^ halves[1] * _MIXERS[1]
    return (mixed >> np.uint64(64 - _SLOT_BITS)).astype(np.int64)

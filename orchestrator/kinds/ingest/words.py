"""Tokens of texts, word by word: the same tokens as those of a whole text, from a memory of words seen before.

Llama 2's tokenizer merges a whole text as one word. None of its 32,000 tokens spans the places where `cut` cuts (a test
asks all of them), so no merge does, and a word has the same tokens wherever it stands. Words repeat, and NumPy finds
thousands in one call: this takes a seventh of the time of tokenising each text anew.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Sequence
from itertools import chain
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

Numbers = NDArray[np.int64]
Small = NDArray[np.int32]
Halves = tuple[NDArray[np.uint64], NDArray[np.uint64]]
"""The first and the second eight bytes of words."""

_SPECIAL: Final = (b"<s>", b"</s>", b"<unk>", "\u2581".encode())
"""What the tokenizer takes for its own marks: the text behind one begins anew."""
_BETWEEN: Final = b"\0"
"""Our own mark before each text. As a word, it has no tokens."""
_NOT_PLAIN: Final = (*_SPECIAL, _BETWEEN)
_SPACE, _LETTER, _SIGN, _DIGIT, _CONTROL, _FOREIGN, _MARK = range(7)
_SORT_BITS: Final = 3
_HALF: Final = 8
_LONGEST: Final = 16
"""Bytes of a word that the table compares. Longer ones are few, and looked up one by one."""
_SLOT_BITS: Final = 20
_MOST: Final = 1 << 17
"""How many words are remembered, in about 15 MB; then all are forgotten, and those that are met again are learned again."""
_ROOM: Final = 1 << 12
_MIXERS: Final = (np.uint64(0x9E3779B97F4A7C15), np.uint64(0xC2B2AE3D27D4EB4F))
_MASKS: Final = np.array([(1 << 8 * count) - 1 for count in range(_HALF + 1)], dtype=np.uint64)
_TAKES_SPACES: Final = np.isin(np.arange(1 << _SORT_BITS), (_LETTER, _SIGN, _FOREIGN))


def _sort_of(byte: int) -> int:
    if byte in {0, ord(" ")}:
        return _SPACE if byte else _MARK
    character = chr(byte)
    if not character.isascii():
        return _FOREIGN
    if character.isalpha() or character.isdigit():
        return _LETTER if character.isalpha() else _DIGIT
    return _SIGN if character.isprintable() or character == "\r" else _CONTROL


def _begins(before: int, here: int) -> bool:
    """Whether a word begins between characters of these two sorts."""
    return before != here and not (before == _SPACE and _TAKES_SPACES[here])


_SORTS: Final = bytes(map(_sort_of, range(256)))
_BEGINS: Final = bytes(_begins(pair >> _SORT_BITS, pair % (1 << _SORT_BITS)) for pair in range(256))
"""By the sorts of two characters, one behind the other."""


class Words:
    """Tokenises texts. Thread-safe."""

    def __init__(self, tokenizer: Any) -> None:
        self._tokenizer = tokenizer
        self._memory = _Memory()
        self._learning = threading.Lock()

    def tokens(self, texts: Sequence[str]) -> tuple[Numbers, Small]:
        """Return the ids of all tokens, and beside each the number of its text; those of one text are in their order."""
        data = _joined(texts)
        if all(texts) and data.count(_BETWEEN) == len(texts) and not any(map(data.__contains__, _SPECIAL)):
            return self._by_word(data)
        plain = [number for number, text in enumerate(texts) if text and not any(map(text.encode().__contains__, _NOT_PLAIN))]
        owners, tokens = self._by_word(_joined([texts[number] for number in plain]))
        owners = np.array(plain, dtype=np.int64)[owners]
        for number in sorted(set(range(len(texts))) - set(plain)):
            ids = self.whole(texts[number])
            owners = np.append(owners, np.full(len(ids), number, dtype=np.int64))
            tokens = np.append(tokens, ids)
        return owners, tokens

    def whole(self, text: str) -> Small:
        """Return the ids of a text's tokens as the tokenizer makes them."""
        return np.array(self._tokenizer.encode(text, add_special_tokens=False).ids, dtype=np.int32)

    def _by_word(self, data: bytes) -> tuple[Numbers, Small]:
        starts, ends = cut(data)
        memory, words = self._known(data, starts, ends)
        counts = memory.counts.take(words)
        owners = np.cumsum(_bytes(data).take(starts) == 0)
        owners -= 1
        # The n-th of all tokens lies in the memory as far behind the first of its word as it does here.
        behind = memory.firsts.take(words)
        behind -= np.cumsum(counts, dtype=np.int32) - counts
        places = np.repeat(behind, counts)
        places += np.arange(len(places), dtype=np.int32)
        return np.repeat(owners, counts), memory.tokens.take(places)

    def _known(self, data: bytes, starts: Numbers, ends: Numbers) -> tuple[_Memory, Numbers]:
        """Return a memory that knows all these words, and their numbers in it."""
        memory = self._memory
        lengths, halves = ends - starts, _halves(data, starts, ends)
        numbers = memory.find(lengths, halves)
        missing = np.flatnonzero(numbers < 0)
        if len(missing):
            with self._learning:
                if len(self._memory) > _MOST:
                    self._memory = _Memory()
                if memory is not self._memory:
                    memory, missing = self._memory, np.arange(len(starts))
                # Once more: another thread may have learned some of them meanwhile.
                numbers[missing] = memory.find(lengths[missing], (halves[0][missing], halves[1][missing]))
                missing = missing[numbers[missing] < 0]
                met = [data[start:end] for start, end in zip(starts[missing].tolist(), ends[missing].tolist(), strict=True)]
                numbers[missing] = memory.numbers_of(met, self._asked)
        return memory, numbers

    def _asked(self, words: Sequence[bytes]) -> tuple[Small, Small]:
        """Return the tokens of words, and how many each has. One by one: the tokenizer takes longer for all at once."""
        ask = self._tokenizer.model.tokenize
        found = [[token.id for token in ask(word.decode().replace(" ", "\u2581"))] for word in words]
        counts = np.array([len(ids) for ids in found], dtype=np.int32)
        return np.fromiter(chain.from_iterable(found), dtype=np.int32, count=int(counts.sum())), counts


class _Memory:
    """The tokens of words. A table finds short words by their bytes, exactly; the others stand in a dictionary.

    Finding needs no lock while another thread adds words: what a slot names is there before the slot names it.
    """

    def __init__(self) -> None:
        self._slots = np.full(1 << _SLOT_BITS, -1, dtype=np.int32)
        self._low, self._high = _Column(np.uint64), _Column(np.uint64)
        self._tokens, self._firsts, self._counts = _Column(np.int32), _Column(np.int32), _Column(np.int32)
        self.others: dict[bytes, int] = {}
        self._learn([_BETWEEN], (np.empty(0, dtype=np.int32), np.zeros(1, dtype=np.int32)))

    def __len__(self) -> int:
        return self._counts.size

    @property
    def tokens(self) -> Small:
        """The tokens of all words, one behind the other."""
        return self._tokens.values

    @property
    def firsts(self) -> Small:
        """Where the tokens of each word begin."""
        return self._firsts.values

    @property
    def counts(self) -> Small:
        """How many tokens each word has."""
        return self._counts.values

    def find(self, lengths: Numbers, halves: Halves) -> Numbers:
        """Return the numbers of words, -1 for those that the table doesn't have."""
        numbers = self._slots.take(_slots(halves)).astype(np.int64)
        same = self._low.values[numbers] == halves[0]
        same &= self._high.values[numbers] == halves[1]
        same &= lengths <= _LONGEST
        numbers[~same] = -1
        return numbers

    def numbers_of(self, words: Sequence[bytes], ask: Callable[[Sequence[bytes]], tuple[Small, Small]]) -> list[int]:
        """Return the numbers of words that the table doesn't have; unknown ones are asked for and learned."""
        new = list(dict.fromkeys(word for word in words if word not in self.others))
        learned = self._learn(new, ask(new)) if new else {}
        return [learned[word] if word in learned else self.others[word] for word in words]

    def _learn(self, words: Sequence[bytes], tokens: tuple[Small, Small]) -> dict[bytes, int]:
        """Add words that aren't there yet; return their numbers."""
        ids, counts = tokens
        first = len(self)
        lengths = np.array([len(word) for word in words])
        ends = np.cumsum(lengths)
        halves = _halves(b"".join(words), ends - lengths, ends)
        self._firsts.extend(self._tokens.size + np.cumsum(counts, dtype=np.int32) - counts)
        self._tokens.extend(ids)
        self._low.extend(halves[0])
        self._high.extend(halves[1])
        self._counts.extend(counts)
        numbers = np.arange(first, first + len(words))
        slots = _slots(halves)
        free = (self._slots[slots] < 0) & (lengths <= _LONGEST)
        self._slots[slots[free]] = numbers[free]
        learned = dict(zip(words, numbers.tolist(), strict=True))
        beside = self._slots[slots] != numbers  # Another word has the slot, or the word is too long for one.
        self.others.update((words[place], first + place) for place in np.flatnonzero(beside).tolist())
        return learned


class _Column:
    """Numbers that are only appended. Room doubles, so that one more costs the same however many there are."""

    def __init__(self, dtype: type[np.generic]) -> None:
        self.values: NDArray[Any] = np.zeros(_ROOM, dtype=dtype)
        """With room behind the last one."""
        self.size = 0

    def extend(self, more: NDArray[Any]) -> None:
        """Append numbers. The array is replaced when it is full, so who has the old one may go on."""
        size = self.size + len(more)
        if size > len(self.values):
            self.values = np.concatenate((self.values, np.zeros(max(size, len(self.values)), dtype=self.values.dtype)))
        self.values[self.size : size] = more
        self.size = size


def cut(data: bytes) -> tuple[Numbers, Numbers]:
    """Return where the words of UTF-8 begin and end; together they are all of it.

    Letters and signs are words of their own, each with the spaces before it; what touches other characters than ASCII is one
    word. Digits, control characters and spaces before either never merge with anything.
    """
    if not data:
        return np.empty(0, dtype=np.int64), np.empty(0, dtype=np.int64)
    sorts = _bytes(data.translate(_SORTS))
    pairs = sorts[:-1] << _SORT_BITS
    pairs |= sorts[1:]
    begins = np.frombuffer(b"\1" + pairs.tobytes().translate(_BEGINS), dtype=np.bool_)
    starts = np.flatnonzero(begins)
    if not data.isascii():
        starts = starts[~_goes_on(sorts, starts)]
    return starts, np.append(starts[1:], len(data))


def _goes_on(sorts: NDArray[np.uint8], starts: Numbers) -> NDArray[np.bool_]:
    """Say which words belong to the one before.

    A stretch of letters, signs and others without a space in between is one word if it has one of the others: from each of
    these, the stretch is followed to both sides.
    """
    firsts, lasts = sorts.take(starts), sorts.take(np.append(starts[1:], len(sorts)) - 1)
    found = np.zeros(len(starts), dtype=np.bool_)
    foreign = np.flatnonzero(lasts == _FOREIGN)
    for step, words in ((-1, foreign), (1, foreign + 1)):
        ahead = words
        while len(ahead):
            ahead = ahead[(ahead > 0) & (ahead < len(starts))]
            ahead = ahead[_TAKES_SPACES[lasts[ahead - 1]] & _TAKES_SPACES[firsts[ahead]] & ~found[ahead]]
            found[ahead] = True
            ahead = ahead + step
    return found


def _joined(texts: Iterable[str]) -> bytes:
    return "".join(f"\0 {text}" for text in texts).encode()  # The tokenizer, too, puts a space before a text.


def _bytes(data: bytes) -> NDArray[np.uint8]:
    return np.frombuffer(data, dtype=np.uint8)


def _halves(data: bytes, starts: Numbers, ends: Numbers) -> Halves:
    """Return the first sixteen bytes of words as two numbers each, with zeros behind short ones."""
    # The eight bytes at each place; overlapping.
    eights = np.ndarray((len(data) + _HALF,), dtype="<u8", buffer=data + bytes(_LONGEST), strides=(1,))
    lengths = ends - starts
    low = eights[starts] & _MASKS.take(lengths, mode="clip")
    high = np.zeros(len(starts), dtype=np.uint64)
    long = np.flatnonzero(lengths > _HALF)
    high[long] = eights[starts[long] + _HALF] & _MASKS.take(lengths[long] - _HALF, mode="clip")
    return low, high


def _slots(halves: Halves) -> Numbers:
    mixed = halves[0] * _MIXERS[0] ^ halves[1] * _MIXERS[1]
    return (mixed >> np.uint64(64 - _SLOT_BITS)).astype(np.int64)

"""The default model: the same vectors as the package makes itself."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from orchestrator.errors import MissingExtra
from orchestrator.kinds.ingest import table, words
from orchestrator.kinds.ingest.table import DIMENSIONS, load_table
from orchestrator.kinds.ingest.words import Words


@pytest.fixture(scope="module")
def reference() -> Any:
    """Tokenise whole texts with the package's own tokenizer and add up, as its authors do."""
    import wordllama
    from safetensors import safe_open
    from tokenizers import Tokenizer

    folder = Path(wordllama.__file__).parent
    tokenizer = Tokenizer.from_file(str(folder / "tokenizers/l2_supercat_tokenizer_config.json"))
    tokenizer.no_padding()
    tokenizer.no_truncation()
    with safe_open(folder / "weights/l2_supercat_256.safetensors", "numpy") as tensors:
        weights = tensors.get_tensor("embedding.weight").astype(np.float32)

    def embed(text: str) -> Any:
        total = weights[tokenizer.encode(text, add_special_tokens=False).ids].sum(axis=0)
        return total / (np.linalg.norm(total) or 1.0)

    return embed


WORDS = st.sampled_from(
    [
        "the",
        "résumé",
        "a_b",
        "x²",
        "²,",
        "m².",
        "  ",
        "\n",
        "\t",
        "日本語",
        "🙂",
        "don't",
        "3.14",
        "e\u0301",
        "नमस्ते",
        "...",
        "CamelCase",
        "ß",
    ]
)


@settings(deadline=None)
@given(st.lists(WORDS | st.text(max_size=12), max_size=30).map(" ".join))
def test_vectors_are_those_of_the_package(reference: Any, text: str) -> None:
    assert np.allclose(load_table().embed([text])[0], reference(text), atol=2e-6), text


def test_real_documentation_has_the_vectors_of_the_package(reference: Any) -> None:
    import llama_index.core

    source = Path(llama_index.core.__file__).read_text()
    texts = [source[start : start + 700] for start in range(0, 7000, 700)]
    assert np.allclose(load_table().embed(texts), np.stack([reference(text) for text in texts]), atol=2e-6)


def test_a_text_without_tokens_is_zeros_and_others_have_length_one() -> None:
    rows = load_table().embed(["", "word", "two words"])
    assert np.allclose(np.linalg.norm(rows[1]), 1.0)
    assert rows.shape == (3, DIMENSIONS)


def test_threads_that_embed_at_once_agree() -> None:
    texts = [f"topic{number} of {number * 31} in chapter {number}" for number in range(400)]
    expected = load_table().embed(texts)
    found: list[bool] = []

    def embed() -> None:
        found.append(np.array_equal(load_table().embed(texts), expected))

    threads = [threading.Thread(target=embed) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [True] * 4


def test_without_the_package_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    table._load.cache_clear()
    monkeypatch.setattr(table, "find_spec", lambda _: None)
    with pytest.raises(MissingExtra, match="ingest"):
        load_table()
    table._load.cache_clear()


def test_no_token_of_the_model_spans_a_place_where_words_are_cut() -> None:
    known = [token.replace("\u2581", " ") for token in _vocabulary() if not token.startswith("<")]
    torn = [token for token in known if len(words.cut(token.encode())[0]) != 1]
    assert len(known) > 31_000
    assert torn == []


def _vocabulary() -> dict[str, int]:
    tokens: dict[str, int] = load_table().tokenizer.get_vocab()
    return tokens


def by_text(model: Words, texts: list[str]) -> list[list[int]]:
    """Return the tokens of each text."""
    owners, tokens = model.tokens(texts)
    return [tokens[owners == number].tolist() for number in range(len(texts))]


def whole(model: Words, texts: list[str]) -> list[list[int]]:
    """Return the tokens of each text as the tokenizer itself makes them."""
    return [model.whole(text).tolist() for text in texts]


@settings(deadline=None)
@given(st.text(max_size=40) | st.lists(WORDS, max_size=9).map("".join))
def test_words_are_all_of_a_text_and_begin_where_the_last_one_ends(text: str) -> None:
    data = text.encode()
    starts, ends = words.cut(data)
    assert [*starts, len(data)] == [0, *ends] or not data
    assert (ends > starts).all()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (" the  cat,", [" the", "  cat", ","]),
        ("x2 y", ["x", "2", " y"]),
        ("a 12", ["a", " ", "12"]),
        ("a\n b", ["a", "\n", " b"]),
        ("r\u00e9sum\u00e9, ok.", ["r\u00e9sum\u00e9,", " ok", "."]),
        ("ok, (\u00e9)", ["ok", ",", " (\u00e9)"]),
    ],
)
def test_words_end_where_tokens_never_merge(text: str, expected: list[str]) -> None:
    data = text.encode()
    assert [data[start:end].decode() for start, end in zip(*words.cut(data), strict=True)] == expected


@settings(deadline=None)
@given(
    st.lists(
        st.lists(
            WORDS | st.sampled_from(["<s>", "a</s>b", "<unk>", "x\r\n", "\u201c).", "  9", "\u2581"]) | st.text(max_size=9),
            max_size=20,
        ).map("".join),
        max_size=5,
    )
)
def test_tokens_word_by_word_are_those_of_the_whole_text(texts: list[str]) -> None:
    model = load_table()._words
    assert by_text(model, texts) == whole(model, texts)


def test_long_words_and_words_that_share_a_slot_have_their_own_tokens(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(words, "_SLOT_BITS", 2)
    model = Words(load_table().tokenizer)
    texts = [f"word{chr(97 + number % 26) * number} again, and internationalisation{chr(97 + number)}" for number in range(25)]
    for _ in range(2):
        assert by_text(model, texts) == whole(model, texts)
    assert len(model._memory.others) > 20


@pytest.mark.parametrize("texts", [["inconsequential", "inconsequentially"], [f"predefined{each}" for each in "abcdefgh"]])
def test_words_that_begin_alike_are_told_apart(monkeypatch: pytest.MonkeyPatch, texts: list[str]) -> None:
    monkeypatch.setattr(words, "_SLOT_BITS", 1 if len(texts) > 2 else 20)
    model = Words(load_table().tokenizer)
    for text in texts:
        assert by_text(model, [text]) == whole(model, [text])


def test_a_memory_grows_as_words_are_learned(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(words, "_ROOM", 2)
    model = Words(load_table().tokenizer)
    texts = [" ".join(f"{first}{second}kite" for second in "abcdefgh") for first in "stuvwxyz"]
    for text in texts:
        assert by_text(model, [text]) == whole(model, [text])
    assert by_text(model, texts) == whole(model, texts)
    assert len(model._memory) > 64


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a.b,c;é d.e", ["a.b,c;é", " d", ".", "e"]),
        ("é.b,c;d e.f", ["é.b,c;d", " e", ".", "f"]),
        ("a.é.b c.d é", ["a.é.b", " c", ".", "d", " é"]),
        ("x1é.y2z.w", ["x", "1", "é.y", "2", "z", ".", "w"]),
    ],
)
def test_what_touches_foreign_letters_is_one_word_to_both_sides(text: str, expected: list[str]) -> None:
    data = text.encode()
    assert [data[start:end].decode() for start, end in zip(*words.cut(data), strict=True)] == expected


def test_a_full_memory_forgets_words_that_are_met_no_more_and_says_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(words, "_MOST", 10)
    model = Words(load_table().tokenizer)
    texts = [f"word{chr(97 + number % 26) * number} again" for number in range(50)]
    assert by_text(model, texts) == whole(model, texts)
    assert len(model._memory) > 10
    assert by_text(model, [*texts[:3], "news"]) == whole(model, [*texts[:3], "news"])
    assert len(model._memory) < 10

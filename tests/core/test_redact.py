"""Redaction: canaries in every place that a secret was seen in, and text that has to stay readable."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.redact import MASK, Redactor, public_url

CANARY = "c4n4ry-7f3a1b2c"
NOBODY_KNOWS = Redactor()

PLACES = [
    f"https://user:{CANARY}@acme.example/jobs",
    f"postgresql+psycopg://user:{CANARY}@db.example:5432/jobs",
    f"https://{CANARY}@acme.example/",
    f"https://acme.example/jobs?api_key={CANARY}",
    f"https://acme.example/jobs?page=2&token={CANARY}&x=1",
    f"https://acme.example/jobs?access_token={CANARY}#top",
    f"https://acme.example/jobs?API-KEY={CANARY}",
    f"Authorization: Bearer {CANARY}",
    f"authorization: Basic {CANARY}",
    f'{{"Authorization": "Bearer {CANARY}"}}',
    f"Cookie: a=1; session={CANARY}",
    f"Set-Cookie: session={CANARY}; HttpOnly",
    f"X-Api-Key: {CANARY}",
    f"x-api-key={CANARY}",
    f"GET https://acme.example/jobs?secret={CANARY} answered 500",
]
READABLE = [
    "the board answered 404: https://acme.example/jobs?page=2",
    "can't read docs/a b.md: permission is denied",
    "item-0000001 took 3.2 s",
    "12:30:05 a line with colons: and = signs",
    "monkey=1 is no key",
    "",
]


@pytest.mark.parametrize("text", PLACES)
def test_credentials_that_nobody_declared_are_masked_where_they_usually_stand(text: str) -> None:
    shown = NOBODY_KNOWS(text)
    assert CANARY not in shown
    assert MASK in shown


@pytest.mark.parametrize("text", READABLE)
def test_a_message_without_secrets_stays_as_it_is(text: str) -> None:
    assert NOBODY_KNOWS(text) == text


SOMETHING = st.text(alphabet="ab :=/?&@'\"\nkey", max_size=30)
KNOWS_THE_CANARY = Redactor([CANARY])


@given(before=SOMETHING, after=SOMETHING)
def test_a_known_secret_never_passes_whatever_stands_around_it(before: str, after: str) -> None:
    assert CANARY not in KNOWS_THE_CANARY(f"{before}{CANARY}{after}")


def test_of_secrets_that_contain_each_other_nothing_is_left() -> None:
    assert Redactor(["secret", "secret-and-more"])("x secret-and-more y secret") == f"x {MASK} y {MASK}"


def test_a_known_secret_with_characters_of_a_pattern_is_taken_literally() -> None:
    assert Redactor(["a.c*(d"])("a.c*(d abc") == f"{MASK} abc"


def test_secrets_too_short_to_be_one_dont_blank_out_words() -> None:
    assert Redactor(["a", "of"])("a list of words") == "a list of words"


def test_every_string_of_a_tree_is_redacted_and_numbers_and_keys_stay() -> None:
    tree = {"url": f"x {CANARY}", "counts": [1, None, True, 2.5], "deep": [{"in": (CANARY, "plain")}]}
    assert Redactor([CANARY]).tree(tree) == {
        "url": f"x {MASK}",
        "counts": [1, None, True, 2.5],
        "deep": [{"in": [MASK, "plain"]}],
    }


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("https://user:pw@acme.example:8443/a?b=1#c", "https://acme.example:8443/a?b=1"),
        ("https://acme.example/a?token=abcd&b=1", "https://acme.example/a?token=***&b=1"),
        ("http://[::1]:80/a", "http://[::1]:80/a"),
        ("https://acme.example", "https://acme.example"),
    ],
)
def test_a_url_is_shown_without_credentials_and_fragment(url: str, shown: str) -> None:
    assert public_url(url) == shown


@pytest.mark.timeout(10)
def test_redacting_a_large_text_doesnt_backtrack() -> None:
    text = "https://" + "a" * 200_000 + "?key=" + "b" * 200_000 + " authorization" * 1000
    assert "b" * 100 not in NOBODY_KNOWS(text)

"""Reading YAML: what is refused, where, and what the values are."""

from __future__ import annotations

import pytest

from orchestrator.spec import reader
from orchestrator.spec.problems import Span
from orchestrator.spec.reader import read
from orchestrator.spec.text import MOST_BYTES


def said(text: str | bytes) -> list[tuple[int, int, str]]:
    return [(each.line, each.column, each.code) for each in read(text).problems]


@pytest.mark.parametrize(
    ("word", "instead"),
    [
        ("yes", "write true"),
        ("No", "write false"),
        ("ON", "write true"),
        ("off", "write false"),
        ("1:30", '"90s"'),
        ("1:00:05", '"3605s"'),
        ("012", "write 12"),
        ("00", "write 0"),
        ("1e3", "write 1000"),
        ("-1.5E2", "write -150"),
        ("0x1F", "write 31"),
        ("0o17", "write 15"),
        ("1_000", "write 1000"),
        ("2026-11-21", '"2026-11-21"'),
        ("2026-11-21T10:00:00Z", '"2026-11-21T10:00:00Z"'),
        (".inf", "a number"),
        (".NaN", "a number"),
    ],
)
def test_a_word_that_tools_read_differently_is_refused_with_what_to_write_instead(word: str, instead: str) -> None:
    (problem,) = read(f"a: 1\nb: {word}").problems
    assert (problem.line, problem.column, problem.end_column) == (2, 4, 4 + len(word))
    assert problem.code == "ambiguous-scalar"
    assert instead in problem.hint


@pytest.mark.parametrize(
    ("word", "value"),
    [
        ("true", True),
        ("FALSE", False),
        ("null", None),
        ("~", None),
        ("", None),
        ("7", 7),
        ("-0", 0),
        ("+4", 4),
        ("1.5", 1.5),
        (".5", 0.5),
        ("y", "y"),
        ("n", "n"),
        ("none", "none"),
        ("1.2.3", "1.2.3"),
        ("90s", "90s"),
        ("12:70", "12:70"),
        ('"no"', "no"),
        ("'012'", "012"),
        ("!!str 1e3", "1e3"),
        ("1" * 50, "1" * 50),
        ("=", "="),
    ],
)
def test_what_is_not_ambiguous_means_the_same_as_everywhere(word: str, value: object) -> None:
    tree = read(f"a: {word}")
    assert tree.problems == []
    assert tree.root == {"a": value}
    assert type(tree.root["a"]) is type(value)


def test_a_duplicate_key_names_both_lines() -> None:
    (problem,) = read("a: 1\nb: 2\na: 3").problems
    assert (problem.line, problem.code) == (3, "duplicate-key")
    assert "line 1" in problem.message


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", (1, 1, "empty-file")),
        ("# only a comment\n", (1, 1, "empty-file")),
        ("null\n", (1, 1, "empty-file")),
        ("a: 1\n---\nb: 2\n", (2, 1, "several-documents")),
        ("a:\n\tb: 1\n", (2, 1, "tab")),
        ("a: b: c\n", (1, 5, "yaml-syntax")),
        ("a: 1\nb: [1, 2\nc: 3\n", (2, 4, "yaml-syntax")),
        ("a: 1\nb: 'open\nc: 3\n", (2, 4, "yaml-syntax")),
        ("a: 1\nb: {x: ${env:N}}\n", (2, 8, "yaml-syntax")),
        ("a: @b\n", (1, 4, "yaml-syntax")),
        ("a:\n  b: 1\n c: 2\n", (3, 2, "yaml-syntax")),
        ("a: \x00\n", (1, 4, "bad-character")),
        ("a: 1\nb: \x1b[0m\n", (2, 4, "bad-character")),
        (b"a: 1\nb: \xff\n", (2, 4, "not-utf8")),
        ("a: 1\n1: x\n", (2, 1, "key-not-text")),
        ("yes: x\n", (1, 1, "key-not-text")),
        ("? [a]\n: b\n", (1, 3, "key-not-text")),
        ("a: &k b\n*k : c\n", (2, 1, "key-not-text")),
        ("a: !include b\n", (1, 4, "unknown-tag")),
        ("a: !!python/object/apply:os.system [x]\n", (1, 4, "unknown-tag")),
        ("a: *b\n", (1, 4, "unknown-alias")),
        ("a: &b [*b]\n", (1, 8, "unknown-alias")),
        ("a: 1\n<<: 5\n", (2, 1, "bad-merge")),
        ("%YAML 3.0\n---\na: 1\n", (1, 1, "yaml-syntax")),
    ],
)
def test_what_cannot_be_read_strictly_is_one_problem_at_its_place(text: str | bytes, expected: tuple[int, int, str]) -> None:
    assert said(text) == [expected]


def test_a_byte_order_mark_and_windows_line_ends_do_not_shift_places() -> None:
    assert said(b"\xef\xbb\xbfa: 1\r\nb: no\r\n") == [(2, 4, "ambiguous-scalar")]


def test_merges_take_what_is_missing_and_keep_its_place() -> None:
    tree = read("x-c: &c {a: 1, b: 2}\nd:\n  <<: *c\n  b: 3\ne:\n  <<: [*c, {f: 4}]\n")
    assert tree.problems == []
    assert tree.root == {"d": {"b": 3, "a": 1}, "e": {"a": 1, "b": 2, "f": 4}}
    assert tree.value_span(("d", "a")) == Span(1, 13, 1, 14)
    assert tree.value_span(("d", "b")) == Span(4, 6, 4, 7)


def test_keys_with_x_are_ignored_at_the_top_in_jobs_and_in_a_job_only() -> None:
    tree = read("x-a: 1\njobs:\n  x-b: 1\n  c:\n    x-d: 1\n    e: {x-f: 1}\n")
    assert tree.root == {"jobs": {"c": {"e": {"x-f": 1}}}}


def test_places_of_keys_values_items_and_blocks() -> None:
    tree = read("a: 1\nlist:\n  - {k: v}\n  - word\nblock:\n  c:\n    d: |\n      text\n")
    assert tree.key_span(("a",)) == Span(1, 1, 1, 2)
    assert tree.value_span(("list", 0)) == Span(3, 5, 3, 11)
    assert tree.value_span(("list", 1)) == Span(4, 5, 4, 9)
    assert tree.value_span(("block",)) == Span(5, 1, 5, 6)
    assert tree.key_span(("block", "c")) == Span(6, 3, 6, 4)
    assert tree.value_span(("block", "c", "d")).line == 7


def test_deep_nesting_is_refused_where_it_gets_too_deep() -> None:
    assert said("[" * 5000) == [(1, reader.MOST_DEPTH + 1, "too-deep")]
    assert said("{a: " * 5000)[0][2] == "too-deep"


def test_aliases_that_multiply_are_refused_at_the_alias() -> None:
    lines = ["a0: &a0 [1, 2, 3, 4, 5, 6, 7, 8, 9]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 12)]
    (problem,) = read("\n".join(lines)).problems
    assert problem.code == "too-large"
    assert 3 < problem.line < 7


def test_a_huge_file_is_refused_without_being_parsed() -> None:
    assert said(b"a" * (MOST_BYTES + 1)) == [(1, 1, "too-large")]


def test_a_flood_of_problems_ends_the_reading() -> None:
    problems = read("a:\n" + "- no\n" * 5000).problems
    assert problems[-1].code == "too-many-problems"
    assert len(problems) < 300


@pytest.mark.parametrize("text", ["a: [1, {b: 'c'}]\nd: &e {f: 1}\ng: *e\n", "a: no\nb:\n\t- c\n", "a: 'x\n", ""])
def test_the_parser_without_libyaml_says_the_same(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    fast = read(text)
    monkeypatch.setattr(reader, "_parser", reader._pure_parser)
    slow = read(text)
    assert slow.root == fast.root
    assert [(each.line, each.code) for each in slow.problems] == [(each.line, each.code) for each in fast.problems]

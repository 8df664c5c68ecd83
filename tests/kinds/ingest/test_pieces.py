"""Cutting texts: nothing is lost, nothing is too long, and every piece knows where it stands."""

from __future__ import annotations

import itertools
import time

from hypothesis import given
from hypothesis import strategies as st

from orchestrator.kinds.ingest.document import Heading, Parsed
from orchestrator.kinds.ingest.pieces import cut
from orchestrator.kinds.ingest.readers import Limits
from orchestrator.kinds.ingest.readers.markdown import read_markdown

WORDS = st.text(alphabet="ab.\n #é`\t-=", max_size=1500)


@given(WORDS, st.integers(20, 300), st.sampled_from([0, 3, 10]))
def test_pieces_cover_all_the_text_in_order_within_the_size(text: str, size: int, overlap: int) -> None:
    parsed = read_markdown("a.md", text.encode(), Limits())
    pieces = cut(parsed, size, overlap)
    covered = [False] * len(text)
    for piece in pieces:
        assert 0 < piece.end - piece.start <= size
        assert piece.line == text.count("\n", 0, piece.start) + 1
        covered[piece.start : piece.end] = [True] * (piece.end - piece.start)
    assert all(covered[index] or text[index].isspace() for index in range(parsed.body, len(text)))
    assert [piece.start for piece in pieces] == sorted({piece.start for piece in pieces})
    if not overlap:
        assert all(one.end <= other.start for one, other in itertools.pairwise(pieces))


def test_pieces_know_the_headings_above_them() -> None:
    body = "word " * 60
    text = f"# A\n\n{body}\n\n## B\n\n{body}\n\n# C\n\n{body}"
    pieces = cut(read_markdown("a.md", text.encode(), Limits()), 400)
    assert [piece.path for piece in pieces] == [("A",), ("A", "B"), ("C",)]


def test_a_bare_heading_belongs_to_what_follows() -> None:
    pieces = cut(read_markdown("a.md", b"# A\n\n## B\n\ntext of b\n", Limits()), 400)
    assert [piece.path for piece in pieces] == [("A", "B")]


def test_an_overlap_repeats_the_end_of_the_piece_before() -> None:
    text = " ".join(f"word{number}" for number in range(200))
    pieces = cut(Parsed(text), 300, 60)
    assert len(pieces) > 3
    for one, other in itertools.pairwise(pieces):
        assert one.start < other.start < one.end + 1 <= other.end


def test_offsets_of_headings_out_of_order_do_no_harm() -> None:
    parsed = Parsed("abc def", headings=(Heading(5, 1, "x"), Heading(2, 1, "y")))
    assert [piece.end for piece in cut(parsed, 100)][-1] == 7


def test_a_megabyte_of_blanks_takes_no_time() -> None:
    text = "a\n" + " " * 1_000_000 + "\nb" + "\n \t" * 300_000 + "c"
    before = time.process_time()
    assert len(cut(Parsed(text), 1200)) == 3
    assert time.process_time() - before < 2.0

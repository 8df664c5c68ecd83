"""Reading the answers of boards: escaped markup."""

from __future__ import annotations

import html

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.kinds.scrape.boards.fields import unescape_once

PIECES = ("&lt;", "&gt;", "&quot;", "&#39;", "&amp;", "lt;", "amp;", "#39;", "p", " ", "\n", "é")
OTHERS = ("&", "&nbsp;", "&amp", "&#x27;", "&#039;", "&apos;", ";", "&notit;", "<", "&#1;")


@given(st.lists(st.sampled_from(PIECES), max_size=80), st.lists(st.sampled_from((*PIECES, *OTHERS)), max_size=5))
def test_what_is_escaped_is_unescaped_once(pieces: list[str], more: list[str]) -> None:
    text = "&lt;" * 10 + "".join(pieces + more)
    assert unescape_once(text) == html.unescape(text)


@pytest.mark.parametrize(
    ("text", "once"),
    [
        ("", ""),
        ("R&D", "R&D"),
        ("&lt;p&gt;R&amp;amp;D&lt;/p&gt;", "<p>R&amp;D</p>"),
        ("&lt;p&gt;a&amp;lt;T&amp;gt;&lt;/p&gt;" * 20, "<p>a&lt;T&gt;</p>" * 20),
        ("&lt;p&gt;a&nbsp;b&amp;nbsp;&lt;/p&gt;" * 20, "<p>a\xa0b&nbsp;</p>" * 20),
    ],
)
def test_a_tag_in_a_text_stays_text(text: str, once: str) -> None:
    assert unescape_once(text) == once

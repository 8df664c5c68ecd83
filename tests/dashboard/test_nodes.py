"""The tree that the component draws."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from dashboard.nodes import h, page, texts, web

COMPONENT = Path(__file__).parents[2] / "dashboard" / "component"


def test_children_are_joined_and_what_is_missing_is_left_out() -> None:
    assert h("p.a.b", "x", None, [1, ["y", h("b")]], title=None, aria_label="z", css={"w": 1.23456}) == (
        "p",
        {"aria-label": "z", "class": "a b", "css": {"w": 1.235}},
        ["x", "1", "y", ("b", {}, [])],
    )
    assert texts(h("p", "a", h("b", "c"))) == ["a", "c"]


@pytest.mark.parametrize(
    ("url", "good"),
    [
        ("https://jobs.example/1?a=b#c", True), ("HTTP://jobs.example", True), (" https://jobs.example ", True),
        ("javascript:alert(1)", False), ("https:alert", False), ("https://u:p@jobs.example", False),
        ("ftp://jobs.example", False),
        ("/local", False), ("", False), (None, False), ("https://[::1", False),
    ],
)  # fmt: skip
def test_a_link_leads_to_the_web_or_nowhere(url: str | None, good: bool) -> None:
    assert (web(url) is not None) is good


def test_addresses_of_pages_fit_what_the_component_follows() -> None:
    pattern = re.search(r"const OWN = /(.*)/;", (COMPONENT / "view.js").read_text(encoding="utf-8"))
    assert pattern
    own = re.compile(pattern[1])
    address = page("postings", company="Ac&me / <Söhne> 'x'", q="a b", empty="", none=None)
    assert own.fullmatch(address)
    assert "empty" not in address
    assert own.fullmatch(page(""))
    for foreign in ("//evil.example", "https://evil.example", "./../x", "javascript:alert(1)", "./run?id=x#y"):
        assert not own.fullmatch(foreign)


def test_the_component_sets_text_and_knows_every_state() -> None:
    script = (COMPONENT / "view.js").read_text(encoding="utf-8")
    style = (COMPONENT / "view.css").read_text(encoding="utf-8")
    assert "createTextNode" in script
    assert ".hidden" in style
    for state in ("queued", "running", "succeeded", "partial", "failed", "timed_out", "cancelled", "skipped",
                  "cancel_requested", "stopping", "interrupted", "unknown"):  # fmt: skip
        assert f".icon.{state} {{" in style, state
    assert "prefers-reduced-motion" in style
    assert "http" not in re.sub(r"http://www\.w3\.org/2000/svg", "", style)

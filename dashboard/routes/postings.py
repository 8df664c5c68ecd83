"""Postings: what was found."""

from __future__ import annotations

from dashboard import live
from dashboard.compose.postings import Asked, postings_page
from dashboard.nodes import Drawn


def draw() -> Drawn:
    """Read what is new and draw it."""
    options, store = live.here()
    show, run, company, text, posting = map(live.asked, ("show", "run", "company", "q", "id"))
    asked = Asked(show, run, company, text, posting, live.asked_row())
    return postings_page(store, asked, root=options.root, place=options.place)


live.poll("postings", draw)

"""What a board yields: a row in the board's own words. Light, since every board imports it and `validate` imports boards.

Named tuples: a class of them takes a sixth of the time of a frozen dataclass at start-up, a value a third.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple


class Place(NamedTuple):
    """Where a posting is: the board's own words, or their parts. A country's name becomes its ISO code where it is known."""

    text: str = ""
    locality: str = ""
    region: str = ""
    country: str = ""


class RawSalary(NamedTuple):
    """Pay as a board has it, in whole units (not cents). `period` is any word that names it: `1 YEAR`, `per-hour-wage`."""

    minimum: object = None
    maximum: object = None
    currency: str = ""
    period: str = ""


class RawPosting(NamedTuple):
    """One row of a board, in its own words: nothing here is checked yet, `posting.normalise` does that.

    `location` is the headline; without it the first of `places` is. `workplace` is the board's own word or flag turned
    into a word (`remote`, `hybrid`, `onsite`); `workplace_text` and the places are only searched without it, and not at all if
    it is `workplace_elsewhere`: in details that aren't at hand, which a text must not contradict from run to run.
    A row whose details weren't asked for leaves the description empty, which doesn't erase the stored one.
    """

    identifier: object
    title: str
    url: str = ""
    apply_url: str = ""
    location: str = ""
    places: Sequence[Place] = ()
    workplace: str = ""
    workplace_text: str = ""
    workplace_elsewhere: bool = False
    employment_types: Sequence[str] = ()
    department: str = ""
    salary: RawSalary | None = None
    date_posted: object = None
    valid_through: object = None
    language: str = ""
    description_html: str = ""
    description_text: str = ""
    company: str = ""

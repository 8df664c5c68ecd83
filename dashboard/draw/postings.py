"""Postings as nodes: the list, one posting with its text and history, companies with their openings over time."""

from __future__ import annotations

import json
import shlex
from collections.abc import Callable
from typing import Any, Final

from dashboard.draw.parts import coded, command, dotted, when
from dashboard.draw.spark import spark
from dashboard.nodes import Child, Node, h, page, web
from dashboard.postings import Held, Overview, Row
from dashboard.view import Command
from dashboard.words import count, counted, noun

_HEAD: Final = ("Posting", "Company", "Place", "Salary", "Seen")
_UNITS: Final = {"YEAR": "a year", "MONTH": "a month", "WEEK": "a week", "DAY": "a day", "HOUR": "an hour"}
_SIGNS: Final = {"EUR": "€", "USD": "$", "GBP": "£", "JPY": "¥", "INR": "₹"}
LONGEST_FIELD: Final = 160


def totals(overview: Overview, events: dict[str, int], run: str, any_run: bool) -> Node:
    """Return the line of figures."""
    figures = [
        (count(overview.open), "open", "good"),
        (count(overview.companies_total), noun(overview.companies_total, "company", "companies"), ""),
    ]
    figures += [(count(events[name]), name, "") for name in ("new", "changed", "closed", "reopened") if events.get(name)]
    where = (
        h("li.faint", "in the run ", h("a", run.rpartition("-")[2], href=page("run", id=run))) if run and not any_run else None
    )
    return h(
        "ul.figures",
        [h(f"li.{tone}" if tone else "li", h("strong", figure), " ", words) for figure, words, tone in figures],
        where if any(events.values()) else None,
        key="totals",
    )


def held_notice(held: list[Held], place: str) -> Node | None:
    """Return what guards hold back, and the command for a person who agrees with the closings."""
    if not held:
        return None
    flags = f" {place}" if place else ""
    rows = [
        h(
            "li",
            dotted(h("strong", one.company), f"{counted(one.number, 'closing')} held back", _text(one.reason)),
            command(Command(f"orchestrate postings accept {shlex.quote(one.company)}{flags}", "close them: it is right")),
            key=one.company,
        )
        for one in held
    ]
    return h("section.notice.warn", h("strong", "Held back by a guard"), h("ul", rows), key="held", role="status")


def posting_table(rows: list[Row], chosen: str, address: Callable[[int], str]) -> Node:
    """Return the postings, one a row; the title leads to the details, the arrow to the company's page."""
    body = [_row(row, chosen, address) for row in rows] or h("tr", h("td.faint", "No posting matches.", colspan=len(_HEAD)))
    return h(
        "div.scroll.postings",
        h("table", h("thead", h("tr", [h("th", name, scope="col") for name in _HEAD])), h("tbody", body)),
        tabindex=0,
        role="region",
        aria_label="Postings",
        key="postings",
    )


def _row(row: Row, chosen: str, address: Callable[[int], str]) -> Node:
    closed = row["status"] != "open"
    return h(
        f"tr{'.chosen' if str(row['id']) == chosen else ''}{'.closed' if closed else ''}",
        h(
            "td.key",
            h("a", _text(row["title"]) or "(no title)", href=address(row["id"])),
            h("p.why", dotted("closed" if closed else None, _text(row["department"]), _word(row["employment_type"]))),
        ),
        h("td.company", _text(row["company"])),
        h("td.place", place_of(row)),
        h("td.salary", salary_of(row)),
        h("td.time", when(_text(row["closed_at"] if closed else row["first_seen_at"]), "minute")),
        key=str(row["id"]),
    )


def _text(value: Any) -> str:
    text = "" if value is None else str(value)
    return text if len(text) <= LONGEST_FIELD else text[: LONGEST_FIELD - 1] + "…"


def _word(value: Any) -> str:
    """Return a term of schema.org as a word: `FULL_TIME` is full-time."""
    return _text(value).lower().replace("_", "-")


def place_of(row: Row) -> list[Child]:
    """Return where the work is: the place and how much of it is remote."""
    place = _text(row["location"])
    workplace = _word(row["workplace"])
    return dotted(place, workplace if workplace and workplace not in place.lower() else None)


def salary_of(row: Row) -> str:
    """Return the salary as a person writes it, with its currency and unit."""
    low, high = _amount(row["salary_min"]), _amount(row["salary_max"])
    if not (low or high):
        return ""
    currency = _text(row["salary_currency"]).upper()
    sign = _SIGNS.get(currency, f"{currency} " if currency else "")
    span = f"{sign}{low}\N{EN DASH}{high}" if low and high and low != high else f"{sign}{low or high}"
    only = "from " if low and not high else "up to " if high and not low else ""
    unit = _text(row["salary_unit"]).upper()
    return f"{only}{span} {_UNITS.get(unit, unit.lower())}".strip()


def _amount(value: Any) -> str:
    try:
        number = float(value)
        return f"{number:,.0f}" if number == int(number) else f"{number:,.2f}"
    except (TypeError, ValueError, OverflowError):
        return _text(value)


def details(row: Row, history: list[Row], *, close: str) -> Node:
    """Return one posting: facts, the text as text, and what happened to it."""
    links = [
        h("a.button", words, href=target) if (target := web(row[name])) else None
        for name, words in (("url", "Open the posting ↗"), ("apply_url", "Apply ↗"))
    ]
    length = row["description_length"] or 0
    cut = "The text is longer; `orchestrate postings` has all of it." if length > len(row["description"] or "") else ""
    return h(
        "section.detail",
        h("div.between", h("h2", _text(row["title"]) or "(no title)"), h("a", "close", href=close)),
        h("p.faint", dotted(_text(row["company"]), place_of(row), salary_of(row))),
        h("p.links", links),
        h("dl", [_fact(words, value) for words, value in _facts(row) if value]),
        h(
            "div.text",
            str(row["description"] or "(no text was stored)"),
            tabindex=0,
            role="region",
            aria_label="The posting's text",
        ),
        h("p.faint", coded(cut)) if cut else None,
        h("h3", "History"),
        h("ol.story", [_event(entry) for entry in history]),
        key=f"detail {row['id']}",
    )


def _facts(row: Row) -> list[tuple[str, Child]]:
    return [
        ("State", "open" if row["status"] == "open" else ["closed ", when(row["closed_at"])]),
        ("Department", _text(row["department"])),
        ("Employment", _word(row["employment_type"])),
        ("Posted", _text(row["date_posted"])[:10]),
        ("Valid through", _text(row["valid_through"])[:10]),
        ("First seen", when(row["first_seen_at"])),
        ("Last seen", when(row["last_seen_at"])),
        ("Board", dotted(_text(row["board"]), _text(row["identifier"]))),
        ("Language", _text(row["language"])),
        ("Version", _text(row["version"])),
    ]


def _fact(words: str, value: Child) -> list[Node]:
    return [h("dt", words), h("dd", value)]


def _event(entry: Row) -> Node:
    return h(
        "li",
        h("span.faint", when(_text(entry["at"]))),
        h("span", h("strong", _text(entry["event"])), " ", h("span.faint", _fields(entry["fields"]))),
    )


def _fields(text: Any) -> str:
    """Say which fields changed, with old and new value where they are short."""
    try:
        fields = json.loads(text) if isinstance(text, str) and text else text
    except (ValueError, RecursionError):
        return _text(text)
    if isinstance(fields, dict):
        return _text("; ".join(f"{name}{_change(value)}" for name, value in fields.items()))
    return _text(", ".join(map(str, fields))) if isinstance(fields, list) else _text(fields)


def _change(value: Any) -> str:
    pair = isinstance(value, list) and len(value) == 2  # noqa: PLR2004 - old and new
    short = pair and all(len(str(part)) <= 40 for part in value)  # noqa: PLR2004 - fits a line
    if not short:
        return ""
    old, new = ("nothing" if part is None else part for part in value)
    return f": {old} → {new}"


def company_list(overview: Overview, chosen: str, address: Callable[[str], str]) -> Node | None:
    """Return the companies with most openings, each with its curve."""
    if not overview.companies:
        return None
    rows = ([overview.total] if overview.total and len(overview.companies) > 1 else []) + list(overview.companies)
    more = overview.companies_total - len(overview.companies)
    days = h("span.faint", " \N{EN DASH} ".join(dict.fromkeys(overview.days)))
    return h(
        "section.companies",
        h("div.between", h("h2", "Openings over time"), days),
        h(
            "ul",
            [
                h(
                    "li.chosen" if row.name == chosen else "li",
                    h("span", h("a", row.name, href=address("" if row.name == chosen else row.name)))
                    if row is not overview.total
                    else h("strong", row.name),
                    spark(row.curve, f"{row.name}: {counted(row.open, 'opening')}"),
                    h("span.number", count(row.open)),
                    key=row.name,
                )
                for row in rows
            ],
        ),
        h("p.faint", f"and {counted(more, 'company', 'companies')} more") if more > 0 else None,
        key="companies",
    )

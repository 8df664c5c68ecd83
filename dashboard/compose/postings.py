"""The page Postings: what is open, new, changed and closed, by run and company."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Final

from dashboard import postings
from dashboard.compose.now import columns
from dashboard.compose.run import spec_of
from dashboard.draw.parts import chips, command, empty, notice, pager, search
from dashboard.draw.postings import company_list, details, held_notice, posting_table, totals
from dashboard.nodes import Drawn, Node, h, page
from dashboard.postings import EVENTS, Postings, Wanted
from dashboard.store import Store
from dashboard.view import LIVE, Command
from dashboard.words import count, counted
from orchestrator.status.layout import is_run_id

ROWS: Final = 25
WATCHED: Final = 8
LONGEST_ID: Final = 18


@dataclass(frozen=True, slots=True)
class Asked:
    """What stands in the address of the page. `run` may be `any`; without one it is the latest that changed something."""

    show: str = ""
    run: str = ""
    company: str = ""
    text: str = ""
    posting: str = ""
    first: int = 0

    def address(self, **other: str | int) -> str:
        """Return the address of this page with some parts replaced; the first row is the first again."""
        values: dict[str, str | int] = {
            "show": self.show, "run": self.run, "company": self.company, "q": self.text, "id": "", "first": 0, **other,
        }  # fmt: skip
        return page("postings", **{name: value or None for name, value in values.items()})


def postings_page(store: Store, asked: Asked, *, root: Path, place: str = "") -> Drawn:
    """Return the page: a list with filters, and beside it one posting or the companies."""
    live = any(store.summary(name).state in LIVE for name in store.names()[:WATCHED])
    found = database_of(store, root)
    if isinstance(found, str):
        return Drawn([_elsewhere(found, place)], title="Postings", active=False)
    reader = postings.of(found)
    if not reader.exists():
        words = "A scrape job stores them; see the sample in jobs.yaml."
        return Drawn([empty("No postings yet", words)], title="Postings", active=live)
    return Drawn([_page(reader, asked, place)], title="Postings", active=live)


def database_of(store: Store, root: Path) -> Path | str:
    """Return the SQLite file that the latest run's spec names, or the scheme of another database."""
    names = store.names()
    document = spec_of(store, store.state.run(names[0])) if names else None
    url = str((document or {}).get("database") or "")
    if not url:
        return store.state.database
    scheme, _, path = url.partition(":///")
    if not scheme.startswith("sqlite") or not path or "${" in path:
        return url.partition(":")[0]
    return root / path.partition("?")[0]


def _elsewhere(scheme: str, place: str) -> Node:
    shown = Command(f"orchestrate postings {place}".strip(), "list them in a terminal")
    words = f"The postings of this project are in a database of the kind {scheme.partition('+')[0]}."
    return notice("calm", "The dashboard reads SQLite only", words, command(shown))


def _page(reader: Postings, asked: Asked, place: str) -> Node:
    overview = reader.overview()
    run = overview.latest_run if not asked.run else "" if asked.run == "any" else asked.run
    run = run if is_run_id(run) or not run else overview.latest_run
    show = asked.show if asked.show in {"open", "closed", "all", *EVENTS} else "new" if is_run_id(asked.run) else "open"
    wanted = Wanted(show, run if show in EVENTS else "", asked.company, asked.text, asked.first, ROWS)
    rows, number = reader.select(wanted)
    events = reader.events_of(run) if run else {}
    below = pager(asked.first, number, ROWS, lambda first: asked.address(first=first))
    main = [
        totals(overview, events, run, asked.run == "any"),
        held_notice(reader.held(), place),
        _filters(asked, show, run, events),
        _what(show, run, number, asked),
        posting_table(rows, asked.posting, lambda identity: asked.address(id=identity, first=asked.first)),
        below,
        command(Command(f"orchestrate postings --format csv {place}".strip(), "export them")),
    ]
    return columns(main, _aside(reader, overview, asked))


def _filters(asked: Asked, show: str, run: str, events: dict[str, int]) -> Node:
    by_event = [
        (f"{name.capitalize()} {count(events[name])}" if events.get(name) else name.capitalize(),
         asked.address(show=name), show == name)
        for name in EVENTS
    ]  # fmt: skip
    runs = [("Latest run", asked.address(run=""), not asked.run), ("Any run", asked.address(run="any"), asked.run == "any")]
    if run and asked.run == run:
        runs.insert(1, (f"Run {run.rpartition('-')[2]}", asked.address(), True))
    company = chips("Company", [(f"{asked.company} ✕", asked.address(company=""), True)]) if asked.company else None
    return h(
        "div.filters",
        chips(
            "State",
            [
                ("Open", asked.address(show="open"), show == "open"),
                *by_event,
                ("All", asked.address(show="all"), show == "all"),
            ],
        ),
        chips("Run", runs) if show in EVENTS else None,
        company,
        search(asked.address(q=""), "title, place, department", asked.text),
        key="filters",
    )


def _what(show: str, run: str, number: int, asked: Asked) -> Node:
    since = ["in run ", h("a", run, href=page("run", id=run))] if run and show in EVENTS else []
    at = f" at {asked.company}" if asked.company else ""
    return h(
        "p.faint",
        f"{counted(number, 'posting')} {show}{at} " if show != "all" else counted(number, "posting"),
        since,
        key="what",
    )


def _aside(reader: Postings, overview: postings.Overview, asked: Asked) -> list[Node | None]:
    chosen = asked.posting
    one = reader.one(int(chosen)) if chosen.isascii() and chosen.isdigit() and len(chosen) <= LONGEST_ID else None
    detail = details(*one, close=asked.address()) if one else None
    return [detail, company_list(overview, asked.company, lambda name: asked.address(company=name))]

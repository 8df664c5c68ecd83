"""Snapshots as nodes: one card a job, with what is stale, what differs, what was left out, and a search."""

from __future__ import annotations

import shlex
from dataclasses import dataclass

from dashboard.draw.parts import coded, command, dotted, fold, search, when
from dashboard.freshness import Drift
from dashboard.nodes import Node, h, page
from dashboard.passages import Hit
from dashboard.snapshots import Difference, Snapshot
from dashboard.view import Command
from dashboard.words import count, counted, joined, noun, size
from orchestrator.status.layout import is_run_id

MOST_NAMED = 200


@dataclass(frozen=True, slots=True)
class Card:
    """Everything that is said about one job's snapshots."""

    job: str
    current: Snapshot
    others: tuple[Snapshot, ...]
    others_total: int
    difference: Difference | None
    earlier: str | None
    settings: tuple[str, ...]
    drift: Drift | None
    postings: int | None = None
    held: str | None = None
    unread: str = ""

    @property
    def reasons(self) -> list[str]:
        """Why the snapshot is stale; empty if nothing says so."""
        found = [f"the spec has another {joined(list(self.settings))} than it was made with"] if self.settings else []
        if self.drift is not None:
            drift = self.drift
            parts = (("changed", drift.changed), ("new", drift.new), ("gone", drift.gone))
            found += [f"{counted(len(keys), 'file')} {word}: {joined(list(keys), 3)}" for word, keys in parts if keys]
        if self.postings:
            found.append(f"{counted(self.postings, 'posting')} changed since")
        return found


def snapshot_card(card: Card, *, place: str, address: str, text: str, hits: Node | None) -> Node:
    """Return the card of one job."""
    current = card.current
    sub = [h("a", "run", href=page("run", id=current.run_id))] if is_run_id(current.run_id) else []
    return h(
        "section.card",
        h(
            "div.between",
            h("h2", card.job, " ", _freshness(card)),
            search(address, f"search {card.job}", text),
        ),
        h(
            "ul.figures",
            _figure(count(current.documents), noun(current.documents, "document")),
            _figure(count(current.nodes), noun(current.nodes, "node")),
            _figure(size(current.size), "on disk"),
            _figure(count(current.quarantined_total), "quarantined", "warn") if current.quarantined_total else None,
            _figure(count(current.skipped_total), "left out") if current.skipped_total else None,
        ),
        h(
            "p.facts",
            dotted(
                h("strong", current.snapshot_id),
                ["published ", when(current.created_at), " (", when(current.created_at, "ago"), ")"],
                *sub, current.embedding,
            ),
        ),
        h("ul.reasons", [h("li", reason) for reason in card.reasons]) if card.reasons else None,
        h("p.facts", f"Its documents can't be compared: {card.unread}.") if card.unread else None,
        h("p.held", h("strong", f"{card.held} failed its checks and wasn't published.")) if card.held else None,
        hits,
        _difference(card),
        _quarantined(current),
        _others(card),
        h("div.commands", [command(one) for one in _commands(card, place)]),
        key=f"card {card.job}",
    )  # fmt: skip


def _figure(figure: str, words: str, tone: str = "") -> Node:
    return h(f"li.{tone}" if tone else "li", h("strong", figure), " ", words)


def _freshness(card: Card) -> Node:
    if card.reasons:
        return h("span.badge.partial", h("span.icon.partial", aria_hidden="true"), "Stale")
    if card.drift is None and card.postings is None:
        return h("span.badge.queued", h("span.icon.unknown", aria_hidden="true"), "Not compared")
    if card.drift is not None and not card.drift.complete:
        return h("span.badge.running", h("span.icon.running", aria_hidden="true"), "Looking at the corpus")
    return h("span.badge.succeeded", h("span.icon.succeeded", aria_hidden="true"), "Fresh")


def _commands(card: Card, place: str) -> list[Command]:
    job, flags = shlex.quote(card.job), f" {place}" if place else ""
    found = [Command(f"orchestrate run --job {job}{flags}", "make a new one")] if card.reasons else []
    if card.held:
        found.append(Command(f"orchestrate snapshots accept {job} --yes{flags}", "publish it nevertheless"))
    found.append(Command(f"orchestrate snapshots verify {job}{flags}", "check every file of it"))
    if card.earlier:
        found.append(Command(f"orchestrate snapshots rollback {job} {card.earlier} --yes{flags}", "go back to the one before"))
    return found


def _difference(card: Card) -> Node | None:
    found = card.difference
    if found is None or card.earlier is None:
        return None
    parts = (("+", "added", found.added), ("~", "changed", found.changed), ("-", "removed", found.removed))
    summary = ", ".join(f"{sign} {count(len(keys))} {word}" for sign, word, keys in parts if keys) or "the same documents"
    rows = [h(f"li.{word}", f"{sign} {key}") for sign, word, keys in parts for key in keys[:MOST_NAMED]]
    hidden = sum(max(0, len(keys) - MOST_NAMED) for _, _, keys in parts)
    return fold(
        f"Since {card.earlier}: {summary}",
        h("ul.names", rows, h("li.faint", f"and {counted(hidden, 'document')} more") if hidden else None),
        key="difference",
    )


def _quarantined(current: Snapshot) -> Node | None:
    if not current.quarantined_total:
        return None
    rows = [h("li", h("span.key", one.document), " ", h("span.faint", one.reason)) for one in current.quarantined]
    hidden = current.quarantined_total - len(current.quarantined)
    return fold(
        f"Quarantined: {counted(current.quarantined_total, 'document')}",
        h("ul.names", rows, h("li.faint", f"and {counted(hidden, 'document')} more") if hidden > 0 else None),
        key="quarantined",
    )


def _others(card: Card) -> Node | None:
    if not card.others:
        return None
    rows = [
        h(
            "li",
            dotted(h("span.key", one.snapshot_id), when(one.created_at), counted(one.documents, "document"), size(one.size)),
        )
        for one in card.others
    ]
    more = card.others_total - len(card.others)
    rest = h("li.faint", coded(f"and {count(more)} more: `orchestrate snapshots list {card.job}`")) if more > 0 else None
    return fold(f"Other snapshots: {count(card.others_total)}", h("ul.names", rows, rest), key="others")


def hit_list(hits: tuple[Hit, ...], job: str, text: str, place: str) -> Node:
    """Return the passages that have the words, and the command that also ranks by meaning."""
    asked = " ".join(text.split())
    typed = f"orchestrate search {shlex.quote(job)} {shlex.quote(asked)}{f' {place}' if place else ''}"
    return h(
        "section.hits",
        h("p.faint", f"{counted(len(hits), 'passage')} by words" if hits else "No passage has these words."),
        h("ol", [_hit(hit, number) for number, hit in enumerate(hits)]),
        command(Command(typed, "ranks by meaning as well")),
        key="hits",
    )


def _hit(hit: Hit, number: int) -> Node:
    line = f"line {hit.line}" if hit.line else None
    return h(
        "li", h("p", dotted(h("strong", hit.document), hit.headings, line)), h("p.passage", _passage(hit.text)), key=str(number)
    )


def _passage(text: str) -> str:
    """Return a passage without its own heading, which stands above it, and without blank lines: only three lines show."""
    lines = [line for line in text.splitlines() if line.strip()]
    return "\n".join(lines[1:] if len(lines) > 1 and lines[0].startswith("#") else lines)

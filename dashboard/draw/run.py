"""One run as nodes: title and clock, total bar, figures, causes, jobs."""

from __future__ import annotations

from dashboard.causes import Cause
from dashboard.draw.parts import clock, coded, commands, dotted, icon, notice, when
from dashboard.nodes import Node, h, page
from dashboard.view import Hand, JobRow, RunView
from dashboard.words import STATE_WORDS, count, counted, duration, joined
from orchestrator.status.states import Shown

_SHOWN_HANDS = 4


def head(view: RunView) -> Node:
    """Return the title with the state, the clock, and the facts of the run."""
    left = [view.left] if view.left else []
    words = "elapsed" if view.live else "total" if view.finished else "until the last sign of life"
    return h(
        "header",
        h(
            "div.line",
            h("h1", icon(view.state), view.title),
            h(
                "div.clock",
                h("strong", clock(view.since, view.took)),
                h("span", dotted(words, *left)),
            )
            if view.took
            else None,
        ),
        h("p.hidden", STATE_WORDS[view.state], role="status"),
        h(
            "p.facts",
            dotted(
                h("strong", view.name) if view.name else None,
                h("a", view.run_id, href=page("run", id=view.run_id)),
                ["started ", when(view.started, "second"), " (", when(view.started, "ago"), ")"],
                *view.facts,
            ),
        ),
        h("p.explained", view.explained) if view.explained else None,
        key="head",
    )


def total_bar(view: RunView) -> Node:
    """Return the bar over all items, in parts by outcome."""
    words = ", ".join(part.words for part in view.segments) or "nothing is counted yet"
    moving = ".moving" if view.live and view.share is None else ""
    return h(
        f"div.total{moving}",
        [h(f"span.{part.tone}", css={"w": part.share * 100}, title=part.words, key=part.tone) for part in view.segments],
        role="img",
        aria_label=words,
        key="total",
    )


def figures(view: RunView) -> Node:
    """Return the line of counters."""
    return h(
        "ul.figures",
        [h(f"li.{one.tone}" if one.tone else "li", h("strong", one.figure), " ", one.words) for one in view.counters],
        key="figures",
    )


def silent(view: RunView) -> Node | None:
    """Return a notice if the run lives, but hasn't refreshed its file for long."""
    if view.silent is None:
        return None
    return notice(
        "warn",
        f"No news for {duration(view.silent)}",
        "The process lives, but its status file isn't refreshed: the machine may be asleep, or the disk full.",
    )


def causes(view: RunView) -> Node | None:
    """Return the failures merged by cause, each with what to do."""
    if not view.causes:
        return None
    hidden = [h("p.more", f"and {counted(view.causes_hidden, 'failure')} more")] if view.causes_hidden else []
    tolerated = view.state is Shown.SUCCEEDED
    words = h("p.faint", "These failed; the job allows so many (max_failures).") if tolerated else None
    kind = "div.causes.tolerated" if tolerated else "div.causes"
    return h(kind, words, [_cause(cause) for cause in view.causes], hidden, key="causes", role="list")


def _cause(cause: Cause) -> Node:
    many = counted(cause.number, "item") if cause.number > 1 else ""
    who = joined(list(cause.keys)) if cause.keys else ""
    return h(
        "section.cause",
        h("p", icon("failed"), h("strong", joined(list(cause.jobs))), ": ", coded(cause.message)),
        h("p.who", dotted(many, who)) if who else None,
        h("p.hint", h("span.do", "What to do: "), coded(cause.hint)) if cause.hint else None,
        h("code.code", cause.code),
        role="listitem",
        key=f"{cause.code} {cause.message}"[:120],
    )


def jobs(view: RunView) -> Node:
    """Return one row per job, Gantt and progress at once, over one axis."""
    axis = h("div.axis", [h("span", tick) for tick in view.axis], aria_hidden="true") if view.axis else None
    return h("section.jobs", [_job(row) for row in view.jobs], axis, key="jobs", aria_label="Jobs")


def _job(row: JobRow) -> Node:
    return h(
        f"div.job.{row.state}",
        h("div.who", icon(row.state), h("strong", row.name), h("span.kind", dotted(row.kind, row.phase, row.attempt))),
        _track(row),
        h("p.words", dotted(*_words(row))),
        h(
            "div.count",
            h("p", h("strong", row.done), " ", row.noun),
            h("p.state", dotted(STATE_WORDS[row.state].lower(), clock(row.since, row.took))),
        ),
        _hands(row),
        key=row.name,
    )


def _track(row: JobRow) -> Node:
    moving = ".moving" if row.filled is None and row.state in {Shown.RUNNING, Shown.STOPPING} else ""
    filled = 0.0 if row.filled is None else row.filled * 100
    return h(
        "div.track",
        h(f"span.bar{moving}", h("span.filled", css={"w": filled}), css={"x": row.offset * 100, "w": row.width * 100})
        if row.width
        else None,
        h("span.deadline", css={"x": row.deadline * 100}, title="deadline") if row.deadline is not None else None,
        role="img",
        aria_label=f"{row.name}: {STATE_WORDS[row.state]}, {row.done} {row.noun}",
    )


def _words(row: JobRow) -> list[str]:
    words = [row.words] if row.words else []
    if row.deadline_left is not None:
        left = duration(row.deadline_left)
        words.append(f"{left} to the deadline" if row.deadline_left > 0 else "past its deadline")
    if row.stuck:
        words.append(f"{counted(row.stuck, 'worker')} didn't come back")
    return words


def _hands(row: JobRow) -> Node | None:
    if not row.hands:
        return None
    more = row.hands_total - _SHOWN_HANDS
    rest = row.hands[_SHOWN_HANDS:]
    return h(
        "div.hands",
        h("ul", [_hand(hand) for hand in row.hands[:_SHOWN_HANDS]]),
        h("details", h("summary", f"{count(more)} more in hand"), h("ul", [_hand(hand) for hand in rest]), key="rest")
        if rest
        else None,
        aria_label=f"In hand: {row.name}",
    )


def _hand(hand: Hand) -> Node:
    return h(
        "li",
        h("span.key", hand.key),
        h("span.note", dotted(hand.note, clock(hand.since, hand.took))),
        h("span.small", css={"w": hand.share * 100}) if hand.share is not None else None,
        key=hand.key,
    )


def run_sections(view: RunView) -> list[Node | None]:
    """Return the parts of a run from its title to its jobs, the failing first; what to do next stands above ended jobs."""
    top = [head(view), total_bar(view), figures(view), silent(view), causes(view)]
    return [*top, jobs(view), commands(view.commands)] if view.live else [*top, commands(view.commands), jobs(view)]

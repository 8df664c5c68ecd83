"""What a page says about a run: status to rows and words. Pure: no file, no clock but the one passed in, no Streamlit."""

from __future__ import annotations

import shlex
from collections import Counter
from dataclasses import dataclass
from typing import Final

from dashboard.causes import Cause, causes_of
from dashboard.store import Look
from dashboard.words import (
    STATE_EXPLAINED,
    STATE_WORDS,
    count,
    counted,
    duration,
    item_noun,
    joined,
    percent,
    seconds_of,
)
from orchestrator.status.models import InFlight, Items, JobStatus, RunStatus
from orchestrator.status.states import Shown, State

LIVE: Final = frozenset({Shown.QUEUED, Shown.RUNNING, Shown.CANCEL_REQUESTED, Shown.STOPPING, Shown.UNKNOWN})
RESUMABLE: Final = frozenset({Shown.PARTIAL, Shown.FAILED, Shown.TIMED_OUT, Shown.CANCELLED, Shown.INTERRUPTED})
SILENT_SECONDS: Final = 10.0
SHORT_AXIS: Final = 8.0  # Below it whole seconds would repeat.


@dataclass(frozen=True, slots=True)
class Command:
    """What to type, and what it does."""

    text: str
    does: str


@dataclass(frozen=True, slots=True)
class Segment:
    """A part of the total bar: a tone and its share of the whole, 0 to 1."""

    tone: str
    share: float
    words: str


@dataclass(frozen=True, slots=True)
class Figure:
    """A figure and what it counts."""

    figure: str
    words: str
    tone: str = ""


@dataclass(frozen=True, slots=True)
class Hand:
    """One item in hand: since when by the reader's clock, and how far. In a run that is gone it `took` a time that stands."""

    key: str
    note: str
    since: float | None
    share: float | None
    took: str = ""


@dataclass(frozen=True, slots=True)
class JobRow:
    """One job: a bar on the run's time axis (`offset`, `width`, in shares of it) that is filled as far as it is done."""

    name: str
    kind: str
    state: Shown
    offset: float
    width: float
    filled: float | None
    done: str
    noun: str
    words: str
    since: float | None
    took: str
    phase: str
    attempt: str
    needs: tuple[str, ...]
    hands: tuple[Hand, ...]
    hands_total: int
    deadline: float | None
    deadline_left: float | None
    stuck: int


@dataclass(frozen=True, slots=True)
class RunView:
    """Everything that a page says about one run."""

    run_id: str
    name: str
    state: Shown
    title: str
    explained: str
    live: bool
    silent: float | None
    share: float | None
    since: float | None
    took: str
    left: str
    started: str | None
    finished: str | None
    facts: tuple[str, ...]
    segments: tuple[Segment, ...]
    counters: tuple[Figure, ...]
    causes: tuple[Cause, ...]
    causes_hidden: int
    jobs: tuple[JobRow, ...]
    axis: tuple[str, ...]
    commands: tuple[Command, ...]
    warnings: tuple[str, ...]
    warnings_total: int


def run_view(look: Look, *, now: float, place: str = "") -> RunView | None:
    """Return what to say about a run; None if there is no good status to speak of. `place` are flags for the commands."""
    status = look.status
    if status is None:
        return None
    state, live = look.state, look.state in LIVE and look.state is not Shown.UNKNOWN
    passed = _passed(status, look.age, live=live)
    share = _share(status)
    rows = tuple(_job_row(job, status, state, now=now, passed=passed) for job in status.jobs)
    causes, hidden = causes_of(status)
    return RunView(
        run_id=status.run_id,
        name=status.name or "",
        state=state,
        title=_title(status, state, share, live=live),
        explained=STATE_EXPLAINED.get(state, ""),
        live=live,
        silent=look.age if live and look.age > max(SILENT_SECONDS, 3 * status.progress_every) else None,
        share=share,
        since=now - passed if live and passed is not None and status.started_at else None,
        took=duration(passed) if status.started_at else "",
        left=_left(status) if state is Shown.RUNNING else "",
        started=status.started_at or status.created_at,
        finished=status.finished_at,
        facts=_facts(status),
        segments=segments_of(status),
        counters=counters_of(status),
        causes=causes,
        causes_hidden=hidden,
        jobs=rows,
        axis=_axis(passed),
        commands=commands_for(status.run_id, state, place),
        warnings=tuple(status.warnings),
        warnings_total=max(status.warnings_total, len(status.warnings)),
    )


def _passed(status: RunStatus, age: float, *, live: bool) -> float | None:
    """Return the seconds from the start to now, or to the last sign of life. Ages come from the file: clocks may be skewed."""
    start = seconds_of(status.started_at)
    if start is None:
        return None
    end = seconds_of(status.finished_at) or seconds_of(status.updated_at) or start
    return max(0.0, end - start) + (age if live else 0.0)


def _title(status: RunStatus, state: Shown, share: float | None, *, live: bool) -> str:
    """Return the state, and how far it is: a share if every job knows its total, else what is done of what is known."""
    word = STATE_WORDS[state]
    if not live or state is Shown.QUEUED:
        return word
    if share is not None:
        return f"{word} — {percent(share)}"
    done, total = sum(job.items.done for job in status.jobs), sum(job.items.total or 0 for job in status.jobs)
    return f"{word} — {count(done)} of {count(total)}+" if total else word


def _share(status: RunStatus) -> float | None:
    """Return the share of all items that is done; None while a job that goes on doesn't know how many it has."""
    total = done = 0
    for job in status.jobs:
        if job.items.total is None and job.state in {State.QUEUED, State.RUNNING}:
            return None
        total += job.items.total or job.items.done
        done += job.items.done
    return done / total if total else None


def _left(status: RunStatus) -> str:
    """Return the time left as the run estimates it; `at least` while jobs wait whose time nobody knows."""
    known = [job.eta_seconds for job in status.jobs if job.state is State.RUNNING and job.eta_seconds is not None]
    if not known:
        return ""
    open_ended = any(
        job.state is State.QUEUED or (job.state is State.RUNNING and job.eta_seconds is None) for job in status.jobs
    )
    return f"{'at least' if open_ended else 'about'} {duration(max(known))} left"


def _facts(status: RunStatus) -> tuple[str, ...]:
    attempt = [f"attempt {status.attempt}"] if status.attempt > 1 else []
    return (*attempt, status.trigger, status.engine, f"{status.spec_path} @ {status.spec_digest[:7]}")


def segments_of(status: RunStatus) -> tuple[Segment, ...]:
    """Return the parts of the total bar by outcome. A job whose total isn't known yet adds only what it has done."""
    items = [job.items for job in status.jobs]
    total = sum(max(part.total or 0, part.done) for part in items)
    parts = (
        ("succeeded", sum(part.succeeded for part in items), "succeeded"),
        ("unchanged", sum(part.unchanged for part in items), "unchanged"),
        ("skipped", sum(part.skipped for part in items), "skipped"),
        ("failed", sum(part.failed for part in items), "failed"),
    )
    found = [Segment(tone, number / total, f"{count(number)} {words}") for tone, number, words in parts if number]
    open_items = total - sum(part.done for part in items)
    if total and open_items > 0:
        found.append(Segment("open", open_items / total, f"{count(open_items)} to do"))
    return tuple(found)


_RESULT_WORDS: Final = (
    ("new", "new", "good"),
    ("changed", "changed", ""),
    ("closed", "closed", ""),
    ("reopened", "reopened", ""),
    ("held", "held back", "warn"),
    ("bad_rows", "bad rows", "warn"),
    ("computed", "embedded", "good"),
    ("quarantined", "quarantined", "warn"),
)


def counters_of(status: RunStatus) -> tuple[Figure, ...]:
    """Return the line of figures: items, jobs, failures, and what was found over all jobs."""
    done = sum(job.items.done for job in status.jobs)
    totals = [job.items.total for job in status.jobs]
    total = sum(value for value in totals if value is not None)
    known = None not in totals or all(job.state not in {State.QUEUED, State.RUNNING} for job in status.jobs)
    items = f"of {counted(total, 'item')}" if known else f"of {count(total)}+ items"
    settled = sum(job.state not in {State.QUEUED, State.RUNNING} for job in status.jobs)
    found = [Figure(count(done), items), Figure(f"{settled}/{len(status.jobs)}", "jobs ended")]
    failed = sum(job.items.failed for job in status.jobs)
    if failed:
        found.append(Figure(count(failed), "failed", "bad"))
    sums: Counter[str] = Counter()
    for job in status.jobs:
        sums.update({key: value for key, value in job.result.items() if isinstance(value, int)})
    found.extend(Figure(count(sums[key]), words, tone) for key, words, tone in _RESULT_WORDS if sums[key])
    return tuple(found)


def _job_state(job: JobStatus, run: Shown) -> Shown:
    """Return what to show for a job: one that is open shares the fate of its run, so it is interrupted with it."""
    if job.state not in {State.RUNNING, State.QUEUED}:
        return Shown(job.state)
    if run in {Shown.INTERRUPTED, Shown.UNKNOWN}:
        return run if job.state is State.RUNNING else Shown.QUEUED
    if run is Shown.STOPPING and job.state is State.RUNNING:
        return Shown.STOPPING
    return Shown(job.state)


def _job_row(job: JobStatus, status: RunStatus, run: Shown, *, now: float, passed: float | None) -> JobRow:
    state = _job_state(job, run)
    start, origin = seconds_of(job.started_at), seconds_of(status.started_at)
    going = job.state is State.RUNNING
    offset = max(0.0, start - origin) if start is not None and origin is not None else 0.0
    end = seconds_of(job.finished_at)
    if going and start is not None and passed is not None:
        took: float | None = max(0.0, passed - offset)
    else:
        took = max(0.0, end - start) if start is not None and end is not None else None
    axis = max(passed or 0.0, 1.0)
    live = going and run in LIVE and run is not Shown.UNKNOWN
    deadline = seconds_of(job.deadline_at)
    left = deadline - start - took if live and deadline is not None and start is not None and took is not None else None
    items = job.items
    return JobRow(
        name=job.name,
        kind=job.kind,
        state=state,
        offset=min(1.0, offset / axis),
        width=min(1.0 - min(1.0, offset / axis), (took or 0.0) / axis) if start is not None else 0.0,
        filled=min(1.0, items.done / items.total) if items.total else (1.0 if state is Shown.SUCCEEDED else None),
        done=_done(items),
        noun=item_noun(job.kind, items.total if items.total is not None else items.done) if _done(items) else "",
        words=_job_words(job, live=live, run=run),
        since=now - took if live and took is not None else None,
        took=duration(took),
        phase=(job.phase or "") if live else "",
        attempt=f"attempt {job.attempt} of {job.attempts}" if job.attempts > 1 and job.attempt else "",
        needs=tuple(job.needs),
        hands=tuple(_hand(hand, status, begun=now - (passed or 0.0) if live else None) for hand in job.in_flight)
        if going
        else (),
        hands_total=max(job.in_flight_total, len(job.in_flight)) if going else 0,
        deadline=min(1.0, (offset + deadline - start) / axis)
        if deadline is not None and start is not None and offset + deadline - start <= axis and going
        else None,
        deadline_left=left,
        stuck=job.abandoned_threads,
    )


def _done(items: Items) -> str:
    if items.total is not None:
        return f"{count(items.done)} / {count(items.total)}"
    return count(items.done) if items.done else ""


def _hand(hand: InFlight, status: RunStatus, *, begun: float | None) -> Hand:
    """Return an item in hand. `begun` is when the run started by the reader's clock, None if its clocks stand still."""
    start, origin, updated = map(seconds_of, (hand.started_at, status.started_at, status.updated_at))
    share = min(1.0, hand.done / hand.total) if hand.done is not None and hand.total else None
    if start is None or origin is None or updated is None:
        return Hand(hand.key, hand.note, None, share)
    if begun is None:
        return Hand(hand.key, hand.note, None, share, took=duration(updated - start))
    return Hand(hand.key, hand.note, begun + max(0.0, start - origin), share)


def _job_words(job: JobStatus, *, live: bool, run: Shown) -> str:
    if job.state is State.QUEUED:
        if run not in LIVE:
            return job.message or "didn't start"
        return job.message or (f"waits for {joined(job.needs)}" if job.needs else "waits for a free place")
    words = []
    if live:
        if job.rate:
            words.append(f"{job.rate:.1f}/s" if job.rate < 100 else f"{job.rate:.0f}/s")  # noqa: PLR2004
        if job.eta_seconds is not None:
            words.append(f"about {duration(job.eta_seconds)} left")
    words.extend(result_words(job))
    if job.message:
        words.append(job.message)
    return " · ".join(words)


def result_words(job: JobStatus) -> list[str]:
    """Return what a job has found, in words: `174 new`, `16 changed`."""
    names = {
        "new": "new", "changed": "changed", "unchanged": "unchanged", "closed": "closed", "reopened": "reopened",
        "held": "held back", "documents": "documents", "nodes": "nodes", "computed": "embedded", "reused": "reused",
        "removed": "removed", "quarantined": "quarantined",
    }  # fmt: skip
    always = {"documents", "nodes", "new"}
    return [
        f"{count(value)} {words}"
        for key, words in names.items()
        if isinstance(value := job.result.get(key), int) and (value or key in always)
    ]


def _axis(passed: float | None) -> tuple[str, ...]:
    if not passed:
        return ()
    ticks = (passed * part / 4 for part in range(5))
    return tuple(f"{tick:.1f} s" if passed < SHORT_AXIS else duration(tick) for tick in ticks)


def commands_for(run_id: str, state: Shown, place: str = "") -> tuple[Command, ...]:
    """Return what a person may want to do now, where one would look for a button."""
    run = run_id.rpartition("-")[2] or run_id
    flags = f" {place}" if place else ""
    word = shlex.quote(run)
    found = []
    if state in {Shown.QUEUED, Shown.RUNNING}:
        found.append(Command(f"orchestrate cancel {word}{flags}", "ask it to stop; what is done is kept"))
    if state in {Shown.CANCEL_REQUESTED, Shown.STOPPING}:
        found.append(Command(f"orchestrate cancel {word} --now{flags}", "don't wait for work in hand"))
    if state in RESUMABLE:
        found.append(Command(f"orchestrate resume {word}{flags}", "go on: only what isn't done"))
    if state in LIVE:
        found.append(Command(f"orchestrate status {word} --follow{flags}", "watch it in a terminal"))
    else:
        found.append(Command(f"orchestrate logs {word}{flags}", "read its log"))
    return tuple(found)


def summary_line(view: RunView) -> str:
    """Return the run in one line, for the tab's title and for screen readers."""
    jobs = counted(len(view.jobs), "job")
    return f"{view.title} · {view.name or jobs}"

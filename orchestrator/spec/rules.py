"""Rules that no single field can know: needs between jobs, what an engine can't do, stores that two jobs share."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from itertools import islice
from pathlib import Path
from typing import Any, Final, NamedTuple

from orchestrator.spec import problems
from orchestrator.spec.engines import needs_one_process
from orchestrator.spec.model import Dask, Spec
from orchestrator.spec.problems import Problem, problem
from orchestrator.spec.references import References
from orchestrator.spec.tree import Tree

_MOST_CYCLES: Final = 20  # In a web of needs there are more circles than anybody reads.
_SHELL_VARIABLE: Final = r"\$(?:env:)?([A-Z][A-Z0-9_]{0,63})|%([A-Z][A-Z0-9_]{0,63})%"
_TEMPLATE: Final = r"\{\{.{0,200}?\}\}"
_CURLY_QUOTED: Final = r"[\u201c\u201d\u2018\u2019\u201e\xab\xbb].*[\u201c\u201d\u2018\u2019\xab\xbb]"
_ODD_VALUE: Final = r"\$(?:env:)?[A-Z]|%[A-Z]|\{\{|[\u2018-\u201e\xab]"
_SHORTEST_ATTEMPT: Final = 0.1
_PLAIN_DATABASE: Final = r"sqlite:///[\w./-]+$"
_SQLITE_FILE: Final = r"sqlite(?:\+\w+)?:///(?P<path>[^?]*)"


class Facts(NamedTuple):
    """What the rules look at: the tree, and the jobs as they stand in the file, valid or not."""

    tree: Tree
    references: References
    root: Path
    jobs: Mapping[str, Any]

    def problem(self, code: str, message: str, path: problems.Path, hint: str = "", **more: Any) -> Problem:
        """Return a problem at the value of a path, without resolved values in its words."""
        spot = self.tree.spot(path)
        hidden = self.references.hidden
        span = self.tree.value_span(spot.path)
        return problem(code, hidden(message, spot.slot), span, hint=hidden(hint, spot.slot), path=spot.path, **more)


class _Need(NamedTuple):
    job: str
    path: problems.Path


def all_problems(facts: Facts, spec: Spec | None) -> Iterator[Problem]:
    """Yield what breaks a rule."""
    yield from _needs(facts)
    yield from _database(facts)
    yield from _as_it_stands(facts)
    if spec is not None:
        yield from _recordings(facts, spec)
        yield from _stores(facts, spec)
        yield from _short_timeouts(facts, spec)


def _short_timeouts(facts: Facts, spec: Spec) -> Iterator[Problem]:
    """Yield timeouts that no attempt can keep."""
    for name, job in spec.jobs.items():
        if job.timeout < _SHORTEST_ATTEMPT:
            path = ("jobs", name, "timeout") if "timeout" in facts.jobs[name] else ("defaults", "timeout")
            message = f"no attempt ends within {job.timeout * 1000:g} ms"
            yield facts.problem("unlikely-value", message, path, 'a number counts seconds: write "90s"', severity="warning")


def _needs_of(facts: Facts, name: str) -> list[_Need]:
    """Return the needs of a job as far as they can be read; what can't is told by its model."""
    raw = facts.jobs[name]
    needs = raw.get("needs") if isinstance(raw, dict) else None
    found = []
    for index, need in enumerate(needs if isinstance(needs, list) else []):
        path: problems.Path = ("jobs", name, "needs", index)
        if isinstance(need, str):
            found.append(_Need(need, path))
        elif isinstance(need, dict) and isinstance(need.get("job"), str):
            found.append(_Need(need["job"], (*path, "job")))
    return found


def _needs(facts: Facts) -> Iterator[Problem]:
    graph = {name: _needs_of(facts, name) for name in facts.jobs}
    for name, needs in graph.items():
        seen: set[str] = set()
        for need in needs:
            yield from _need(facts, name, need)
            if need.job in seen:
                yield facts.problem("duplicate-need", f"job `{name}` needs `{need.job}` twice", need.path, severity="warning")
            seen.add(need.job)
    yield from islice(_cycles(facts, graph), _MOST_CYCLES)


def _need(facts: Facts, name: str, need: _Need) -> Iterator[Problem]:
    if need.job == name:
        yield facts.problem("needs-itself", f"job `{name}` needs itself", need.path, "remove it")
    elif need.job not in facts.jobs:
        others = [job for job in facts.jobs if job != name]
        several = [part.strip() for part in need.job.split(",")]
        hint = f"write `[{', '.join(several)}]`" if len(several) > 1 else problems.did_you_mean(need.job, others)
        yield facts.problem("unknown-need", f"job `{name}` needs `{need.job[:60]}`, which doesn't exist", need.path, hint)
    elif _is_disabled(facts.jobs[need.job]) and not _is_disabled(facts.jobs[name]):
        message = f"job `{name}` needs `{need.job}`, which isn't enabled"
        yield facts.problem("needs-disabled", message, need.path, "enable that job, or disable this one too")


def _is_disabled(raw: Any) -> bool:
    return isinstance(raw, dict) and raw.get("enabled") is False


def _cycles(facts: Facts, graph: Mapping[str, list[_Need]]) -> Iterator[Problem]:
    """Yield each cycle once, at the need that closes it, with its path."""
    done: set[str] = set()
    for start in graph:
        trail = {start: None} if start not in done else {}
        pending = [(start, iter(graph[start]))] if start not in done else []
        while pending:
            name, needs = pending[-1]
            need = next(needs, None)
            if need is None:
                done.add(name)
                pending.pop()
                del trail[name]
            elif need.job in trail and need.job != name:
                path = list(trail)
                circle = [*path[path.index(need.job) :], need.job]
                message = "these jobs wait for each other: " + " -> ".join(f"`{each}`" for each in circle)
                yield facts.problem("cyclic-needs", message, need.path, "remove one of these needs")
            elif need.job in graph and need.job not in done and need.job != name:
                trail[need.job] = None
                pending.append((need.job, iter(graph[need.job])))


def _recordings(facts: Facts, spec: Spec) -> Iterator[Problem]:
    """Yield recordings of jobs whose units would run in several processes, each with a client and an end of its own."""
    for name, job in spec.jobs.items() if isinstance(spec.engine, Dask) else ():
        if needs_one_process(job):
            message = f"job `{name}` can't record with the engine `dask`: its units run in several processes"
            yield facts.problem("record-with-dask", message, ("jobs", name, "record"), "record with `engine: threads`")


def _database(facts: Facts) -> Iterator[Problem]:
    database = facts.tree.root.get("database")
    if not isinstance(database, str) or not database or facts.tree.spot(("database",)).slot in facts.tree.refused:
        return
    if not re.match(_PLAIN_DATABASE, database):
        from orchestrator.spec.databases import refused

        why = refused(database)
        if why is not None:
            yield facts.problem("bad-database", why[0], ("database",), why[1])
            return
    file = re.fullmatch(_SQLITE_FILE, database)
    if file is None or file["path"] in {"", ":memory:"} or "\0" in file["path"]:
        return
    if not (facts.root / file["path"]).resolve().is_relative_to(facts.root.resolve()):
        hint = "every path lies below the folder of jobs.yaml, also where links lead"
        yield facts.problem("path-outside-project", "the database's file lies outside of the project", ("database",), hint)


def _as_it_stands(facts: Facts) -> Iterator[Problem]:
    """Yield values that a shell, a template or a word processor would mean otherwise: here they are taken as they stand."""
    pending: list[tuple[problems.Path, Any]] = [((), facts.tree.root)] if re.search(_ODD_VALUE, facts.tree.text) else []
    while pending:
        path, value = pending.pop()
        for key, inner in value.items() if isinstance(value, dict) else enumerate(value):
            if isinstance(inner, (dict, list)):
                pending.append(((*path, key), inner))
            elif isinstance(inner, str) and (odd := _odd(inner)) is not None:
                yield facts.problem(odd[0], odd[1], (*path, key), odd[2], severity="warning")


def _odd(text: str) -> tuple[str, str, str] | None:
    """Return code, message and hint of a value that is hardly meant as it stands, None if it may be."""
    name = re.fullmatch(_SHELL_VARIABLE, text)
    if name is not None:
        return (
            "bad-reference",
            f"`{text[:60]}` isn't replaced: it is taken as it stands",
            f"write `${{env:{name[1] or name[2]}}}`",
        )
    template = re.search(_TEMPLATE, text)
    if template is not None:
        return (
            "bad-reference",
            f"`{template[0][:60]}` isn't replaced: templates aren't rendered",
            "`${env:NAME}` works in values",
        )
    if re.fullmatch(_CURLY_QUOTED, text):
        return "curly-quotes", "these quotes are part of the text: YAML knows only straight ones", f'write "{text[1:-1][:60]}"'
    return None


def _stores(facts: Facts, spec: Spec) -> Iterator[Problem]:
    """Yield snapshot stores that two jobs share. Scrape jobs share their database by design."""
    taken: dict[Path, str] = {}
    for name, raw in facts.jobs.items():
        if not isinstance(raw, dict) or raw.get("kind") != "ingest":
            continue
        written = raw.get("snapshots")
        if not isinstance(written, str):
            written = str(Path(spec.state_dir) / "snapshots" / name)
        store = (facts.root / written).resolve()
        other = taken.setdefault(store, name)
        if other != name:
            path = ("jobs", name, "snapshots")
            message = f"jobs `{other}` and `{name}` publish to the same snapshot store"
            yield facts.problem("same-store", message, path, "give each its own `snapshots` folder")

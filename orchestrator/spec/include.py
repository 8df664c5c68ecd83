"""Included files: their jobs are added to those of the file that names them, each value keeps its own place."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

from orchestrator.spec.problems import Problem, Span, problem
from orchestrator.spec.reader import read
from orchestrator.spec.text import MOST_BYTES
from orchestrator.spec.tree import Tree

_KEYS: Final = ("version", "jobs")
_MOST_FILES: Final = 100


def include(tree: Tree, root: Path) -> list[Problem]:
    """Add the jobs of the files that `include` names to the tree; return what is wrong with them."""
    names = tree.root.get("include")
    if not isinstance(names, list):
        return []
    found: list[Problem] = []
    seen: set[Path] = set()
    for index, name in enumerate(names[:_MOST_FILES]):
        if not isinstance(name, str) or (id(names), index) in tree.refused:
            continue
        path = (root / name).resolve()
        here = tree.value_span(("include", index))
        if "\0" in name or not path.is_relative_to(root.resolve()):
            continue  # The model tells.
        if path in seen:
            found.append(problem("bad-include", f"`{name}` is included twice", here, path=("include", index)))
            continue
        seen.add(path)
        if path.exists() and not path.is_file():
            found.append(problem("unreadable-file", f"`{name}` is no file", here, path=("include", index)))
            continue
        try:
            with path.open("rb") as file:
                data = file.read(MOST_BYTES + 1)
        except OSError as error:
            reason = (error.strerror or str(error)).lower()
            hint = "name each file: globs aren't expanded" if "*" in name else "paths start at this file's folder"
            found.append(problem("unreadable-file", f"can't read `{name}`: {reason}", here, hint=hint, path=("include", index)))
            continue
        found += _added(tree, read(data), name)
    return found


def _added(tree: Tree, other: Tree, name: str) -> list[Problem]:
    content = other.root
    tree.take(other, name)
    if not isinstance(content, dict):
        if other.problems:
            return []
        return [problem("wrong-type", "an included file has to hold a mapping", Span(file=name))]
    found = [_foreign(other, key, name) for key in content if key not in _KEYS]
    jobs = content.get("jobs")
    if not isinstance(jobs, dict):
        span = other.value_span(("jobs",)) if "jobs" in content else Span()
        return [*found, problem("bad-include", "an included file has to hold `jobs`, a mapping", span._replace(file=name))]
    own = tree.root.setdefault("jobs", {})
    if not isinstance(own, dict):
        return found
    for job in jobs:
        if job in own:
            span = other.key_span(("jobs", job))._replace(file=name)
            found.append(problem("duplicate-key", f"there is another job `{job}`", span, hint="give it another name"))
        else:
            _move(tree, own, jobs, job, name)
    return found


def _foreign(other: Tree, key: str, name: str) -> Problem:
    span = other.key_span((key,))._replace(file=name)
    return problem("bad-include", f"an included file can't hold `{key}`, only `jobs`", span, hint="put it into the file itself")


def _move(tree: Tree, own: dict[str, Any], jobs: dict[str, Any], job: str, name: str) -> None:
    own[job] = jobs[job]
    marks = tree.marks[id(jobs)]
    position = next(at for at in range(0, len(marks), 2) if marks[at].value == job)
    tree.marks.setdefault(id(own), []).extend(marks[position : position + 2])
    tree.entry_homes[id(own), job] = name
    if (id(jobs), job) in tree.refused:
        tree.refused.add((id(own), job))

"""Loading jobs.yaml: the spec with everything that is wrong with it, each problem at its place."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from orchestrator.errors import SpecError
from orchestrator.spec.examine import Examination
from orchestrator.spec.problems import Problem, Severity, Span, in_order, problem, visible
from orchestrator.spec.reader import read
from orchestrator.spec.references import References, masked
from orchestrator.spec.text import MOST_BYTES
from orchestrator.spec.tree import Tree, tree_of

if TYPE_CHECKING:
    from orchestrator.spec.kinds import Kind
    from orchestrator.spec.resolved import Resolved

_LINE_BREAK: Final = "\r\n|[\n\r\x85\u2028\u2029]"
_SECRET_WORDS: Final = ("key", "passw", "secret", "authorization", "cookie")
_LONG_VALUE: Final = r"token[\"']?[ \t]*:[ \t]*[\"']?[^\s\"',{}]{16,}"
_LONGEST_LINE: Final = 500
_MOST_PROBLEMS: Final = 1000


def load_spec(path: Path | str, *, environment: Mapping[str, str] | None = None, text: str | None = None) -> Resolved:
    """Return the valid spec of a file, or of `text` as if it stood there.

    References are resolved from `environment` (default: that of the process). Raises SpecError, whose `problems` holds
    each Problem, warnings too, sorted by position.
    """
    resolved, problems = check_spec(path, environment=environment, text=text)
    if resolved is None:
        raise _invalid(path, problems)
    return resolved


def check_with_origins(path: Path | str) -> tuple[Resolved, Examination]:
    """Return the valid spec of a file together with what tells where its values come from. Raises SpecError."""
    examination, problems = examine(path)
    if examination is None or any(each.severity == "error" for each in problems):
        raise _invalid(path, problems)
    return _resolved(examination, Path(path), problems), examination


def _invalid(path: Path | str, problems: tuple[Problem, ...]) -> SpecError:
    errors = sum(each.severity == "error" for each in problems)
    noun = "problem" if errors == 1 else "problems"
    return SpecError(f"{Path(path).name} has {errors} {noun}", problems, hint="`orchestrate validate` shows them")


def check_spec(
    path: Path | str,
    *,
    environment: Mapping[str, str] | None = None,
    text: str | bytes | None = None,
    name: str | None = None,
    kinds: Mapping[str, Kind] | None = None,
) -> tuple[Resolved | None, tuple[Problem, ...]]:
    """Return the spec (None if an error stands) and every problem, errors and warnings, sorted by position.

    Never raises for content: an unreadable file is a problem as well. `name` is shown instead of the path, `kinds` replaces
    the kinds that are installed.
    """
    examination, problems = examine(path, environment=environment, text=text, name=name, kinds=kinds)
    if examination is None or any(each.severity == "error" for each in problems):
        return None, problems
    return _resolved(examination, Path(path), problems), problems


def examine(
    path: Path | str,
    *,
    environment: Mapping[str, str] | None = None,
    text: str | bytes | None = None,
    name: str | None = None,
    kinds: Mapping[str, Kind] | None = None,
) -> tuple[Examination | None, tuple[Problem, ...]]:
    """Return what was examined and every problem, without resolving: all that `validate` needs. See `check_spec`."""
    place = Path(path)
    shown = name or str(path)
    try:
        data = _read_file(place) if text is None else text
    except OSError as error:
        reason = f"can't read the file: {(error.strerror or str(error)).lower()}"
        return None, (problem("unreadable-file", reason, Span(file=shown)),)
    tree = read(data)
    examination = _examined(tree, place.absolute().parent, environment, kinds)
    warnings, secrets = _in_clear(tree, examination.references)
    found = in_order([*tree.problems, *examination.problems, *warnings])
    return examination, _placed(found, shown, tree, secrets)


def revive(
    document: Mapping[str, Any],
    root: Path,
    path: Path,
    environment: Mapping[str, str] | None = None,
    kinds: Mapping[str, Kind] | None = None,
) -> Resolved:
    """Return the spec of a document that `Resolved.document` once was; secrets are resolved again from `environment`.

    Raises SpecError, for example if a variable isn't set any more.
    """
    examination = _examined(tree_of(document), root, environment, kinds)
    problems = in_order(examination.problems)
    if any(each.severity == "error" for each in problems):
        first = next(each for each in problems if each.severity == "error")
        raise SpecError(f"the run's spec can't be used any more: {first.message}", problems, hint=first.hint)
    return _resolved(examination, path, problems)


def _in_clear(tree: Tree, references: References) -> tuple[list[Problem], tuple[str, ...]]:
    """Look for secrets where there may be one: a fast no for the usual list of companies with their boards' tokens."""
    text = "\n".join((tree.text, *tree.texts.values())).lower()
    if not isinstance(tree.root, dict) or not (
        any(word in text for word in _SECRET_WORDS)
        or ("@" in text and "://" in text)
        or ("token" in text and re.search(_LONG_VALUE, text))
    ):
        return [], ()
    from orchestrator.spec.secrecy import secrets_in_clear

    return secrets_in_clear(tree, references)


def _read_file(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(MOST_BYTES + 1)


def _examined(tree: Tree, root: Path, environment: Mapping[str, str] | None, kinds: Mapping[str, Kind] | None) -> Examination:
    references = References(tree, os.environ if environment is None else environment, root)
    examination = Examination(tree, references, root, kinds)
    examination.run()
    return examination


def _resolved(examination: Examination, path: Path, problems: tuple[Problem, ...]) -> Resolved:
    from orchestrator.spec.canonical import digest_of, document_of
    from orchestrator.spec.resolved import Resolved

    spec, references = examination.spec, examination.references
    if spec is None:
        raise SpecError("the spec is invalid", problems)
    document = document_of(spec, references, examination.injected, examination.root)
    # Names only: warnings reach the status file, which holds no absolute path.
    warnings = tuple(f"{Path(each.file).name or path.name}:{each.line}: {each.message}" for each in problems)
    return Resolved(spec, path.absolute(), examination.root, document, digest_of(document), references.secrets, warnings)


def _bounded(found: tuple[Problem, ...]) -> tuple[Problem, ...]:
    left = len(found) - _MOST_PROBLEMS
    if left <= 0:
        return found
    last = found[_MOST_PROBLEMS - 1]
    severity: Severity = "error" if any(each.severity == "error" for each in found[_MOST_PROBLEMS:]) else "warning"
    message = f"there are {left:,} more problems"
    more = last._replace(severity=severity, code="too-many-problems", message=message, hint="", path=())
    return (*found[:_MOST_PROBLEMS], more)


def _placed(found: tuple[Problem, ...], file: str, tree: Tree, secrets: tuple[str, ...]) -> tuple[Problem, ...]:
    """Return the problems with the file's name and the line that each stands in."""
    if not found:
        return ()
    texts = {"": tree.text, **tree.texts}
    lines_of = {name: re.split(_LINE_BREAK, texts[name]) for name in {each.file for each in found}}

    def words(text: str) -> str:
        return visible(masked(text, secrets))

    placed = []
    for each in _bounded(found):
        lines = lines_of[each.file]
        snippet = masked(lines[each.line - 1][:_LONGEST_LINE] if each.line <= len(lines) else "", secrets)
        home = str(Path(file).parent / each.file) if each.file else file
        placed.append(each._replace(file=home, snippet=snippet, message=words(each.message), hint=words(each.hint)))
    return tuple(placed)

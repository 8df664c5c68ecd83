"""References in scalars: `${env:NAME}`, `${env:NAME:-default}`, `${file:path}`; `$${` stands for a literal `${`.

What a reference resolves to is text. Where a field wants a number, a boolean or a duration, the text is read as an unquoted
YAML scalar would be. Resolved values never reach a message or a document: the text of the file stands there instead.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from orchestrator.spec import problems
from orchestrator.spec.problems import Path as SpecPath
from orchestrator.spec.problems import Problem, problem
from orchestrator.spec.scalars import Trap, plain
from orchestrator.spec.tree import Slot, Tree

_MARKED: Final = r"\$\$\{|\$\{([^{}\n]*)\}|\$\{"
_ENV: Final = r"env:([A-Za-z_][A-Za-z0-9_]*)(?::-(.*))?"
_SHELL_NAME: Final = r"[A-Za-z_][A-Za-z0-9_]*(?::-.*)?"
GITHUB_HINT: Final = "write `${env:NAME}`, and set the variable in the workflow"
_LARGEST_FILE: Final = 64_000
_SHORTEST_SECRET: Final = 4


class _Unresolved(Exception):
    """A reference that leads nowhere, as a problem's words."""

    def __init__(self, code: str, message: str, hint: str) -> None:
        super().__init__(message)
        self.code, self.message, self.hint = code, message, hint


class References:
    """The references of one tree, resolved in place; `values` holds what each slot became."""

    def __init__(self, tree: Tree, environment: Mapping[str, str], root: Path) -> None:
        self.tree = tree
        self.environment = environment
        self.root = root
        self.problems: list[Problem] = []
        self.values: dict[Slot, str] = {}
        self._secrets: set[str] = set()

    def resolve(self) -> None:
        """Put the values in the place of the references; what leads nowhere becomes a problem at its line."""
        for path, container, slot in list(self.tree.walk_references()):
            if slot in self.values or slot in self.tree.refused:
                continue
            try:
                value = self._resolved(self.tree.references[slot])
            except _Unresolved as failed:
                self.tree.refused.add(slot)
                span = self.tree.value_span(path)
                self.problems.append(problem(failed.code, failed.message, span, hint=failed.hint, path=path))
                continue
            self.values[slot] = value
            container[slot[1]] = value

    @property
    def secrets(self) -> tuple[str, ...]:
        """The resolved values that are long enough to be told from ordinary words; for redaction only."""
        return tuple(sorted(self._secrets))

    def paths(self) -> Iterator[tuple[SpecPath, str]]:
        """Yield each path that holds a resolved value, with the text of the file."""
        for path, _, slot in self.tree.walk_references():
            yield path, self.tree.references[slot]

    def read_as_plain(self, container: Any, slot: Slot) -> bool:
        """Read a resolved text as an unquoted scalar, in place; return whether that makes it something else than text."""
        value = self.values.get(slot)
        if value is None or container[slot[1]] is not value:
            return False
        meant = plain(value)
        if isinstance(meant, (str, Trap)):
            return False
        container[slot[1]] = meant
        return True

    def hidden(self, text: str, slot: Slot | None = None) -> str:
        """Return a message without resolved values; at `slot` even the shortest one is replaced by the file's text."""
        if slot is not None and slot in self.values:
            value = self.values[slot]
            written = self.tree.references[slot]
            text = text.replace(repr(value), f"`{written}`")
            if value:  # A default stands in the reference itself, which is to stay as it is.
                text = written.join(part.replace(value, written) for part in text.split(written))
        if not self._secrets:
            return text
        from orchestrator.redact import Redactor

        return Redactor(self._secrets)(text)

    def _resolved(self, text: str) -> str:
        return re.sub(_MARKED, self._replacement, text)

    def _replacement(self, token: re.Match[str]) -> str:
        if token[0] == "$${":
            return "${"
        inside = token[1]
        if token.string.startswith("{", token.end()) and token[0] == "${":
            raise _Unresolved("bad-reference", "`${{ }}` belongs to GitHub Actions", GITHUB_HINT)
        if inside is None:
            raise _Unresolved("bad-reference", "`${` isn't closed", "write `${env:NAME}`; `$${` stands for a literal `${`")
        env = re.fullmatch(_ENV, inside, re.DOTALL)
        if env is not None:
            return self._variable(env[1], env[2])
        if inside.startswith("file:"):
            return self._file(inside.removeprefix("file:"))
        default = re.fullmatch(r"env:([A-Za-z_]\w*)(?::?[-=?+]|:|\|)(.*)", inside)
        if default is not None:
            hint = f"write `${{env:{default[1]}:-{default[2]}}}`" if default[2] else f"write `${{env:{default[1]}}}`"
            raise _Unresolved("bad-reference", f"`${{{inside}}}` is no reference", hint)
        hint = f"write `${{env:{inside}}}`" if re.fullmatch(_SHELL_NAME, inside) else "write `${env:NAME}` or `${file:path}`"
        raise _Unresolved("bad-reference", f"`${{{inside}}}` is no reference", f"{hint}; `$${{` stands for a literal `${{`")

    def _variable(self, name: str, default: str | None) -> str:
        value = self.environment.get(name)
        if value is not None and (value or default is None):
            self._remember(value)
            return value
        if default is not None:
            return default
        meant = problems.suggest(name, self.environment)
        hint = f"did you mean `{meant}`?" if meant else f"set it, or write `${{env:{name}:-default}}`"
        raise _Unresolved("unset-variable", f"the environment variable `{name}` isn't set", hint)

    def _file(self, name: str) -> str:
        path = (self.root / name).resolve()
        if not name or "\0" in name or not path.is_relative_to(self.root.resolve()):
            raise _Unresolved(
                "path-outside-project",
                f"`{name}` leads out of the project",
                "every path lies below the folder of jobs.yaml, also where links lead",
            )
        if path.exists() and not path.is_file():
            raise _Unresolved("unreadable-file", f"`{name}` is no file", "")
        try:
            with path.open("rb") as file:
                data = file.read(_LARGEST_FILE + 1)
            value = data.decode("utf-8").rstrip("\r\n")
        except OSError as error:
            raise _Unresolved("unreadable-file", f"can't read `{name}`: {error.strerror}", "") from None
        except UnicodeDecodeError:
            raise _Unresolved("unreadable-file", f"`{name}` isn't UTF-8 text", "") from None
        if len(data) > _LARGEST_FILE:
            raise _Unresolved("unreadable-file", f"`{name}` has more than {_LARGEST_FILE:,} bytes", "")
        self._remember(value)
        return value

    def _remember(self, value: str) -> None:
        if len(value) >= _SHORTEST_SECRET and not isinstance(plain(value), bool):
            self._secrets.add(value)


def masked(line: str, secrets: tuple[str, ...]) -> str:
    """Return a line of the file with secrets that stand in clear replaced by stars of the same length."""
    for secret in secrets:
        line = line.replace(secret, "*" * len(secret))
    return line

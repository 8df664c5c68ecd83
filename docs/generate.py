"""Writes what follows from the code: the reference pages, and the statements of a scrape job's run as SQLite reads them.

The page on jobs.yaml comes from the models, the one on the command line from its help.
`python docs/generate.py` writes them; with `--check` it writes nothing and exits with 1 if one differs.
"""

# ruff: noqa: INP001 - a script
from __future__ import annotations

import re
import sys
from collections.abc import Iterator, Mapping
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Final

from pydantic import TypeAdapter
from typer.main import get_command
from typer.testing import CliRunner

from orchestrator.cli.failures import page as failure_codes
from orchestrator.cli.main import SECTIONS, app
from orchestrator.kinds.scrape.boards import built_in as built_in_boards
from orchestrator.kinds.scrape.boards import find_board
from orchestrator.kinds.scrape.sql.compiling import sqlite_as_json
from orchestrator.kinds.scrape.sql.database import COMPILED
from orchestrator.spec.base import SpecModel
from orchestrator.spec.codes import page as problem_codes
from orchestrator.spec.fields import field_at
from orchestrator.spec.kinds import built_in
from orchestrator.spec.model import Spec
from orchestrator.spec.schema import as_json, spec_schema
from orchestrator.spec.types import Allowance, Duration, Share, Size

REFERENCE: Final = Path(__file__).parent / "reference"
NOTE: Final = "<!-- Written by docs/generate.py: change the code, not this page. -->"
WIDTH: Final = "100"

ABOUT_JOBS_YAML: Final = """\
What a batch consists of, field by field. `orchestrate explain jobs.scrape.http.retries` tells the same in a terminal, and
editors read [the JSON Schema](jobs.schema.json). Every path is relative to the file and stays below its folder. Durations are
written as `90`, `"90s"` or `"1m30s"`, sizes as `"20MB"`, shares as `"30%"`. `${env:NAME}`, `${env:NAME:-default}` and
`${file:path}` work in values. Keys that start with `x-` are ignored: a place for anchors."""
ABOUT_COMMAND_LINE: Final = """\
Results go to standard output and everything else to standard error. `NO_COLOR` and `TERM=dumb` are respected; where no
terminal is, there are plain lines without control characters. Verbs that read take `--json`, whose documents carry a
`format_version`. A flag wins over its environment variable (`ORCHESTRATE_STATE_DIR`), that over the file, that over the
default. What a verb returns is in [the table of exit codes](exit-codes.md)."""
ABOUT_BOARDS: Final = """\
Where a company's postings are read, and what is known of each place. `orchestrate detect URL` tells board and token of a
careers page; `url:` in jobs.yaml does the same. *Details* are what the list leaves out (a description, often the date, pay):
`details: new-only` asks for them once per posting. *Unchanged* lists are answered with 304 where the board sends validators.
*An empty answer* is believed when a second run confirms it (`sync.confirm_empty`), unless the board answers unknown names so
too. The last column is how many requests are in flight to a host, and how far apart they start, unless `http.per_host` says
otherwise. [Add a board](../how-to/add-a-board.md) says how another one is written."""

Schema = Mapping[str, Any]
KNOWN_TYPES: Final[dict[str, Any]] = {"duration": Duration, "size": Size, "share": Share, "count or share": Allowance}
PATTERNS: Final = {TypeAdapter(kind).json_schema()["anyOf"][1]["pattern"]: word for word, kind in KNOWN_TYPES.items()}


def jobs_yaml() -> str:
    """Return the page on jobs.yaml."""
    parts = [
        "# jobs.yaml",
        NOTE,
        ABOUT_JOBS_YAML,
        "## The file",
        table(Spec, leave_out=frozenset({"jobs"})),
        "`jobs` maps names (`[a-z0-9][a-z0-9_-]{0,62}`) to jobs. What a job has follows from its `kind`.",
    ]
    for kind in built_in().values():
        parts += [f"## Jobs of the kind `{kind.name}`", sentence(kind.summary), table(kind.load_model())]
    return "\n\n".join(parts) + "\n"


def job_boards() -> str:
    """Return the page on the boards."""
    parts = ["# Job boards", NOTE, ABOUT_BOARDS]
    lines = ["| `board` | token | details | unchanged | an empty answer | at a time, apart |", "|---|---|---|---|---|---|"]
    sections = []
    for name in sorted(built_in_boards()):
        board = find_board(name)
        assert board is not None
        token = "by `url`" if board.needs_url else f"`{board.example}`"
        details = "one request each" if board.details else "in the list"
        unchanged = "304" if board.conditional else "read again"
        empty = "fails" if board.fragile and name == "jsonld" else "is confirmed" if board.empty_means_empty else "says nothing"
        apart = (f", {board.min_interval:g} s" if board.min_interval else "") + (
            " over all companies" if board.one_backend else ""
        )
        lines.append(f"| [`{name}`](#{name}) | {token} | {details} | {unchanged} | {empty} | {board.politeness}{apart} |")
        about = import_module(type(board).__module__).__doc__ or ""
        sections += [f"## {name}", f"{about.strip()}"]
    return "\n\n".join([*parts, "\n".join(lines), *sections]) + "\n"


def sentence(text: str) -> str:
    """Return a summary as a sentence."""
    return f"{text[0].upper()}{text[1:].rstrip('.')}."


def table(model: type[SpecModel], leave_out: frozenset[str] = frozenset()) -> str:
    """Return the fields of a model, nested ones with their path, as a Markdown table."""
    lines = ["| field | type | default | means |", "|---|---|---|---|"]
    schema = model.model_json_schema()
    known = schema.get("$defs", {})
    for path, field, required in fields(schema, known, leave_out):
        kind = words(field, known)
        default = "required" if required else default_of(field, kind)
        cells = (f"`{path}`", kind, default, meaning(model, path))
        lines.append(f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in cells)} |")
    return "\n".join(lines)


def meaning(model: type[SpecModel], path: str) -> str:
    """Return what a field is for. Asked of the model, since the schema of a nested one drops it."""
    parts = [0 if part == "[]" else part for part in re.findall(r"\[\]|[^.\[\]]+", path)]
    found = field_at(model, parts)
    return (found.description if found is not None else None) or ""


def fields(
    schema: Schema, known: Mapping[str, Schema], leave_out: frozenset[str], prefix: str = ""
) -> Iterator[tuple[str, Schema, bool]]:
    """Yield path, schema and whether it is required for each field, depth first."""
    for name, field in schema.get("properties", {}).items():
        if name in leave_out:
            continue
        path = f"{prefix}{name}"
        yield path, field, name in schema.get("required", ())
        for suffix, inner in models_in(field, known):
            yield from fields(inner, known, frozenset(), f"{path}{suffix}.")


def models_in(field: Schema, known: Mapping[str, Schema]) -> Iterator[tuple[str, Schema]]:
    """Yield the models that a value of a field can be, with `[]` for those in a list."""
    for choice in (field, *field.get("anyOf", ()), *field.get("oneOf", ()), *field.get("allOf", ())):
        if "$ref" in choice and "properties" in (found := known[choice["$ref"].rpartition("/")[2]]):
            yield "", found
        if "items" in choice:
            for suffix, inner in models_in(choice["items"], known):
                yield f"[]{suffix}", inner


def words(field: Schema, known: Mapping[str, Schema]) -> str:
    """Return a field's type in words, with its bounds."""
    for choices in ("anyOf", "oneOf"):
        if choices in field:
            patterns = [PATTERNS[choice["pattern"]] for choice in field[choices] if choice.get("pattern") in PATTERNS]
            found = [words(choice, known) for choice in field[choices] if choice.get("type") != "null"]
            return patterns[0] if patterns else " or ".join(dict.fromkeys(found))
    if "$ref" in field:
        return words(known[field["$ref"].rpartition("/")[2]], known)
    if "const" in field:
        return f"`{field['const']}`"
    if "enum" in field:
        return " or ".join(f"`{value}`" for value in field["enum"])
    if field.get("type") == "array":
        return f"list of {words(field.get('items', {}), known)}"
    named = {"string": "text", "boolean": "`true` or `false`", "object": "mapping"}
    kind = str(field.get("type", "any"))
    return named.get(kind, kind) + bounds(field)


def bounds(field: Schema) -> str:
    """Return the bounds of a number in words, empty if it has none."""
    low = field.get("minimum", field.get("exclusiveMinimum"))
    high = field.get("maximum", field.get("exclusiveMaximum"))
    if low is None and high is None:
        return ""
    if low is None:
        return f" up to {high}"
    return f" from {low}" + ("" if high is None else f" to {high}")


def default_of(field: Schema, kind: str) -> str:
    """Return a field's default as it would be written; empty if it has none."""
    default = field.get("default")
    if default is None or isinstance(default, (dict, list)):
        return ""
    if isinstance(default, bool):
        return f"`{str(default).lower()}`"
    if kind == "size":
        return f"`{default / 1e6:g}MB`"
    if isinstance(default, float):
        return f"`{default:.0%}`" if "share" in kind else f"`{default:g}s`"
    return f"`{default}`"


def command_line() -> str:
    """Return the page on the command line."""
    parts = [
        "# Command line",
        NOTE,
        ABOUT_COMMAND_LINE,
        fenced(help_of([])),
    ]
    for title, verbs in SECTIONS.items():
        parts.append(f"## {title}")
        for verb in verbs:
            if find_spec(f"orchestrator.cli.{verb.module}") is not None:
                command = get_command(import_module(f"orchestrator.cli.{verb.module}").app)
                parts += list(pages_of([verb.name], command))
    return "\n\n".join(parts) + "\n"


def pages_of(verb: list[str], command: Any) -> Iterator[str]:
    """Yield heading and help of a verb, and of the verbs below it."""
    yield f"{'#' * (len(verb) + 2)} orchestrate {' '.join(verb)}"
    yield fenced(help_of(verb))
    for name, inner in getattr(command, "commands", {}).items():
        yield from pages_of([*verb, name], inner)


def help_of(verb: list[str]) -> str:
    """Return what `--help` prints."""
    environment = {"COLUMNS": WIDTH, "TERM": "dumb", "NO_COLOR": "1", "ORCHESTRATE_STATE_DIR": None}
    result = CliRunner().invoke(app, [*verb, "--help"], prog_name="orchestrate", env=environment)
    if result.exit_code:
        raise SystemExit(f"orchestrate {' '.join(verb)} --help ends with {result.exit_code}: {result.exception!r}")
    return result.stdout


def fenced(text: str) -> str:
    """Return text as a block that is shown as it is."""
    lines = "\n".join(line.rstrip() for line in text.strip("\n").splitlines())
    return f"```text\n{lines}\n```"


WRITTEN: Final = {
    REFERENCE / "jobs-yaml.md": jobs_yaml,
    REFERENCE / "cli.md": command_line,
    REFERENCE / "jobs.schema.json": lambda: as_json(spec_schema()),
    REFERENCE / "problems.md": problem_codes,
    REFERENCE / "failures.md": failure_codes,
    REFERENCE / "boards.md": job_boards,
    COMPILED: sqlite_as_json,
}


def main(arguments: list[str]) -> int:
    """Write the files, or check them; return the exit code."""
    stale = []
    for page, make in WRITTEN.items():
        text = make()
        if page.is_file() and page.read_text(encoding="utf-8") == text:
            continue
        stale.append(page.name)
        if "--check" not in arguments:
            page.write_text(text, encoding="utf-8")
    for name in stale:
        sys.stdout.write(f"{name} {'differs from the code' if '--check' in arguments else 'is written'}\n")
    return 1 if stale and "--check" in arguments else 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))

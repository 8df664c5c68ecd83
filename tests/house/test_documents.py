"""Documents: links lead somewhere, code blocks parse, commands exist, and reference pages agree with the code."""

from __future__ import annotations

import json
import re
import runpy
import shlex
import tomllib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final
from urllib.parse import unquote

import pytest
import yaml
from pydantic import BaseModel

from orchestrator.cli.main import VERBS
from orchestrator.errors import ExitCode
from orchestrator.spec.load import check_spec
from orchestrator.status import journal, models

Pages = Mapping[Path, str]
Blocks = Callable[[str], list[tuple[Path, str, str]]]
LINK: Final = re.compile(r"(?<!!)\[[^\]]+\]\(([^)\s]+)\)")
HEADING: Final = re.compile(r"^#{1,6} +(.+?) *$", re.MULTILINE)
FIRST_CELL: Final = re.compile(r"^\| (`[^|]+`) \|", re.MULTILINE)
PROBLEMS: Final = Path("docs/reference/problems.md")  # Shows parts of files, and wrong ones on purpose; tests/spec checks them.
CODE: Final = re.compile(r"`([^`]+)`")


def anchors(text: str) -> set[str]:
    return {re.sub(r"[^\w\- ]", "", heading).strip().lower().replace(" ", "-") for heading in HEADING.findall(text)}


def test_links_lead_to_files_and_headings_that_exist(pages: Pages, root: Path) -> None:
    dead = []
    count = 0
    for page, text in pages.items():
        for target in LINK.findall(text):
            if re.match(r"[a-z]+:", target):
                continue
            count += 1
            name, _, anchor = unquote(target).partition("#")
            path = (root / page).parent / name if name else root / page
            if not path.exists() or (anchor and anchor not in anchors(path.read_text(encoding="utf-8"))):
                dead.append(f"{page}: {target}")
    assert dead == []
    assert count > 30


def test_every_page_can_be_reached_from_the_readme(pages: Pages, root: Path) -> None:
    reached: set[Path] = set()
    waiting = [Path("README.md")]
    while waiting:
        page = waiting.pop()
        if page in reached or page not in pages:
            continue
        reached.add(page)
        for target in LINK.findall(pages[page]):
            path = ((root / page).parent / target.partition("#")[0]).resolve()
            if path.is_relative_to(root):
                waiting.append(path.relative_to(root))
    assert sorted(set(pages) - reached) == []


def test_specs_in_documents_are_valid_unless_they_say_that_they_are_broken(blocks: Blocks, tmp_path: Path) -> None:
    specs = [(page, words, text) for page, words, text in blocks("yaml") if text.startswith("version: 1\n")]
    assert len(specs) > 4
    for folder in ("docs", "pages"):
        (tmp_path / folder).mkdir()
    for page, words, text in specs:
        _, problems = check_spec(
            tmp_path / "jobs.yaml", text=text, environment={"PGPASSWORD": "x" * 8, "EMBEDDING_KEY": "y" * 8}
        )
        errors = [problem.message for problem in problems if problem.severity == "error"]
        assert bool(errors) == (words == "broken"), f"{page}: {errors}"


def test_other_blocks_parse_as_what_they_say(blocks: Blocks) -> None:
    for page, _, text in blocks("yaml"):
        assert page == PROBLEMS or yaml.safe_load(text), page
    for page, _, text in blocks("toml"):
        assert tomllib.loads(text), page
    for page, _, text in blocks("json"):
        assert json.loads(text), page
    for page, _, text in blocks("python"):
        assert compile(text, str(page), "exec"), page


def commands(blocks: Blocks) -> list[tuple[Path, list[str]]]:
    """Return the `orchestrate` commands that pages show behind a prompt."""
    found = []
    for page, _, text in blocks("console"):
        for line in text.splitlines():
            if line.startswith("$ "):
                words = shlex.split(line.removeprefix("$ "), comments=True)
                while words and ("=" in words[0] or words[0] in {"uv", "run"}):
                    words.pop(0)
                if words and words[0] == "orchestrate":
                    found.append((page, words[1:]))
    return found


def test_commands_in_documents_have_verbs_and_flags_that_exist(blocks: Blocks, root: Path) -> None:
    shown = commands(blocks)
    assert len(shown) > 25
    page = (root / "docs" / "reference" / "cli.md").read_text(encoding="utf-8")
    helps = dict(re.findall(r"^#+ orchestrate ([a-z ]+)\n\n```text\n(.+?)```", page, flags=re.MULTILINE | re.DOTALL))
    for where, words in shown:
        verb = " ".join(words[:2]) if " ".join(words[:2]) in helps else words[0]
        assert verb in helps, f"{where}: there is no verb {verb}"
        flags = [word.partition("=")[0] for word in words if word.startswith("-") and word != "-"]
        assert [flag for flag in flags if flag not in re.findall(r"-[\w-]+", helps[verb])] == [], f"{where}: {' '.join(words)}"


def test_generated_files_are_what_the_code_says(root: Path) -> None:
    generate = runpy.run_path(str(root / "docs" / "generate.py"))
    for page, make in generate["WRITTEN"].items():
        assert page.read_text(encoding="utf-8") == make(), "run docs/generate.py"


def test_the_verbs_of_the_command_are_those_of_the_page_and_each_has_its_module(pages: Pages, root: Path) -> None:
    page = pages[Path("docs/reference/cli.md")]
    assert re.findall(r"^### orchestrate ([a-z]+)$", page, flags=re.MULTILINE) == list(VERBS)
    missing = [verb.name for verb in VERBS.values() if not (root / "orchestrator" / "cli" / f"{verb.module}.py").is_file()]
    assert missing == []


def named(page: str) -> set[str]:
    """Return what stands as code in the first cells of a page's tables."""
    return {word for cell in FIRST_CELL.findall(page) for word in CODE.findall(cell)}


def test_the_page_on_the_status_file_names_every_field(pages: Pages) -> None:
    page = pages[Path("docs/reference/status.md")]
    fields = set(models.RunStatus.model_fields) | set(models.JobStatus.model_fields)
    assert fields - named(page) == set()
    inner: list[type[BaseModel]] = [models.Items, models.InFlight, models.FailedItem, models.JobError, models.Cancel]
    words = set(re.findall(r"\w+", " ".join(CODE.findall(page))))
    assert {field for model in inner for field in model.model_fields} - words == set()


def test_the_page_on_the_journal_names_every_field_and_event(pages: Pages) -> None:
    fields = {*journal.Entry.__dataclass_fields__, "crc"}
    assert named(pages[Path("docs/reference/journal.md")]) == fields | {event.value for event in journal.Event}


def test_the_page_on_manifests_names_every_field(pages: Pages) -> None:
    from orchestrator.kinds.ingest.manifest import Manifest

    assert named(pages[Path("docs/reference/manifest.md")]) == set(Manifest.model_fields)


def test_the_page_on_the_database_names_every_column(pages: Pages) -> None:
    from orchestrator.kinds.scrape.tables import metadata

    page = pages[Path("docs/reference/database.md")]
    for table in metadata.tables.values():
        _, _, section = page.partition(f"\n## {table.name}\n")
        words = set(CODE.findall(section.partition("\n## ")[0]))
        assert {column.name for column in table.columns} - words == set(), table.name


def test_the_page_on_exit_codes_has_each_code(pages: Pages) -> None:
    codes = re.findall(r"^\| (\d+) \|", pages[Path("docs/reference/exit-codes.md")], flags=re.MULTILINE)
    assert sorted(map(int, codes)) == sorted(ExitCode)


def test_the_readme_needs_two_commands(blocks: Blocks) -> None:
    shown = [text.strip() for page, _, text in blocks("sh") if page == Path("README.md")]
    assert shown == ["python3 -m pip install uv && uv run orchestrate run", "uv run pytest"]


@pytest.mark.parametrize("name", ["ci/github/action.yml", "ci/gitlab.yml", ".pre-commit-hooks.yaml"])
def test_templates_for_ci_parse_and_call_verbs_that_exist(root: Path, name: str) -> None:
    text = (root / name).read_text(encoding="utf-8")
    assert yaml.safe_load(text)
    called = re.findall(r"(?:^|- |entry: )\s*orchestrate ([a-z]+)", text, flags=re.MULTILINE)
    assert called
    assert set(called) <= set(VERBS)


def test_ci_does_what_the_readme_says(root: Path) -> None:
    lines = [line.strip() for line in (root / ".ci" / "run").read_text(encoding="utf-8").splitlines()]
    for command in (
        "python3 -m pip install uv",
        "uv run pytest",
        "uv run ruff check",
        "uv run ruff format --check",
        "uv run mypy",
    ):
        assert command in lines

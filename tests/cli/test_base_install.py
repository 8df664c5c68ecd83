"""Without any extra: what writes, checks and reads works, and what needs more says in a sentence what to install."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import pytest
import yaml

from orchestrator import extras

ROOT: Final = Path(__file__).resolve().parents[2]
INITECH: Final = '{name: Initech, url: "https://jobs.lever.co/initech"}'
INDEXED: Final = """
  handbook: {kind: ingest, corpus: docs}
  openings: {kind: ingest, needs: [boards], corpus: {postings: boards}}
"""
WITHOUT: Final = """
import sys
names = {names!r}
class Missing:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in names:
            raise ModuleNotFoundError(f"No module named {{name!r}}", name=name)
sys.meta_path.insert(0, Missing())
sys.argv[0] = "orchestrate"
from orchestrator.cli.main import main
main()
"""
WORKS: Final[tuple[tuple[str, ...], ...]] = (
    ("validate",),
    ("plan",),
    ("status",),
    ("runs",),
    ("logs",),
    ("schema", "spec"),
    ("explain", "jobs.scrape.http"),
    ("config", "show"),
    ("detect", "https://jobs.lever.co/initech"),
    ("schedule", "print", "--cron", "0 6 * * *"),
    ("prune", "--dry-run"),
    ("init", "fresh"),
)
NEEDS_SCRAPE: Final[tuple[tuple[str, ...], ...]] = (
    ("run",),
    ("postings",),
    ("postings", "show", "1"),
    ("postings", "accept", "Initech"),
    ("db", "stats"),
    ("db", "backup", "copy.db"),
    ("db", "prune", "--older-than", "1d", "--dry-run"),
)
MOST_MEGABYTES: Final = 22
"""20.0 when this was written; docs/adr/0011 has the table."""


@pytest.fixture
def bare(clean_environment: dict[str, str]) -> Callable[..., subprocess.CompletedProcess[str]]:
    """Run a verb where no extra's module can be imported."""
    names = {module.partition(".")[0] for modules in extras.MODULES.values() for module in modules}

    def run(*arguments: str, cwd: Path) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-c", WITHOUT.format(names=names), *arguments]
        return subprocess.run(command, cwd=cwd, env=clean_environment, capture_output=True, text=True, check=False, timeout=50)

    return run


@pytest.fixture(scope="module")
def used(tmp_path_factory: pytest.TempPathFactory, replayed: Callable[[str], str]) -> Path:
    """Return a project whose companies were gathered and whose documents were indexed once, with every extra."""
    folder = tmp_path_factory.mktemp("used")
    (folder / "jobs.yaml").write_text(replayed(INITECH) + INDEXED)
    (folder / "docs").mkdir()
    (folder / "docs" / "resume.md").write_text("# How to resume\n\nA run goes on.\n")
    shutil.copy(ROOT / "examples" / "boards.har", folder)
    subprocess.run([sys.executable, "-m", "orchestrator", "run", "--quiet"], cwd=folder, check=True)
    return folder


@pytest.mark.parametrize("arguments", WORKS, ids=" ".join)
def test_it_works_without_any_extra(bare: Callable[..., Any], used: Path, arguments: tuple[str, ...]) -> None:
    done = bare(*arguments, cwd=used)
    assert (done.returncode, "extra" in done.stderr) == (0, False), done.stderr


@pytest.mark.parametrize("arguments", NEEDS_SCRAPE, ids=" ".join)
def test_it_says_what_to_install(bare: Callable[..., Any], used: Path, arguments: tuple[str, ...]) -> None:
    done = bare(*arguments, cwd=used)
    assert done.returncode == 1
    assert "needs the extra `scrape`, which isn't installed" in done.stderr
    assert "pip install 'orchestrate[scrape]'" in done.stderr
    assert "unexpected" not in done.stderr


def test_the_plan_knows_the_companies_that_a_run_stored(
    bare: Callable[..., Any], orchestrate: Callable[..., Any], replayed: Callable[[str], str], used: Path
) -> None:
    renamed = used / "other.yaml"
    renamed.write_text(replayed(INITECH).replace("acmerobotics", "globexenergy"))
    said = json.loads(bare("plan", "other.yaml", "--json", cwd=used).stdout)["jobs"]["boards"]["items"]
    assert said == orchestrate("plan", "other.yaml", "--json", cwd=used).json()["jobs"]["boards"]["items"]
    assert {item["change"] for item in said} == {"new", "unchanged", "gone"}


def test_the_plan_knows_the_documents_of_a_model_that_isnt_installed(
    bare: Callable[..., Any], used: Path, tmp_path: Path
) -> None:
    root = shutil.copytree(used, tmp_path / "edited")
    (root / "docs" / "new.md").write_text("# New\n")
    jobs = json.loads(bare("plan", "--json", cwd=root).stdout)["jobs"]
    assert [(item["key"], item["change"]) for item in jobs["handbook"]["items"]] == [
        ("new.md", "new"),
        ("resume.md", "unchanged"),
    ]
    assert jobs["openings"]["unchanged"] > 0
    assert (jobs["openings"]["new"], jobs["openings"]["changed"], jobs["openings"]["gone"]) == (0, 0, 0)
    assert "isn't installed here" in jobs["handbook"]["warnings"][0]


def test_a_first_plan_leaves_jobs_for_later_that_need_what_others_store(
    bare: Callable[..., Any], project: Callable[..., Path], replayed: Callable[[str], str]
) -> None:
    root = project(replayed(INITECH) + INDEXED, {"docs/a.md": "# A\n"})
    shutil.copy(ROOT / "examples" / "boards.har", root)
    done = bare("plan", cwd=root)
    assert done.returncode == 0
    assert "openings  is planned when boards ran: " in done.stdout
    assert bare("plan", "--job", "openings", cwd=root).returncode == 1


def test_a_run_doesnt_take_a_model_for_granted_that_isnt_installed(
    bare: Callable[..., Any], project: Callable[..., Path]
) -> None:
    done = bare("run", cwd=project("version: 1\njobs: {handbook: {kind: ingest, corpus: docs}}\n", {"docs/a.md": "# A\n"}))
    assert done.returncode == 1
    assert "the default embedding needs the extra `ingest`" in done.stderr


def test_a_plan_of_a_damaged_database_is_an_error_and_no_traceback(
    bare: Callable[..., Any], used: Path, tmp_path: Path
) -> None:
    shutil.copytree(used, tmp_path / "damaged")
    database = tmp_path / "damaged" / ".orchestrate" / "postings.db"
    database.write_bytes(b"no database at all" * 100)
    done = bare("plan", cwd=database.parents[1])
    assert done.returncode == 1
    assert "the database postings.db failed: file is not a database" in done.stdout


def test_a_plan_of_a_database_server_says_what_it_needs(
    bare: Callable[..., Any], project: Callable[..., Path], replayed: Callable[[str], str]
) -> None:
    root = project(
        replayed(INITECH).replace("    replay: boards.har\n", "") + "database: postgresql+psycopg://me@127.0.0.1:1/none\n"
    )
    done = bare("plan", cwd=root)
    assert done.returncode == 1
    assert "pip install 'orchestrate[scrape]'" in done.stdout + done.stderr
    assert "unexpected" not in done.stderr


def test_the_doctor_names_what_the_jobs_need(bare: Callable[..., Any], used: Path) -> None:
    done = bare("doctor", "--json", cwd=used)
    checks = {each["name"]: each for each in json.loads(done.stdout)["checks"]}
    assert done.returncode == 1
    assert checks["scrape"]["hint"] == "pip install 'orchestrate[scrape]'"
    assert "sqlalchemy" in checks["scrape"]["message"]
    assert checks["database"]["state"] == "ok"


def test_a_bug_is_no_missing_extra(bare: Callable[..., Any], tmp_path: Path) -> None:
    done = bare("plan", "--debug", cwd=tmp_path)
    assert "extra" not in done.stderr
    assert extras.extra_of("orchestrator.no_such_module") is None
    assert [extras.extra_of(name) for name in ("sqlalchemy.orm", "llama_index", "streamlit")] == [
        "scrape",
        "ingest",
        "dashboard",
    ]


def test_the_hook_and_the_templates_that_validate_install_the_base_alone() -> None:
    (hook,) = yaml.safe_load((ROOT / ".pre-commit-hooks.yaml").read_text())
    assert (hook["language"], hook.get("additional_dependencies")) == ("python", None)
    action = yaml.safe_load((ROOT / "ci" / "github" / "action.yml").read_text())["runs"]["steps"]
    (install,) = [step["run"] for step in action if "pip install" in step.get("run", "")]
    template = yaml.safe_load((ROOT / "ci" / "gitlab.yml").read_text())
    (shared,) = template[".orchestrate"]["before_script"]
    assert "[" not in install + shared
    assert "pip" not in "".join(template["validate jobs.yaml"]["script"])
    assert "[scrape,ingest]" in "".join(template["nightly run"]["script"])


@pytest.fixture(scope="module")
def base_venv(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a virtual environment with the base alone, as a hook of pre-commit makes one."""
    uv = shutil.which("uv")
    if uv is None:
        pytest.skip("there is no uv to make an environment with")
    venv = tmp_path_factory.mktemp("base") / "venv"
    subprocess.run([uv, "venv", "--quiet", "--python", sys.executable, str(venv)], check=True, capture_output=True)
    command = [uv, "pip", "install", "--quiet", "--python", str(venv / "bin" / "python"), str(ROOT)]
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=50)
    except subprocess.TimeoutExpired:
        pytest.skip("the package index doesn't answer")
    if done.returncode:
        pytest.skip(f"nothing can be installed here: {done.stderr.strip().splitlines()[-1][:200]}")
    return venv


def test_the_base_alone_is_small_and_validates_plans_and_reads(
    base_venv: Path, used: Path, tmp_path: Path, clean_environment: dict[str, str]
) -> None:
    environment = {name: value for name, value in clean_environment.items() if name != "PYTHONPATH"}

    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        command = [str(base_venv / "bin" / "orchestrate"), *arguments]
        folder = tmp_path / "used"
        return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False, timeout=50)

    packages = next((base_venv / "lib").glob("python*/site-packages"))
    size = sum(path.stat().st_size for path in packages.rglob("*") if path.is_file() and path.suffix != ".pyc")
    assert size / 1e6 < MOST_MEGABYTES
    shutil.copytree(used, tmp_path / "used")
    shutil.rmtree(tmp_path / "used" / "fresh", ignore_errors=True)
    for arguments in WORKS:
        done = run(*arguments)
        assert done.returncode == 0, (arguments, done.stderr)
    done = run("run")
    assert done.returncode == 1
    assert "pip install 'orchestrate[scrape]'" in done.stderr

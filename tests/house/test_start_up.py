"""What a fresh interpreter imports: verbs that don't execute jobs never pay for what executes them."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import pytest

HEAVY: Final = (
    "llama_index",
    "streamlit",
    "sqlalchemy",
    "httpx",
    "httpcore",
    "dask",
    "distributed",
    "numpy",
    "nh3",
    "selectolax",
    "tokenizers",
    "pandas",
)
PROBE: Final = """
import json, sys
from orchestrator.cli.main import main
sys.argv = ["orchestrate", *sys.argv[1:]]
try:
    main()
except SystemExit as end:
    code = end.code
print("\\n" + json.dumps({"code": code, "modules": sorted(sys.modules)}))
"""
SPEC: Final = """
version: 1
jobs:
  boards:
    kind: scrape
    companies:
      - {name: Acme Robotics, board: greenhouse, token: acme}
      - {name: Initech, url: https://jobs.lever.co/initech}
  handbook: {kind: ingest, corpus: pages, checks: {smoke: [{query: what, expect: "*.md"}]}}
"""
DRILL: Final = "version: 1\njobs: {drill: {kind: drill}}\n"


@pytest.fixture
def modules_of(clean_environment: dict[str, str]) -> Callable[..., tuple[int, set[str]]]:
    """Run a verb in a fresh interpreter; return its exit code and what was imported."""

    def run(*arguments: str, cwd: Path) -> tuple[int, set[str]]:
        done = subprocess.run(
            [sys.executable, "-c", PROBE, *arguments],
            cwd=cwd,
            env=clean_environment,
            capture_output=True,
            check=True,
            text=True,
        )
        document: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
        return document["code"] or 0, set(document["modules"])

    return run


def test_help_validate_and_schema_import_nothing_heavy(
    modules_of: Callable[..., tuple[int, set[str]]], project: Callable[..., Path]
) -> None:
    root = project(SPEC, {"pages/a.md": "# A\n"})
    for arguments in (["--help"], ["run", "--help"], ["validate"], ["validate", "--format", "sarif"], ["schema", "spec"]):
        code, modules = modules_of(*arguments, cwd=root)
        assert code == 0, arguments
        assert not modules & set(HEAVY), arguments
        assert "orchestrator.cli.main" in modules, "the probe saw the program"


def test_status_of_a_run_imports_nothing_heavy(
    modules_of: Callable[..., tuple[int, set[str]]], project: Callable[..., Path], orchestrate: Callable[..., Any]
) -> None:
    root = project(DRILL)
    assert orchestrate("run", "--quiet", cwd=root).code == 0
    for arguments in (["status"], ["status", "--json"], ["runs"], ["logs"]):
        code, modules = modules_of(*arguments, cwd=root)
        assert code == 0, arguments
        assert not modules & set(HEAVY), arguments
        assert not any(name.startswith(("orchestrator.kinds.scrape.job", "orchestrator.kinds.ingest.job")) for name in modules)


@pytest.mark.parametrize(
    "module", ["orchestrator", "orchestrator.spec.load", "orchestrator.engine.run", "orchestrator.kinds.scrape.spec"]
)
def test_importing_a_light_module_imports_nothing_heavy(module: str, root: Path) -> None:
    code = f"import json, sys, {module}; print(json.dumps(sorted(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], cwd=root, capture_output=True, check=True, text=True)
    assert not set(json.loads(done.stdout)) & set(HEAVY)


def test_the_probe_sees_a_heavy_import(root: Path) -> None:
    code = "import json, sys, orchestrator.kinds.scrape.store; print(json.dumps(sorted(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], cwd=root, capture_output=True, check=True, text=True)
    assert "sqlalchemy" in json.loads(done.stdout)

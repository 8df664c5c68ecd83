"""The dashboard reads: nothing changes, nothing is left, nothing heavy or writing is imported."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

PROBE = """
import json, pkgutil, sys
import dashboard
for module in pkgutil.walk_packages(dashboard.__path__, "dashboard."):
    if module.name != "dashboard.app" and not module.name.startswith("dashboard.routes"):
        __import__(module.name)
print(json.dumps(sorted(sys.modules)))
"""
FORBIDDEN = (
    "llama_index",
    "httpx",
    "sqlalchemy",
    "orchestrator.engine",
    "orchestrator.kinds",
    "orchestrator.cli",
    "pandas",
    "pyarrow",
)


def test_a_fresh_interpreter_imports_neither_engine_nor_kinds_nor_their_libraries() -> None:
    done = subprocess.run([sys.executable, "-c", PROBE], capture_output=True, text=True, check=True)
    modules = json.loads(done.stdout.splitlines()[-1])
    assert "dashboard.live" in modules
    assert [name for name in modules if name.startswith(FORBIDDEN)] == []


def test_polls_of_every_page_change_nothing_below_a_read_only_directory(
    build: Any, open_page: Callable[..., Any], digest_of: Callable[[Path], str]
) -> None:
    run = build.run("running")
    build.journal(run, [{"key": f"company {number}"} for number in range(50)])
    build.spec(run, {"jobs": {"handbook": {"kind": "ingest", "corpus": "docs"}}})
    build.database([{"id": 1, "title": "Engineer"}], [{"posting_id": 1, "event": "new"}])
    build.snapshot({"a.md": "one"}, ago=100)
    build.snapshot({"a.md": "two"}, ago=50)
    everything = [build.root, *build.root.rglob("*")]
    modes = {path: path.stat().st_mode for path in everything}
    for path in everything:
        path.chmod(0o555 if path.is_dir() else 0o444)
    before = digest_of(build.root)
    try:
        for page in ("now", "run", "runs", "postings", "snapshots"):
            open_page(page).look()
        assert digest_of(build.root) == before
    finally:
        for path, mode in modes.items():
            path.chmod(mode)


def test_no_module_opens_for_writing_or_lets_markup_through() -> None:
    root = Path(__file__).parents[2] / "dashboard"
    sources = {path.name: path.read_text(encoding="utf-8") for path in root.rglob("*") if path.suffix in {".py", ".js"}}
    assert len(sources) > 20
    for name, source in sources.items():
        for word in ("unsafe_allow_html", "unsafe_allow_javascript", "innerHTML", "insertAdjacentHTML", "eval(",
                     '"wb"', 'open("w"', "write_text", "write_bytes", "st.markdown",
                     "st.write(", "file_uploader", "st.button"):  # fmt: skip
            assert word not in source, (name, word)

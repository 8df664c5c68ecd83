"""Which package may import which: read from every import, also `from package import module` and those inside functions."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Final

import pytest

Trees = Mapping[Path, ast.Module]

BASE: Final = frozenset({"orchestrator", "errors", "extras", "files", "disk", "redact", "deadline", "boundary"})
ALLOWED: Final[dict[str, frozenset[str]]] = {
    "errors": frozenset(),
    "extras": frozenset({"errors"}),
    "disk": frozenset({"errors"}),
    "redact": frozenset({"errors"}),
    "files": frozenset({"errors"}),
    "deadline": frozenset({"errors", "files", "redact"}),
    "boundary": frozenset({"errors"}),
    "status": BASE | {"status"},
    "job": BASE | {"status", "job"},
    "spec": BASE | {"status", "job", "spec", "kinds"},  # `kinds` is an empty package, looked through to find what there is
    "engine": BASE | {"status", "job", "spec", "engine"},
    "kinds.scrape": BASE | {"status", "job", "spec", "kinds.scrape"},
    "kinds.ingest": BASE | {"status", "job", "spec", "kinds.ingest"},
    "kinds": frozenset(),
    "dashboard": BASE | {"status", "dashboard"},
}
FREE: Final = frozenset({"cli", "orchestrator", "__main__"})  # The top: it wires everything together.
HOMES: Final = {
    "httpx": {"orchestrator/kinds/scrape/http.py", "orchestrator/kinds/ingest/providers.py"},  # kinds don't share modules
    "httpcore": {"orchestrator/kinds/scrape/http.py"},
    "fcntl": {"orchestrator/files.py"},
}


def layer(module: str) -> str:
    """Return which part of the house a module belongs to: `kinds.scrape` for `orchestrator.kinds.scrape.http`."""
    parts = module.split(".")
    if parts[0] == "dashboard":
        return "dashboard"
    inner = parts[1:]
    if not inner:
        return "orchestrator"
    return ".".join(inner[:2]) if inner[0] == "kinds" and len(inner) > 1 else inner[0]


def module_of(path: Path) -> str:
    parts = path.with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


@cache
def _imports_and_calls(tree: ast.Module) -> list[ast.AST]:
    """Return the nodes that may import something. Once a tree: every rule asks for them."""
    return [node for node in ast.walk(tree) if isinstance(node, ast.Import | ast.ImportFrom | ast.Call)]


def imported(tree: ast.Module, path: Path, known: frozenset[str]) -> Iterator[tuple[int, str]]:
    """Yield line and module of each import; a name that is a module counts as that module."""
    package = module_of(path) if path.name == "__init__.py" else module_of(path).rpartition(".")[0]
    for node in _imports_and_calls(tree):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            above = package.split(".")[: len(package.split(".")) - node.level + 1] if node.level else []
            source = ".".join([*above, *filter(None, [node.module])])
            for alias in node.names:
                inner = f"{source}.{alias.name}"
                yield node.lineno, inner if inner in known else source
        elif isinstance(node, ast.Call) and getattr(node.func, "id", "") == "import_module" and node.args:
            value = node.args[0]
            if isinstance(value, ast.Constant):
                yield node.lineno, str(value.value)


def broken_rules(trees: Trees) -> list[str]:
    known = frozenset(map(module_of, trees))
    broken = []
    for path, tree in trees.items():
        here = layer(module_of(path))
        for line, name in imported(tree, path, known):
            if name.split(".")[0] not in {"orchestrator", "dashboard"} or here in FREE:
                continue
            there = layer(name)
            if there != here and there not in ALLOWED[here]:
                broken.append(f"{path}:{line}: {here} must not import {name}")
    return broken


def test_each_package_imports_only_those_below_it(trees: Trees) -> None:
    assert broken_rules(trees) == []


@pytest.mark.parametrize(
    ("place", "line"),
    [
        ("orchestrator/engine/new.py", "from orchestrator.kinds import scrape"),
        ("orchestrator/engine/new.py", "from orchestrator.kinds.scrape.sync import settle"),
        ("orchestrator/kinds/ingest/new.py", "from ..scrape import store"),
        ("orchestrator/kinds/scrape/new.py", "def f():\n    import orchestrator.engine.run"),
        ("orchestrator/spec/new.py", "from importlib import import_module\nimport_module('orchestrator.engine.run')"),
        ("dashboard/new.py", "from orchestrator.engine import run"),
        ("orchestrator/status/new.py", "from orchestrator import job"),
    ],
)
def test_a_forbidden_import_is_found_however_it_is_written(trees: Trees, place: str, line: str) -> None:
    found = set(broken_rules({**trees, Path(place): ast.parse(line)})) - set(broken_rules(trees))
    assert [rule.partition(":")[0] for rule in found] == [place]


def test_a_library_that_has_a_home_is_imported_nowhere_else(trees: Trees) -> None:
    for library, homes in HOMES.items():
        users = {
            path.as_posix()
            for path, tree in trees.items()
            for _, name in imported(tree, path, frozenset())
            if name.split(".")[0] == library
        }
        assert users <= homes, f"{library} belongs into {homes}"
        assert users, f"nobody imports {library}: this rule watches nothing"


def test_only_one_module_syncs_and_renames(trees: Trees) -> None:
    users = {
        path.as_posix()
        for path, tree in trees.items()
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute) and node.attr in {"fsync", "fdatasync", "rename", "renames"}
    }
    assert users == {"orchestrator/files.py"}


def test_the_engine_runs_units_on_the_standard_library_alone(trees: Trees) -> None:
    engine = {path: tree for path, tree in trees.items() if path.parts[1] == "engine"}
    assert len(engine) > 5
    foreign = {"streamlit", "llama_index", "httpx", "sqlalchemy", "anyio", "trio", "joblib"}
    for path, tree in engine.items():
        for line, name in imported(tree, path, frozenset()):
            assert name.split(".")[0] not in foreign, f"{path}:{line}"
            if "dask" not in path.parts:  # Dask's client is an asyncio one; it has a thread and a loop of its own.
                assert not name.startswith(("concurrent.futures", "multiprocessing", "asyncio")), f"{path}:{line}"
                assert name.split(".")[0] not in {"distributed", "dask"}, f"{path}:{line}"


def test_product_code_knows_nothing_of_tests(trees: Trees, root: Path) -> None:
    for path, tree in trees.items():
        for line, name in imported(tree, path, frozenset()):
            assert name.split(".")[0] not in {"pytest", "_pytest", "unittest", "hypothesis", "tests"}, f"{path}:{line}"
        text = (root / path).read_text(encoding="utf-8")
        assert "PYTEST" not in text, path
        assert "_for_test" not in text, path


def test_nothing_durable_is_unpickled(trees: Trees, root: Path) -> None:
    for path, tree in trees.items():
        for line, name in imported(tree, path, frozenset()):
            if path.as_posix() in {"orchestrator/engine/dask/wire.py", "orchestrator/kinds/scrape/readers/messages.py"}:
                continue  # What they pack crosses a connection, or a pipe, and is never stored.
            assert name.split(".")[0] not in {"pickle", "marshal", "shelve", "dill", "cloudpickle", "joblib"}, f"{path}:{line}"
        assert "allow_pickle=True" not in (root / path).read_text(encoding="utf-8"), path

"""orchestrate: a declarative batch orchestrator for job boards and retrieval.

The public names are imported when they are first used, so that `import orchestrator` costs nothing.
"""

from __future__ import annotations

from importlib import import_module

# What type checkers take for true. Importing `typing` for it is half the way to a verb's first line.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from orchestrator.errors import OrchestrateError
    from orchestrator.kinds.ingest.search import open_snapshot
    from orchestrator.spec.load import load_spec

__all__ = ["OrchestrateError", "__version__", "load_spec", "open_snapshot"]
__version__ = "0.1.0"

_HOMES = {
    "OrchestrateError": "orchestrator.errors",
    "load_spec": "orchestrator.spec.load",
    "open_snapshot": "orchestrator.kinds.ingest.search",
}


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        return getattr(import_module(_HOMES[name]), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)

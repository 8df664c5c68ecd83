"""The optional parts of this package: which libraries each extra brings, and what to say when one is missing."""

from __future__ import annotations

from importlib.util import find_spec
from typing import Final

from orchestrator.errors import MissingExtra

MODULES: Final[dict[str, tuple[str, ...]]] = {
    "scrape": ("sqlalchemy", "httpx", "httpcore", "certifi", "nh3", "protego"),
    "ingest": (
        "llama_index.core",
        "wordllama",
        "tokenizers",
        "safetensors",
        "numpy",
        "selectolax",
        "pypdfium2",
        "docx",
        "httpx",
        "sqlalchemy",
    ),
    "dashboard": ("streamlit",),
    "postgres": ("psycopg",),
    "dask": ("distributed",),
}
"""By extra, the modules that this program imports of it; the first extra that has a module is the one to install."""


def exists(module: str) -> bool:
    """Whether a module is installed; nothing but its parents is imported."""
    try:
        return find_spec(module) is not None
    except ModuleNotFoundError:
        return False


def missing(extra: str) -> list[str]:
    """Return the modules of an extra that aren't installed."""
    return [module for module in MODULES[extra] if not exists(module)]


def require(feature: str, extra: str) -> None:
    """Raise MissingExtra, with what to install, unless the whole extra is there. `feature` begins the sentence."""
    if missing(extra):
        raise MissingExtra(feature, extra)


def extra_of(module: str | None) -> str | None:
    """Return the extra that brings a module that couldn't be imported; None if it belongs to no extra."""
    top = (module or "").partition(".")[0]
    owners = (extra for extra, modules in MODULES.items() if any(name.partition(".")[0] == top for name in modules))
    return next(owners, None)

"""What a scrape job writes to: its database, and the file whose lock guards it. Light: opens and imports no database."""

from __future__ import annotations

import hashlib
from pathlib import Path
from urllib.parse import urlsplit

from orchestrator.job import Surroundings, Target
from orchestrator.kinds.scrape.spec import ScrapeSpec
from orchestrator.status.layout import StateDir


def targets(_spec: ScrapeSpec, surroundings: Surroundings) -> list[Target]:
    """Return the one database of all scrape jobs of a run."""
    return [database_target(surroundings.database, StateDir(surroundings.state_dir), surroundings.root)]


def database_target(url: str, state: StateDir, root: Path) -> Target:
    """Return name and lock of a database: for a SQLite file a lock beside it, for a server one in the state directory."""
    file = sqlite_file(url, root)
    if file is not None:
        return Target(f"database {file.name}", file.with_name(f".{file.name}.lock"))
    parts = urlsplit(url)
    port = f":{parts.port}" if parts.port else ""
    name = f"{parts.hostname or 'localhost'}{port}{parts.path}"
    digest = hashlib.sha256(name.encode()).hexdigest()[:16]
    return Target(f"database {name}", state.locks / f"{digest}.lock")


def sqlite_file(url: str, root: Path) -> Path | None:
    """Return the file of a SQLite URL, relative ones below `root`; None for a server's URL."""
    scheme, separator, rest = url.partition(":///")
    if not separator or scheme.partition("+")[0] != "sqlite":
        return None
    return root / rest.partition("?")[0]

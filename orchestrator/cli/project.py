"""Finding the spec and the state directory that a verb works on."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from orchestrator.errors import UsageError
from orchestrator.status.layout import StateDir

if TYPE_CHECKING:
    from orchestrator.job import Surroundings
    from orchestrator.spec.resolved import Resolved

DEFAULT_SPEC: Final = Path("jobs.yaml")
DEFAULT_STATE_DIR: Final = ".orchestrate"


def find_spec(file: Path | None) -> Path:
    """Return the spec to work on. Raises UsageError with what to do if there is none."""
    path = file or DEFAULT_SPEC
    if path.is_dir():
        path = path / DEFAULT_SPEC
    if not path.is_file():
        raise UsageError(
            f"there is no {path} here",
            hint="`orchestrate init` writes a first one; -f/--file names another place",
        )
    return path


def named(argument: Path | None, option: Path | None) -> Path | None:
    """Return the spec that a person named, as an argument or behind `-f`. Raises UsageError for two different ones."""
    if argument is not None and option is not None and argument != option:
        raise UsageError(f"two specs are named, {argument} and {option}", hint="name one, as an argument or behind -f")
    return argument or option


def load(file: Path | None) -> Resolved:
    """Load and validate the spec. Raises SpecError with every problem."""
    from orchestrator.spec.load import load_spec

    return load_spec(find_spec(file))


def state_dir_of(resolved: Resolved, state_dir: Path | None) -> StateDir:
    """Return the state directory of a loaded spec; the flag wins."""
    return StateDir((state_dir or resolved.root / resolved.spec.state_dir).absolute())


def find_state_dir(file: Path | None, state_dir: Path | None) -> StateDir:
    """Return the state directory for a verb that reads: the flag's, else the spec's (valid or not), else `.orchestrate`."""
    if state_dir is not None:
        return StateDir(state_dir.absolute())
    if file is None and not DEFAULT_SPEC.is_file():
        return StateDir(Path(DEFAULT_STATE_DIR).absolute())
    path = find_spec(file)
    return StateDir((path.parent / _named_state_dir(path)).absolute())


def _named_state_dir(path: Path) -> str:
    named = raw_spec(path).get("state_dir")
    return named if isinstance(named, str) else DEFAULT_STATE_DIR


def raw_spec(path: Path) -> dict[str, Any]:
    """Return the content of a spec as it stands there, valid or not; nothing of it if it is no mapping or can't be read."""
    import yaml

    try:
        document = yaml.load(path.read_bytes(), Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))  # noqa: S506 - both are safe
    except (yaml.YAMLError, ValueError, OSError, RecursionError):
        return {}
    return document if isinstance(document, dict) else {}


def database_url(resolved: Resolved, state: StateDir) -> str:
    """Return the database's URL with absolute path and driver, default included: for use, never for display."""
    url = resolved.spec.database
    if url is None:
        return f"sqlite:///{state.database}"
    scheme, separator, path = url.partition(":///")
    if separator and scheme.startswith("sqlite") and path and not path.startswith(("/", ":memory:", "file:")):
        return f"{scheme}:///{resolved.root / path}"
    name, separator, rest = url.partition("://")
    return f"postgresql+psycopg://{rest}" if separator and name in {"postgres", "postgresql"} else url


def surroundings(resolved: Resolved, state: StateDir, job: str, run_id: str, helpers: int = 0) -> Surroundings:
    """Return what a kind is told when one of its jobs is built."""
    from orchestrator.job import Surroundings

    return Surroundings(
        job=job,
        run_id=run_id,
        root=resolved.root,
        state_dir=state.path,
        database=database_url(resolved, state),
        settings={"retention": resolved.spec.retention.model_dump(), "name": resolved.spec.name},
        helpers=helpers,
    )

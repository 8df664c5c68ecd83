"""What `orchestrate doctor` looks at: one function a check, each gives a state and a sentence and changes nothing."""

from __future__ import annotations

import os
import platform
import sys
import time
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Final, Literal, NamedTuple

from orchestrator import __version__, disk, extras, files
from orchestrator.cli.project import DEFAULT_STATE_DIR, database_url, surroundings
from orchestrator.errors import OrchestrateError
from orchestrator.spec.kinds import find_kind
from orchestrator.status.layout import StateDir

if TYPE_CHECKING:
    from orchestrator.job import Surroundings
    from orchestrator.spec.base import JobSpec
    from orchestrator.spec.resolved import Resolved

_OLDEST, _NEWEST = (3, 11), (3, 13)
_BASE: Final = ("pydantic", "typer", "pyyaml", "rich")
_LITTLE_SPACE: Final = 1_000_000_000
_NO_SPACE: Final = 50_000_000
_PATIENCE_SECONDS: Final = 5
ONLINE_SECONDS: Final = 8.0
"""The most that `--online` waits for all hosts together."""
_MOST_NAMES: Final = 3
_FIRST_PLAUSIBLE_TIME: Final = 1_700_000_000.0  # 2023: a clock behind it was never set.


class Check(NamedTuple):
    """One thing that was looked at. `storage` marks what belongs to the state directory or the database."""

    name: str
    state: Literal["ok", "warning", "failed"]
    message: str
    hint: str = ""
    storage: bool = False


def examine(spec: Path, state_dir: Path | None, *, online: bool = False) -> list[Check]:
    """Return every check, in the order in which a person would put things right."""
    checks = [*_program(), *_extras(), *_clock()]
    resolved, spec_checks = _spec(spec)
    checks += spec_checks
    root = spec.absolute().parent
    named = resolved.root / resolved.spec.state_dir if resolved is not None else root / DEFAULT_STATE_DIR
    state = StateDir((state_dir or named).absolute())
    checks += _state(state)
    if resolved is not None:
        checks += [*_database(resolved, state), *_needed(resolved, state)]
        if online:
            checks += _hosts(resolved)
    return checks


def _program() -> Iterator[Check]:
    python = platform.python_version()
    if _OLDEST <= sys.version_info[:2] <= _NEWEST:
        yield Check("python", "ok", f"{python} on {platform.system()} {platform.machine()}")
    else:
        yield Check("python", "warning", f"{python} isn't tested", "use Python 3.11 to 3.13")
    if sys.platform not in {"linux", "darwin"}:
        yield Check("platform", "failed", f"locks don't exist on {platform.system()}", "use Linux or macOS; WSL works")
    versions = ", ".join(f"{name} {_version(name)}" for name in _BASE)
    yield Check("orchestrate", "ok", f"{__version__} ({versions})")
    if find_spec("yaml._yaml") is None:
        yield Check("libyaml", "warning", "PyYAML was built without it: reading a spec is ten times slower", "reinstall pyyaml")


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return "is missing"


def _extras() -> Iterator[Check]:
    for extra, modules in extras.MODULES.items():
        missing = extras.missing(extra)
        if not missing:
            yield Check(f"extra {extra}", "ok", "installed")
        else:
            said = "not installed" if len(missing) == len(modules) else f"incomplete: {', '.join(missing)}"
            yield Check(f"extra {extra}", "ok", f"{said}; pip install 'orchestrate[{extra}]' adds it")


def _clock() -> Iterator[Check]:
    now = time.localtime()
    if time.time() < _FIRST_PLAUSIBLE_TIME:
        yield Check("clock", "failed", f"says that it is {now.tm_year}", "set the clock: run ids sort by time")
        return
    offset = time.strftime("%z", now)
    yield Check("clock", "ok", f"local time zone {now.tm_zone} (UTC{offset[:3]}:{offset[3:]}); files have UTC")


def _spec(path: Path) -> tuple[Resolved | None, list[Check]]:
    from orchestrator.spec.load import check_spec

    if not path.is_file():
        hint = "`orchestrate init` writes a first one"
        return None, [Check("spec", "warning", f"there is no {path.name} here", hint)]
    resolved, problems = check_spec(path)
    errors = sum(each.severity == "error" for each in problems)
    if errors:
        return None, [Check("spec", "failed", f"{path.name}: {errors} errors", "`orchestrate validate` shows them")]
    if problems:
        hint = "`orchestrate validate` shows them"
        return resolved, [Check("spec", "warning", f"{path.name}: {len(problems)} warnings", hint)]
    return resolved, [Check("spec", "ok", f"{path.name} is valid")]


def _state(state: StateDir) -> Iterator[Check]:
    path = state.path
    name = path.name
    if not path.is_dir():
        parent = next(each for each in path.parents if each.exists())
        if path.exists() or not os.access(parent, os.W_OK | os.X_OK):
            yield Check("state directory", "failed", f"{name} can't be created", "check who owns the folder", storage=True)
        else:
            yield Check("state directory", "ok", f"{name} doesn't exist yet; the first run creates it")
            yield _space(parent)
        return
    yield from _rights(path)
    network = disk.network_file_system(path)
    if network is not None:
        hint = "put `state_dir` on a local one: locks may not hold between hosts"
        yield Check("file system", "warning", f"{path.name} lies on a network file system ({network})", hint)
    yield _space(path)
    yield _locks(path)


def _rights(path: Path) -> Iterator[Check]:
    if not os.access(path, os.R_OK | os.W_OK | os.X_OK):
        hint = "readers work; a run needs to write"
        yield Check("state directory", "failed", f"{path.name} isn't writable", hint, storage=True)
    elif not files.is_private(path):
        yield Check("state directory", "warning", f"others can read {path.name}", f"chmod 700 {path.name}", storage=True)
    else:
        yield Check("state directory", "ok", f"{path.name} is writable, by its owner only")


def _space(path: Path) -> Check:
    free = disk.free_bytes(path)
    message = f"{free / 1e9:,.1f} GB free"
    if free < _NO_SPACE:
        return Check("disk", "failed", message, "`orchestrate prune` removes old runs", storage=True)
    return Check("disk", "warning" if free < _LITTLE_SPACE else "ok", message, "`orchestrate prune` removes old runs")


def _locks(path: Path) -> Check:
    """Take a lock on a file of our own and see that another descriptor is refused."""
    probe = path / f"{files.TEMPORARY_PREFIX}doctor-{os.getpid()}.lock"
    try:
        with files.Lock.acquire(probe):
            works = files.is_locked(probe) is True
    except OrchestrateError as error:
        return Check("locks", "failed", error.message, error.hint, storage=True)
    finally:
        probe.unlink(missing_ok=True)
    if works:
        return Check("locks", "ok", "work in the state directory")
    return Check("locks", "failed", "don't hold here", "put `state_dir` on a local file system", storage=True)


def _database(resolved: Resolved, state: StateDir) -> Iterator[Check]:
    kinds = {job.kind for job in resolved.spec.jobs.values()}
    if resolved.spec.database is None and "scrape" not in kinds:
        return
    url = database_url(resolved, state)
    _, separator, rest = url.partition(":///")
    if url.startswith("sqlite") and separator:
        yield _sqlite(Path(rest.partition("?")[0]))
    else:
        yield _server(url)


def _sqlite(path: Path) -> Check:
    import sqlite3

    if not path.exists():
        return Check("database", "ok", f"{path.name} doesn't exist yet; the first run creates it")
    try:
        connection = sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True, timeout=_PATIENCE_SECONDS)
        try:
            (said,) = connection.execute("PRAGMA quick_check(1)").fetchone()
        finally:
            connection.close()
    except sqlite3.Error as error:
        return Check("database", "failed", f"{path.name}: {error}", "restore a backup, or move the file away", storage=True)
    if said != "ok":
        return Check("database", "failed", f"{path.name} is damaged: {said}", "restore a backup", storage=True)
    return Check("database", "ok", f"{path.name} opens and is sound (SQLite {sqlite3.sqlite_version})")


def _server(url: str) -> Check:
    if not extras.exists("sqlalchemy"):
        return Check("database", "warning", "it can't be asked without the extra `scrape`", "pip install 'orchestrate[scrape]'")
    from sqlalchemy import create_engine
    from sqlalchemy.exc import ArgumentError, NoSuchModuleError, SQLAlchemyError
    from sqlalchemy.pool import NullPool

    try:
        arguments = {"connect_timeout": _PATIENCE_SECONDS} if url.startswith("postgresql") else {}
        with create_engine(url, poolclass=NullPool, connect_args=arguments).connect() as connection:
            name = connection.dialect.name
    except (ArgumentError, NoSuchModuleError, ModuleNotFoundError) as error:
        hint = "pip install 'orchestrate[postgres]'" if isinstance(error, ModuleNotFoundError) else "check `database`"
        return Check("database", "failed", f"the URL can't be used: {type(error).__name__}", hint, storage=True)
    except SQLAlchemyError as error:
        message = f"no connection: {type(error).__name__}"
        return Check("database", "failed", message, "check host, user, password and network", storage=True)
    return Check("database", "ok", f"{name} answers")


def _needed(resolved: Resolved, state: StateDir) -> Iterator[Check]:
    """Say of each kind that the spec uses whether what its jobs import is there; nothing is imported."""
    for kind in sorted({job.kind for job in resolved.spec.jobs.values() if job.enabled}, reverse=True):
        jobs = {name: job for name, job in resolved.spec.jobs.items() if job.enabled and job.kind == kind}
        lacking = {
            name: found for name, job in jobs.items() if (found := _lacking(job, surroundings(resolved, state, name, "")))
        }
        if lacking:
            name, missing = next(iter(lacking.items()))
            told = "; ".join(f"{', '.join(each)} for {what}" for what, each in missing.items())
            modules = [module for each in missing.values() for module in each]
            yield Check(kind, "failed", f"to run, job `{name}` needs {told}", _installing(modules))
        else:
            yield Check(kind, "ok", f"what {'1 job needs' if len(jobs) == 1 else f'{len(jobs)} jobs need'} is installed")


def _lacking(job: JobSpec, around: Surroundings) -> dict[str, list[str]]:
    """Return the modules that a job lacks, by what needs them."""
    kind = find_kind(job.kind)
    found: dict[str, list[str]] = {}
    seen: set[str] = set()
    for module, what in kind.find_requirements(job, around) if kind is not None else ():
        if module not in seen and not extras.exists(module):
            found.setdefault(what, []).append(module)
        seen.add(module)
    return found


def _installing(modules: list[str]) -> str:
    known = list(dict.fromkeys(extra for module in modules if (extra := extras.extra_of(module)) is not None))
    own = [module for module in modules if extras.extra_of(module) is None]
    said = [f"pip install 'orchestrate[{','.join(known)}]'"] if known else []
    return "; ".join([*said, *(f"install the package that has {module}" for module in own)])


def _hosts(resolved: Resolved) -> Iterator[Check]:
    """Say of each host that the scrape jobs ask first for a company whether it accepts a connection."""
    from orchestrator.cli.reach import knock

    behind = _doors(resolved)
    for (host, port), answer in knock(behind, ONLINE_SECONDS).items():
        names = behind[host, port]
        place = host if port in {80, 443} else f"{host}:{port}"
        told = ", ".join(names[:_MOST_NAMES]) + (f" and {len(names) - _MOST_NAMES} more" if len(names) > _MOST_NAMES else "")
        if answer.trouble:
            hint = "check the network, the address, or `http.proxy`"
            yield Check("host", "warning", f"{place}: {answer.trouble} (asked for {told})", hint)
        else:
            yield Check("host", "ok", f"{place} answers after {answer.seconds * 1000:.0f} ms (asked for {told})")


def _doors(resolved: Resolved) -> dict[tuple[str, int], list[str]]:
    """Return the hosts of every enabled scrape job, by name, with the companies that are asked for there."""
    from orchestrator.kinds.scrape.doors import doors
    from orchestrator.kinds.scrape.spec import ScrapeSpec

    found: dict[tuple[str, int], list[str]] = {}
    for job in resolved.spec.jobs.values():
        if isinstance(job, ScrapeSpec) and job.enabled:
            for door, names in doors(job).items():
                found.setdefault(door, []).extend(names)
    return dict(sorted(found.items()))

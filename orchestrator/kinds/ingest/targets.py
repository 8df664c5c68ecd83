"""What an ingest job writes to, and the rules of its spec across fields. Reads file names at most."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Final

from orchestrator.job import Surroundings, Target
from orchestrator.kinds.ingest.spec import IngestSpec, Postings, Provider
from orchestrator.spec.base import JobSpec
from orchestrator.spec.kinds import Finding
from orchestrator.spec.problems import did_you_mean

WRITER_LOCK: Final = ".writer.lock"
_MOST_LOOKED_AT: Final = 20_000


def store_of(spec: IngestSpec, surroundings: Surroundings) -> Path:
    """Return the snapshot store of a job."""
    if spec.snapshots is not None:
        return surroundings.root / spec.snapshots
    return surroundings.state_dir / "snapshots" / surroundings.job


def targets(spec: IngestSpec, surroundings: Surroundings) -> list[Target]:
    """Return the snapshot store; two jobs with one store have one target."""
    store = store_of(spec, surroundings).resolve()
    return [Target(f"snapshots:{store}", store / WRITER_LOCK)]


def folders_of(spec: IngestSpec) -> list[str]:
    """Return the corpus folders as they stand in the spec; none for postings."""
    if isinstance(spec.corpus, Postings):
        return []
    return [spec.corpus] if isinstance(spec.corpus, str) else list(spec.corpus)


def check(job: str, spec: IngestSpec, jobs: Mapping[str, JobSpec], root: Path) -> Iterator[Finding]:
    """Return what is wrong between the fields of one job, or between the job and the disk."""
    del job
    yield from _check_embedding(spec)
    yield from _check_publish(spec)
    yield from _check_chunk(spec)
    yield from _check_postings(spec, jobs)
    yield from _check_folders(spec, root)
    yield from _check_globs(spec, root)


def _check_embedding(spec: IngestSpec) -> Iterator[Finding]:
    if isinstance(spec.embedding, Provider) and spec.embedding.provider != "ollama" and not spec.embedding.base_url:
        yield Finding(("embedding",), "no-base-url", "an openai-compatible provider needs a `base_url`")


def _check_publish(spec: IngestSpec) -> Iterator[Finding]:
    if spec.publish is None:
        return
    if spec.embedding == "none":
        message = "a vector store has nothing to take without vectors"
        yield Finding(("publish",), "publish-without-vectors", message, "choose an `embedding`, or remove `publish`")
    if spec.publish.parameter in spec.publish.arguments:
        message = f"`{spec.publish.parameter}` is given to the class anew for each snapshot"
        yield Finding(("publish", spec.publish.parameter), "name-of-collection", message, "set `name` instead")


def _check_chunk(spec: IngestSpec) -> Iterator[Finding]:
    if spec.chunk.overlap * 2 > spec.chunk.size:
        yield Finding(
            ("chunk", "overlap"),
            "overlap-too-large",
            f"an overlap of {spec.chunk.overlap} repeats more than half of a node of {spec.chunk.size} characters",
            "lower `overlap`, or raise `size`",
        )


def _check_postings(spec: IngestSpec, jobs: Mapping[str, JobSpec]) -> Iterator[Finding]:
    if not isinstance(spec.corpus, Postings):
        return
    name = spec.corpus.postings
    other = jobs.get(name)
    if other is None:
        yield Finding(("corpus", "postings"), "no-such-job", f"there is no job `{name}`", _scrape_jobs(name, jobs))
    elif other.kind != "scrape":
        message = f"`{name}` is a job of the kind `{other.kind}`; only `scrape` stores postings"
        yield Finding(("corpus", "postings"), "not-a-scrape-job", message)
    elif name not in {need.job for need in spec.needs}:
        message = f"this job may start before `{name}` has stored its postings"
        yield Finding(("corpus", "postings"), "not-in-needs", message, f"add `needs: [{name}]`", severity="warning")


def _scrape_jobs(name: str, jobs: Mapping[str, JobSpec]) -> str:
    found = [job for job, spec in jobs.items() if spec.kind == "scrape"]
    return did_you_mean(name, found) or "write a job of the kind `scrape` first"


def _check_folders(spec: IngestSpec, root: Path) -> Iterator[Finding]:
    store = (root / spec.snapshots).resolve() if spec.snapshots is not None else None
    for number, folder in enumerate(folders_of(spec)):
        path = ("corpus",) if isinstance(spec.corpus, str) else ("corpus", number)
        place = (root / folder).resolve()
        if store is not None and place.is_relative_to(store):
            message = f"the corpus {folder!r} lies inside its own snapshot store"
            yield Finding(path, "corpus-in-store", message, "give `snapshots` a folder of its own")
        elif not place.is_dir():
            yield Finding(
                path,
                "no-such-folder",
                f"there is no folder {folder!r}",
                "paths start at this file's folder",
                severity="warning",
            )


def _check_globs(spec: IngestSpec, root: Path) -> Iterator[Finding]:
    places = [root / folder for folder in folders_of(spec) if (root / folder).is_dir()]
    if not spec.include or not places:
        return
    from orchestrator.kinds.ingest.globs import compile_glob

    waiting = dict(enumerate(map(compile_glob, spec.include)))
    for looked_at, name in enumerate(_names(places)):
        waiting = {number: glob for number, glob in waiting.items() if not glob.match(name)}
        if not waiting or looked_at >= _MOST_LOOKED_AT:
            return
    for number in waiting:
        message = f"{spec.include[number]!r} matches no file of the corpus"
        yield Finding(("include", number), "glob-matches-nothing", message, "globs are relative to the corpus", "warning")


def _names(places: Iterable[Path]) -> Iterator[str]:
    for place in places:
        for folder, _, names in os.walk(place):
            yield from (Path(folder, name).relative_to(place).as_posix() for name in names)

"""What an ingest job writes to, and the rules of its spec across fields. Reads file names at most."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

from orchestrator.job import Surroundings, Target
from orchestrator.kinds.ingest.spec import IngestSpec, Postings, Provider
from orchestrator.spec.base import JobSpec
from orchestrator.spec.kinds import Finding
from orchestrator.spec.problems import did_you_mean

WRITER_LOCK: Final = ".writer.lock"
_SMALL_FILE: Final = 1000


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
    yield from _check_size(spec)
    yield from _check_postings(spec, jobs)
    yield from _check_folders(spec, jobs, root)
    yield from _check_globs(spec, root)


def _check_embedding(spec: IngestSpec) -> Iterator[Finding]:
    if isinstance(spec.embedding, Provider) and spec.embedding.provider != "ollama" and not spec.embedding.base_url:
        path = ("embedding", "base_url") if spec.embedding.base_url == "" else ("embedding",)
        hint = "say where its API lies, for example `base_url: https://api.example/v1`"
        yield Finding(path, "no-base-url", "an openai-compatible provider needs a `base_url`", hint)


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


def _check_size(spec: IngestSpec) -> Iterator[Finding]:
    if spec.max_file_size < _SMALL_FILE:
        message = f"`max_file_size` is {spec.max_file_size} bytes: hardly any document is that small"
        yield Finding(("max_file_size",), "unlikely-value", message, f'write "{spec.max_file_size}MB" for megabytes', "warning")


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


def _check_folders(spec: IngestSpec, jobs: Mapping[str, JobSpec], root: Path) -> Iterator[Finding]:
    store = (root / spec.snapshots).resolve() if spec.snapshots is not None else None
    for number, folder in enumerate(folders_of(spec)):
        path = ("corpus",) if isinstance(spec.corpus, str) else ("corpus", number)
        place = (root / folder).resolve()
        if store is not None and place.is_relative_to(store):
            message = f"the corpus {folder!r} lies inside its own snapshot store"
            yield Finding(path, "corpus-in-store", message, "give `snapshots` a folder of its own")
        elif not place.is_dir():
            hint = _folder_meant(folder, place, jobs)
            yield Finding(path, "no-such-folder", f"there is no folder {folder!r}", hint, severity="warning")


def _folder_meant(folder: str, place: Path, jobs: Mapping[str, JobSpec]) -> str:
    """Return what a corpus was probably meant to be that is no folder: a scrape job, a file, globs, several folders."""
    if folder in jobs and jobs[folder].kind == "scrape":
        return f"for the postings of that job write `{{postings: {folder}}}`"
    if place.is_file():
        parent = str(Path(folder).parent)
        return f'it is a file: write `corpus: {"./" if parent == "." else parent}` and `include: ["{place.name}"]`'
    base, star, _ = folder.partition("*")
    if star:
        base = base.rpartition("/")[0]
        return f'write `corpus: {base or "./"}` and `include: ["{folder[len(base) :].lstrip("/")}"]`'
    if ", " in folder:
        return f"for several folders write `[{', '.join(part.strip() for part in folder.split(','))}]`"
    return "paths start at this file's folder"


def _check_globs(spec: IngestSpec, root: Path) -> Iterator[Finding]:
    if spec.include or spec.exclude or spec.checks.smoke:
        from orchestrator.kinds.ingest.unmatched import unmatched

        yield from unmatched(spec, folders_of(spec), root)

"""Which corpus a spec means."""

from __future__ import annotations

from pathlib import Path

from orchestrator.job import Surroundings
from orchestrator.kinds.ingest.corpus import FolderCorpus, Root, Rules
from orchestrator.kinds.ingest.document import Corpus
from orchestrator.kinds.ingest.readers import KNOWN
from orchestrator.kinds.ingest.spec import IngestSpec, Postings
from orchestrator.kinds.ingest.targets import folders_of


def corpus_of(spec: IngestSpec, surroundings: Surroundings, store: Path) -> Corpus:
    """Return the corpus. Keys of several folders begin with the folder as it stands in the spec."""
    if isinstance(spec.corpus, Postings):
        from orchestrator.kinds.ingest.postings_corpus import PostingsCorpus

        return PostingsCorpus(spec.corpus.postings, surroundings.database)
    names = folders_of(spec)
    several = len(names) > 1
    roots = [
        Root((surroundings.root / name).resolve(), f"{Path(name).as_posix().strip('/')}/" if several else "") for name in names
    ]
    rules = Rules(
        include=tuple(spec.include),
        exclude=tuple(spec.exclude),
        known=KNOWN | frozenset(spec.readers),
        max_file_size=spec.max_file_size,
        respect_gitignore=spec.respect_gitignore,
        omit=(store, surroundings.state_dir),
    )
    return FolderCorpus(tuple(roots), rules)

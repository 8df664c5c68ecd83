"""The manifest of a snapshot: which files it has, and what they were made of. Written once, never modified."""

from __future__ import annotations

import hashlib
import json
import re
from datetime import UTC, datetime
from pathlib import Path, PurePosixPath
from secrets import token_hex
from typing import Annotated, Any, Final

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from orchestrator.errors import UnreadableState
from orchestrator.kinds.ingest.recipe import canonical

NAME: Final = "MANIFEST.json"
SCHEMA_VERSION: Final = 1
SNAPSHOT_ID: Final = re.compile(r"\d{8}T\d{6}\.\d{6}Z-[0-9a-f]{4}")
_BLOCK: Final = 1 << 20
Sha256 = Annotated[str, Field(pattern="^[0-9a-f]{64}$")]


class _Part(BaseModel):
    model_config = ConfigDict(extra="ignore", frozen=True)


class FileEntry(_Part):
    """One file of a snapshot."""

    path: str = Field(description="Its place in the snapshot, in POSIX form.")
    size: int = Field(ge=0, description="In bytes.")
    sha256: Sha256 = Field(description="Of its content.")


class LeftOut(_Part):
    """A document that isn't in the snapshot, and why."""

    document: str = Field(description="Its path relative to the corpus.")
    reason: str = Field(description="A few words, or the code of the failure.")


class Manifest(_Part):
    """The content of MANIFEST.json, schema version 1."""

    schema_version: int = Field(default=SCHEMA_VERSION, description="The version of this format.")
    snapshot_id: str = Field(description="The snapshot's name; sorts by time.")
    job: str = Field(description="The job that made it.")
    run_id: str = Field(description="The run that made it.")
    created_at: str = Field(description="UTC, ISO 8601 with Z.")
    corpus_digest: Sha256 = Field(description="Of keys and contents of the documents in it.")
    settings_digest: Sha256 = Field(description="Of `settings`.")
    settings: dict[str, Any] = Field(default_factory=dict, description="What nodes depend on beside the content.")
    versions: dict[str, str] = Field(default_factory=dict, description="Of the packages that made it.")
    documents: int = Field(ge=0, description="How many documents are in it.")
    nodes: int = Field(ge=0, description="How many nodes are in it.")
    embedding: dict[str, Any] = Field(default_factory=dict, description="The model, and the vectors' dimensions.")
    quarantined: list[LeftOut] = Field(default_factory=list, description="Documents that couldn't be read (at most 1,000).")
    quarantined_total: int = Field(default=0, ge=0, description="How many there were.")
    skipped: list[LeftOut] = Field(default_factory=list, description="What the walk left out (at most 1,000).")
    skipped_total: int = Field(default=0, ge=0, description="How many there were.")
    files: list[FileEntry] = Field(description="Every file of the snapshot but this one.")
    digest: Sha256 = Field(description="Of this document in canonical form, without this field.")


def new_snapshot_id(now: float, after: str | None = None) -> str:
    """Return a name that sorts by time, and behind `after` even if the clock went back. `now` is seconds since the epoch."""
    at = datetime.fromtimestamp(now, UTC)
    name = f"{at:%Y%m%dT%H%M%S}.{at.microsecond:06d}Z"
    if after is not None and name <= (last := after.rpartition("-")[0]):
        moment = datetime.strptime(last, "%Y%m%dT%H%M%S.%fZ").replace(tzinfo=UTC)
        return new_snapshot_id(moment.timestamp() + 0.000_002)
    return f"{name}-{token_hex(2)}"


def is_snapshot_id(text: str) -> bool:
    """Whether `text` is the name of a snapshot; what isn't is never joined to a path."""
    return SNAPSHOT_ID.fullmatch(text) is not None


def sealed(fields: dict[str, Any]) -> Manifest:
    """Return the manifest of these fields, with its digest."""
    unsealed = Manifest.model_validate(fields | {"digest": "0" * 64})
    return unsealed.model_copy(update={"digest": digest_of(unsealed.model_dump(mode="json"))})


def digest_of(document: dict[str, Any]) -> str:
    """Return the digest that a manifest has to carry."""
    return hashlib.sha256(canonical({key: value for key, value in document.items() if key != "digest"})).hexdigest()


def rendered(document: dict[str, Any]) -> bytes:
    """Return a manifest's bytes: one form only, so that not even a space can change unseen."""
    return json.dumps(document, indent=1, ensure_ascii=False).encode() + b"\n"


def is_sealed(data: bytes) -> bool:
    """Whether bytes are a manifest in its one form that fits its own digest. Fields of newer versions are covered, too."""
    try:
        document = json.loads(data)
    except ValueError:
        return False
    return isinstance(document, dict) and rendered(document) == data and digest_of(document) == document.get("digest")


def read_manifest(snapshot: Path) -> Manifest:
    """Return a snapshot's manifest. Raises UnreadableState with a sentence."""
    try:
        data = (snapshot / NAME).read_bytes()
    except OSError as error:
        raise UnreadableState(f"{snapshot.name} has no readable manifest: {error.strerror}") from error
    try:
        manifest = Manifest.model_validate_json(data)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        where = ".".join(map(str, first["loc"])) or "the document"
        raise UnreadableState(f"the manifest of {snapshot.name} is damaged: {where}: {first['msg']}") from None
    if manifest.schema_version > SCHEMA_VERSION:
        raise UnreadableState(
            f"{snapshot.name} has schema version {manifest.schema_version}; this program reads up to {SCHEMA_VERSION}",
            hint="update orchestrate",
        )
    return manifest


def entry_of(path: Path, relative: str) -> FileEntry:
    """Return the entry of a file, read in blocks."""
    digest, size = hashlib.sha256(), 0
    with path.open("rb") as stream:
        while block := stream.read(_BLOCK):
            digest.update(block)
            size += len(block)
    return FileEntry(path=relative, size=size, sha256=digest.hexdigest())


def is_plain(relative: str) -> bool:
    """Whether a path of a manifest stays in its snapshot: relative, in normal form, without `..`."""
    path = PurePosixPath(relative)
    return bool(path.parts) and not path.is_absolute() and ".." not in path.parts and str(path) == relative

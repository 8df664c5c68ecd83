"""The spec of an ingest job: what stands in jobs.yaml below a job of `kind: ingest`."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Annotated, Any, Final, Literal

from pydantic import AfterValidator, ConfigDict, Discriminator, Field, StringConstraints, Tag, WithJsonSchema
from pydantic_core import PydanticCustomError

from orchestrator.spec.base import JobSpec, SpecModel
from orchestrator.spec.types import Allowance, Duration, Glob, Name, ProjectPath, Size

_REFERENCE: Final = r"^[A-Za-z_][\w.]*:[A-Za-z_]\w*$"


def _refuse(code: str, problem: str, hint: str) -> PydanticCustomError:
    return PydanticCustomError(code, "{problem}", {"problem": problem, "hint": hint})


def _reference(value: str) -> str:
    if re.fullmatch(_REFERENCE, value):
        return value
    module, dot, name = value.rpartition(".")
    hint = f"write `{module}:{name}`" if dot and re.fullmatch(_REFERENCE, f"{module}:{name}") else "write it as `module:Class`"
    raise _refuse("not-a-class", f"`{value[:80]}` names no class", hint)


Reference = Annotated[
    str,
    StringConstraints(max_length=500),
    AfterValidator(_reference),
    WithJsonSchema({"type": "string", "pattern": _REFERENCE, "maxLength": 500}),
]


def _api(value: str) -> str:
    """Check the address of an API, whose paths begin behind it."""
    from orchestrator.spec import urls

    why = urls.refused(value) if value else None
    if why is None and value.rstrip("/").endswith(_ENDPOINTS):
        why = "the path of the API's method doesn't belong to it", f"write `{value.rstrip('/').rpartition('/')[0]}`"
    if why is not None:
        raise _refuse("bad-url", *why)
    return value


_ENDPOINTS: Final = ("/embeddings", "/api/embed")


class Postings(SpecModel):
    """Index the open postings that a scrape job stored."""

    postings: Name = Field(description="The name of the scrape job.", examples=["boards"])


def _corpus_shape(value: Any) -> str:
    if isinstance(value, (dict, Postings)):
        return "postings"
    return "folders" if isinstance(value, (list, tuple)) else "folder"


Corpus = Annotated[
    Annotated[ProjectPath, Tag("folder")]
    | Annotated[list[ProjectPath], Field(min_length=1, max_length=100), Tag("folders")]
    | Annotated[Postings, Tag("postings")],
    Discriminator(_corpus_shape),
]


class Chunk(SpecModel):
    """How documents are cut into nodes."""

    size: int = Field(default=1200, ge=100, le=20_000, description="The most characters of a node.", examples=[1200])
    overlap: int = Field(
        default=0, ge=0, le=10_000, description="Characters that a node repeats of the one before.", examples=[100]
    )
    splitter: Literal["headings", "sentence", "token", "markdown"] | Reference = Field(
        default="headings",
        description="`headings` cuts at headings and paragraphs; the others are LlamaIndex's; `module:Class` is yours.",
        examples=["sentence"],
    )


class Provider(SpecModel):
    """An embedding model behind an HTTP API."""

    provider: Literal["openai-compatible", "ollama"] = Field(description="Which API it speaks.", examples=["ollama"])
    model: str = Field(min_length=1, max_length=200, description="The model's name.", examples=["nomic-embed-text"])
    base_url: Annotated[str, StringConstraints(max_length=2000), AfterValidator(_api)] | None = Field(
        default=None,
        description="Where the API lies, up to and without `/embeddings`.",
        examples=["http://127.0.0.1:11434/v1"],
    )
    api_key: str | None = Field(
        default=None, max_length=1000, description="The key, as `${env:NAME}`.", examples=["${env:EMBEDDING_KEY}"]
    )
    batch: int = Field(default=64, ge=1, le=2048, description="Texts in one request.", examples=[64])
    request_timeout: Annotated[Duration, Field(gt=0, le=180)] = Field(
        default=30.0, description="The most one request may take.", examples=["30s"]
    )
    retries: int = Field(default=3, ge=0, le=20, description="Further tries after the first.", examples=[3])
    min_interval: Annotated[Duration, Field(le=60)] = Field(
        default=0.0, description="The least time between two requests.", examples=["100ms"]
    )


class EmbeddingClass(SpecModel):
    """Any embedding class of LlamaIndex; further keys are its arguments."""

    model_config = ConfigDict(extra="allow", strict=True, frozen=True, populate_by_name=True)

    reference: Reference = Field(alias="class", description="The class, as `module:Class`.", examples=["mine:Model"])

    @property
    def arguments(self) -> Mapping[str, Any]:
        """Return the further keys."""
        return self.model_extra or {}


def _embedding_shape(value: Any) -> str:
    if isinstance(value, EmbeddingClass) or (isinstance(value, dict) and "class" in value):
        return "class"
    return "provider" if isinstance(value, (dict, Provider)) else "word"


Embedding = Annotated[
    Annotated[Literal["default", "none"], Tag("word")]
    | Annotated[Provider, Tag("provider")]
    | Annotated[EmbeddingClass, Tag("class")],
    Discriminator(_embedding_shape),
]


class Smoke(SpecModel):
    """A question that the new snapshot has to answer before it is published."""

    query: str = Field(min_length=1, max_length=1000, description="The question.", examples=["how do I resume a run"])
    expect: Glob = Field(description="A path or glob: one of the hits has to match it.", examples=["howto/resume.md"])
    top: int = Field(default=5, ge=1, le=100, description="Among how many hits.", examples=[5])


class Checks(SpecModel):
    """What has to hold before a snapshot is published."""

    min_documents: int = Field(default=1, ge=0, description="The fewest documents.", examples=[100])
    max_removed: Allowance = Field(
        default=0.5, description="How many documents of the last snapshot may be gone.", examples=["50%"]
    )
    smoke: list[Smoke] = Field(default_factory=list, max_length=100, description="Questions with expected documents.")


def _suffix(value: str) -> str:
    if not value.startswith(".") or value != value.lower() or "/" in value:
        meant = f".{value.lower().lstrip('*.')}"
        raise _refuse("bad-suffix", f"`{value[:60]}` is no suffix", f"write it in lower case with its dot, as `{meant[:60]}`")
    return value


class VectorStore(SpecModel):
    """A vector store of LlamaIndex that is filled from each snapshot; further keys are the arguments of its class."""

    model_config = ConfigDict(extra="allow", strict=True, frozen=True, populate_by_name=True)

    reference: Reference = Field(
        alias="vector_store",
        description="The class, as `module:Class`.",
        examples=["llama_index.vector_stores.qdrant:QdrantVectorStore"],
    )
    name: Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]{0,29}$")] | None = Field(
        default=None,
        description="What the names of collections begin with; the default is the job's name.",
        examples=["handbook"],
    )
    parameter: Annotated[str, StringConstraints(pattern=r"^[a-z_][a-z0-9_]{0,99}$")] = Field(
        default="collection_name",
        description="The argument of the class that takes a collection's name.",
        examples=["table_name"],
    )
    alias: Annotated[str, StringConstraints(pattern=r"^[A-Za-z][A-Za-z0-9_-]{0,99}$")] | None = Field(
        default=None,
        description="A second name that always means the newest collection, for stores that have such names (Qdrant).",
        examples=["handbook"],
    )
    keep: int = Field(default=2, ge=1, le=100, description="How many collections are kept.", examples=[2])

    @property
    def arguments(self) -> Mapping[str, Any]:
        """Return the further keys."""
        return self.model_extra or {}


class IngestSpec(JobSpec):
    """A job of the kind `ingest`."""

    kind: Literal["ingest"] = Field(description="The kind of the job.", examples=["ingest"])
    concurrency: int = Field(default=2, ge=1, le=128, description="How many batches are computed at a time.")
    corpus: Corpus = Field(
        description="A folder, a list of folders, or `{postings: job}`.", examples=["docs", {"postings": "boards"}]
    )
    include: list[Glob] = Field(
        default_factory=list,
        max_length=1000,
        description="Globs of the files to take; without any, every file that a reader knows.",
        examples=[["**/*.md"]],
    )
    exclude: list[Glob] = Field(
        default_factory=list, max_length=1000, description="Globs of files to leave out.", examples=[["drafts/**"]]
    )
    respect_gitignore: bool = Field(default=False, description="Leave out what `.gitignore` files leave out.", examples=[True])
    max_file_size: Annotated[Size, Field(le=10_000_000_000)] = Field(
        default=20_000_000, description="The largest file that is read.", examples=["20MB"]
    )
    max_characters: int = Field(
        default=20_000_000, ge=1, le=1_000_000_000, description="The longest text of one document.", examples=[1_000_000]
    )
    max_pages: int = Field(default=5_000, ge=1, le=1_000_000, description="The most pages of one document.", examples=[500])
    on_bad_document: Literal["quarantine", "fail"] = Field(
        default="quarantine",
        description="`quarantine` publishes the others; `fail` publishes nothing.",
        examples=["quarantine"],
    )
    readers: dict[Annotated[str, AfterValidator(_suffix)], Reference] = Field(
        default_factory=dict,
        max_length=100,
        description="Readers of LlamaIndex for further kinds of files, by suffix.",
        examples=[{".docx": "llama_index.readers.file:DocxReader"}],
    )
    chunk: Chunk = Field(default=Chunk(), description="How documents are cut into nodes.")
    embedding: Embedding = Field(
        default="default",
        description="`default` works offline, `none` is lexical search only; or a provider, or a class.",
        examples=["default", {"provider": "ollama", "model": "nomic-embed-text"}],
    )
    snapshots: ProjectPath | None = Field(
        default=None,
        description="The snapshot store; the default is `snapshots/<job>` in the state directory.",
        examples=[".orchestrate/snapshots/handbook"],
    )
    checks: Checks = Field(default=Checks(), description="What has to hold before a snapshot is published.")
    publish: VectorStore | None = Field(
        default=None,
        description="A vector store of LlamaIndex that each snapshot is published to as well.",
        examples=[{"vector_store": "llama_index.vector_stores.qdrant:QdrantVectorStore", "url": "http://127.0.0.1:6333"}],
    )

"""The default parts, by themselves and as components of LlamaIndex: one result, two ways."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from orchestrator.kinds.ingest.document import Heading, Parsed
from orchestrator.kinds.ingest.llama import LlamaParts
from orchestrator.kinds.ingest.parts import OwnParts
from orchestrator.kinds.ingest.recipe import NONE, EmbeddingChoice, Recipe

Workshop = Any

LINES = st.sampled_from(
    ["# Running", "", "", "A run goes on where it was.  ", "\tcode()", "x" * 150, "Zwölf Boxkämpfer.", "  "]
)


@st.composite
def documents(draw: Any) -> tuple[str, Parsed, str]:
    """Draw a document with headings at some of its lines."""
    lines = [*draw(st.lists(LINES, max_size=30)), "end"]
    starts = [sum(len(line) + 1 for line in lines[:number]) for number in range(len(lines))]
    chosen = sorted(draw(st.sets(st.sampled_from(starts), max_size=4)))
    headings = tuple(Heading(start, draw(st.integers(1, 3)), draw(st.sampled_from(["One", "Two", ""]))) for start in chosen)
    title = draw(st.sampled_from(["A title", "", " "]))
    return draw(st.sampled_from(["a.md", "x/b.rst"])), Parsed("\n".join(lines), title, headings), title


@settings(deadline=None, max_examples=60)
@given(document=documents(), overlap=st.sampled_from([0, 30]))
def test_llama_index_makes_the_same_nodes_and_vectors_of_the_default_parts(
    document: tuple[str, Parsed, str], overlap: int
) -> None:
    recipe = Recipe(size=200, overlap=overlap)
    (own,), (llama,) = OwnParts(recipe).cut([document]), LlamaParts(recipe).cut([document])
    assert own.nodes == llama.nodes
    assert len(own.nodes) > 0
    assert np.array_equal(OwnParts(recipe).rows(own.asked), LlamaParts(recipe).rows(llama.asked))


def test_documents_of_a_batch_keep_their_nodes_in_llama_index() -> None:
    batch = [(f"{number}.md", Parsed(f"# Number {number}\n\nText.\n" * (number % 3)), f"{number}") for number in range(9)]
    recipe = Recipe(embedding=EmbeddingChoice(NONE))
    found = LlamaParts(recipe).cut(batch)
    assert [each.nodes for each in found] == [each.nodes for each in OwnParts(recipe).cut(batch)]
    assert [len(each.nodes) for each in found] == [0, 1, 1] * 3


def test_no_call_of_llama_index_is_longer_than_a_small_batch(workshop: Workshop, monkeypatch: pytest.MonkeyPatch) -> None:
    from llama_index.core.ingestion import IngestionPipeline

    workshop.write({f"{number}.txt": "A line of text.\n\n" * 4000 for number in range(20)})
    texts, nodes = [], []
    run = IngestionPipeline.run

    def noting(self: Any, **given: Any) -> Any:
        texts.append(sum(len(each.text) for each in given.get("documents") or ()))
        nodes.append(len(given.get("nodes") or ()))
        return run(self, **given)

    monkeypatch.setattr(IngestionPipeline, "run", noting)
    model = {"class": "llama_index.core.embeddings.mock_embed_model:MockEmbedding", "embed_dim": 4}
    done = workshop.run(embedding=model, chunk={"size": 100})
    assert sum(nodes) == done.outcome.result["nodes"] > 10_000
    assert 0 < max(nodes) <= 256
    assert 0 < max(texts) <= 500_000 < sum(texts)


@pytest.mark.parametrize(("splitter", "imported"), [("headings", False), ("sentence", True)])
def test_llama_index_is_imported_when_a_part_of_it_is_chosen(handbook: Workshop, splitter: str, imported: bool) -> None:
    (handbook.root / "jobs.yaml").write_text(
        f"version: 1\nstate_dir: state\njobs:\n  handbook: {{kind: ingest, corpus: docs, chunk: {{splitter: {splitter}}}}}\n"
    )
    # The run ends without returning to whoever started it, so the interpreter itself tells what it imported.
    command = [sys.executable, "-X", "importtime", "-m", "orchestrator", "run", "--quiet"]
    done = subprocess.run(command, cwd=handbook.root, capture_output=True, text=True, check=True)
    assert ("llama_index.core" in done.stderr) is imported
    assert len(handbook.published()) == 4

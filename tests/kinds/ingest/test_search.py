"""Searching snapshots: modes, filters, several threads and processes, a read-only place, LlamaIndex on top."""

from __future__ import annotations

import subprocess
import sys
import threading
from typing import Any

import pytest

from orchestrator.errors import NotFound, StorageError, UnreadableState, UsageError
from orchestrator.kinds.ingest.search import Snapshot, fused, match_of, open_snapshot

Workshop = Any


def test_a_question_becomes_words_without_stop_words() -> None:
    assert match_of("How do I resume a run?") == '"resume" OR "run"'
    assert match_of("to be or not to be") == '"not"'
    assert match_of("how to") == '"how" OR "to"'
    assert match_of("set max_file_size") == '"set" OR "max" OR "file" OR "size" OR "max file size"'
    assert match_of('"; drop table -- *') == '"drop" OR "table"'
    assert match_of("!?") == ""


def test_fusion_prefers_what_both_lists_have_and_breaks_ties_by_row() -> None:
    both = fused([(1, 9.0), (2, 8.0)], [(2, 0.9), (3, 0.8)])
    assert [row for row, _ in both] == [2, 1, 3]
    assert [row for row, _ in fused([], [(5, 0.5), (4, 0.5)])] == [5, 4]
    assert fused([], []) == []


@pytest.mark.parametrize("mode", ["hybrid", "lexical", "dense"])
def test_filters_hold_in_every_mode(handbook: Workshop, mode: Any) -> None:
    handbook.write({"other.md": "---\nowner: Hooli\n---\n# Holidays\n\nThirty days of holiday.\n"})
    handbook.run()
    with handbook.open() as snapshot:
        found = snapshot.search("days of holiday", 10, mode)
        assert {"index.md", "other.md"} <= {hit.document for hit in found}
        assert {hit.document for hit in snapshot.search("days of holiday", 10, mode, path="i*")} == {"index.md"}
        assert {hit.document for hit in snapshot.search("days", 10, mode, where={"owner": "Hooli"})} == {"other.md"}
        assert snapshot.search("days", 10, mode, path="nowhere/**") == []


def test_questions_without_words_find_nothing_and_do_not_fail(handbook: Workshop) -> None:
    handbook.run()
    with handbook.open() as snapshot:
        assert snapshot.search("!?", 5, "lexical") == []
        assert isinstance(snapshot.search("", 5), list)
        assert snapshot.search("zzzzqqq", 5, "lexical") == []
        with pytest.raises(ValueError, match="unknown mode"):
            snapshot.search("x", 5, "telepathic")


def test_a_snapshot_without_vectors_is_searched_lexically(handbook: Workshop) -> None:
    handbook.run(embedding="none")
    with handbook.open() as snapshot:
        assert not snapshot.dense
        assert snapshot.search("salaries", 1)[0].document == "page.html"
        with pytest.raises(UsageError, match="no vectors"):
            snapshot.search("salaries", 1, "dense")


def test_the_exact_scan_agrees_with_numpy(handbook: Workshop) -> None:
    import numpy as np

    handbook.write({f"n{number}.txt": f"Fact {number} about topic {number * 7}.\n" for number in range(50)})
    handbook.run()
    with handbook.open() as snapshot:
        vector = snapshot.embed("a fact about a topic")
        every = np.load(snapshot.path / "vectors.npy").astype(np.float32) @ np.asarray(vector, dtype=np.float32)
        expected = [int(row) + 1 for row in np.argsort(-every, kind="stable")[:10]]
        assert [row for row, _ in snapshot.nearest(vector, 10)] == expected


def test_many_threads_share_one_snapshot(handbook: Workshop) -> None:
    handbook.run()
    with handbook.open() as snapshot:
        expected = snapshot.search("days of holiday")
        found: list[Any] = []
        threads = [
            threading.Thread(target=lambda: found.extend(snapshot.search("days of holiday") for _ in range(10)))
            for _ in range(6)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert found == [expected] * 60


def test_several_processes_search_at_once_on_a_read_only_copy(handbook: Workshop) -> None:
    handbook.run()
    for path in [*handbook.store.path.rglob("*"), handbook.store.path]:
        path.chmod(0o555 if path.is_dir() else 0o444)
    script = (
        "import sys\nfrom orchestrator import open_snapshot\n"
        "with open_snapshot(sys.argv[1]) as snapshot:\n    print(snapshot.search('days of holiday', 1)[0].document)\n"
        "print('llama_index' in sys.modules)\n"
    )
    command = [sys.executable, "-W", "error", "-c", script, str(handbook.store.path)]
    before = sorted(handbook.store.path.rglob("*"))
    running = [subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) for _ in range(3)]
    answers = [process.communicate(timeout=60) for process in running]
    assert [out for out, _ in answers] == ["index.md\nFalse\n"] * 3, answers
    assert sorted(handbook.store.path.rglob("*")) == before, "nothing is written beside it"


def test_a_reader_keeps_its_snapshot_while_others_are_published(handbook: Workshop) -> None:
    handbook.run()
    with handbook.open() as snapshot:
        for number in range(7):
            handbook.write({"notes.txt": f"Note number {number}.\n"})
            handbook.run()
        assert snapshot.path.is_dir()
        assert "coffee" in snapshot.search("coffee machine", 1)[0].text
        held = snapshot.path
    handbook.write({"notes.txt": "The last note.\n"})
    handbook.run()
    assert not held.exists()


def test_damage_is_told_in_a_sentence(handbook: Workshop) -> None:
    handbook.run()
    place = handbook.store.current()
    with pytest.raises(NotFound):
        open_snapshot(handbook.root / "nowhere")
    (place / "vectors.npy").write_bytes(b"x")
    with Snapshot(place) as snapshot, pytest.raises(UnreadableState, match="vectors"):
        snapshot.search("holiday")
    (place / "index.db").write_bytes(b"x" * 10_000)
    with pytest.raises(StorageError, match=r"index\.db"):
        open_snapshot(handbook.store.path)
    (place / "MANIFEST.json").write_text("{")
    with pytest.raises(UnreadableState, match="manifest"):
        open_snapshot(handbook.store.path)


def test_llama_index_retrieves_and_answers_from_a_snapshot(handbook: Workshop) -> None:
    from llama_index.core.llms import MockLLM

    handbook.run()
    with handbook.open() as snapshot:
        nodes = snapshot.as_retriever(similarity_top_k=2).retrieve("days of holiday")
        assert next(node.node.metadata["document"] for node in nodes) == "index.md"
        assert nodes[0].node.node_id == snapshot.search("days of holiday", 1)[0].node_id
        for mode in ("default", "text_search", "hybrid"):
            found = snapshot.as_retriever(similarity_top_k=1, vector_store_query_mode=mode).retrieve("coffee machine")
            assert found[0].node.metadata["document"] == "notes.txt"
        answer = snapshot.as_query_engine(llm=MockLLM(), similarity_top_k=1).query("days of holiday")
        assert "thirty days of holiday" in str(answer)
        store: Any = snapshot.index().vector_store
        assert store.get_nodes([nodes[0].node.node_id])[0].get_content() == nodes[0].node.get_content()
        with pytest.raises(UsageError):
            store.add([])
        with pytest.raises(UsageError):
            store.delete("index.md")


def test_llama_index_filters_reach_the_snapshot(handbook: Workshop) -> None:
    from llama_index.core.vector_stores import FilterOperator, MetadataFilter, MetadataFilters

    handbook.run()
    with handbook.open() as snapshot:
        where = MetadataFilters(filters=[MetadataFilter(key="document", value="howto/*")])
        found = snapshot.as_retriever(similarity_top_k=5, filters=where).retrieve("days of holiday")
        assert {node.node.metadata["document"] for node in found} == {"howto/resume.rst"}
        other = MetadataFilters(filters=[MetadataFilter(key="line", value=3, operator=FilterOperator.GT)])
        with pytest.raises(UsageError):
            snapshot.as_retriever(filters=other).retrieve("x")

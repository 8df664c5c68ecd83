"""An index that goes on from the one before is the same as one that was written anew."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from orchestrator.errors import JobError
from orchestrator.kinds.ingest import build
from orchestrator.kinds.ingest.computed import Computed, NodeText
from orchestrator.kinds.ingest.index import IndexWriter
from orchestrator.kinds.ingest.search import Snapshot
from orchestrator.kinds.ingest.verify import problems

Workshop = Any


@pytest.fixture
def hundred(workshop: Workshop) -> Workshop:
    workshop.write(
        {f"p{number:03d}.md": f"# Page {number}\n\nFact number {number} of chapter {number % 7}.\n" for number in range(100)}
    )
    workshop.run()
    return workshop


def content(snapshot: Snapshot) -> list[Any]:
    return sorted(
        (hit.document, hit.node_id, hit.start, hit.end, hit.line, hit.headings, hit.text)
        for hit in snapshot.search("fact page chapter news", 1000, "lexical")
    )


def answers(snapshot: Snapshot) -> list[Any]:
    return [
        [(hit.document, round(hit.score, 4)) for hit in snapshot.search(question, 200, mode)]
        for question in ("fact number 17", "news of chapter 3", "page")
        for mode in ("lexical", "dense")
    ]


def test_after_small_changes_the_index_answers_as_a_new_one(hundred: Workshop, monkeypatch: pytest.MonkeyPatch) -> None:
    for turn in range(4):
        hundred.write({f"p{turn:03d}.md": f"# Page {turn}\n\nNews {turn}.\n\n## More\n\nStill more news.\n"})
        hundred.write({f"new{turn}.md": f"# New {turn}\n\nNews of chapter {turn}.\n"})
        (hundred.docs / f"p{50 + turn:03d}.md").unlink()
        done = hundred.run()
        assert done.outcome.result["documents"] == 100
    went_on = hundred.store.current()
    monkeypatch.setattr(build, "_can_go_on", lambda *_: False)
    hundred.write({"p099.md": "# Page 99\n\nThe last one.\n"})
    hundred.run()
    hundred.write({"p099.md": "# Page 99\n\nFact number 99 of chapter 1.\n"})
    hundred.run()
    with Snapshot(went_on) as one, hundred.open() as other:
        assert one.manifest.corpus_digest == other.manifest.corpus_digest
        assert (one.manifest.documents, one.manifest.nodes) == (other.manifest.documents, other.manifest.nodes)
        assert (went_on / "vectors.npy").stat().st_size > (other.path / "vectors.npy").stat().st_size, "it has empty rows"
        assert content(one) == content(other)
        assert [sorted(each) for each in answers(one)] == [sorted(each) for each in answers(other)]


def test_only_changed_documents_are_written(hundred: Workshop, monkeypatch: pytest.MonkeyPatch) -> None:
    added: list[str] = []
    add = IndexWriter.add

    def counting(self: IndexWriter, computed: Computed) -> None:
        added.append(computed.key)
        add(self, computed)

    monkeypatch.setattr(IndexWriter, "add", counting)
    hundred.write({"p007.md": "# Seven\n\nChanged.\n"})
    hundred.run()
    assert added == ["p007.md"]
    hundred.write({f"p{number:03d}.md": f"# Changed {number}\n\nText.\n" for number in range(40)})
    added.clear()
    hundred.run()
    assert len(added) == 100, "a large change writes everything anew"


def test_a_damaged_index_is_never_copied(hundred: Workshop) -> None:
    path = hundred.store.current() / "vectors.npy"
    data = bytearray(path.read_bytes())
    data[-1] ^= 64
    path.write_bytes(data)
    hundred.write({"p007.md": "# Seven\n\nChanged.\n"})
    hundred.run()
    fresh = (hundred.store.current() / "vectors.npy").read_bytes()
    assert len(fresh) == len(data)
    assert fresh[-1] != data[-1]
    assert problems(hundred.store.current()) == []


def test_many_small_changes_do_not_pile_up_empty_rows(hundred: Workshop) -> None:
    for turn in range(12):
        hundred.write({f"p{number:03d}.md": f"# Page {number}\n\nTurn {turn}.\n" for number in range(10)})
        hundred.run()
    size = (hundred.store.current() / "vectors.npy").stat().st_size
    assert size < 100 * 512 * 1.5


def test_without_the_cache_documents_come_from_the_snapshot_before(
    hundred: Workshop, monkeypatch: pytest.MonkeyPatch, counted: Callable[[], int]
) -> None:
    monkeypatch.setattr(build, "_can_go_on", lambda *_: False)
    for path in (hundred.state / "cache").iterdir():
        path.unlink()
    hundred.write({"p007.md": "# Seven\n\nChanged.\n"})
    done = hundred.run()
    assert counted() == 1
    assert (done.outcome.result["computed"], done.outcome.result["documents"]) == (1, 100)


def test_a_damaged_cache_is_thrown_away(hundred: Workshop) -> None:
    for path in (hundred.state / "cache").iterdir():
        path.write_bytes(b"no database " * 1000)
    hundred.write({"p007.md": "# Seven\n\nChanged.\n"})
    assert hundred.run().outcome.result["documents"] == 100


def test_vectors_of_two_sizes_are_refused(tmp_path: Path) -> None:
    node = NodeText(0, 1, 1, "", "x")
    with IndexWriter(tmp_path) as writer:
        writer.add(Computed("a", b"1", b"1", "a", {}, [node], 2, b"\0" * 4))
        with pytest.raises(JobError, match="dimensions"):
            writer.add(Computed("b", b"2", b"2", "b", {}, [node], 3, b"\0" * 6))

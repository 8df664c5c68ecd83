"""Publishing elsewhere: a collection a snapshot, whole before anybody is led to it, whatever stops the run."""

from __future__ import annotations

import gc
import importlib
import json
import sys
import textwrap
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from orchestrator.errors import Cancelled, JobError
from orchestrator.kinds.ingest.spec import IngestSpec
from orchestrator.kinds.ingest.store import Store
from orchestrator.kinds.ingest.targets import check

Workshop = Any

SHELF = """
    import json
    from pathlib import Path
    from llama_index.core.vector_stores.types import BasePydanticVectorStore
    from llama_index.core.vector_stores.utils import metadata_dict_to_node, node_to_metadata_dict

    class Shelf(BasePydanticVectorStore):
        '''A collection is a folder, a node a file.'''

        stores_text: bool = True
        folder: str
        collection_name: str

        @property
        def _place(self):
            return Path(self.folder, self.collection_name)

        @property
        def client(self):
            return None

        def add(self, nodes, **_):
            self._place.mkdir(parents=True, exist_ok=True)
            for node in nodes:
                (self._place / node.node_id).write_text(json.dumps(node_to_metadata_dict(node)))
            return [node.node_id for node in nodes]

        def get_nodes(self, node_ids=None, filters=None):
            places = [self._place / name for name in node_ids]
            return [metadata_dict_to_node(json.loads(place.read_text())) for place in places if place.exists()]

        def clear(self):
            for place in self._place.glob("*"):
                place.unlink()
            if self._place.exists():
                self._place.rmdir()

        def delete(self, ref_doc_id, **_):
            raise AssertionError

        def query(self, query, **_):
            raise AssertionError
"""
LOCAL_QDRANT = """
    from llama_index.vector_stores.qdrant import QdrantVectorStore
    from qdrant_client import QdrantClient

    class LocalQdrant(QdrantVectorStore):
        '''Qdrant in this process, its files in a folder.'''

        def __init__(self, folder, collection_name):
            super().__init__(collection_name, client=QdrantClient(path=folder))
"""


@pytest.fixture
def module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[str], str]]:
    """Write a module that a spec can name; return its name."""
    folder = tmp_path / "modules"
    folder.mkdir()
    monkeypatch.syspath_prepend(str(folder))

    def write(source: str) -> str:
        name = f"own_store_{len(list(folder.iterdir()))}"
        (folder / f"{name}.py").write_text(textwrap.dedent(source))
        importlib.invalidate_caches()
        return name

    yield write
    for name in [name for name in sys.modules if name.startswith("own_store_")]:
        del sys.modules[name]


class Shelves:
    """The collections of the fake store, as anybody can see them."""

    def __init__(self, folder: Path, module: str) -> None:
        self.folder = folder
        self.module = module
        self.spec: dict[str, Any] = {"vector_store": f"{module}:Shelf", "folder": str(folder), "name": "books"}

    def names(self) -> list[str]:
        return sorted(each.name for each in self.folder.iterdir()) if self.folder.exists() else []

    def documents(self, name: str) -> set[str]:
        nodes = [json.loads(each.read_text()) for each in (self.folder / name).iterdir()]
        return {json.loads(node["_node_content"])["metadata"]["document"] for node in nodes}

    def of(self, snapshot_id: str) -> str:
        return "books_" + snapshot_id.lower().replace(".", "_").replace("-", "_")


@pytest.fixture
def shelves(tmp_path: Path, module: Callable[[str], str]) -> Shelves:
    return Shelves(tmp_path / "shelves", module(SHELF))


def test_each_snapshot_has_a_collection_of_its_own_with_all_its_nodes(handbook: Workshop, shelves: Shelves) -> None:
    first = handbook.run(publish=shelves.spec).outcome.result
    name = shelves.of(first["snapshot_id"])
    assert shelves.names() == [name]
    assert shelves.documents(name) == {"index.md", "howto/resume.rst", "notes.txt", "page.html"}
    assert len(list((shelves.folder / name).iterdir())) == first["nodes"]
    handbook.write({"new.md": "# New\n\nNews.\n"})
    second = handbook.run(publish=shelves.spec).outcome.result
    assert shelves.names() == [name, shelves.of(second["snapshot_id"])]
    assert "new.md" in shelves.documents(shelves.of(second["snapshot_id"]))


def test_collections_beyond_those_to_keep_are_removed(handbook: Workshop, shelves: Shelves) -> None:
    made = []
    for number in range(4):
        handbook.write({"notes.txt": f"Note number {number}.\n"})
        made.append(handbook.run(publish={**shelves.spec, "keep": 2}).outcome.result["snapshot_id"])
    assert shelves.names() == [shelves.of(each) for each in made[-2:]]


def interrupt(*_: Any, **__: Any) -> None:
    raise KeyboardInterrupt


def fail(*_: Any, **__: Any) -> None:
    raise RuntimeError


STOPS: dict[str, tuple[str, Any, type[BaseException]]] = {
    "killed before it fills": ("Collection.fill", interrupt, KeyboardInterrupt),
    "killed while it fills": ("Shelf.get_nodes", interrupt, KeyboardInterrupt),
    "killed before CURRENT moves": ("Store.publish", interrupt, KeyboardInterrupt),
    "the store refuses nodes": ("Shelf.add", fail, JobError),
    "the store lost nodes": ("Shelf.get_nodes", lambda *_, **__: [], JobError),
}


@pytest.mark.parametrize("stop", STOPS)
def test_a_run_that_is_stopped_leads_nobody_to_a_new_collection_and_the_next_run_tidies_up(
    handbook: Workshop, shelves: Shelves, monkeypatch: pytest.MonkeyPatch, stop: str
) -> None:
    from orchestrator.kinds.ingest.collection import Collection

    first = handbook.run(publish=shelves.spec).outcome.result["snapshot_id"]
    before = shelves.documents(shelves.of(first))
    handbook.write({"new.md": "# New\n\nNews.\n"})
    where, how, raised = STOPS[stop]
    owner, _, method = where.partition(".")
    classes = {"Collection": Collection, "Store": Store, "Shelf": sys.modules[shelves.module].Shelf}
    with monkeypatch.context() as broken:
        broken.setattr(classes[owner], method, how)
        with pytest.raises(raised):
            handbook.run(publish=shelves.spec)
    assert handbook.store.current_id() == first
    assert shelves.documents(shelves.of(first)) == before
    second = handbook.run(publish=shelves.spec).outcome.result["snapshot_id"]
    assert shelves.names() == sorted([shelves.of(first), shelves.of(second)])
    assert shelves.documents(shelves.of(second)) == before | {"new.md"}


def test_runs_that_are_killed_again_and_again_leave_one_collection_at_most(
    handbook: Workshop, shelves: Shelves, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = handbook.run(publish=shelves.spec).outcome.result["snapshot_id"]
    handbook.write({"new.md": "# New\n\nNews.\n"})
    monkeypatch.setattr(sys.modules[shelves.module].Shelf, "get_nodes", interrupt)
    for _ in range(3):
        with pytest.raises(KeyboardInterrupt):
            handbook.run(publish=shelves.spec)
        assert len(shelves.names()) == 2
    assert shelves.names()[0] == shelves.of(first)


def test_a_collection_that_a_published_snapshot_never_got_whole_is_removed(
    handbook: Workshop, shelves: Shelves, monkeypatch: pytest.MonkeyPatch
) -> None:
    handbook.run()
    with monkeypatch.context() as broken:
        broken.setattr(importlib.import_module(shelves.module).Shelf, "get_nodes", interrupt)
        with pytest.raises(KeyboardInterrupt):
            handbook.run(publish=shelves.spec)
    handbook.write({"new.md": "# New\n\nNews.\n"})
    second = handbook.run(publish=shelves.spec).outcome.result["snapshot_id"]
    assert shelves.names() == [shelves.of(second)]


def test_a_failing_store_is_blamed_and_the_job_can_be_repeated(
    handbook: Workshop, shelves: Shelves, monkeypatch: pytest.MonkeyPatch
) -> None:
    handbook.run(embedding="none")
    monkeypatch.setattr(importlib.import_module(shelves.module).Shelf, "add", fail)
    with pytest.raises(JobError, match="can't take nodes: RuntimeError") as raised:
        handbook.run(publish=shelves.spec)
    assert raised.value.failure_code == "vector-store-failed"
    assert raised.value.retryable
    assert shelves.names() == []


def test_a_cancel_while_it_fills_removes_the_new_collection_at_once(
    handbook: Workshop, shelves: Shelves, monkeypatch: pytest.MonkeyPatch
) -> None:
    shelf = importlib.import_module(shelves.module).Shelf
    context = handbook.context()
    adding = shelf.add

    def add(self: Any, nodes: Any, **options: Any) -> Any:
        context.cancel.request("enough")
        return adding(self, nodes, **options)

    monkeypatch.setattr(shelf, "add", add)
    with pytest.raises(Cancelled):
        handbook.run(context, publish=shelves.spec)
    assert shelves.names() == []
    assert handbook.store.current() is None


def test_an_unchanged_run_does_elsewhere_what_is_not_done_yet_and_nothing_else(
    handbook: Workshop, shelves: Shelves, monkeypatch: pytest.MonkeyPatch
) -> None:
    snapshot_id = handbook.run().outcome.result["snapshot_id"]
    added = handbook.run(publish=shelves.spec)
    assert (added.outcome.result["snapshot_id"], added.outcome.result["computed"]) == (snapshot_id, 0)
    assert shelves.names() == [shelves.of(snapshot_id)]
    monkeypatch.setattr("orchestrator.kinds.ingest.collection.Collection.__init__", fail)
    assert handbook.run(publish=shelves.spec).outcome.message == "nothing changed"


def test_a_class_that_is_no_vector_store_and_a_name_that_it_cannot_switch_are_told(
    handbook: Workshop, shelves: Shelves
) -> None:
    with pytest.raises(JobError, match="is no vector store"):
        handbook.run(publish={"vector_store": "builtins:dict"})
    with pytest.raises(JobError, match="no second names"):
        handbook.run(publish={**shelves.spec, "alias": "books"})


def test_no_argument_of_the_store_stands_in_a_file(handbook: Workshop, shelves: Shelves) -> None:
    done = handbook.run(publish=shelves.spec)
    entry = handbook.store.path / ".collections" / str(done.outcome.result["snapshot_id"])
    assert json.loads(entry.read_text())["state"] == "filled"
    assert str(shelves.folder) not in entry.read_text()


@pytest.mark.parametrize(
    "wrong",
    [{}, {"vector_store": "no reference"}, {"vector_store": "a:B", "keep": 0}, {"vector_store": "a:B", "name": "No-Name"}],
)
def test_wrong_settings_are_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        IngestSpec.model_validate({"kind": "ingest", "corpus": "docs", "publish": wrong})


def test_rules_across_fields_are_told_before_a_run(tmp_path: Path) -> None:
    (tmp_path / "docs").mkdir()
    publish = {"vector_store": "a:B", "collection_name": "mine"}
    spec = IngestSpec.model_validate({"kind": "ingest", "corpus": "docs", "embedding": "none", "publish": publish})
    assert {found.code for found in check("x", spec, {}, tmp_path)} == {"publish-without-vectors", "name-of-collection"}


@pytest.fixture
def qdrant(tmp_path: Path, module: Callable[[str], str]) -> Iterator[dict[str, Any]]:
    pytest.importorskip("llama_index.vector_stores.qdrant", reason="the package of the store isn't installed")
    yield {"vector_store": f"{module(LOCAL_QDRANT)}:LocalQdrant", "folder": str(tmp_path / "qdrant"), "alias": "handbook"}
    gc.collect()  # Qdrant leaves a database in memory open; Python 3.13 would complain in whatever test is under way later.


def seen_in(qdrant: dict[str, Any], question: list[float]) -> tuple[list[str], dict[str, str], str]:
    """Return the collections, the second names, and the document that a question finds through the second name."""
    from llama_index.core.vector_stores.types import VectorStoreQuery
    from llama_index.vector_stores.qdrant import QdrantVectorStore
    from qdrant_client import QdrantClient

    client = QdrantClient(path=qdrant["folder"])
    try:
        names = sorted(each.name for each in client.get_collections().collections)
        aliases = {each.alias_name: each.collection_name for each in client.get_aliases().aliases}
        store = QdrantVectorStore("handbook", client=client)
        found = store.query(VectorStoreQuery(query_embedding=question, similarity_top_k=1))
        return names, aliases, str(found.nodes[0].metadata["document"]) if found.nodes else ""
    finally:
        client.close()


@pytest.mark.filterwarnings("ignore:Payload indexes have no effect:UserWarning")
@pytest.mark.filterwarnings("ignore:unclosed database:ResourceWarning")  # See the fixture.
def test_qdrant_answers_by_a_name_that_moves_from_one_whole_collection_to_the_next(
    handbook: Workshop, qdrant: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    from orchestrator.kinds.ingest.collection import Collection
    from orchestrator.kinds.ingest.table import load_table

    question = load_table().embed(["how many days of holiday are there"])[0].tolist()
    handbook.run(publish=qdrant)
    names, aliases, document = seen_in(qdrant, question)
    assert (aliases, document) == ({"handbook": names[0]}, "index.md")
    handbook.write({"leave.md": "# How many days of holiday are there\n\nDays of holiday: thirty.\n"})
    with monkeypatch.context() as broken:
        broken.setattr(Collection, "point", interrupt)
        with pytest.raises(KeyboardInterrupt):
            handbook.run(publish=qdrant)
    assert seen_in(qdrant, question)[1:] == (aliases, "index.md"), "the old name still means the old, whole collection"
    handbook.run(publish=qdrant)
    names, moved, document = seen_in(qdrant, question)
    assert (moved, document, len(names)) == ({"handbook": names[1]}, "leave.md", 2)

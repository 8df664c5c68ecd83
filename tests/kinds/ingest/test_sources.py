"""Corpora that aren't folders, parts that the spec names, and models behind an API."""

from __future__ import annotations

import json
import sqlite3
import subprocess
import sys
import textwrap
import threading
from collections.abc import Callable, Iterator
from contextlib import closing
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, ClassVar

import pytest

from orchestrator.deadline import CancelToken, Deadline, WorkContext
from orchestrator.errors import Cancelled, JobError
from orchestrator.kinds.ingest.search import Snapshot

Workshop = Any


@pytest.fixture
def postings(workshop: Workshop) -> Callable[..., None]:
    """Fill a table with the columns that a posting corpus reads."""
    path = workshop.root / "postings.db"
    with closing(sqlite3.connect(path)) as database, database:
        database.execute("create table companies(company_key text, job text)")
        database.execute(
            "create table postings(id integer primary key, company_key text, company text, board text, identifier text,"
            " title text, url text, location text, workplace text, employment_type text, department text,"
            " description_text text, status text)"
        )
        database.executemany("insert into companies values (?, ?)", [("acme", "boards"), ("other", "elsewhere")])

    def add(identifier: str, title: str, text: str, *, key: str = "acme", status: str = "open") -> None:
        with closing(sqlite3.connect(path)) as database, database:
            database.execute(
                "insert into postings(company_key, company, board, identifier, title, location, description_text, status)"
                " values (?, 'Acme Robotics', 'greenhouse', ?, ?, 'Berlin', ?, ?)",
                (key, identifier, title, text, status),
            )

    return add


def test_open_postings_of_the_job_become_documents(workshop: Workshop, postings: Callable[..., None]) -> None:
    postings("R-1/a", "Robot engineer", "Builds walking robots.")
    postings("R 1 A", "Robot welder", "Welds robots.")
    postings("2", "Closed", "x", status="closed")
    postings("3", "Of another job", "x", key="other")
    done = workshop.run(corpus={"postings": "boards"})
    assert done.failures == {}
    keys = workshop.published()
    assert keys[0] == "acme-robotics/r-1-a"
    assert keys[1].startswith("acme-robotics/r-1-a-")
    assert len(keys) == 2
    with workshop.open() as snapshot:
        hit = snapshot.search("who builds walking robots in Berlin", 1)[0]
    assert (hit.document, hit.title) == ("acme-robotics/r-1-a", "Robot engineer")
    assert workshop.run(corpus={"postings": "boards"}).outcome.message == "nothing changed"
    postings("4", "Cook", "Cooks.")
    assert workshop.run(corpus={"postings": "boards"}).outcome.result["computed"] == 1


def test_postings_that_were_never_stored_say_what_to_run_first(workshop: Workshop) -> None:
    with pytest.raises(JobError) as raised:
        workshop.run(corpus={"postings": "boards"})
    assert raised.value.failure_code == "no-postings"
    assert "needs" in raised.value.hint


def test_no_open_posting_is_an_empty_corpus(workshop: Workshop, postings: Callable[..., None]) -> None:
    postings("1", "Closed", "x", status="closed")
    with pytest.raises(JobError) as raised:
        workshop.run(corpus={"postings": "boards"})
    assert raised.value.failure_code == "empty_corpus"


@pytest.fixture
def parts(tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """A module of the user's with a reader, a splitter and embeddings."""
    name = "parts_of_a_user"
    (tmp_path / f"{name}.py").write_text(
        textwrap.dedent("""
            from llama_index.core.base.embeddings.base import BaseEmbedding
            from llama_index.core.node_parser import NodeParser
            from llama_index.core.schema import Document, TextNode

            class Reader:
                def load_data(self, file):
                    text = file.read_text()
                    if "broken" in text:
                        raise ZeroDivisionError("the reader's own bug")
                    assert file.name.endswith(".abc")
                    return [Document(text=f"read {text}", metadata={"page_label": "1"})]

            class Splitter(NodeParser):
                def _parse_nodes(self, nodes, show_progress=False, **kwargs):
                    return [TextNode(text=line) for node in nodes for line in node.get_content().splitlines() if line]

            class Two(BaseEmbedding):
                api_key: str = ""
                def _get_text_embedding(self, text):
                    return [float(text.count("a")), float(text.count("b"))]
                def _get_query_embedding(self, query):
                    return self._get_text_embedding(query)
                async def _aget_query_embedding(self, query):
                    return self._get_text_embedding(query)
        """)
    )
    monkeypatch.syspath_prepend(str(tmp_path))
    yield name
    sys.modules.pop(name, None)


def test_a_reader_of_ones_own_reads_its_suffix(workshop: Workshop, parts: str) -> None:
    workshop.write({"a.abc": "alpha", "b.md": "# B\n\nbeta\n"})
    workshop.run(readers={".abc": f"{parts}:Reader"})
    with workshop.open() as snapshot:
        assert snapshot.search("alpha", 1)[0].text == "read alpha"


def test_documents_of_ones_own_reader_are_units_by_themselves(workshop: Workshop, parts: str) -> None:
    workshop.write({"a.abc": "alpha", "bad.abc": "broken", "b.md": "# B\n\nbeta\n"})
    job = workshop.job(readers={".abc": f"{parts}:Reader"})
    plan = job.plan(workshop.context())
    assert sorted(unit.items for unit in plan.units) == [("a.abc",), ("b.md",), ("bad.abc",)]
    with job.world() as world:
        for unit in plan.units:
            if unit.items == ("bad.abc",):
                with pytest.raises(ZeroDivisionError):
                    job.work(unit, workshop.context(world=world))
            else:
                job.apply(unit, job.work(unit, workshop.context(world=world)), workshop.context())
    outcome = job.commit(workshop.context())
    assert (outcome.result["documents"], outcome.result["quarantined"]) == (2, 1)


def test_a_unit_that_crashed_holds_the_publication(workshop: Workshop) -> None:
    workshop.write({"a.md": "# A\n\nalpha\n"})
    workshop.run()
    first = workshop.store.current_id()
    workshop.write({"a.md": "# A\n\nchanged\n", "b.md": "# B\n\nbeta\n"})
    job = workshop.job()
    job.plan(workshop.context())
    with pytest.raises(JobError) as raised:
        job.commit(workshop.context())
    job.abandon()
    assert raised.value.failure_code == "incomplete"
    assert workshop.store.current_id() == first


@pytest.mark.parametrize("splitter", ["sentence", "token", "markdown", "parts_of_a_user:Splitter"])
def test_other_splitters_know_offsets_lines_and_headings(workshop: Workshop, parts: str, splitter: str) -> None:
    assert parts
    text = "# A\n\n" + "First sentence here. Second one there.\n" * 20 + "\n## B\n\n" + "Third sentence is long.\n" * 20
    workshop.write({"a.md": text})
    workshop.run(chunk={"size": 300, "splitter": splitter}, embedding="none")
    with workshop.open() as snapshot:
        hits = snapshot.search("sentence", 50)
        assert snapshot.manifest.nodes > 1
    for hit in hits:
        assert text[hit.start : hit.end] == hit.text
        assert hit.line == text.count("\n", 0, hit.start) + 1
    assert {hit.headings for hit in hits} >= {"A > B"}


def test_an_embedding_class_embeds_documents_and_questions(workshop: Workshop, parts: str) -> None:
    workshop.write({"a.txt": "aaaa", "b.txt": "bbbb"})
    workshop.run(embedding={"class": f"{parts}:Two", "api_key": "canary-secret"})
    with workshop.open() as snapshot:
        assert snapshot.manifest.embedding["dimensions"] == 2
    for path in workshop.state.rglob("*"):
        assert not path.is_file() or b"canary-secret" not in path.read_bytes(), path
    from orchestrator.kinds.ingest.recipe import EmbeddingChoice

    with Snapshot(workshop.store.current(), EmbeddingChoice(f"{parts}:Two", {"api_key": "other"})) as snapshot:
        assert snapshot.search("bb", 1, "dense")[0].document == "b.txt"


def test_a_model_with_arguments_is_never_opened_without_them(workshop: Workshop, parts: str) -> None:
    workshop.write({"a.txt": "aaaa"})
    workshop.run(embedding={"class": f"{parts}:Two", "model_name": "x"})
    with workshop.open() as snapshot, pytest.raises(JobError, match="arguments"):
        snapshot.search("bb", 1, "dense")


def test_splitters_import_neither_nltk_nor_tiktoken() -> None:
    script = (
        "import sys\nfrom orchestrator.kinds.ingest.recipe import Recipe\n"
        "from orchestrator.kinds.ingest.splitters import open_splitter\nfrom llama_index.core.schema import Document\n"
        "for name in ('headings', 'sentence', 'token', 'markdown'):\n"
        "    assert open_splitter(Recipe(splitter=name))([Document(text='One. Two. ' * 500)])\n"
        "print({'nltk', 'tiktoken', 'scipy'} & set(sys.modules))\n"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert done.stdout == "set()\n", done.stderr


@pytest.mark.parametrize(
    ("embedding", "said"),
    [
        ({"class": "nowhere.at_all:Model"}, "nowhere"),
        ({"class": "parts_of_a_user:Missing"}, "has no Missing"),
        ({"class": "parts_of_a_user:Reader"}, "no embedding"),
        ({"class": "parts_of_a_user:Two", "embed_batch_size": -1}, "can't be made"),
    ],
)
def test_a_model_that_cannot_be_opened_fails_the_job_and_changes_nothing(
    handbook: Workshop, parts: str, embedding: Any, said: str
) -> None:
    assert parts
    handbook.run()
    first = handbook.store.current_id()
    with pytest.raises(JobError, match=said) as raised:
        handbook.run(embedding=embedding)
    assert raised.value.failure_code == "embedding-failed"
    assert handbook.store.current_id() == first


class Api(BaseHTTPRequestHandler):
    """Answers as an embeddings API does: two numbers a text. `script` holds what to answer first."""

    script: ClassVar[list[tuple[int, dict[str, str]]]] = []
    seen: ClassVar[list[dict[str, Any]]] = []

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        type(self).seen.append({"path": self.path, "key": self.headers.get("Authorization"), **body})
        status, headers = type(self).script.pop(0) if type(self).script else (200, {})
        rows = [{"index": n, "embedding": [t.count("a") + 0.1, t.count("b") + 0.1]} for n, t in enumerate(body["input"])]
        content = json.dumps({"data": rows[::-1]} if status == 200 else {"error": "no"}).encode()
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - as inherited
        """Stay quiet."""


@pytest.fixture
def api() -> Iterator[tuple[type[Api], str]]:
    handler: type[Api] = type("Handler", (Api,), {"script": [], "seen": []})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    yield handler, f"http://127.0.0.1:{server.server_port}/v1"
    server.shutdown()
    server.server_close()
    thread.join()


def provider(url: str, **fields: Any) -> dict[str, Any]:
    return {"provider": "openai-compatible", "model": "m", "base_url": url, "api_key": "canary-secret", **fields}


def test_a_provider_embeds_in_batches_with_its_key(workshop: Workshop, api: tuple[type[Api], str]) -> None:
    handler, url = api
    workshop.write({f"{name * 3}.txt": name * 3 for name in "ab"} | {"c.txt": "c"})
    workshop.run(embedding=provider(url, batch=2))
    assert [len(seen["input"]) for seen in handler.seen] == [2, 1]
    assert {(seen["path"], seen["key"], seen["model"]) for seen in handler.seen} == {
        ("/v1/embeddings", "Bearer canary-secret", "m")
    }
    with workshop.open() as snapshot:
        assert snapshot.search("bbb", 1, "dense")[0].document == "bbb.txt"
    for path in workshop.state.rglob("*"):
        assert not path.is_file() or b"canary-secret" not in path.read_bytes(), path


def test_a_provider_is_asked_again_after_a_passing_failure(workshop: Workshop, api: tuple[type[Api], str]) -> None:
    handler, url = api
    handler.script = [(503, {}), (429, {"Retry-After": "0"})]
    workshop.write({"a.txt": "a"})
    assert workshop.run(embedding=provider(url)).outcome.result["documents"] == 1
    assert len(handler.seen) == 3


@pytest.mark.parametrize(("status", "tries"), [(401, 1), (404, 1), (500, 2)])
def test_a_provider_that_fails_fails_the_job_and_says_why(
    workshop: Workshop, api: tuple[type[Api], str], status: int, tries: int
) -> None:
    handler, url = api
    handler.script = [(status, {})] * tries
    workshop.write({"a.txt": "a"})
    with pytest.raises(JobError, match=f"answered {status}") as raised:
        workshop.run(embedding=provider(url, retries=1))
    assert (raised.value.failure_code, raised.value.retryable) == ("embedding-failed", status == 500)
    assert len(handler.seen) == tries
    assert "canary" not in raised.value.message
    assert workshop.store.current() is None


def test_waiting_for_a_provider_ends_at_once_on_cancel(workshop: Workshop, api: tuple[type[Api], str]) -> None:
    handler, url = api
    handler.script = [(503, {"Retry-After": "3600"})]
    workshop.write({"a.txt": "a"})
    job = workshop.job(embedding=provider(url))
    plan = job.plan(workshop.context())
    token = CancelToken()
    canceller = threading.Timer(0.2, token.request)
    canceller.start()
    with job.world() as world, pytest.raises(Cancelled):
        job.work(plan.units[0], WorkContext(Deadline.after(30), token, world=world))
    canceller.join()
    job.abandon()

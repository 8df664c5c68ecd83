"""The walk over a corpus: order, globs, limits, and everything a hostile folder may hold."""

from __future__ import annotations

import errno
import os
import socket
from pathlib import Path
from typing import Any

import pytest

from orchestrator.errors import JobError
from orchestrator.kinds.ingest.corpus import FolderCorpus, Root, Rules
from orchestrator.kinds.ingest.document import Content, Scan, Stamp
from orchestrator.kinds.ingest.globs import compile_glob
from orchestrator.kinds.ingest.readers import KNOWN

Workshop = Any


def scan(workshop: Workshop, known: dict[str, Stamp] | None = None, **rules: Any) -> Scan:
    corpus = FolderCorpus((Root(workshop.docs),), Rules(known=KNOWN, **rules))
    return corpus.scan(known or {}, workshop.context())


def keys(found: Scan) -> list[str]:
    return [seen.key for seen in found.documents]


def reasons(found: Scan) -> dict[str, str]:
    return {each.key: each.reason for each in found.skipped}


@pytest.mark.parametrize(
    ("glob", "matching", "others"),
    [
        ("**/*.md", ["a.md", "x/a.md", "x/y/a.md"], ["a.txt", "amd"]),
        ("*.md", ["a.md"], ["x/a.md"]),
        ("docs/**", ["docs/a", "docs/x/a"], ["docsx/a"]),
        ("drafts", ["drafts", "drafts/a.md"], ["x/drafts", "drafts2"]),
        ("drafts/", ["drafts/a.md"], ["draft"]),
        ("a?.md", ["ab.md"], ["a/.md", "a.md"]),
        ("[a-c].md", ["b.md"], ["d.md"]),
        ("[!a].md", ["b.md"], ["a.md", "/.md"]),
        ("x/**/y.md", ["x/y.md", "x/1/2/y.md"], ["y.md"]),
        ("a+b(c).md", ["a+b(c).md"], ["aab(c).md"]),
        ("[.md", ["[.md"], [".md"]),
        ("[!].md", ["[!].md"], ["a.md", "!.md"]),
        ("[].md", ["[].md"], ["a.md"]),
        ("[[]a].md", ["[a].md"], ["a.md"]),
        ("[[].md", ["[.md"], ["].md"]),
        ("[]].md", ["].md"], ["[.md", "a.md"]),
        ("[!]].md", ["a.md", "[.md"], ["].md"]),
        ("[a&&b].md", ["&.md", "a.md"], ["c.md"]),
        ("[z-a].md", [], ["z.md", "a.md", "-.md", "[z-a].md", "z-a.md"]),
        ("[a\\]x].md", ["ax].md", "\\x].md"], ["x.md"]),
    ],
)
def test_globs_mean_what_they_say(glob: str, matching: list[str], others: list[str]) -> None:
    pattern = compile_glob(glob)
    assert [path for path in matching if not pattern.match(path)] == []
    assert [path for path in others if pattern.match(path)] == []


def test_documents_are_sorted_and_chosen_by_globs(workshop: Workshop) -> None:
    workshop.write(dict.fromkeys(("b.md", "a/z.md", "a/b/c.md", "x.txt", "drafts/d.md"), "text"))
    assert keys(scan(workshop)) == ["a/b/c.md", "a/z.md", "b.md", "drafts/d.md", "x.txt"]
    assert keys(scan(workshop, include=("**/*.md",), exclude=("drafts",))) == ["a/b/c.md", "a/z.md", "b.md"]


def test_without_include_only_what_a_reader_knows_is_taken(workshop: Workshop) -> None:
    workshop.write({"a.md": "x", "LICENSE": "x", "image.png": b"\x89PNG", "program": b"\x7fELF"})
    assert keys(scan(workshop)) == ["LICENSE", "a.md"]


def test_hidden_files_and_folders_are_left_out_and_reported(workshop: Workshop) -> None:
    workshop.write({".git/config.md": "x", ".secret.md": "x", "a.md": "x"})
    found = scan(workshop)
    assert keys(found) == ["a.md"]
    assert reasons(found) == {".git": "hidden", ".secret.md": "hidden"}


def test_gitignore_is_respected_when_asked(workshop: Workshop) -> None:
    workshop.write(
        {
            ".gitignore": "*.log\nbuild/\n/only-here.md\n!keep.log\n# comment\n",
            "sub/.gitignore": "local.md\n",
            "a.log": "x",
            "keep.log": "x",
            "build/x.md": "x",
            "only-here.md": "x",
            "sub/only-here.md": "x",
            "sub/local.md": "x",
            "local.md": "x",
        }
    )
    assert keys(scan(workshop, respect_gitignore=True)) == ["keep.log", "local.md", "sub/only-here.md"]
    assert len(keys(scan(workshop))) == 7


def test_a_hostile_folder_yields_its_good_documents_and_a_reason_for_each_bad_entry(workshop: Workshop) -> None:
    outside = workshop.root / "outside.md"
    outside.write_text("secret")
    workshop.write({"good.md": "# Good", "sub/good.md": "# Good too"})
    os.mkfifo(workshop.docs / "fifo.md")
    (workshop.docs / "out.md").symlink_to(outside)
    (workshop.docs / "loop").symlink_to(workshop.docs)
    (workshop.docs / "round.md").symlink_to("round.md")
    with (workshop.docs / "sparse.md").open("wb") as stream:
        stream.truncate(2_000_000_000)
    server = socket.socket(socket.AF_UNIX)
    server.bind(os.path.relpath(workshop.docs / "socket.md"))
    try:
        found = scan(workshop)
    finally:
        server.close()
    good = [seen.key for seen in found.documents if seen.problem is None]
    assert good == ["good.md", "sub/good.md"]
    assert {seen.key: seen.problem.code for seen in found.documents if seen.problem} == {"sparse.md": "too-large"}
    assert reasons(found) == {
        "fifo.md": "a FIFO",
        "loop": "a link",
        "out.md": "a link",
        "round.md": "a link",
        "socket.md": "a socket",
    }


def test_a_file_without_permission_is_a_problem_of_its_own(workshop: Workshop, monkeypatch: pytest.MonkeyPatch) -> None:
    workshop.write({"a.md": "x", "b.md": "x"})
    opening = os.open

    def refusing(path: Any, *arguments: Any, **options: Any) -> int:
        if path == "b.md":  # Root may read everything, so a mode of 0 proves nothing there.
            raise PermissionError(errno.EACCES, "Permission denied")
        return opening(path, *arguments, **options)

    monkeypatch.setattr(os, "open", refusing)
    found = scan(workshop)
    assert {seen.key: seen.problem.code for seen in found.documents if seen.problem} == {"b.md": "unreadable-file"}


def test_a_name_that_is_no_utf8_is_left_out(workshop: Workshop) -> None:
    (workshop.docs / os.fsdecode(b"caf\xe9.md")).write_text("x")
    found = scan(workshop)
    assert keys(found) == []
    assert list(reasons(found).values()) == ["a name that is no UTF-8"]


def read(workshop: Workshop, found: Scan) -> dict[str, str]:
    corpus = FolderCorpus((Root(workshop.docs),), Rules(known=KNOWN))
    return {
        seen.key: "read" if isinstance(content, Content) else content.code for seen, content in corpus.read(found.documents)
    }


def test_a_file_that_vanishes_after_the_scan_is_an_outcome(workshop: Workshop) -> None:
    workshop.write({"a.md": "x", "b.md": "x"})
    found = scan(workshop)
    (workshop.docs / "a.md").unlink()
    assert read(workshop, found) == {"a.md": "vanished", "b.md": "read"}


def test_a_file_that_became_a_link_or_a_fifo_after_the_scan_is_never_followed(workshop: Workshop) -> None:
    (workshop.root / "outside.md").write_text("secret")
    workshop.write({"a.md": "x", "b.md": "x", "sub/c.md": "x"})
    found = scan(workshop)
    (workshop.docs / "a.md").unlink()
    (workshop.docs / "a.md").symlink_to(workshop.root / "outside.md")
    (workshop.docs / "b.md").unlink()
    os.mkfifo(workshop.docs / "b.md")
    (workshop.docs / "sub").rename(workshop.root / "elsewhere")
    (workshop.docs / "sub").symlink_to(workshop.root / "elsewhere")
    assert read(workshop, found) == {"a.md": "unreadable-file", "b.md": "changed-while-read", "sub/c.md": "unreadable-file"}


def test_a_file_that_changes_while_it_is_read_fails(workshop: Workshop, monkeypatch: pytest.MonkeyPatch) -> None:
    workshop.write({"a.md": "x" * 100, "b.md": "y"})
    found = scan(workshop)
    fstat = os.fstat
    target = (workshop.docs / "a.md").stat().st_ino
    seen = [0]

    def appending(descriptor: int) -> os.stat_result:
        result = fstat(descriptor)
        if result.st_ino == target:
            seen[0] += 1
            if seen[0] == 2:  # Opened and looked at; somebody writes before it is read.
                with (workshop.docs / "a.md").open("a") as stream:
                    stream.write("more")
        return result

    monkeypatch.setattr(os, "fstat", appending)
    assert read(workshop, found) == {"a.md": "changed-while-read", "b.md": "read"}


def test_size_and_times_are_a_shortcut_and_content_is_the_truth(workshop: Workshop) -> None:
    workshop.write({"a.md": "one"})
    (seen,) = scan(workshop).documents
    known = {"a.md": Stamp(seen.size, seen.times, b"remembered", seen.inode)}
    assert scan(workshop, known).documents[0].digest == b"remembered"
    workshop.write({"a.md": "two"})
    os.utime(workshop.docs / "a.md", ns=(seen.times[0], seen.times[0]))
    assert scan(workshop, known).documents[0].digest not in {b"remembered", seen.digest}


def test_another_file_in_its_place_is_read_even_if_its_times_are_the_same(workshop: Workshop) -> None:
    workshop.write({"a.md": "one"})
    (seen,) = scan(workshop).documents
    known = {"a.md": Stamp(seen.size, seen.times, b"remembered", seen.inode + 1)}
    assert scan(workshop, known).documents[0].digest == seen.digest


def test_the_snapshot_store_inside_a_corpus_is_no_part_of_it(workshop: Workshop) -> None:
    workshop.write({"a.md": "# A\n\ntext", "store/keep.md": "x"})
    done = workshop.run(corpus="docs", snapshots="docs/store")
    assert [item.key for item in done.plan.items] == ["a.md"]


def test_several_folders_keep_their_names_in_the_keys(workshop: Workshop) -> None:
    workshop.write({"a.md": "# A\n\ntext"})
    (workshop.root / "more").mkdir()
    (workshop.root / "more" / "a.md").write_text("# B\n\ntext")
    done = workshop.run(corpus=["docs", "more"])
    assert [item.key for item in done.plan.items] == ["docs/a.md", "more/a.md"]
    assert done.failures == {}


def test_a_missing_folder_is_an_error_with_its_name(workshop: Workshop) -> None:
    with pytest.raises(JobError, match="nowhere") as raised:
        workshop.run(corpus="nowhere")
    assert raised.value.failure_code == "no-corpus"


def test_what_was_left_out_is_in_the_manifest_and_in_the_warnings(workshop: Workshop) -> None:
    workshop.write({"good.md": "# Good\n\ntext"})
    (workshop.docs / "out.md").symlink_to(Path("/etc/hostname"))
    done = workshop.run()
    assert done.plan.warnings == ("left out: 1 x a link",)
    manifest = workshop.store.manifest(workshop.store.current_id())
    assert [(each.document, each.reason) for each in manifest.skipped] == [("out.md", "a link")]

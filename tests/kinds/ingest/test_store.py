"""The snapshot store: CURRENT as the only commit point, verification, retention, pins and readers that hold."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from orchestrator.errors import NotFound, StorageError, UnreadableState, UsageError
from orchestrator.kinds.ingest.archive import export, take_in
from orchestrator.kinds.ingest.compare import compare
from orchestrator.kinds.ingest.manifest import is_snapshot_id, new_snapshot_id
from orchestrator.kinds.ingest.search import open_snapshot
from orchestrator.kinds.ingest.store import SnapshotIncomplete, Store
from orchestrator.kinds.ingest.verify import problems

Workshop = Any


@pytest.fixture
def published(handbook: Workshop) -> Path:
    handbook.run(embedding="none")
    current: Path = handbook.store.current()
    return current


def test_names_sort_by_time_also_within_a_second_and_when_the_clock_goes_back() -> None:
    now = 1_795_000_000.123456
    names = [new_snapshot_id(now)]
    for step in (0.000002, 0.0, -5.0, 0.000001, 1.0):
        names.append(new_snapshot_id(now + step, names[-1]))
    assert names == sorted(names)
    assert len(set(names)) == len(names)
    assert all(is_snapshot_id(name) for name in names)


def test_current_is_what_the_contract_says(published: Path) -> None:
    document = json.loads((published.parent / "CURRENT").read_text())
    assert document == {"schema_version": 1, "snapshot_id": published.name}


def test_without_current_there_is_no_snapshot_even_if_directories_exist(published: Path) -> None:
    (published.parent / "CURRENT").unlink()
    store = Store(published.parent)
    assert store.current() is None
    with pytest.raises(NotFound):
        open_snapshot(store.path)


@pytest.mark.parametrize(
    "content",
    ["", "{", "null", '{"schema_version": 1}', '{"schema_version": 1, "snapshot_id": "../../etc"}', '{"schema_version": 2}'],
)
def test_a_damaged_pointer_is_told_and_never_guessed(published: Path, content: str) -> None:
    (published.parent / "CURRENT").write_text(content)
    with pytest.raises(UnreadableState, match="CURRENT"):
        Store(published.parent).current()


def test_a_run_after_a_damaged_pointer_publishes_a_whole_snapshot(handbook: Workshop, published: Path) -> None:
    (published.parent / "CURRENT").write_text("{")
    done = handbook.run(embedding="none")
    assert any("made anew" in warning for warning in done.plan.warnings)
    assert problems(handbook.store.current()) == []
    assert len(handbook.published()) == 4


def flip(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)


def relink(path: Path) -> None:
    elsewhere = path.parent.parent / f"moved-{path.name}"
    path.rename(elsewhere)
    path.symlink_to(elsewhere)


def foreign_field(path: Path) -> None:
    manifest = path.parent / "MANIFEST.json"
    manifest.write_text(json.dumps(json.loads(manifest.read_text()) | {"extra": 1}))


def edited_manifest(path: Path) -> None:
    manifest = path.parent / "MANIFEST.json"
    manifest.write_text(json.dumps(json.loads(manifest.read_text()) | {"documents": 5}))


def traversing(path: Path) -> None:
    from orchestrator.kinds.ingest.manifest import digest_of, rendered

    manifest = path.parent / "MANIFEST.json"
    document = json.loads(manifest.read_text())
    document["files"][0]["path"] = f"../{path.parent.name}/{path.name}"
    manifest.write_bytes(rendered(document | {"digest": digest_of(document)}))


def become_a_folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


def add_a_folder_with_a_file(path: Path) -> None:
    (path.parent / "x").mkdir()
    (path.parent / "x" / "y").write_bytes(b"")


MUTATIONS: dict[str, Callable[[Path], object]] = {
    "flipped": flip,
    "truncated": lambda path: os.truncate(path, path.stat().st_size - 1),
    "emptied": lambda path: os.truncate(path, 0),
    "longer": lambda path: path.write_bytes(path.read_bytes() + b" "),
    "removed": Path.unlink,
    "a link": relink,
    "hard linked": lambda path: (path.parent.parent / "other-name").hardlink_to(path),
    "a folder": become_a_folder,
    "an extra file": lambda path: (path.parent / "extra").write_bytes(b""),
    "an extra folder": lambda path: (path.parent / "extra").mkdir(),
    "an extra file in a folder": add_a_folder_with_a_file,
    "an extra link": lambda path: (path.parent / "extra").symlink_to("MANIFEST.json"),
    "a hidden file": lambda path: (path.parent / ".hidden").write_bytes(b""),
    "a foreign field": foreign_field,
    "an edited manifest": edited_manifest,
    "a path that leads out": traversing,
}


@pytest.mark.parametrize("mutation", MUTATIONS)
@pytest.mark.parametrize("name", ["index.db", "MANIFEST.json"])
def test_verify_finds_every_mutation(published: Path, mutation: str, name: str) -> None:
    assert problems(published) == []
    MUTATIONS[mutation](published / name)
    assert problems(published) != []


def test_verify_finds_a_snapshot_under_another_name(published: Path) -> None:
    other = published.with_name(new_snapshot_id(0.0))
    published.rename(other)
    assert any("manifest is of" in each for each in problems(other))


def crash(*_: Any, **__: Any) -> None:
    raise KeyboardInterrupt


def test_a_snapshot_that_was_renamed_but_never_became_current_is_swept(
    handbook: Workshop, published: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = handbook.store
    handbook.write({"new.md": "# New\n\nNews.\n"})
    with monkeypatch.context() as broken:
        broken.setattr(Store, "point_at", crash)
        with pytest.raises(KeyboardInterrupt):
            handbook.run(embedding="none")
    directories = [entry.name for entry in store.path.iterdir() if is_snapshot_id(entry.name)]
    assert len(directories) == 2
    assert store.ids() == [published.name], "what was never acknowledged isn't listed"
    handbook.run(embedding="none")
    assert len(store.ids()) == 2
    assert [entry for entry in store.path.iterdir() if is_snapshot_id(entry.name) and entry.name in directories[:]] == [
        published
    ]


def test_retention_keeps_the_newest_the_current_the_pinned_and_the_held(handbook: Workshop) -> None:
    store = handbook.store
    names = []
    for number in range(6):
        handbook.write({"notes.txt": f"Note number {number}.\n"})
        job = handbook.job(embedding="none")
        job._around.settings["retention"]["snapshots"] = 100
        plan = job.plan(handbook.context())
        handbook.work(job, plan, handbook.context())
        names.append(job.commit(handbook.context()).result["snapshot_id"])
    assert store.ids() == names
    store.pin(names[0])
    store.point_at(names[1])
    with open_snapshot(store.path / names[2]):
        assert store.prune(2) == [names[3]]
    assert store.prune(2) == [names[2]]
    assert store.ids() == [names[0], names[1], names[4], names[5]]
    assert store.unpin(names[0])
    assert not store.unpin(names[0])
    assert store.prune(1) == [names[0], names[4]]


def test_a_run_prunes_by_the_specs_retention(handbook: Workshop) -> None:
    for number in range(8):
        handbook.write({"notes.txt": f"Note number {number}.\n"})
        handbook.run(embedding="none")
    assert len(handbook.store.ids()) == 5


def test_a_snapshot_is_found_by_a_unique_part_of_its_id(handbook: Workshop, published: Path) -> None:
    assert handbook.store.find(published.name[:15]) == published
    for name in ("nope", "", "../etc"):
        with pytest.raises(NotFound):
            handbook.store.find(name)


def test_an_index_that_cannot_be_written_leaves_everything_as_it_was(
    handbook: Workshop, published: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from orchestrator import files

    handbook.write({"new.md": "# New\n\nNews.\n"})

    def full(*_: Any) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as broken:
        broken.setattr(files, "write_all", full)
        with pytest.raises(StorageError, match="no space"):
            handbook.run()
    assert handbook.store.current() == published
    assert not handbook.store.staging.exists()
    assert handbook.run(embedding="none").outcome.result["documents"] == 5


def test_an_index_that_differs_from_what_was_written_is_never_published(
    handbook: Workshop, published: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from orchestrator.kinds.ingest import job

    handbook.write({"new.md": "# New\n\nNews.\n"})
    from orchestrator.kinds.ingest.store import check_complete

    def damaged(staging: Path) -> None:
        flip(staging / "index.db")
        check_complete(staging)

    monkeypatch.setattr(job, "check_complete", damaged)
    with pytest.raises(SnapshotIncomplete):
        handbook.run(embedding="none")
    assert handbook.store.current() == published


def test_compare_tells_documents_nodes_and_settings(handbook: Workshop, published: Path) -> None:
    (handbook.docs / "notes.txt").unlink()
    handbook.write({"index.md": "# Another\n\nText.\n", "new.md": "# New\n\nNews.\n"})
    handbook.run(embedding="none", chunk={"size": 500})
    found = compare(published, handbook.store.current())
    assert (found.added, found.removed, found.changed, found.unchanged) == (("new.md",), ("notes.txt",), ("index.md",), 2)
    assert found.nodes_kept == 2
    assert list(found.settings) == ["chunk"]


def test_an_exported_snapshot_is_taken_in_elsewhere_and_verifies(published: Path, tmp_path: Path) -> None:
    export(published, tmp_path / "one.tar")
    store = Store(tmp_path / "elsewhere")
    taken = take_in(store, tmp_path / "one.tar")
    assert taken.name == published.name
    assert problems(taken) == []
    assert store.current() is None
    assert not store.staging.exists()
    with pytest.raises(UsageError, match="already"):
        take_in(store, tmp_path / "one.tar")


@pytest.mark.parametrize("damage", ["flipped", "truncated", "no tar", "other file", "extra member", "link member"])
def test_a_damaged_or_hostile_archive_is_refused_and_leaves_nothing(published: Path, tmp_path: Path, damage: str) -> None:
    import tarfile

    path = tmp_path / "one.tar"
    export(published, path)
    match damage:
        case "flipped":
            data = bytearray(path.read_bytes())
            data[path.read_bytes().index(b"SQLite format 3") + 5000] ^= 1
            path.write_bytes(data)
        case "truncated":
            os.truncate(path, path.stat().st_size // 2)
        case "no tar":
            path.write_bytes(b"x" * 2000)
        case "other file":
            with tarfile.open(path, "w") as archive:
                archive.add(published / "index.db", "../../evil")
        case _:
            with tarfile.open(path, "a") as archive:
                member = tarfile.TarInfo(f"{published.name}/extra")
                if damage == "link member":
                    member.type, member.linkname = tarfile.SYMTYPE, "/etc/passwd"
                archive.addfile(member)
    store = Store(tmp_path / "elsewhere")
    with pytest.raises((UsageError, StorageError)):
        take_in(store, path)
    assert store.ids() == []
    assert not store.staging.exists()


def test_a_copied_store_works(published: Path, tmp_path: Path) -> None:
    shutil.copytree(published.parent, tmp_path / "copy")
    with open_snapshot(tmp_path / "copy") as snapshot:
        assert snapshot.search("holiday", 1)[0].document == "index.md"

"""Publishing and removing folders, appending, sweeping, and telling network file systems."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from orchestrator import disk, files
from orchestrator.errors import StorageError


@pytest.fixture
def staging(tmp_path: Path) -> Path:
    folder = tmp_path / ".staging"
    (folder / "deep").mkdir(parents=True)
    (folder / "a").write_bytes(b"a")
    (folder / "deep" / "b").write_bytes(b"b")
    return folder


def _content(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_a_published_folder_has_its_whole_content_and_the_staging_is_gone(tmp_path: Path, staging: Path) -> None:
    files.publish_dir(staging, tmp_path / "final")
    assert _content(tmp_path / "final") == {"a": b"a", "deep/b": b"b"}
    assert not staging.exists()


def test_everything_is_synced_before_the_name_is_given(tmp_path: Path, staging: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    order: list[str] = []
    fsync, rename = os.fsync, os.rename

    def note_fsync(descriptor: int) -> None:
        order.append("fsync")
        fsync(descriptor)

    def note_rename(old: Path, new: Path) -> None:
        order.append("rename")
        rename(old, new)

    monkeypatch.setattr(os, "fsync", note_fsync)
    monkeypatch.setattr(os, "rename", note_rename)
    files.publish_dir(staging, tmp_path / "final")
    assert order == ["fsync"] * 4 + ["rename", "fsync"]


def test_publishing_over_an_existing_folder_is_refused_and_changes_nothing(tmp_path: Path, staging: Path) -> None:
    (tmp_path / "final").mkdir()
    with pytest.raises(StorageError, match="exists"):
        files.publish_dir(staging, tmp_path / "final")
    assert _content(staging) == {"a": b"a", "deep/b": b"b"}
    assert _content(tmp_path / "final") == {}


def test_a_publish_that_fails_leaves_the_staging_where_it_was(
    tmp_path: Path, staging: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(descriptor: int) -> None:
        raise OSError(errno.EIO, os.strerror(errno.EIO), descriptor)

    monkeypatch.setattr(os, "fsync", refuse)
    with pytest.raises(StorageError, match="input/output error"):
        files.publish_dir(staging, tmp_path / "final")
    assert not (tmp_path / "final").exists()
    assert staging.exists()


def test_a_removed_folder_loses_its_name_before_its_content(
    tmp_path: Path, staging: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("shutil.rmtree", lambda path, *, ignore_errors: (path, ignore_errors))
    files.remove_tree(staging)
    assert not staging.exists()
    (trash,) = tmp_path.glob(f"{files.TRASH_PREFIX}*")
    assert _content(trash) == {"a": b"a", "deep/b": b"b"}
    monkeypatch.undo()
    assert files.sweep(tmp_path) == 1
    assert list(tmp_path.iterdir()) == []


def test_removing_what_isnt_there_is_fine(tmp_path: Path) -> None:
    files.remove_tree(tmp_path / "nothing")
    assert list(tmp_path.iterdir()) == []


def test_a_sweep_removes_leftovers_only_and_follows_no_link(tmp_path: Path) -> None:
    precious = tmp_path / "precious"
    precious.mkdir()
    (precious / "file").write_bytes(b"x")
    (tmp_path / ".tmp-status.json.1.1").write_bytes(b"half")
    (tmp_path / ".tmp-folder").mkdir()
    (tmp_path / ".tmp-link").symlink_to(precious, target_is_directory=True)
    (tmp_path / "tmp-mine").write_bytes(b"mine")
    assert files.sweep(tmp_path) == 3
    assert sorted(path.name for path in tmp_path.iterdir()) == ["precious", "tmp-mine"]
    assert (precious / "file").exists()


def test_appending_goes_on_behind_what_is_there_or_behind_what_is_kept(tmp_path: Path) -> None:
    path = tmp_path / "journal"
    for keep, data in ((None, b"one\ntwo\ntor"), (8, b"three\n")):
        file = files.AppendFile(path, keep=keep)
        file.append(data)
        file.sync()
        file.close()
        file.close()
    assert path.read_bytes() == b"one\ntwo\nthree\n"


def test_an_append_that_failed_half_way_is_cut_off_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = files.AppendFile(tmp_path / "journal")
    file.append(b"whole\n")
    write, calls = os.write, []

    def full_after_three(descriptor: int, data: bytes) -> int:
        calls.append(data)
        if len(calls) > 1:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return write(descriptor, bytes(data)[:3])

    monkeypatch.setattr(os, "write", full_after_three)
    with pytest.raises(StorageError, match="no space is left"):
        file.append(b"torn\n")
    monkeypatch.undo()
    assert (tmp_path / "journal").read_bytes() == b"whole\n"
    file.append(b"next\n")
    file.close()
    assert (tmp_path / "journal").read_bytes() == b"whole\nnext\n"


def test_a_link_in_place_of_the_journal_is_refused(tmp_path: Path) -> None:
    (tmp_path / "precious").write_bytes(b"x")
    (tmp_path / "journal").symlink_to(tmp_path / "precious")
    with pytest.raises(StorageError):
        files.AppendFile(tmp_path / "journal", keep=0)
    assert (tmp_path / "precious").read_bytes() == b"x"


@pytest.mark.parametrize("make", [files.make_private_dir, lambda path: files.write_atomic(path, b"")])
def test_a_file_where_a_folder_belongs_is_a_storage_error(tmp_path: Path, make: Callable[[Path], object]) -> None:
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(StorageError, match=r"no directory|[Nn]ot a directory"):
        make(tmp_path / "file" / "below")


MOUNTS = """\
22 1 0:20 / / rw,relatime shared:1 - ext4 /dev/vda1 rw
30 22 0:25 / /mnt/nfs rw,relatime shared:2 - nfs4 server:/export rw,vers=4.2
31 22 0:26 / /mnt/with\\040space rw - cifs //server/share rw
32 22 0:27 / /mnt/nfs/local rw - ext4 /dev/vdb1 rw
33 22 0:28 / /mnt/nfs-not rw - xfs /dev/vdc1 rw
34 22 0:29 / /mnt/ssh rw,nosuid shared:9 master:1 propagate_from:2 - fuse.sshfs host:/ rw
35 22 0:30 / /mnt/over rw - ext4 /dev/vdd1 rw
36 22 0:31 / /mnt/over rw - nfs server:/over rw
37 22 0:32 / /mnt/büro\\040süd rw - nfs server:/süd rw
"""


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("/home/x", None),
        ("/mnt/nfs", "nfs4"),
        ("/mnt/nfs/deep/er", "nfs4"),
        ("/mnt/nfs/local/x", None),
        ("/mnt/nfs-not/x", None),
        ("/mnt/with space/x", "cifs"),
        ("/mnt/ssh", "fuse.sshfs"),
        ("/mnt/over/x", "nfs"),
        ("/mnt/büro süd/x", "nfs"),
    ],
)
def test_the_innermost_and_latest_mount_says_whether_a_path_lies_on_a_network(tmp_path: Path, path: str, kind: str) -> None:
    mounts = tmp_path / "mountinfo"
    mounts.write_text(MOUNTS, encoding="utf-8")
    assert disk.network_file_system(Path(path), mounts) == kind


@pytest.mark.parametrize("content", ["", "garbage\n", "22 1 0:20 / / rw - \n", "\n\n"])
def test_a_mount_table_that_cant_be_read_tells_nothing(tmp_path: Path, content: str) -> None:
    mounts = tmp_path / "mountinfo"
    mounts.write_text(content, encoding="utf-8")
    assert disk.network_file_system(Path("/x"), mounts) is None
    assert disk.network_file_system(Path("/x"), tmp_path / "missing") is None


def test_free_bytes_are_those_of_an_ordinary_user(tmp_path: Path) -> None:
    found = os.statvfs(tmp_path)
    assert 0 < disk.free_bytes(tmp_path) <= found.f_blocks * found.f_frsize

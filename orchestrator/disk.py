"""What lies under a path: a network file system or a local one, and how much room is left. Reads only."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Final

_NETWORK_FILE_SYSTEMS: Final = frozenset(
    [
        "nfs",
        "nfs4",
        "cifs",
        "smb3",
        "smbfs",
        "ncpfs",
        "afs",
        "9p",
        "ceph",
        "glusterfs",
        "lustre",
        "gpfs",
        "beegfs",
        "fuse.sshfs",
        "fuse.s3fs",
        "fuse.rclone",
        "webdav",
    ]
)
_MOUNT_POINT: Final = 4  # Its place in a line of mountinfo; blanks in it stand as octal numbers.
_OCTAL: Final = re.compile(r"\\([0-7]{3})")


def network_file_system(path: Path, mounts: Path = Path("/proc/self/mountinfo")) -> str | None:
    """Return the type of the network file system that `path` lies on; None if it lies on a local one or can't be told.

    Source of the format: proc(5), mountinfo. Locks on network file systems may be local to each host.
    """
    try:
        lines = mounts.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return None
    best, kind = "", ""
    where = str(path.resolve())
    for line in lines:
        left, _, right = line.partition(" - ")
        fields, source = left.split(), right.split()
        if len(fields) <= _MOUNT_POINT or not source:
            continue
        point = _OCTAL.sub(lambda escaped: chr(int(escaped[1], 8)), fields[_MOUNT_POINT])
        if (where + "/").startswith(point.rstrip("/") + "/") and len(point) >= len(best):
            best, kind = point, source[0]
    return kind if kind in _NETWORK_FILE_SYSTEMS else None


def free_bytes(path: Path) -> int:
    """Return how many bytes an ordinary user can still write where `path` lies."""
    found = os.statvfs(path)
    return found.f_bavail * found.f_frsize

"""The items of a run, from its journal, read a bounded step at a time and never twice."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Final

from orchestrator.status import journal
from orchestrator.status.journal import Entry, Event

STEP_BYTES: Final = 400_000
LARGEST_LINE: Final = 8_000_000


@dataclass(frozen=True, slots=True)
class Item:
    """One item that ended: what it yielded, how long it took, and why it failed."""

    job: str
    key: str
    state: str
    attempt: int = 1
    seconds: float | None = None
    found: int | None = None
    tries: int = 1
    at: str = ""
    code: str = ""
    message: str = ""
    hint: str = ""


class Items:
    """What a journal says of items. `advance` reads on; a later line about the same item replaces the earlier one."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._begin(inode=0)

    def _begin(self, inode: int) -> None:
        self._inode, self._offset, self._next = inode, 0, 1
        self.size = 0
        self.damaged = False
        self.failed: dict[tuple[str, str], Item] = {}
        self.ended: dict[tuple[str, str], Item] = {}
        self.slowest = 0.0
        self.most_found = 0
        self.events: list[Entry] = []

    @property
    def complete(self) -> bool:
        """Whether everything that stands in the journal was read."""
        return self.damaged or self._offset >= self.size

    @property
    def share(self) -> float:
        """How much of the journal was read, 0 to 1."""
        return self._offset / self.size if self.size else 1.0

    def __len__(self) -> int:
        return len(self.failed) + len(self.ended)

    def advance(self, step: int = STEP_BYTES) -> None:
        """Read at most `step` further bytes. A journal that was replaced or cut is read from its start."""
        try:
            found = self._path.stat()
            if found.st_ino != self._inode or found.st_size < self._offset:
                self._begin(found.st_ino)
            self.size = found.st_size
            if self.complete:
                return
            with self._path.open("rb") as file:
                file.seek(self._offset)
                data = file.read(step)
                while b"\n" not in data and len(data) < min(LARGEST_LINE, self.size - self._offset):
                    data += file.read(step)
        except OSError:
            return
        self._take(data)

    def _take(self, data: bytes) -> None:
        start = 0
        while (end := data.find(b"\n", start)) >= 0:
            entry = journal.decode(data[start : end + 1])
            if entry is None or entry.seq != self._next:
                self.damaged = True
                break
            self._note(entry)
            start, self._next = end + 1, self._next + 1
        whole = self._offset + len(data) >= self.size or start == 0
        self._offset += start
        if whole:
            self.size = self._offset  # A torn last line: its rest comes with a later poll, or never.

    def _note(self, entry: Entry) -> None:
        if entry.event is not Event.ITEM_FINISHED:
            self.events.append(entry)
            return
        item = _item(entry)
        name = (item.job, item.key)
        self.failed.pop(name, None)
        self.ended.pop(name, None)
        (self.failed if item.state == "failed" else self.ended)[name] = item
        self.slowest = max(self.slowest, item.seconds or 0.0)
        self.most_found = max(self.most_found, item.found or 0)

    def rows(self) -> Iterator[Item]:
        """Yield the items, failed ones first, then the latest first."""
        yield from self.failed.values()
        yield from reversed(self.ended.values())

    def select(
        self, *, state: str = "", job: str = "", text: str = "", skip: int = 0, most: int = 50
    ) -> tuple[list[Item], int]:
        """Return the rows `skip` to `skip + most` of those that match, and how many match."""
        if not (state or job or text):
            return list(islice(self.rows(), skip, skip + most)), len(self)
        wanted = text.casefold()
        found = [
            item
            for item in self.rows()
            if (not state or item.state == state)
            and (not job or item.job == job)
            and (not wanted or wanted in item.key.casefold() or wanted in item.message.casefold())
        ]
        return found[skip : skip + most], len(found)


def _item(entry: Entry) -> Item:
    detail = entry.detail if isinstance(entry.detail, dict) else {}
    error = detail.get("error")
    error = error if isinstance(error, dict) else {}
    return Item(
        job=str(entry.job or ""),
        key=str(entry.item or ""),
        state=str(entry.state or ""),
        attempt=_number(entry.attempt) or 1,
        seconds=float(entry.seconds) if isinstance(entry.seconds, int | float) else None,
        found=_number(detail.get("found")),
        tries=_number(detail.get("attempts")) or 1,
        at=str(entry.at),
        code=str(error.get("code", "")),
        message=str(error.get("message", "")),
        hint=str(error.get("hint", "")),
    )


def _number(value: object) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) else None

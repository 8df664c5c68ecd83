"""Whether hosts accept a connection: all are asked at once, and none is waited for longer than a deadline."""

from __future__ import annotations

import queue
import socket
import threading
from collections.abc import Iterable
from typing import Final, NamedTuple

from orchestrator.deadline import SYSTEM_CLOCK

Door = tuple[str, int]
MOST_AT_ONCE: Final = 32


class Knock(NamedTuple):
    """What came of asking a host: the seconds until it accepted, or what went wrong."""

    seconds: float
    trouble: str = ""


def knock(doors: Iterable[Door], seconds: float) -> dict[Door, Knock]:
    """Ask every host; return what came of each after `seconds` at the latest, also if a name server is silent."""
    wanted = list(doors)
    waiting: queue.SimpleQueue[Door] = queue.SimpleQueue()
    answers: queue.SimpleQueue[tuple[Door, Knock]] = queue.SimpleQueue()
    for door in wanted:
        waiting.put(door)
    end = SYSTEM_CLOCK.monotonic() + seconds
    for number in range(min(MOST_AT_ONCE, len(wanted))):
        # Daemons, since nothing ends a thread that waits for a name server, and it must not hold the process.
        threading.Thread(target=_ask, args=(waiting, answers, end), name=f"knock-{number}", daemon=True).start()
    found: dict[Door, Knock] = {}
    while len(found) < len(wanted) and (left := end - SYSTEM_CLOCK.monotonic()) > 0:
        try:
            door, answer = answers.get(timeout=left)
        except queue.Empty:
            break
        found[door] = answer
    return {door: found.get(door, Knock(seconds, f"no answer within {seconds:g} s")) for door in wanted}


def _ask(waiting: queue.SimpleQueue[Door], answers: queue.SimpleQueue[tuple[Door, Knock]], end: float) -> None:
    while (started := SYSTEM_CLOCK.monotonic()) < end:
        try:
            door = waiting.get_nowait()
        except queue.Empty:
            return
        trouble = _trouble(door, end - started)
        answers.put((door, Knock(SYSTEM_CLOCK.monotonic() - started, trouble)))


def _trouble(door: Door, seconds: float) -> str:
    try:
        socket.create_connection(door, timeout=seconds).close()
    except TimeoutError:
        return "no answer in time"
    except (OSError, UnicodeError) as error:  # A label of more than 63 characters is a UnicodeError.
        return getattr(error, "strerror", None) or str(error)
    return ""

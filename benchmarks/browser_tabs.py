"""Tabs of the dashboard without a browser: each speaks Streamlit's protocol on a websocket and polls as the page's timer does.

A tab asks for the page, is told the fragment and its interval (`AutoRerun`), and asks for that fragment again every interval.
What a browser draws isn't measured here, so what is left is what the server does.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final

from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from websockets.asyncio.client import connect
from websockets.exceptions import WebSocketException
from websockets.typing import Origin, Subprotocol

SETTLE_SECONDS: Final = 5.0
Meter = Callable[[], tuple[float, float]]


@dataclass
class Watched:
    """What was seen: seconds of the server's CPU, its memory before and after in MB, and each poll's round trip in ms."""

    cpu: float = 0.0
    memory: tuple[float, float] = (0.0, 0.0)
    trips: list[float] = field(default_factory=list)
    size: float = 0.0
    """Bytes that a poll brings."""


@dataclass
class Tab:
    """One tab: what it waits for, and what its polls took."""

    address: str
    counts: bool = False
    trips: list[float] = field(default_factory=list)
    received: int = 0
    page: str = ""
    fragment: str = ""
    interval: float = 1.0
    drawn: asyncio.Event = field(default_factory=asyncio.Event)
    asked_at: float | None = None

    async def live(self) -> None:
        """Watch until it is cancelled."""
        url = self.address.replace("http", "ws", 1) + "/_stcore/stream"
        async with connect(url, origin=Origin(self.address), subprotocols=[Subprotocol("streamlit")], max_size=None) as socket:
            await socket.send(self._rerun())
            polling = asyncio.create_task(self._poll(socket))
            try:
                async for data in socket:
                    self._hear(data)
            finally:
                polling.cancel()

    def _rerun(self, fragment: str = "") -> bytes:
        message = BackMsg()
        message.rerun_script.query_string = ""
        if fragment:
            message.rerun_script.fragment_id = fragment
            message.rerun_script.page_script_hash = self.page
            message.rerun_script.is_auto_rerun = True
        encoded: bytes = message.SerializeToString()
        return encoded

    async def _poll(self, socket: Any) -> None:
        await self.drawn.wait()
        while True:
            await asyncio.sleep(self.interval)
            self.asked_at = time.perf_counter()
            await socket.send(self._rerun(self.fragment))

    def _hear(self, data: Any) -> None:
        message = ForwardMsg()
        message.ParseFromString(data)
        kind = message.WhichOneof("type")
        self.received += len(data) if self.counts else 0
        if kind == "new_session":
            self.page = message.new_session.page_script_hash
        elif kind == "auto_rerun":
            self.fragment, self.interval = message.auto_rerun.fragment_id, message.auto_rerun.interval
        elif kind == "script_finished":
            self.drawn.set()
            if self.asked_at is not None and self.counts:
                self.trips.append(1000 * (time.perf_counter() - self.asked_at))
            self.asked_at = None


def watch(address: str, tabs: int, seconds: float, tick: Callable[[int], None], meter: Meter) -> Watched:
    """Watch with so many tabs; `tick` is called twice a second, `meter` gives CPU seconds and MB of the server."""
    return asyncio.run(_watch(address, tabs, seconds, tick, meter))


async def _watch(address: str, tabs: int, seconds: float, tick: Callable[[int], None], meter: Meter) -> Watched:
    await _wait_for(address)
    open_tabs = [Tab(address) for _ in range(tabs)]
    tasks = [asyncio.create_task(tab.live()) for tab in open_tabs]
    await asyncio.wait_for(asyncio.gather(*(tab.drawn.wait() for tab in open_tabs)), 60)
    await _tick(tick, SETTLE_SECONDS)
    for tab in open_tabs:
        tab.counts = True
    cpu, memory = meter()
    await _tick(tick, seconds)
    cpu_after, memory_after = meter()
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    trips = [trip for tab in open_tabs for trip in tab.trips]
    size = sum(tab.received for tab in open_tabs) / max(1, len(trips))
    return Watched(cpu_after - cpu, (memory, memory_after), trips, size)


async def _tick(tick: Callable[[int], None], seconds: float) -> None:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        tick(int(time.monotonic() * 10))
        await asyncio.sleep(0.5)


async def _wait_for(address: str) -> None:
    for _ in range(300):
        try:
            async with connect(address.replace("http", "ws", 1) + "/_stcore/stream", origin=Origin(address)):
                return
        except (OSError, WebSocketException):
            await asyncio.sleep(0.1)
    raise TimeoutError(f"{address} doesn't answer")

"""A server of one function, and a client as a job makes it: for the tests of what comes over the network."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any

import pytest

from orchestrator.deadline import CancelToken, Deadline, WorkContext
from orchestrator.errors import Failure
from orchestrator.kinds.scrape.addresses import Allowed
from orchestrator.kinds.scrape.boards.base import Request, Unanswered
from orchestrator.kinds.scrape.client import Asking, Client, Manners
from orchestrator.kinds.scrape.http import NetworkWire

Behaviour = Callable[[socket.socket, threading.Event], None]


@contextmanager
def _raw_server(behave: Behaviour) -> Iterator[str]:
    listener = socket.create_server(("127.0.0.1", 0))
    ending = threading.Event()
    threads = []

    def serve(connection: socket.socket) -> None:
        with connection:
            try:
                behave(connection, ending)
            except OSError:
                return

    def accept() -> None:
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            threads.append(threading.Thread(target=serve, args=(connection,)))
            threads[-1].start()

    acceptor = threading.Thread(target=accept)
    acceptor.start()
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}/x"
    finally:
        ending.set()
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        acceptor.join()
        for thread in threads:
            thread.join()


@pytest.fixture
def raw_server() -> Callable[[Behaviour], AbstractContextManager[str]]:
    """A server that hands the socket of each connection to a function, on a thread of its own; gives its address."""
    return _raw_server


@contextmanager
def _client(**manners: Any) -> Iterator[Client]:
    max_body = manners.pop("max_body", 1_000_000)
    allowed = manners.pop("allowed", ("127.0.0.1", "localhost"))
    wire = NetworkWire(Allowed(allowed), max_body=max_body)
    made = Client(wire, Manners(**{"request_timeout": 0.5, "retries": 0, **manners}))
    try:
        yield made
    finally:
        made.close()


@pytest.fixture
def client() -> Callable[..., AbstractContextManager[Client]]:
    """A client over the network that may ask loopback, with half a second for a request and no second try."""
    return _client


def _asking(seconds: float = 30.0, **more: Any) -> Asking:
    return Asking(WorkContext(Deadline.after(seconds), CancelToken()), **more)


@pytest.fixture
def asking() -> Callable[..., Asking]:
    """One unit's conversation, with its own time."""
    return _asking


@pytest.fixture
def failure() -> Callable[..., Failure]:
    """Ask for an address, and return why there was no answer."""

    def ask(made: Client, url: str, **request: Any) -> Failure:
        with pytest.raises(Unanswered) as caught:
            made.ask(Request(url, **request), _asking())
        return caught.value.failure

    return ask

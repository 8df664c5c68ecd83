"""HTTP over the network: the only module that imports httpcore and httpx, so that a change of library is a change of one file.

It asks httpcore, the part of httpx that talks: httpx's own requests, addresses and answers cost as much CPU again for each
request. httpx is imported for what it alone does, addresses that aren't plain ASCII.

httpx has no total timeout (a server that drips a byte now and then is waited for as long as it likes), so the deadline sits in
the network backend, below every read, write, TLS handshake and connection; names are resolved in a thread that is left behind
when time is over. Addresses are checked after resolution and the checked ones are connected to. No environment, no cookies, no
redirects: those are the client's.
"""

from __future__ import annotations

import errno
import re
import select
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from functools import cache
from typing import Any, Final, NamedTuple
from urllib.parse import urlsplit

import httpcore

from orchestrator.deadline import Deadline, WorkContext
from orchestrator.kinds.scrape import addresses
from orchestrator.kinds.scrape.addresses import Allowed, BlockedAddress
from orchestrator.kinds.scrape.decode import BadBody, BodyTooLarge, Inflater
from orchestrator.kinds.scrape.wire import Call, Reply, WireError

_SLICE: Final = 0.2
"""Seconds that a blocked socket call takes at most before it looks for a cancel."""
_MOST_CONNECTIONS: Final = 100
_MOST_IDLE: Final = 20
_IDLE_SECONDS: Final = 30.0
_PLAIN: Final = re.compile(r"https?://(?:[a-z0-9.-]+|\[[0-9a-f:.]+\])(?::\d{1,5})?(?:[/?][\w~!$&'()*+,;=:@%./?-]*)?", re.ASCII)
"""An address that goes out as it is: in ASCII, with nothing to escape."""
_JUST_READ: Final = 0.001
"""Seconds for which a connection counts as open after something was read: httpcore asks when an answer ends, too."""
_CONNECT_SHARE: Final = 0.5
"""Of the time left, what one of several addresses of a host may take to be connected."""


@cache
def tls() -> ssl.SSLContext:
    """Return the one TLS context of the process: loading the certificates takes 24 ms of CPU each time."""
    import certifi

    context = ssl.create_default_context(cafile=certifi.where())
    context.set_alpn_protocols(["http/1.1"])
    return context


class _Bounds(NamedTuple):
    deadline: Deadline
    context: WorkContext

    def wait(self) -> float:
        """Return how long the next blocking call may take. Raises what the context raises, or ReadTimeout."""
        self.context.checkpoint()
        left = self.deadline.remaining()
        if left <= 0:
            raise httpcore.ReadTimeout("the request's time is over")
        return min(left, _SLICE)


class _Current(threading.local):
    """The bounds of the request that this thread makes: a connection is only used by the thread whose request it serves."""

    bounds: _Bounds | None = None


_current: Final = _Current()


def _bounds() -> _Bounds:
    assert _current.bounds is not None
    return _current.bounds


class _Stream(httpcore.NetworkStream):
    """A socket whose every operation ends at the request's deadline, or when somebody cancels.

    It never blocks: Python's own timeouts give the interpreter away three times an operation instead of once, and with many
    threads each of them waits to get it back.
    """

    def __init__(self, sock: socket.socket) -> None:
        self._sock = sock
        self._poll = select.poll()
        self._poll.register(sock.fileno(), select.POLLIN)
        self._read_at = 0.0
        self._is_answering = False
        """Whether an answer has begun: most often the next piece of it is there already, then there is nothing to wait for."""

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:  # noqa: ARG002 - the deadline counts instead
        if not self._is_answering and not isinstance(self._sock, ssl.SSLSocket):  # TLS may hold what was received already.
            self._await(select.POLLIN)
        data: bytes = self._retried(httpcore.ReadError, select.POLLIN, self._sock.recv, max_bytes)
        self._read_at = time.monotonic()
        self._is_answering = True
        return data

    def write(self, buffer: bytes, timeout: float | None = None) -> None:  # noqa: ARG002 - as above
        self._is_answering = False
        view = memoryview(buffer)
        while view:
            _bounds().wait()
            view = view[self._retried(httpcore.WriteError, select.POLLOUT, self._sock.send, view) :]

    def _retried(self, failure: type[Exception], needs: int, operation: Callable[..., Any], *arguments: Any) -> Any:
        """Return what an operation of the socket returns; wait for `needs`, or for what TLS needs, where it must wait."""
        while True:
            try:
                return operation(*arguments)
            except BlockingIOError:
                self._await(needs)
            except ssl.SSLWantReadError:
                self._await(select.POLLIN)
            except ssl.SSLWantWriteError:
                self._await(select.POLLOUT)
            except OSError as error:
                raise failure(str(error)) from error

    def _await(self, event: int) -> None:
        """Wait until the socket can be read or written."""
        poll = self._poll
        if event != select.POLLIN:
            poll = select.poll()
            poll.register(self._sock.fileno(), event)
        while not poll.poll(_bounds().wait() * 1000):
            pass

    def close(self) -> None:
        self._sock.close()

    def start_tls(
        self,
        ssl_context: ssl.SSLContext,
        server_hostname: str | None = None,
        timeout: float | None = None,  # noqa: ARG002 - as above
    ) -> httpcore.NetworkStream:
        with ExitStack() as undo:
            undo.callback(self.close)
            try:
                self._sock = ssl_context.wrap_socket(self._sock, server_hostname=server_hostname, do_handshake_on_connect=False)
                self._retried(OSError, select.POLLIN, self._sock.do_handshake)
            except OSError as error:
                raise httpcore.ConnectError(f"TLS: {error}") from error
            undo.pop_all()
        return self

    def get_extra_info(self, info: str) -> Any:
        if info == "ssl_object" and isinstance(self._sock, ssl.SSLSocket):
            return self._sock
        if info == "socket":
            return self._sock
        if info == "is_readable":
            return self._is_readable()
        return None

    def _is_readable(self) -> bool:
        """Whether an idle connection has something to read: then the server closed it."""
        if self._sock.fileno() < 0:
            return True
        return time.monotonic() - self._read_at >= _JUST_READ and bool(self._poll.poll(0))


class _Backend(httpcore.NetworkBackend):
    """Connects to checked addresses within the deadline."""

    def __init__(self, allowed: Allowed) -> None:
        self._allowed = allowed

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,  # noqa: ARG002 - the deadline counts instead
        local_address: str | None = None,  # noqa: ARG002 - never set
        socket_options: Iterable[Any] | None = None,  # noqa: ARG002 - never set
    ) -> httpcore.NetworkStream:
        found = addresses.check(host, _resolve(host, port), self._allowed)
        for index, address in enumerate(found):
            last = index == len(found) - 1
            try:
                return _Stream(_connect(address, port, last=last))
            except httpcore.ConnectError:
                if last:
                    raise
        raise httpcore.ConnectError(f"{host} has no address")


def _connect(address: str, port: int, *, last: bool) -> socket.socket:
    """Return a connected socket. The last address may use all the time that is left."""
    bounds = _bounds()
    share = bounds.deadline if last else bounds.deadline.sooner(bounds.deadline.remaining() * _CONNECT_SHARE)
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    with ExitStack() as undo:
        sock = undo.enter_context(socket.socket(family, socket.SOCK_STREAM))
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        _await_connection(sock, (address, port), bounds, share)
        undo.pop_all()
    return sock


def _await_connection(sock: socket.socket, address: tuple[str, int], bounds: _Bounds, share: Deadline) -> None:
    sock.settimeout(0)
    problem = sock.connect_ex(address)
    if problem in {errno.EINPROGRESS, errno.EWOULDBLOCK}:
        poll = select.poll()
        poll.register(sock.fileno(), select.POLLOUT)
        while not poll.poll(min(bounds.wait(), share.remaining()) * 1000):
            if share.passed:
                raise httpcore.ConnectError("no answer to the connection")
        problem = sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
    if problem:
        raise httpcore.ConnectError(OSError(problem, "connection refused").strerror or "no connection")


def _resolve(host: str, port: int) -> list[str]:
    """Return the addresses of a host. A resolver that doesn't answer in time is left behind in its thread."""
    if addresses.parse(host) is not None:
        return [host.strip("[]")]
    found: list[str] | OSError | UnicodeError = []
    done = threading.Event()

    def look_up() -> None:
        nonlocal found
        try:
            found = [str(info[4][0]) for info in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)]
        except (OSError, UnicodeError) as error:
            found = error
        done.set()

    threading.Thread(target=look_up, name="resolve", daemon=True).start()
    while not done.wait(_bounds().wait()):
        pass
    if not isinstance(found, list):
        raise httpcore.ConnectError(f"the name {host} can't be resolved") from found
    return found


class NetworkWire:
    """The network. Each thread has connections of its own, with the one TLS context.

    A shared pool is scanned as a whole for every request, which costs a third more CPU at 64 in flight.
    """

    patient = True

    def __init__(self, allowed: Allowed, *, max_body: int, proxy: str | None = None) -> None:
        self._backend = _Backend(allowed if proxy is None else _with_proxy(allowed, proxy))
        self._max_body = max_body
        self._proxy = proxy
        self._mine = threading.local()
        self._all: list[httpcore.ConnectionPool] = []
        self._lock = threading.Lock()

    def _pool(self, *, secure: bool) -> httpcore.ConnectionPool:
        """Return this thread's pool; one for plain HTTP doesn't wait for the certificates."""
        name = "secure" if secure else "plain"
        mine: httpcore.ConnectionPool | None = getattr(self._mine, name, None)
        if mine is None:
            mine = httpcore.ConnectionPool(
                ssl_context=tls() if secure else None,
                proxy=httpcore.Proxy(self._proxy) if self._proxy else None,
                max_connections=_MOST_CONNECTIONS,
                max_keepalive_connections=_MOST_IDLE,
                keepalive_expiry=_IDLE_SECONDS,
                network_backend=self._backend,
            )
            setattr(self._mine, name, mine)
            with self._lock:
                self._all.append(mine)
        return mine

    def send(self, call: Call, deadline: Deadline, context: WorkContext) -> Reply:
        """Make one try; see `Wire`."""
        _current.bounds = _Bounds(deadline, context)
        try:
            with _as_wire_errors(_host_of(call.url)):
                response = self._pool(secure=call.url[:6] == "https:").handle_request(_request(call))
                try:
                    return self._read(response)
                finally:
                    response.close()
        finally:
            _current.bounds = None

    def _read(self, response: httpcore.Response) -> Reply:
        headers: dict[str, str] = {}
        for raw_name, raw_value in response.headers:
            name, value = raw_name.decode("ascii", "replace").lower(), _text(raw_value)
            headers[name] = f"{headers[name]}, {value}" if name in headers else value
        inflater = Inflater(headers.get("content-encoding", ""), self._max_body)
        received = 0
        assert isinstance(response.stream, Iterable)
        for piece in response.stream:
            received += len(piece)
            inflater.feed(piece)
        return Reply(response.status, headers, inflater.finish(), received)

    def close(self) -> None:
        """Close the connections of every thread."""
        with self._lock:
            for pool in self._all:
                pool.close()
            self._all.clear()


def _request(call: Call) -> httpcore.Request:
    """Return what httpcore sends. Raises httpcore.UnsupportedProtocol for what is no address."""
    try:
        url = httpcore.URL(call.url) if _PLAIN.fullmatch(call.url) else _escaped(call.url)
    except ValueError as error:  # A port beyond 65535, a bracket that stays open.
        raise httpcore.UnsupportedProtocol(str(error)) from error
    host = b"[%b]" % url.host if b":" in url.host else url.host
    authority = host if url.port is None else b"%b:%d" % (host, url.port)
    headers = [(b"host", authority), *((name.encode(), value.encode()) for name, value in call.headers.items())]
    if call.body or call.method != "GET":
        headers.append((b"content-length", b"%d" % len(call.body)))
    return httpcore.Request(call.method, url, headers=headers, content=call.body or None)


def _escaped(url: str) -> httpcore.URL:
    import httpx

    try:
        parsed = httpx.URL(url)
    except httpx.InvalidURL as error:
        raise httpcore.UnsupportedProtocol(str(error)) from error
    return httpcore.URL(scheme=parsed.raw_scheme, host=parsed.raw_host, port=parsed.port, target=parsed.raw_path)


def _host_of(url: str) -> str:
    try:
        return urlsplit(url).hostname or ""
    except ValueError:
        return ""


def _text(value: bytes) -> str:
    """Return a header's value: UTF-8, which ASCII is, else the Latin-1 of old servers."""
    try:
        return value.decode()
    except UnicodeDecodeError:
        return value.decode("latin-1")


def _with_proxy(allowed: Allowed, proxy: str) -> Allowed:
    return Allowed([urlsplit(proxy).hostname or "", *allowed.given])


@contextmanager
def _as_wire_errors(host: str) -> Iterator[None]:
    """Turn what the libraries raise into one kind of error; what the context raises passes."""
    try:
        yield
    except BlockedAddress as error:
        raise WireError("blocked-address", str(error), retry=False) from error
    except BodyTooLarge as error:
        raise WireError("answer-too-large", str(error), retry=False) from error
    except BadBody as error:
        raise WireError("bad-body", str(error)) from error
    except httpcore.TimeoutException as error:
        raise WireError("timed-out", f"{host} didn't answer in time", silent=True) from error
    except httpcore.ConnectError as error:
        raise WireError("unreachable", f"{host} can't be reached: {error}", silent=True) from error
    except httpcore.NetworkError as error:
        raise WireError("broken-answer", f"the connection to {host} broke: {error}") from error
    except (httpcore.RemoteProtocolError, httpcore.ProxyError) as error:
        raise WireError("broken-answer", f"{host} broke off or answered something that isn't HTTP") from error
    except (httpcore.UnsupportedProtocol, httpcore.LocalProtocolError, UnicodeError) as error:
        raise WireError("bad-url", f"the address can't be asked: {error}", retry=False) from error

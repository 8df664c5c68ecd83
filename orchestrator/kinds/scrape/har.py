"""Recording and replaying answers as HAR 1.2, the format that browsers export.

Source of the format: the HTTP Archive 1.2 draft of the W3C's Web Performance group. A replay never touches the network. Bodies
in a HAR are decoded already, so `Content-Encoding` is dropped. Nothing that could be a credential is recorded.
"""

from __future__ import annotations

import base64
import binascii
import json
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final
from urllib.parse import parse_qsl, urlsplit

from orchestrator import __version__, files
from orchestrator.deadline import Deadline, WorkContext
from orchestrator.errors import JobError
from orchestrator.kinds.scrape.wire import Call, Reply, Wire, WireError
from orchestrator.redact import public_url
from orchestrator.status.models import utc

_DROPPED: Final = frozenset(
    {"authorization", "proxy-authorization", "cookie", "set-cookie", "x-api-key", "content-encoding", "transfer-encoding"}
)
_DROPPED_REPLAYED: Final = frozenset({"content-encoding", "transfer-encoding", "content-length"})
_Key = tuple[str, str, str, tuple[tuple[str, str], ...], str]


class ReplayWire:
    """Answers from a recording. A request that stands in it several times is answered in order, the last answer stays."""

    patient = False

    def __init__(self, name: str, entries: Sequence[Any], *, max_body: int) -> None:
        self._name = name
        self._max_body = max_body
        self._answers: dict[_Key, list[Reply]] = {}
        self._lock = threading.Lock()
        for entry in entries:
            key, reply = _entry(entry)
            self._answers.setdefault(key, []).append(reply)

    def send(self, call: Call, deadline: Deadline, context: WorkContext) -> Reply:  # noqa: ARG002 - nothing here waits
        """Return the recorded answer. Raises WireError that names the request if there is none."""
        context.checkpoint()
        with self._lock:
            replies = self._answers.get(_key(call.method, call.url, call.body))
            if not replies:
                raise WireError(
                    "not-recorded", f"{self._name} has no answer for {call.method} {public_url(call.url)}", retry=False
                )
            reply = replies.pop(0) if len(replies) > 1 else replies[0]
        if len(reply.body) > self._max_body:
            raise WireError("answer-too-large", f"the answer is longer than {self._max_body} bytes", retry=False)
        return reply

    def close(self) -> None:
        """Forget the answers."""
        self._answers.clear()


def open_replay(path: Path, *, max_body: int) -> ReplayWire:
    """Read a HAR file. Raises JobError if it can't be read as one."""
    try:
        entries = json.loads(path.read_bytes())["log"]["entries"]
        return ReplayWire(path.name, entries, max_body=max_body)
    except OSError as error:
        raise JobError(f"can't read {path.name}: {error.strerror}", code="bad-har") from error
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise JobError(
            f"{path.name} is no HAR file: {error}", hint="export one from a browser, or use `record:`", code="bad-har"
        ) from error


def _entry(entry: Any) -> tuple[_Key, Reply]:
    request, response = entry["request"], entry["response"]
    content = response.get("content") or {}
    text = content.get("text") or ""
    try:
        body = base64.b64decode(text, validate=True) if content.get("encoding") == "base64" else text.encode()
    except binascii.Error as error:
        raise ValueError(f"the body of {request['url']} is no base64") from error
    headers = {
        str(header["name"]).lower(): str(header["value"])
        for header in response.get("headers") or []
        if str(header["name"]).lower() not in _DROPPED_REPLAYED
    }
    if content.get("encoding") != "base64" and text:
        headers["content-type"] = _as_utf8(headers.get("content-type") or str(content.get("mimeType") or ""))
    if response.get("redirectURL"):
        headers.setdefault("location", str(response["redirectURL"]))
    posted = (request.get("postData") or {}).get("text") or ""
    key = _key(str(request["method"]), str(request["url"]), posted.encode())
    return key, Reply(int(response["status"]), headers, body, len(body))


def _as_utf8(content_type: str) -> str:
    """Return the type without a charset: a text of a HAR was decoded by whoever wrote it."""
    return content_type.partition(";")[0].strip()


def _key(method: str, url: str, body: bytes) -> _Key:
    """Return what makes two requests the same: not the order of the query, not the port that goes without saying."""
    parts = urlsplit(url)
    host = (parts.hostname or "").lower()
    if parts.port not in {None, 80 if parts.scheme == "http" else 443}:
        host = f"{host}:{parts.port}"
    query = tuple(sorted(parse_qsl(parts.query, keep_blank_values=True)))
    return method.upper(), host, parts.path or "/", query, _canonical(body)


def _canonical(body: bytes) -> str:
    if not body:
        return ""
    try:
        return json.dumps(json.loads(body), sort_keys=True)
    except ValueError:
        return body.decode(errors="replace")


class RecordingWire:
    """Passes everything through and keeps it; the file is written whole when the job ends."""

    def __init__(self, inner: Wire, path: Path) -> None:
        self._inner = inner
        self._path = path
        self._entries: list[dict[str, Any]] = []
        self._lock = threading.Lock()

    @property
    def patient(self) -> bool:
        """As the wire that does the work."""
        return self._inner.patient

    def send(self, call: Call, deadline: Deadline, context: WorkContext) -> Reply:
        """Make one try and keep it."""
        started, began = context.deadline.clock.time(), context.deadline.clock.monotonic()
        reply = self._inner.send(call, deadline, context)
        taken = (context.deadline.clock.monotonic() - began) * 1000
        with self._lock:
            self._entries.append(_recorded(call, reply, started, taken))
        return reply

    def close(self) -> None:
        """Write the file and close the wire. Raises StorageError."""
        self._inner.close()
        entries = sorted(self._entries, key=lambda entry: str(entry["startedDateTime"]))
        creator = {"name": "orchestrate", "version": __version__}
        document = {"log": {"version": "1.2", "creator": creator, "entries": entries}}
        files.make_private_dir(self._path.parent)
        files.write_atomic(self._path, json.dumps(document, ensure_ascii=False, indent=1).encode())


def _recorded(call: Call, reply: Reply, started: float, taken: float) -> dict[str, Any]:
    query = parse_qsl(urlsplit(public_url(call.url)).query, keep_blank_values=True)
    request: dict[str, Any] = {
        "method": call.method,
        "url": public_url(call.url),
        "httpVersion": "HTTP/1.1",
        "headers": _headers(call.headers),
        "queryString": [{"name": name, "value": value} for name, value in query],
        "cookies": [],
        "headersSize": -1,
        "bodySize": len(call.body),
    }
    if call.body:
        request["postData"] = {"mimeType": "application/json", "text": call.body.decode()}
    response = {
        "status": reply.status,
        "statusText": "",
        "httpVersion": "HTTP/1.1",
        "headers": _headers(reply.headers),
        "cookies": [],
        "content": _content(reply),
        "redirectURL": reply.headers.get("location", ""),
        "headersSize": -1,
        "bodySize": reply.received,
    }
    return {
        "startedDateTime": utc(started),
        "time": round(taken, 1),
        "request": request,
        "response": response,
        "cache": {},
        "timings": {"send": 0, "wait": round(taken, 1), "receive": 0},
    }


def _headers(headers: Mapping[str, str]) -> list[dict[str, str]]:
    return [{"name": name, "value": value} for name, value in headers.items() if name not in _DROPPED]


def _content(reply: Reply) -> dict[str, Any]:
    kind = reply.headers.get("content-type", "")
    content: dict[str, Any] = {"size": len(reply.body), "mimeType": kind}
    try:
        return {**content, "text": reply.body.decode("utf-8")}
    except UnicodeDecodeError:
        return {**content, "text": base64.b64encode(reply.body).decode("ascii"), "encoding": "base64"}

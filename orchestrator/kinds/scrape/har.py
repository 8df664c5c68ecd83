"""Recording and replaying answers as HAR 1.2, the format that browsers export.

Source of the format: the HTTP Archive 1.2 draft of the W3C's Web Performance group. A replay never touches the network. Bodies
in a HAR are decoded already, so `Content-Encoding` is dropped. Nothing that could be a credential is recorded: requests are
compared by what is left of them.

Browsers write more than requests that were answered: what was blocked or cancelled has status 0, what came from the cache may
have lost its body, `data:` and `blob:` are no requests at all. None of these is an answer.
"""

from __future__ import annotations

import base64
import binascii
import json
import re
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final
from urllib.parse import parse_qsl, urlsplit

from orchestrator import __version__, files
from orchestrator.deadline import Deadline, WorkContext
from orchestrator.errors import JobError
from orchestrator.kinds.scrape.wire import Call, Reply, Wire, WireError
from orchestrator.redact import MASK, Redactor, public_url
from orchestrator.status.models import utc

_DROPPED: Final = re.compile(
    r".*(?:auth|cookie|token|secret|session|csrf|xsrf|password|signature|api-?key).*|content-encoding|transfer-encoding"
)
# In what was asked, `token` may be one; in an answer it is a cursor or a board's own name for something.
_IN_ANSWERS: Final = r"api[_-]?key|password|passwd|client[_-]?secret|secret|(?:access|refresh|id)[_-]?token|session(?:[_-]?id)?"
_ANSWERED: Final = re.compile(rf'("(?:{_IN_ANSWERS})"\s*:\s*)"(?:[^"\\]|\\.)*"', re.IGNORECASE)
_ASKED: Final = re.compile(
    rf'("(?:{_IN_ANSWERS}|token|key|auth|authorization|signature)"\s*:\s*)"(?:[^"\\]|\\.)*"', re.IGNORECASE
)
_redacted: Final = Redactor()
_OK: Final = 200
_NOT_MODIFIED: Final = 304
_WITH_BODY: Final = frozenset({200, 203, 304})
_DROPPED_REPLAYED: Final = frozenset({"content-encoding", "transfer-encoding", "content-length"})
_Key = tuple[str, str, str, tuple[tuple[str, str], ...], str]


class ReplayWire:
    """Answers from a recording. A request that stands in it several times is answered in order, the last answer stays."""

    patient = False

    def __init__(self, name: str, entries: Sequence[Any], *, max_body: int) -> None:
        self._name = name
        self._max_body = max_body
        self._answers: dict[_Key, list[Reply]] = {}
        self._bodiless: set[_Key] = set()
        self._lock = threading.Lock()
        for entry in entries:
            request, response = entry["request"], entry["response"]
            if not _was_answered(request, response):
                continue
            key = _key(str(request["method"]), str(request["url"]), _posted(request))
            if _lost_its_body(response):
                self._bodiless.add(key)
            else:
                self._answers.setdefault(key, []).append(_reply(request, response))

    def send(self, call: Call, deadline: Deadline, context: WorkContext) -> Reply:  # noqa: ARG002 - nothing here waits
        """Return the recorded answer. Raises WireError that names the request if there is none."""
        context.checkpoint()
        with self._lock:
            key = _key(call.method, call.url, call.body)
            replies = self._answers.get(key)
            if not replies:
                what = "the answer without its body" if key in self._bodiless else "no answer"
                raise WireError(
                    "not-recorded", f"{self._name} has {what} for {call.method} {public_url(call.url)}", retry=False
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


def _was_answered(request: Any, response: Any) -> bool:
    """Whether an entry is a request over HTTP that somebody answered: browsers list the others too."""
    return str(request["url"]).startswith(("http://", "https://")) and bool(response) and int(response.get("status") or 0) > 0


def _lost_its_body(response: Any) -> bool:
    """Whether there was a body that the browser didn't keep, as it does for what came from its cache."""
    content = response.get("content") or {}
    size = content.get("size")
    return not content.get("text") and isinstance(size, int) and size > 0 and int(response["status"]) in _WITH_BODY


def _posted(request: Any) -> bytes:
    return str((request.get("postData") or {}).get("text") or "").encode(errors="replace")


def _reply(request: Any, response: Any) -> Reply:
    content = response.get("content") or {}
    text = content.get("text") or ""
    try:
        body = base64.b64decode(text, validate=True) if content.get("encoding") == "base64" else text.encode(errors="replace")
    except binascii.Error as error:
        raise ValueError(f"the body of {public_url(str(request['url']))} is no base64") from error
    headers = {
        str(header["name"]).lower(): str(header.get("value") or "")
        for header in response.get("headers") or []
        if str(header["name"]).lower() not in _DROPPED_REPLAYED
    }
    if content.get("encoding") != "base64" and text:
        headers["content-type"] = _as_utf8(headers.get("content-type") or str(content.get("mimeType") or ""))
    if response.get("redirectURL"):
        headers.setdefault("location", str(response["redirectURL"]))
    status = int(response["status"])
    if status == _NOT_MODIFIED and body:
        status = _OK  # The browser asked for news of what it had and wrote that down: for whoever asks anew it is the answer.
    return Reply(status, headers, body, len(body))


def _as_utf8(content_type: str) -> str:
    """Return the type without a charset: a text of a HAR was decoded by whoever wrote it."""
    return content_type.partition(";")[0].strip()


def _key(method: str, url: str, body: bytes) -> _Key:
    """Return what makes two requests the same: not the order of the query, not the port that goes without saying.

    Credentials don't count: in a recording there are none.
    """
    parts = urlsplit(public_url(url))
    host = (parts.hostname or "").lower()
    if parts.port not in {None, 80 if parts.scheme == "http" else 443}:
        host = f"{host}:{parts.port}"
    query = tuple(sorted(parse_qsl(parts.query, keep_blank_values=True)))
    return method.upper(), host, parts.path or "/", query, _canonical(body)


def _canonical(body: bytes) -> str:
    if not body:
        return ""
    text = _without_secrets(_ASKED, body.decode(errors="replace"))
    try:
        return json.dumps(json.loads(text), sort_keys=True)
    except ValueError:
        return text


def _without_secrets(pattern: re.Pattern[str], text: str) -> str:
    """Return JSON whose values of telling names are masked; whatever else it is stays as it is."""
    return pattern.sub(rf'\1"{MASK}"', text)


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
            self._entries.append(entry(call, reply, started, taken))
        return reply

    def close(self) -> None:
        """Write the file and close the wire. Raises StorageError."""
        self._inner.close()
        entries = sorted(self._entries, key=lambda each: str(each["startedDateTime"]))
        creator = {"name": "orchestrate", "version": __version__}
        document = {"log": {"version": "1.2", "creator": creator, "entries": entries}}
        files.make_private_dir(self._path.parent)
        files.write_atomic(self._path, json.dumps(document, ensure_ascii=False, indent=1).encode())


def entry(call: Call, reply: Reply, started: float, taken: float) -> dict[str, Any]:
    """Return what a recording holds of one request: `started` in seconds since the epoch, `taken` in milliseconds."""
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
        posted = _without_secrets(_ASKED, call.body.decode(errors="replace"))
        request["postData"] = {"mimeType": "application/json", "text": posted}
    response = {
        "status": reply.status,
        "statusText": "",
        "httpVersion": "HTTP/1.1",
        "headers": _headers(reply.headers),
        "cookies": [],
        "content": _content(reply),
        "redirectURL": _redacted(reply.headers.get("location", "")),
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
    return [{"name": name, "value": _redacted(value)} for name, value in headers.items() if not _DROPPED.fullmatch(name)]


def _content(reply: Reply) -> dict[str, Any]:
    kind = reply.headers.get("content-type", "")
    content: dict[str, Any] = {"size": len(reply.body), "mimeType": kind}
    try:
        return {**content, "text": _without_secrets(_ANSWERED, reply.body.decode("utf-8"))}
    except UnicodeDecodeError:
        return {**content, "text": base64.b64encode(reply.body).decode("ascii"), "encoding": "base64"}

"""Embedding models behind an HTTP API: `POST <base_url>/embeddings` as OpenAI specified it and Ollama and others speak it.

Batched, with retries, within the deadline of the work that asks. Imports llama_index and httpx.
"""

from __future__ import annotations

import math
import random
import threading
import time
from collections.abc import Mapping
from email.utils import parsedate_to_datetime
from typing import Any, Final

import httpx
from llama_index.core.base.embeddings.base import BaseEmbedding, Embedding
from pydantic import PrivateAttr

from orchestrator.deadline import CancelToken, Deadline, WorkContext
from orchestrator.errors import JobError
from orchestrator.kinds.ingest.asking import asking
from orchestrator.redact import public_url

DEFAULT_URLS: Final = {"ollama": "http://127.0.0.1:11434/v1"}
_RETRIED: Final = frozenset({408, 425, 429, 500, 502, 503, 504})
_FIRST_WAIT: Final = 0.5
_LONGEST_WAIT: Final = 20.0
_MOST_BYTES: Final = 256_000_000


class ProviderEmbedding(BaseEmbedding):
    """Asks a provider for embeddings. Every failure that stays is a JobError `embedding-failed`: there is no fallback."""

    base_url: str
    request_timeout: float = 30.0
    retries: int = 3
    min_interval: float = 0.0
    _client: httpx.Client = PrivateAttr()
    _pace: threading.Lock = PrivateAttr(default_factory=threading.Lock)
    _next_at: float = PrivateAttr(default=0.0)

    def __init__(self, provider: str, arguments: Mapping[str, Any]) -> None:
        """Take the fields of the spec's `Provider`. Raises JobError if there is no base URL."""
        base_url = arguments.get("base_url") or DEFAULT_URLS.get(provider)
        if not base_url:
            raise JobError("the embedding provider has no base_url", code="embedding-failed", hint="set `base_url`")
        fields = {key: arguments[key] for key in ("request_timeout", "retries", "min_interval") if key in arguments}
        batch = arguments.get("batch", 64)
        super().__init__(model_name=arguments["model"], base_url=base_url.rstrip("/"), embed_batch_size=batch, **fields)
        key = arguments.get("api_key")
        self._client = httpx.Client(headers={"Authorization": f"Bearer {key}"} if key else {}, follow_redirects=False)

    @classmethod
    def class_name(cls) -> str:
        """Return the name that LlamaIndex serialises."""
        return "ProviderEmbedding"

    def close(self) -> None:
        """Close the connections."""
        self._client.close()

    def _get_text_embeddings(self, texts: list[str]) -> list[Embedding]:
        context = asking.get() or WorkContext(Deadline.after(self.request_timeout), CancelToken())
        body = {"model": self.model_name, "input": texts}
        for attempt in range(self.retries + 1):
            self._keep_pace(context)
            answer, problem = self._ask(body, context)
            if answer is not None:
                return self._vectors(answer, len(texts))
            if attempt == self.retries or not problem.retryable:
                break
            context.sleep(problem.wait or random.uniform(0, min(_LONGEST_WAIT, _FIRST_WAIT * 2**attempt)))  # noqa: S311
        hint = "see `embedding`" if not problem.retryable else "`orchestrate resume` repeats only what is missing"
        message = f"{public_url(self.base_url)} {problem.text} ({attempt + 1} tries)"
        raise JobError(message, code="embedding-failed", hint=hint, retryable=problem.retryable)

    def _keep_pace(self, context: WorkContext) -> None:
        with self._pace:
            now = time.monotonic()
            at = max(now, self._next_at)
            self._next_at = at + self.min_interval
        if at > now:
            context.sleep(at - now)

    def _ask(self, body: Mapping[str, Any], context: WorkContext) -> tuple[Any, _Problem]:
        """Return the parsed answer, or None and what went wrong."""
        context.checkpoint()
        deadline = context.deadline.sooner(self.request_timeout)
        timeout = httpx.Timeout(max(0.01, min(self.request_timeout, deadline.remaining())))
        try:
            with self._client.stream("POST", f"{self.base_url}/embeddings", json=body, timeout=timeout) as response:
                if response.status_code != httpx.codes.OK:
                    wait = _retry_after(response.headers.get("Retry-After"))
                    return None, _Problem(f"answered {response.status_code}", response.status_code in _RETRIED, wait)
                return _read(response, deadline, context)
        except httpx.TimeoutException:
            return None, _Problem("didn't answer in time", retryable=True)
        except httpx.HTTPError as error:
            return None, _Problem(f"can't be reached: {type(error).__name__}", retryable=True)

    def _vectors(self, answer: Any, expected: int) -> list[Embedding]:
        try:
            rows = sorted(answer["data"], key=lambda row: int(row["index"]))
            vectors = [[float(value) for value in row["embedding"]] for row in rows]
        except (KeyError, TypeError, ValueError):
            vectors = []
        sizes = {len(vector) for vector in vectors}
        if len(vectors) != expected or len(sizes) != 1 or 0 in sizes:
            message = f"{public_url(self.base_url)} answered something else than {expected} embeddings"
            raise JobError(message, code="embedding-failed", hint="see `embedding`")
        if not all(math.isfinite(value) for vector in vectors for value in vector):
            raise JobError("the provider's embeddings aren't finite", code="embedding-failed", hint="see `embedding`")
        return vectors

    def _get_text_embedding(self, text: str) -> Embedding:
        return self._get_text_embeddings([text])[0]

    def _get_query_embedding(self, query: str) -> Embedding:
        return self._get_text_embedding(query)

    async def _aget_query_embedding(self, query: str) -> Embedding:
        return self._get_query_embedding(query)


class _Problem:
    """Why a request failed, and how long its server asks to wait (seconds; None if it doesn't say)."""

    def __init__(self, text: str, retryable: bool, wait: float | None = None) -> None:
        self.text, self.retryable, self.wait = text, retryable, wait


def _read(response: httpx.Response, deadline: Deadline, context: WorkContext) -> tuple[Any, _Problem]:
    """Read a body within the deadline, also from a server that drips: httpx limits the wait for each piece only."""
    import json

    data = bytearray()
    for block in response.iter_bytes():
        data += block
        context.checkpoint()
        if deadline.passed:
            return None, _Problem("didn't answer in time", retryable=True)
        if len(data) > _MOST_BYTES:
            return None, _Problem(f"answered more than {_MOST_BYTES} bytes", retryable=False)
    try:
        return json.loads(data), _Problem("", retryable=False)
    except ValueError:
        return None, _Problem("answered no JSON", retryable=True)


def _retry_after(value: str | None) -> float | None:
    """Return the seconds of a `Retry-After` header: a number or a date (RFC 9110, section 10.2.3)."""
    if not value:
        return None
    if value.strip().isdecimal():
        return float(value)
    try:
        return max(0.0, parsedate_to_datetime(value).timestamp() - time.time())
    except (ValueError, TypeError):
        return None

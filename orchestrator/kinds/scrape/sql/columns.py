"""The values that whole rows consist of, by name and in the order in which a run gives them. Light: no database here."""

from __future__ import annotations

from typing import Any, Final

from orchestrator.kinds.scrape.effects import Counts
from orchestrator.kinds.scrape.posting import CONTENT

SCHEMA_VERSION: Final = 1

NEW_COMPANY: Final[dict[str, Any]] = {
    "company_key": "",
    "job": "",
    "name": "",
    "source": "",
    "board": "",
    "board_company": None,
    "etag": "",
    "last_modified": "",
    "wishes": "",
    "last_fetch_at": None,
    "last_ok_at": None,
    "last_outcome": None,
    "last_count": None,
    "recent_counts": "[]",
    "empty_runs": 0,
    "empty_since": None,
    "gone_runs": 0,
    "gone_since": None,
    "held": 0,
    "held_reason": None,
    "accept_next": False,
}
"""A company that was never fetched; the first five are filled in."""
COMPANY: Final = tuple(NEW_COMPANY)
FETCH: Final = (
    "run_id",
    "company_key",
    "at",
    "outcome",
    "tier",
    "status",
    "listed",
    "seconds",
    "code",
    "reason",
    *Counts.__slots__,
)
RUN: Final = ("run_id", "job", "started_at", "finished_at", "result")
EVENT: Final = ("posting_id", "run_id", "at", "event", "fields")
NEW_POSTING: Final = (
    "id",
    "company_key",
    "company",
    "source",
    "board",
    "identifier",
    "status",
    "favorite",
    "first_seen_at",
    "last_seen_at",
    "miss_count",
    "version",
    "content_hash",
    "seen_hash",
    "hash_version",
    "tier",
    "run_id",
    *CONTENT,
)
UPDATED_POSTING: Final = (
    *CONTENT,
    "status",
    "closed_at",
    "reopened_at",
    "version",
    "run_id",
    "last_seen_at",
    "miss_count",
    "seen_hash",
    "content_hash",
    "hash_version",
    "tier",
    "key",
)

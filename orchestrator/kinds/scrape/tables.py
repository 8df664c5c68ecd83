"""The tables. Times are texts, ISO 8601 in UTC, so that they sort and read the same in SQLite and PostgreSQL.

`favorite`, `notes`, `application_status` and `applied_at` belong to the person who uses the table: no sync writes them.
`postings.id` is given by the sync; `locations` and `posting_history.fields` are JSON.
"""

from __future__ import annotations

from typing import Final

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Float,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    Table,
    Text,
    UniqueConstraint,
    false,
)

metadata: Final = MetaData()

about: Final = Table("about", metadata, Column("key", Text, primary_key=True), Column("value", Text, nullable=False))

runs: Final = Table(
    "runs",
    metadata,
    Column("run_id", Text, primary_key=True),
    Column("job", Text, primary_key=True),
    Column("started_at", Text, nullable=False),
    Column("finished_at", Text),
    Column("result", Text),
)

companies: Final = Table(
    "companies",
    metadata,
    Column("company_key", Text, primary_key=True),
    Column("job", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("source", Text, nullable=False),
    Column("board", Text, nullable=False),
    Column("board_company", Text),  # What the board itself calls the company: another name is another company.
    Column("etag", Text, nullable=False, default=""),
    Column("last_modified", Text, nullable=False, default=""),
    Column("wishes", Text, nullable=False, default=""),  # Digest of the settings that the validators hold for.
    Column("last_fetch_at", Text),
    Column("last_ok_at", Text),
    Column("last_outcome", Text),
    Column("last_count", Integer),
    Column("recent_counts", Text, nullable=False, default="[]"),
    Column("empty_runs", Integer, nullable=False, default=0),
    Column("empty_since", Text),
    Column("gone_runs", Integer, nullable=False, default=0),
    Column("gone_since", Text),
    Column("held", Integer, nullable=False, default=0),  # How many closings are held back.
    Column("held_reason", Text),
    Column("accept_next", Boolean, nullable=False, default=False),  # A person accepted what the next fetch brings.
    Index("companies_by_job", "job"),
)

postings: Final = Table(
    "postings",
    metadata,
    Column("id", BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=False),
    Column("company_key", Text, ForeignKey("companies.company_key"), nullable=False),
    Column("company", Text, nullable=False),
    Column("source", Text, nullable=False),
    Column("board", Text, nullable=False),
    Column("identifier", Text, nullable=False),
    Column("status", Text, nullable=False),
    Column("favorite", Boolean, nullable=False, default=False, server_default=false()),
    Column("notes", Text),
    Column("application_status", Text),
    Column("applied_at", Text),
    Column("first_seen_at", Text, nullable=False),
    Column("last_seen_at", Text, nullable=False),
    Column("closed_at", Text),
    Column("reopened_at", Text),
    Column("miss_count", Integer, nullable=False, default=0),
    Column("version", Integer, nullable=False),
    Column("content_hash", Text, nullable=False),
    Column("seen_hash", Text, nullable=False),  # Of the last row as it came, before a stored value filled its gaps.
    Column("hash_version", Integer, nullable=False),
    Column("tier", Integer, nullable=False),
    Column("run_id", Text, nullable=False),  # The run that last changed something here.
    Column("title", Text, nullable=False),
    Column("url", Text, nullable=False),
    Column("apply_url", Text),
    Column("location", Text),
    Column("locations", Text, nullable=False),
    Column("workplace", Text),
    Column("employment_type", Text),
    Column("department", Text),
    Column("salary_min", Float),
    Column("salary_max", Float),
    Column("salary_currency", Text),
    Column("salary_unit", Text),
    Column("date_posted", Text),
    Column("valid_through", Text),
    Column("language", Text),
    Column("description_html", Text),
    Column("description_text", Text),
    UniqueConstraint("company_key", "source", "identifier", name="postings_identity"),
)

posting_history: Final = Table(
    "posting_history",
    metadata,
    Column("id", BigInteger().with_variant(Integer, "sqlite"), primary_key=True),
    Column("posting_id", ForeignKey("postings.id"), nullable=False),
    Column("run_id", Text, nullable=False),
    Column("at", Text, nullable=False),
    Column("event", Text, nullable=False),
    Column("fields", Text),
    Index("posting_history_by_posting", "posting_id"),
    Index("posting_history_by_run", "run_id"),
)

fetches: Final = Table(
    "fetches",
    metadata,
    Column("run_id", Text, primary_key=True),
    Column("company_key", Text, primary_key=True),
    Column("at", Text, nullable=False),
    Column("outcome", Text, nullable=False),
    Column("tier", Integer, nullable=False),
    Column("status", Integer),
    Column("listed", Integer, nullable=False),
    Column("new", Integer, nullable=False),
    Column("changed", Integer, nullable=False),
    Column("unchanged", Integer, nullable=False),
    Column("closed", Integer, nullable=False),
    Column("reopened", Integer, nullable=False),
    Column("held", Integer, nullable=False),
    Column("bad_rows", Integer, nullable=False),
    Column("requests", Integer, nullable=False),
    Column("retries", Integer, nullable=False),
    Column("bytes", Integer, nullable=False),
    Column("seconds", Float, nullable=False),
    Column("code", Text),
    Column("reason", Text),
)

"""Words of other tools (Compose, GitHub Actions, Dagu, Airflow and their like), and what they are here."""

from __future__ import annotations

import re
from collections.abc import Collection
from typing import Final

_KEYS: Final[dict[str, str]] = {  # Our key, and what it is called elsewhere; one word may stand for several keys.
    "jobs": "services steps tasks stages dags workflows pipelines flows",
    "include": "extends imports files paths patterns globs",
    "companies": "targets urls sites boards employers organizations organisations company_list",
    "needs": "depends depends_on dependencies after upstream requires wait_for",
    "timeout": "timeout_minutes timeout_seconds timeout_sec max_time execution_timeout deadline time_limit max_duration",
    "request_timeout": "timeout read_timeout connect_timeout",
    "attempts": "retry retries max_retries tries max_attempts retry_policy restart restart_policy backoff_limit",
    "overlap": "chunk_overlap",
    "size": "chunk_size chunksize max_size max_chars",
    "postings": "job scrape scrape_job from_job",
    "vector_store": "class store type",
    "min_interval": "delay rate_limit throttle interval",
    "grace": "max_clean_up_time_sec stop_grace_period grace_period shutdown_timeout",
    "when": "if condition status",
    "concurrency": "parallel parallelism workers threads max_workers replicas jobs_in_parallel",
    "max_parallel_jobs": "max_active_runs max_active_tasks max_active_steps max_parallel parallelism",
    "max_failures": "continue_on_error continue_on allow_failure ignore_errors soft_fail fail_fast",
    "defaults": "default_args globals",
    "enabled": "if when disabled paused is_paused",
    "retention": "hist_retention_days history keep log_retention",
    "engine": "executor runner backend",
    "state_dir": "log_dir logs work_dir working_directory workspace cache_dir data_dir",
    "database": "db db_url connection dsn",
    "corpus": "path source folder input input_dir directory data documents",
    "exclude": "ignore skip exclude_paths",
    "embedding": "model embeddings embed_model embedding_model",
    "snapshots": "output output_dir index persist_dir vector_store",
    "chunk": "chunk_size chunking splitter",
    "kind": "type uses operator",
    "board": "provider ats vendor source platform",
    "token": "slug id company_id account handle tenant",
    "name": "company title label",
    "url": "link website site careers careers_url address uri",
}
_SCHEDULE: Final = "`orchestrate schedule print --cron ...` writes an entry for cron, systemd, launchd or GitHub"
_VARIABLES: Final = "`${env:NAME}` works in every value"
_NOTES: Final = "write it as a comment, `# ...`, or as a key that begins with `x-`"
_NOTICES: Final = "a run ends with an exit code: whoever started it can tell people"
_WAITS: Final = "waits between tries grow by themselves; `Retry-After` counts"
_HERE: Final = "jobs run where `orchestrate run` runs, in no container"
_COMMANDS: Final = "a job runs no command: its kind says what it does, `scrape` or `ingest`"
_SENTENCES: Final[dict[str, str]] = {
    "on schedule cron schedule_interval timetable trigger triggers start_date end_date catchup interval": _SCHEDULE,
    "env environment env_file variables vars secrets params": _VARIABLES,
    "command run script before_script entrypoint image cmd shell bash args": _COMMANDS,
    "strategy matrix": "write one job for each, and share fields through an anchor: `<<: *common`",
    "trigger_rule condition": "`needs: [{job: boards, when: finished}]` starts a job after a partial one, too",
    "mail_on on_failure on_success on_error handler_on notify notifications error_mail info_mail smtp webhook": _NOTICES,
    "preconditions precondition rules only except": "who starts the run decides; `run --if-stale 6h` skips one that isn't due",
    "repeat_policy repeat": _SCHEDULE,
    "description comment comments tags labels owner metadata annotations doc doc_md title": _NOTES,
    "volumes ports networks network build healthcheck container container_name deploy runs_on permissions resources "
    "platform hostname restart_delay cpus mem_limit agent node_selector": _HERE,
    "retry_delay backoff retry_backoff retry_interval interval_sec": _WAITS,
    "headers cookies auth verify ssl verify_ssl": "requests carry `user_agent` only; certificates are always checked",
    "log_level logging loglevel verbose debug log_prints": "a log is always written: `orchestrate logs` shows it",
    "timezone tz time_zone": "times in files are UTC; when a run starts is up to its scheduler",
    "pool queue priority priority_weight weight": "`concurrency` bounds a job, `max_parallel_jobs` the run",
    "with inputs options config settings parameters": "the fields of a job stand in the job itself",
    "python_callable flow_run_name task_run_name cache_key_fn cache_policy work_pool entry_point stage": _COMMANDS,
    "deployments workflow": _SCHEDULE,
    "sla": "`timeout` bounds an attempt",
}
_MEANT: Final = {(word, key) for key, words in _KEYS.items() for word in words.split()}
_SAID: Final = {word: sentence for words, sentence in _SENTENCES.items() for word in words.split()}


def meant(word: str, known: Collection[str]) -> str | None:
    """Return which of the known keys another tool calls so, None if none."""
    plain = _snake(word)
    return next((key for key in known if (plain, key) in _MEANT), None)


def sentence(word: str) -> str:
    """Return how the thing is done here that other tools have such a key for; empty if nothing is known."""
    return _SAID.get(_snake(word), "")


def _snake(word: str) -> str:
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", word[:100]).lower().replace("-", "_")

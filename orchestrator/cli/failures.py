"""Every code of a failure of a run, a company or a document: what it means. The page in docs/ is made from this."""

from __future__ import annotations

from typing import Final

FAILURES: Final[dict[str, dict[str, str]]] = {
    "A verb, a run or a job": {
        "all-items-failed": "Every company or document of the job failed; each failure says why.",
        "cancelled": "Somebody asked the run to stop. What was finished stays; `orchestrate resume` goes on.",
        "deadline-exceeded": "The attempt's `timeout` passed. What was finished stays; `attempts` or a resume go on.",
        "internal-error": "A bug of this program. `orchestrate logs` has the traceback, `orchestrate bundle` packs a report.",
        "interrupted": "The process of the run is gone. `orchestrate resume` goes on.",
        "invalid-spec": "The spec has errors; `orchestrate validate` shows them.",
        "job-failed": "The job says why in its message.",
        "missing-extra": "A part of the package isn't installed; the hint says which extra has it.",
        "newer-state": "A newer version of this program wrote the file. Update.",
        "not-found": "There is no such run, job, snapshot or company; of a board: it doesn't know the company's name.",
        "not-resumable": "The run can't be resumed: it succeeded, it still runs, or its spec was changed.",
        "snapshot-incomplete": "A file of the snapshot is missing, changed or too many; nothing was published.",
        "storage": "The state directory, the database or the disk failed: full, unreadable, not permitted.",
        "target-busy": "Another run holds the database or the snapshot store. Wait for it, or use `--wait`.",
        "timed-out": "It took longer than it may: a job its `timeout`, a request its `http.request_timeout`.",
        "unreadable-state": "A file of a run is damaged or foreign.",
        "usage": "The verb was called in a way that it doesn't know.",
    },
    "A company": {
        "answer-too-large": "The answer is longer than `http.max_body` after it was unpacked.",
        "bad-answer": "The answer isn't what this board answers; its API may have changed.",
        "bad-body": "The answer was cut off, or can't be unpacked or read.",
        "bad-har": "The file of `replay` isn't readable as a HAR file.",
        "bad-rows": "The board listed postings, and none of them could be read.",
        "bad-url": "An address, or one that the server led to, can't be asked.",
        "blocked-address": "The host leads to an address that isn't public. `http.allow_private_hosts` permits it.",
        "blocked-redirect": "The server leads to a host that the spec doesn't name.",
        "broken-answer": "The server broke off, or doesn't speak HTTP.",
        "host-down": "Several companies in a row couldn't reach the host, so that it isn't asked for now.",
        "http-*": "The server answered with this status, after all `http.retries` where they help.",
        "not-recorded": "The file of `replay` has no answer for this request.",
        "reader-lost": "Processes that read answers ended with one of this company in hand, maybe for want of memory: resume.",
        "redirected-away": "The board sent us away from its own pages: the company has probably left it.",
        "retry-too-late": "The server asks for a wait that would end behind the deadline.",
        "robots-disallow": "The site's robots.txt forbids the page.",
        "robots-unknown": "The site's robots.txt can't be read, and without it no page is.",
        "too-many-redirects": "The server leads on and on.",
        "unreachable": "No connection came about: the name isn't known, or nobody listens.",
    },
    "An ingest job": {
        "bad-document": "A document can't be read, and `on_bad_document: fail` publishes nothing then.",
        "check-failed": "One of `checks` doesn't hold, so the new snapshot waits: `snapshots accept`.",
        "embedding-failed": "The embedding model can't be opened, or doesn't answer as it should.",
        "empty_corpus": "No file of the corpus is taken; see `corpus`, `include` and `exclude`.",
        "incomplete": "Documents weren't computed, or left the cache; the last snapshot stays. Run again, or resume.",
        "no-corpus": "A folder of the corpus doesn't exist.",
        "no-postings": "The scrape job of the corpus has stored nothing yet.",
        "no_nodes": "The documents have no text to index.",
        "reader-failed": "The job's own reader raised an error for this document; the log has it.",
        "readers-failed": "A class of `readers` can't be used.",
        "splitter-failed": "The class of `chunk.splitter` can't be used, or failed.",
        "vector-store-failed": "The vector store of `publish` can't be used, or doesn't hold what was written.",
    },
    "A document": {
        "binary": "The content is no text.",
        "changed-while-read": "The file changed while it was read; the next run takes it.",
        "empty": "The file is empty.",
        "encoding": "The text can't be decoded.",
        "no-text": "The document has no text; the pages of a PDF may be scanned.",
        "too-large": "The file is larger than `max_file_size`, unpacks to too much, or has millions of tags.",
        "too-long": "The text is longer than `max_characters`.",
        "too-many-pages": "The document has more than `max_pages`.",
        "unreadable-*": "A file of this format is damaged, encrypted or of an unknown version.",
        "vanished": "The file or the posting was there when the job was planned, and is gone.",
    },
    "A Dask cluster": {
        "engine-lost": "The scheduler was lost. What was finished stays; `orchestrate resume` goes on.",
        "engine-mismatch": "The workers have another version of Python, Dask or this package.",
        "engine-unreachable": "The scheduler doesn't answer.",
        "engine-without-workers": "The cluster has no worker.",
        "not-picklable": "What was to be sent to a worker, or came back, can't be sent.",
        "worker-died": "The worker died with the unit several times.",
    },
}
"""By what failed; a `*` stands for a status or a format."""


def meaning(code: str) -> str:
    """Return what a code means, empty if it isn't known: other packages' kinds have codes of their own."""
    known = {name: text for codes in FAILURES.values() for name, text in codes.items()}
    family = next((name for name in known if name.endswith("*") and code.startswith(name[:-1])), "")
    return known.get(code) or known.get(family, "")


def page() -> str:
    """Return the reference page of all codes, in Markdown."""
    parts = [
        "# Failures of a run",
        "<!-- Written by docs/generate.py: change the code, not this page. -->",
        (
            "The codes that stand beside failures in [the status](status.md), in `orchestrate status` and in messages. "
            "`orchestrate explain CODE` tells the same in a terminal. Specs have [codes of their own](problems.md)."
        ),
    ]
    for title, codes in FAILURES.items():
        rows = "\n".join(f"| `{code}` | {text} |" for code, text in sorted(codes.items()))
        parts += [f"## {title}", f"| code | means |\n|---|---|\n{rows}"]
    return "\n\n".join(parts) + "\n"

"""Every code a problem of a spec can have: what it means and what to do about it. The page in docs/ is made from this."""

from __future__ import annotations

from typing import Final, NamedTuple


class Explanation(NamedTuple):
    """What a code means: one line, a paragraph, and an example of the mistake and of how it is put right."""

    title: str
    text: str
    wrong: str = ""
    right: str = ""


CODES: Final[dict[str, Explanation]] = {
    # Reading YAML
    "ambiguous-scalar": Explanation(
        "tools read this word differently",
        "Without quotes, YAML 1.1 and 1.2 disagree on words such as `yes`, `no`, `on`, `off`, on numbers such as `012`, `1e3`, "
        "`0x1F`, `1_000`, on `1:30` (90 to some) and on dates. Such a word is refused instead of guessed.",
        "enabled: yes",
        "enabled: true",
    ),
    "bad-character": Explanation(
        "a character that can't stand in YAML",
        'Control characters can\'t stand in YAML. Remove it, or write it as an escape in double quotes, such as `"\\x07"`.',
    ),
    "bad-include": Explanation(
        "an included file that can't be added",
        "An included file holds `jobs`, and `version` if it is to be valid on its own; everything else belongs into the file "
        "that includes it. It can't include further files, and each is named once.",
    ),
    "bad-merge": Explanation(
        "`<<` needs a mapping",
        "The merge key `<<` takes a mapping, usually an alias, or a list of mappings.",
        "<<: 5",
        "<<: *common",
    ),
    "duplicate-key": Explanation(
        "a key stands twice in one mapping",
        "YAML tools silently take the last of two equal keys, so that the first has no effect. Keep one.",
        "timeout: 60s\ntimeout: 90s",
        "timeout: 90s",
    ),
    "empty-file": Explanation(
        "the file is empty", "A spec needs at least `version` and `jobs`. `orchestrate init` writes a commented one."
    ),
    "key-not-text": Explanation(
        "a key isn't text",
        "Keys have to be text for every tool: quote numbers, `yes`, `no`, `null` and the like.",
        "2026: {kind: scrape}",
        '"2026": {kind: scrape}',
    ),
    "not-utf8": Explanation(
        "the file isn't UTF-8",
        "Specs are UTF-8. Save the file in that encoding; the place is the first byte that doesn't belong to it.",
    ),
    "several-documents": Explanation(
        "more than one document in a file", "A file holds one spec. `orchestrate validate` takes several files."
    ),
    "tab": Explanation("a tab can't indent YAML", "YAML is indented with spaces only."),
    "too-deep": Explanation(
        "too many levels", "At most 64 levels may be nested, so that no file can exhaust the program that reads it."
    ),
    "too-large": Explanation(
        "too much content",
        "A file may have 8 MB and a million values, and aliases may add 100,000 values, so that no file can "
        "exhaust the program that reads it.",
    ),
    "too-many-problems": Explanation("reading was given up", "There are so many problems that telling more would help nobody."),
    "unknown-alias": Explanation(
        "an alias without its anchor",
        "`*name` repeats what `&name` marked earlier in the file. The anchor is missing, stands later, or "
        "contains the alias itself.",
    ),
    "unknown-tag": Explanation(
        "a tag that isn't supported",
        "Tags such as `!include` or `!!python/object` have no meaning here and are refused. `!!str` is accepted.",
    ),
    "unreadable-file": Explanation(
        "a file can't be read", "The spec, or a file that `${file:path}` names, doesn't exist or can't be read."
    ),
    "yaml-syntax": Explanation(
        "this isn't YAML",
        "The text can't be read as YAML. The reader stops at the first such place, so there may be more behind it.",
    ),
    # Values
    "bad-name": Explanation(
        "a job can't have that name",
        "Names of jobs consist of lower-case letters, digits, `-` and `_`, begin with a letter or digit and "
        "have up to 63 characters; they become names of folders.",
    ),
    "bad-path": Explanation(
        "this can't be meant as a path",
        "Paths are relative to the folder of jobs.yaml, with `/` between folders. `~`, `$HOME`, `%HOME%` aren't replaced, "
        "drives and addresses are no paths, and no path contains a NUL character.",
        "corpus: ~/docs",
        "corpus: docs",
    ),
    "curly-quotes": Explanation(
        "quotes that YAML doesn't know",
        "Only straight quotes are quotes: curly ones, as word processors write them, are part of the text.",
        "name: \u201cnightly\u201d",
        'name: "nightly"',
    ),
    "bad-scheduler": Explanation(
        "this is no address of a Dask scheduler",
        "Write the address that `dask scheduler` prints: `tcp://host:port`, or `tls://host:port` with certificates named in "
        "Dask's own configuration.",
        "engine: {dask: scheduler}",
        'engine: {dask: "tcp://scheduler:8786"}',
    ),
    "invalid-value": Explanation("a value isn't accepted", "The message says why."),
    "missing-field": Explanation(
        "a field is missing", "The mapping needs this field. `orchestrate explain jobs.KIND.FIELD` says what it is for."
    ),
    "not-a-class": Explanation(
        "this names no class",
        "A class is named by its module and its name with a `:` between them.",
        "class: mine.Model",
        "class: mine:Model",
    ),
    "not-a-duration": Explanation(
        "this is no duration",
        "Durations are numbers of seconds, or texts such as `90s`, `1m30s`, `250ms`.",
        "timeout: 2 minutes",
        "timeout: 2m",
    ),
    "not-a-share": Explanation("this is no share", "Shares are percentages such as `30%`, or numbers from 0 to 1."),
    "not-a-size": Explanation(
        "this is no size",
        "Sizes are numbers of bytes, or texts such as `20MB` (20,000,000 bytes) or `20MiB` (20,971,520 bytes).",
        "max_body: 20 megabytes",
        "max_body: 20MB",
    ),
    "not-allowed": Explanation("a value that isn't among the possible ones", "Only the listed words are possible here."),
    "not-an-allowance": Explanation(
        "neither a count nor a percentage", "Write a whole number of items, or a percentage such as `5%`."
    ),
    "odd-glob": Explanation(
        "a glob that can't be meant as it stands",
        "Globs know `*` and `?` within a folder, `**` across folders, and `[...]`. Regular expressions, braces, `!`, "
        "backslashes, several globs in one text and ways out of the corpus match nothing.",
        'include: ["**/*.{md,txt}"]',
        'include: ["**/*.md", "**/*.txt"]',
    ),
    "out-of-range": Explanation(
        "a number beyond its bounds",
        "The message names the bound. `timeout` can be 180 s at most: an attempt that needs longer gets several "
        "`attempts`, each of which continues where the last one stopped.",
        "timeout: 10m",
        "timeout: 180s\nattempts: 4",
    ),
    "path-outside-project": Explanation(
        "a path leads out of the project", "Every path lies below the folder of jobs.yaml, also where links lead."
    ),
    "unknown-key": Explanation(
        "a key that doesn't exist",
        "Unknown keys are refused: a misspelled setting would have no effect. At the top level, in `jobs` and "
        "in a job, keys that begin with `x-` are ignored: a place for anchors.",
        "timout: 90s",
        "timeout: 90s",
    ),
    "unknown-kind": Explanation(
        "a kind of job that doesn't exist", "`kind` says what a job does. Kinds are built in or come with other packages."
    ),
    "unlikely-value": Explanation(
        "a value that is possible, but hardly meant",
        "A number without a unit counts bytes, seconds, or is a share of 1. A limit of a few bytes, a timeout of milliseconds "
        "or a guard of 100% usually comes from another unit.",
        "max_file_size: 20",
        "max_file_size: 20MB",
    ),
    "wrong-form": Explanation("a text of the wrong form", "The text has to match a pattern; the message or the hint shows it."),
    "wrong-length": Explanation("too short or too long", "A list or a text has too few or too many entries or characters."),
    "wrong-type": Explanation(
        "a value of the wrong type",
        "For example a list where text belongs. Nothing is converted behind your back: quote numbers that are text.",
        "token: 123",
        'token: "123"',
    ),
    # References and secrets
    "bad-reference": Explanation(
        "`${...}` isn't understood",
        "References are `${env:NAME}`, `${env:NAME:-default}` and `${file:path}`; `$${` stands for a literal `${`.",
        "api_key: ${KEY}",
        "api_key: ${env:KEY}",
    ),
    "secret-in-clear": Explanation(
        "a secret stands in the file",
        "The value looks like a secret. Anybody who reads the file or its history has it.",
        "api_key: 9f8e...",
        "api_key: ${env:EMBEDDING_KEY}",
    ),
    "unset-variable": Explanation(
        "an environment variable isn't set", "Set it where the program runs, or give a default: `${env:NAME:-default}`."
    ),
    # Jobs among each other
    "bad-database": Explanation(
        "this is no database URL",
        "SQLite files and PostgreSQL servers can be used. For example `sqlite:///.orchestrate/postings.db` or `postgresql+psycopg://user@host/name`.",
    ),
    "cyclic-needs": Explanation(
        "jobs wait for each other", "None of these jobs could ever start. The message shows the circle."
    ),
    "duplicate-need": Explanation("a need stands twice", "Once is enough."),
    "needs-disabled": Explanation(
        "a job needs one that isn't enabled", "The needed job never runs, so this one could never start."
    ),
    "needs-itself": Explanation("a job needs itself", "It could never start."),
    "record-with-dask": Explanation(
        "a recording needs one process",
        "`record` writes one file from one client. On a cluster the units of a job run in several processes. Record with "
        "`engine: threads`, or with `orchestrate run --engine threads`.",
    ),
    "same-store": Explanation(
        "two jobs publish to one snapshot store", "Each would replace the other's CURRENT. Give each its own folder."
    ),
    "unknown-need": Explanation("a needed job doesn't exist", "`needs` names other jobs of the same file."),
    # Scrape jobs
    "bad-host": Explanation(
        "this is no host", "`allow_private_hosts` takes names, addresses and networks such as `10.0.0.0/8`."
    ),
    "bad-token": Explanation(
        "a board can't have that token",
        "A token is the board's name for a company, as it stands in the address of its postings.",
    ),
    "bad-url": Explanation(
        "this is no web address",
        "Write `https://host/path`, with its scheme, a port from 1 to 65535 if there is one, and no user or password. The "
        "address of an embedding's API ends before the path of its methods.",
        "base_url: localhost:8080",
        "base_url: http://localhost:8080",
    ),
    "company-twice": Explanation(
        "a company stands twice",
        "Two entries for one company would close each other's postings; equal names couldn't be told apart.",
    ),
    "concurrency-unused": Explanation(
        "the hosts' limits keep `concurrency` from being used",
        "A public host is asked four requests at a time at most, so that a hundred companies of one board aren't asked sixteen "
        "at a time. Lower `concurrency`, or raise `http.per_host.concurrency` if the host agrees.",
    ),
    "no-board": Explanation(
        "a company without a board",
        "A company needs `board` and `token`, or a `url` from which both are found. `orchestrate detect URL` tells them.",
    ),
    "no-such-file": Explanation("a file doesn't exist", "Paths start at the folder of jobs.yaml."),
    "no-token": Explanation(
        "a company needs a token, or can't have one",
        "Boards with an API need a `token` or a `url`; boards that read a company's own pages take a `url` only.",
    ),
    "no-url": Explanation("a company needs a URL", "This board reads a company's own pages and has to know where they are."),
    "replay-and-record": Explanation(
        "a job that replays has nothing to record",
        "`replay` answers from a file, `record` writes what came over the network: use one of them.",
    ),
    "token-mismatch": Explanation("token and URL disagree", "The URL names another token than `token`. Leave one of them out."),
    "unknown-board": Explanation(
        "a board that doesn't exist", "The hint lists the boards. Companies with their own pages use `jsonld`."
    ),
    "unknown-host": Explanation(
        "a URL that belongs to no known board", "Name the board, or use `board: jsonld` to read the page itself."
    ),
    "request-outlasts-job": Explanation(
        "a request may take longer than its job",
        "A try ends with its job at the latest, so a longer `http.request_timeout` has no effect.",
        "timeout: 30s\nhttp: {request_timeout: 60s}",
        "timeout: 180s\nhttp: {request_timeout: 60s}",
    ),
    "unused-field": Explanation(
        "a field that this board doesn't use", "Only boards that read pages use it. A setting works or is refused."
    ),
    # Ingest jobs
    "bad-suffix": Explanation("this is no suffix", "Write it in lower case and with its dot: `.docx`."),
    "corpus-in-store": Explanation(
        "the corpus lies inside its own snapshot store", "Each run would index what the last one wrote."
    ),
    "glob-matches-nothing": Explanation(
        "a glob that matches no file", "Globs are relative to the corpus; `**/*.md` matches in every folder."
    ),
    "name-of-collection": Explanation(
        "the name of a collection isn't fixed",
        "Each snapshot is published to a collection of its own, so its name can't be an argument. `publish.name` says what "
        "the names begin with, `publish.alias` is a name that stays.",
    ),
    "no-base-url": Explanation(
        "a provider without its address",
        "This embedding provider can run anywhere, so `base_url` has to say where its API lies.",
    ),
    "no-such-folder": Explanation(
        "a folder doesn't exist",
        "Paths start at the folder of jobs.yaml. It is a warning, since another job may create the folder.",
    ),
    "no-such-job": Explanation("a job doesn't exist", "The corpus names a job that isn't in this file."),
    "not-a-scrape-job": Explanation(
        "only scrape jobs store postings", "`corpus: {postings: NAME}` takes the name of a job of the kind `scrape`."
    ),
    "not-in-needs": Explanation(
        "an order that isn't guaranteed", "The job reads what another one stores, but doesn't need it, so it may start first."
    ),
    "overlap-too-large": Explanation(
        "nodes repeat too much of each other", "`chunk.overlap` can be half of `chunk.size` at most."
    ),
    "publish-without-vectors": Explanation(
        "nothing for a vector store", "`embedding: none` makes no vectors, and `publish` names a store that takes vectors."
    ),
}


def explanation(code: str) -> Explanation | None:
    """Return what a code means, None if it isn't known here: other packages' kinds have their own codes."""
    return CODES.get(code)


def page() -> str:
    """Return the reference page of all codes, in Markdown."""
    parts = [
        "# Problems of a spec",
        "<!-- Written by docs/generate.py: change the code, not this page. -->",
        "What `orchestrate validate` can say. `orchestrate explain CODE` tells the same in a terminal.",
    ]
    for code in sorted(CODES):
        known = CODES[code]
        parts += [f"## `{code}`", f"{known.title[0].upper()}{known.title[1:]}. {known.text}"]
        if known.wrong:
            parts.append(f"```yaml\n# wrong\n{known.wrong}\n# right\n{known.right}\n```")
    return "\n\n".join(parts) + "\n"

"""`orchestrate search`: ask a published snapshot."""

from __future__ import annotations

import re
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Final

import typer

from orchestrator.cli import options, terminal
from orchestrator.cli.snapshots import embedding_of, find_store

if TYPE_CHECKING:
    from orchestrator.kinds.ingest.search import Hit

app = typer.Typer(rich_markup_mode=None, add_completion=False)
_SHOWN_LINES: Final = 12


class Modes(StrEnum):
    """How to search."""

    HYBRID = "hybrid"
    LEXICAL = "lexical"
    DENSE = "dense"


Query = Annotated[str, typer.Argument(metavar="QUERY", help="What to look for, in words.", show_default=False)]
Job = Annotated[str, typer.Argument(metavar="JOB", help="The ingest job.", show_default=False)]
Top = Annotated[int, typer.Option("--top", min=1, max=1000, help="How many passages.")]
Mode = Annotated[Modes, typer.Option("--mode", help="Words, meaning, or both.")]
Which = Annotated[
    str | None,
    typer.Option("--snapshot", metavar="ID", help="A snapshot's id, or a unique part of it.", show_default=False),
]
Below = Annotated[str | None, typer.Option("--path", metavar="GLOB", help="Only documents that match.", show_default=False)]
Where = Annotated[
    list[str] | None,
    typer.Option("--where", metavar="KEY=VALUE", help="Only documents with this metadata.", show_default=False),
]


@app.command()
def search(
    job: Job,
    query: Query,
    top: Top = 5,
    snapshot: Which = None,
    mode: Mode = Modes.HYBRID,
    path: Below = None,
    where: Where = None,
    file: options.File = None,
    state_dir: options.StateDirectory = None,
    json: options.Json = False,
) -> None:
    """Search what an ingest job published.

    \b
    Examples:
      orchestrate search handbook "how do I resume a run"
      orchestrate search handbook timeout --top 3 --path "howto/**"
      orchestrate search handbook timeout --mode lexical --json
    """  # noqa: D301 - \b is Typer's mark for a paragraph that isn't wrapped
    from orchestrator.kinds.ingest.search import Snapshot

    place = find_store(job, file, state_dir).find(snapshot)
    with Snapshot(place, embedding_of(job, file)) as opened:
        hits = opened.search(query, top, mode.value, path=path, where=_metadata(where))
    if json:
        terminal.show_json({"format_version": 1, "snapshot_id": place.name, "hits": [_document(hit) for hit in hits]})
    elif hits:
        terminal.show("\n\n".join(_passage(number, hit, query) for number, hit in enumerate(hits, 1)))
    else:
        terminal.say("nothing was found")


def _metadata(pairs: list[str] | None) -> dict[str, str] | None:
    from orchestrator.errors import UsageError

    for pair in pairs or ():
        if "=" not in pair:
            raise UsageError(f"{pair!r} is no KEY=VALUE")
    return {pair.partition("=")[0]: pair.partition("=")[2] for pair in pairs or ()} or None


def _document(hit: Hit) -> dict[str, object]:
    return {
        "score": hit.score,
        "document": hit.document,
        "node_id": hit.node_id,
        "start": hit.start,
        "end": hit.end,
        "line": hit.line,
        "title": hit.title,
        "headings": hit.headings,
        "text": hit.text,
    }


def _passage(number: int, hit: Hit, query: str) -> str:
    place = terminal.style(f"{terminal.printable(hit.document)}:{hit.line}", "cyan")
    above = hit.headings or hit.title
    lines = [f"{number}. {place}  {terminal.style(terminal.printable(above), 'bold')}"]
    text = [line for line in hit.text.splitlines() if line.strip()]
    words = _highlighter(query)
    for line in text[:_SHOWN_LINES]:
        shown = terminal.printable(line.expandtabs(4))
        lines.append("   " + words.sub(lambda found: terminal.style(found[0], "yellow"), shown))
    if len(text) > _SHOWN_LINES:
        lines.append(terminal.style(f"   ... {len(text) - _SHOWN_LINES} more lines", "dim"))
    return "\n".join(lines)


def _highlighter(query: str) -> re.Pattern[str]:
    """Return what finds the question's longer words, also with an ending."""
    words = [re.escape(word[: max(4, len(word) - 2)]) for word in re.findall(r"\w{3,}", query)]
    return re.compile(rf"\b(?:{'|'.join(words)})\w*" if words else r"(?!)", re.IGNORECASE)

"""`orchestrate detect`: which board and token a careers page belongs to, offline."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from orchestrator.cli import options, terminal
from orchestrator.errors import ExitCode

app = typer.Typer(rich_markup_mode=None, add_completion=False)


@app.command()
def detect(
    urls: Annotated[list[str], typer.Argument(metavar="URL...", help="A company's careers page, or one of its postings.")],
    json: options.Json = False,
) -> None:
    """Say which board and token a URL belongs to. Looks at the URL only; nothing is asked.

    \b
    Examples:
      orchestrate detect https://jobs.lever.co/initech
      orchestrate detect --json https://job-boards.greenhouse.io/acme/jobs/12
    """  # noqa: D301 - \b is Typer's mark for a paragraph that isn't wrapped
    found = [_detected(url) for url in urls]
    if json:
        terminal.show_json({"format_version": 1, "urls": found})
    else:
        for each in found:
            _say(each)
    if not all(each["board"] for each in found):
        raise typer.Exit(int(ExitCode.FAILED))


def _detected(url: str) -> dict[str, Any]:
    from orchestrator.kinds.scrape import boards
    from orchestrator.kinds.scrape.boards.base import Source

    address = url if "://" in url else f"https://{url}"
    hit = boards.detect(address)
    if hit is None:
        return {"url": url, "board": None, "token": None, "page": None, "by_token": False}
    board, token = hit
    page = board.public_url(Source(token, address))
    by_token = page == board.public_url(Source(token))  # Not for a second host of the vendor's, such as Lever's in the EU.
    return {"url": url, "board": board.name, "token": token, "page": page, "by_token": by_token}


def _say(found: dict[str, Any]) -> None:
    if found["by_token"]:
        terminal.show(f"- {{board: {found['board']}, token: {_quoted(found['token'])}}}  # {found['page']}")
        return
    if found["board"]:
        terminal.show(f'- {{url: "{found["page"]}"}}  # {found["board"]}, {_quoted(found["token"])}')
        return
    terminal.say(f"{terminal.printable(found['url'])}: no board is known there")
    terminal.say("  for a company's own pages write: {board: jsonld, url: ...}")


def _quoted(token: str) -> str:
    """Return a token as YAML takes it for a text."""
    plain = token.replace("-", "").replace("_", "").replace("/", "").isalnum() and not token.isdecimal()
    return token if plain and token.lower() not in {"no", "yes", "on", "off", "true", "false", "null"} else f'"{token}"'

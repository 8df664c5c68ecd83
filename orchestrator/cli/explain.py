"""`orchestrate explain`: what a field of jobs.yaml, or the code of a problem, means."""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING, Annotated, Any

import typer

from orchestrator.cli import options, terminal
from orchestrator.errors import NotFound

if TYPE_CHECKING:
    from orchestrator.spec.codes import Explanation
    from orchestrator.spec.explain import Explained

app = typer.Typer(rich_markup_mode=None, add_completion=False, context_settings={"help_option_names": ["-h", "--help"]})
FORMAT_VERSION = 1


@app.command()
def explain(
    subject: Annotated[
        str, typer.Argument(metavar="PATH|CODE", help="A field such as jobs.scrape.http, or the code of a problem or failure.")
    ] = "",
    json: options.Json = False,
) -> None:
    """Tell what a field of jobs.yaml, or the code of a problem or a failure means.

    \b
    Examples:
      orchestrate explain
      orchestrate explain jobs.scrape.http.retries
      orchestrate explain unknown-key
      orchestrate explain target-busy
    """  # noqa: D301 - \b is Typer's mark for a paragraph that isn't wrapped
    from orchestrator.cli.failures import meaning
    from orchestrator.spec.codes import explanation

    code = explanation(subject)
    failure = meaning(subject)
    if code is not None:
        _tell_code(subject, code, json=json)
    elif failure:
        _tell_failure(subject, failure, json=json)
    else:
        _tell_field(subject, json=json)


def _tell_code(code: str, known: Explanation, *, json: bool) -> None:
    if json:
        terminal.show_json({"format_version": FORMAT_VERSION, "code": code, **known._asdict()})
        return
    terminal.show(f"{terminal.style(code, 'bold')}: {known.title}\n\n{_wrapped(known.text)}")
    for title, example in (("wrong", known.wrong), ("right", known.right)):
        if example:
            terminal.show(f"\n  {title}\n{textwrap.indent(example, '    ')}")


def _tell_failure(code: str, text: str, *, json: bool) -> None:
    if json:
        terminal.show_json({"format_version": FORMAT_VERSION, "code": code, "title": "a failure of a run", "text": text})
    else:
        terminal.show(f"{terminal.style(code, 'bold')}: a failure of a run\n\n{_wrapped(text)}")


def _tell_field(path: str, *, json: bool) -> None:
    from orchestrator.spec.codes import CODES
    from orchestrator.spec.explain import explain, similar
    from orchestrator.spec.kinds import built_in, installed
    from orchestrator.spec.problems import suggest

    kinds = {**built_in(), **installed()}
    known = explain(path, kinds)
    if known is None:
        meant = similar(path, kinds) or [word for word in [suggest(path, CODES)] if word]
        hint = f"did you mean {' or '.join(f'`{each}`' for each in meant)}?" if meant else "`orchestrate explain` lists the top"
        raise NotFound(f"there is no field and no problem code `{path}`", hint=hint)
    if json:
        terminal.show_json(_plain(known))
    else:
        terminal.show(_text(known))


def _plain(known: Explained) -> dict[str, Any]:
    children = [{"name": name, "meaning": meaning} for name, meaning in known.children]
    return {"format_version": FORMAT_VERSION, **known._asdict(), "children": children}


def _text(known: Explained) -> str:
    lines = [terminal.style(known.path, "bold")] if known.path else []
    lines += [_wrapped(known.meaning), ""]
    facts = (("type", known.type), ("default", known.default), ("example", known.example))
    lines += [f"  {name:<9}{value}" for name, value in facts if value]
    if known.children:
        width = min(24, max(len(name) for name, _ in known.children))
        lines += ["", "  fields" if known.path != "jobs" else "  kinds"]
        for name, meaning in known.children:
            lines += textwrap.wrap(
                f"{name:<{width}}  {meaning}",
                width=max(60, terminal.width()),
                initial_indent="    ",
                subsequent_indent=" " * (width + 6),
            )
    return "\n".join(lines)


def _wrapped(text: str) -> str:
    return textwrap.fill(text, width=max(60, terminal.width()), initial_indent="  ", subsequent_indent="  ")

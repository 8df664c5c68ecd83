"""`orchestrate plan`: what a run would do, and why. Changes nothing."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Any

import typer

from orchestrator.cli import options, project, terminal
from orchestrator.errors import ExitCode, OrchestrateError

if TYPE_CHECKING:
    from orchestrator.engine.prepare import Request
    from orchestrator.job import Plan

app = typer.Typer(rich_markup_mode=None, add_completion=False)
WithExitCode = Annotated[bool, typer.Option("--exit-code", help="Exit 10 if there are changes.")]
SIGNS = {"new": "+", "changed": "~", "gone": "-", "unchanged": "="}
MOST_REASONS = 5
MOST_KEYS = 3


@app.command()
def plan(
    spec: options.SpecArgument = None,
    file: options.File = None,
    job: options.Jobs = None,
    state_dir: options.StateDirectory = None,
    json: options.Json = False,
    exit_code: WithExitCode = False,
) -> None:
    """Show per job what is new, changed, gone and unchanged, each with its reason.

    \b
    Examples:
      orchestrate plan
      orchestrate plan --job handbook --json
      orchestrate plan --exit-code         exit 10 if there is something to do
    """  # noqa: D301 - \b is Typer's mark for a paragraph that isn't wrapped
    from orchestrator.cli import launch

    request = launch.request(project.load(project.named(spec, file)), state_dir, jobs=job or ())
    documents = {name: _planned(request, name) for name in request.jobs}
    for name, found in documents.items():
        if "error" in found:
            found["waits_for"] = _waits_for(request, name, documents)
    if json:
        terminal.show_json({"format_version": 1, "jobs": documents})
    else:
        terminal.show("\n".join(line for name, found in documents.items() for line in _lines(name, found)))
    if any("error" in found and not found["waits_for"] for found in documents.values()):
        raise typer.Exit(int(ExitCode.FAILED))
    if exit_code and any(found["changes"] for found in documents.values()):
        raise typer.Exit(int(ExitCode.CHANGES))


def _planned(request: Request, name: str) -> dict[str, Any]:
    from orchestrator.deadline import CancelToken, Deadline, WorkContext
    from orchestrator.engine.prepare import kinds_of

    spec = request.resolved.spec.jobs[name]
    context = WorkContext(Deadline.after(spec.timeout), CancelToken())
    try:
        around = request.surroundings[name]
        # What isn't installed may stay unknown: nothing is to run.
        around = around._replace(settings={**around.settings, "plan_only": True})
        job = kinds_of(request)[name].load_build()(spec, around)
        return _document(job.plan(context))
    except OrchestrateError as error:
        return {"error": error.failure().as_dict(), "changes": 0}


def _waits_for(request: Request, name: str, documents: Mapping[str, dict[str, Any]]) -> list[str]:
    """Return the needed jobs that have something to do first: what a job works on may only come from them."""
    needed = [need.job for need in request.resolved.spec.jobs[name].needs]
    return [each for each in needed if each in documents and (documents[each]["changes"] or documents[each].get("waits_for"))]


def _document(found: Plan) -> dict[str, Any]:
    counted = Counter(item.change.value for item in found.items)
    reasons: dict[str, Counter[str]] = {change: Counter() for change in SIGNS}
    for item in found.items:
        reasons[item.change.value][item.reason] += 1
    return {
        **{change: counted[change] for change in SIGNS},
        "changes": sum(counted[change] for change in SIGNS if change != "unchanged") + len(found.pending),
        "pending": list(found.pending),
        "units": len(found.units),
        "estimate_seconds": found.estimate_seconds,
        "reasons": {change: dict(counts) for change, counts in reasons.items() if counts},
        "warnings": list(found.warnings),
        "items": [{"key": item.key, "change": item.change.value, "reason": item.reason} for item in found.items],
    }


def _lines(name: str, found: dict[str, Any]) -> list[str]:
    if "error" in found:
        error = found["error"]
        if found["waits_for"]:
            return [f"{name}  is planned when {' and '.join(found['waits_for'])} ran: {error['message']}"]
        return [f"{name}  {error['code']}: {error['message']}", *([f"    {error['hint']}"] if error["hint"] else [])]
    lines = [f"{name}  " + "  ".join(f"{sign} {found[change]} {change}" for change, sign in SIGNS.items())]
    lines += [f"  > {terminal.printable(text)}" for text in found["pending"]]
    if found["estimate_seconds"]:
        lines.append(f"  about {terminal.seconds(found['estimate_seconds'])}, going by earlier runs")
    for change, counts in found["reasons"].items():
        lines += [_reason(found, change, *row) for row in Counter(counts).most_common(MOST_REASONS)]
        if len(counts) > MOST_REASONS:
            rest = sum(counts.values()) - sum(count for _, count in Counter(counts).most_common(MOST_REASONS))
            lines.append(f"  {SIGNS[change]} {rest} more {change}, for other reasons: --json lists them")
    return lines + [f"  warning: {terminal.printable(text)}" for text in found["warnings"]]


def _reason(found: dict[str, Any], change: str, reason: str, count: int) -> str:
    keys = [item["key"] for item in found["items"] if (item["change"], item["reason"]) == (change, reason)]
    more = f", and {count - MOST_KEYS} more" if count > MOST_KEYS else ""
    because = f" ({reason})" if reason and reason != change else ""
    return terminal.printable(f"  {SIGNS[change]} {count} {change}{because}: {', '.join(keys[:MOST_KEYS])}{more}")

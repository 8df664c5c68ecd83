"""The `orchestrate` command: a table of verbs, each imported when it is used, and one place that turns errors into exits."""

from __future__ import annotations

import os
import sys
from importlib import import_module
from types import TracebackType
from typing import Annotated, Any, Final, NamedTuple

import typer
from typer.core import CompletionItem, TyperGroup  # type: ignore[attr-defined] # typer has no public name for it

from orchestrator import __version__
from orchestrator.errors import ExitCode, MissingExtra, OrchestrateError, SpecError, StorageError


class Verb(NamedTuple):
    """A line of the help, and the module that has the verb as `app`."""

    name: str
    module: str
    summary: str


SECTIONS: Final[dict[str, tuple[Verb, ...]]] = {
    "Write and check jobs.yaml": (
        Verb("init", "init", "write a commented jobs.yaml and its JSON Schema"),
        Verb("validate", "validate", "report every problem of one or more files"),
        Verb("explain", "explain", "tell what a field or a problem code means"),
        Verb("schema", "schema", "print the JSON Schema of a file format"),
        Verb("config", "config", "show the resolved spec and where each value comes from"),
        Verb("detect", "detect", "tell which board and token a URL belongs to"),
    ),
    "Run": (
        Verb("plan", "plan", "show what a run would do, and why"),
        Verb("run", "run", "run the jobs"),
        Verb("resume", "resume", "continue a run: only what isn't done"),
        Verb("cancel", "cancel", "ask a run to stop"),
        Verb("schedule", "schedule", "print an entry for cron, systemd, launchd or GitHub"),
    ),
    "See what happened": (
        Verb("status", "status", "show one run, the latest by default"),
        Verb("runs", "runs", "list the runs"),
        Verb("logs", "logs", "show the log of a run"),
        Verb("dashboard", "dashboard", "open the read-only dashboard"),
        Verb("bundle", "bundle", "pack a redacted report of a run"),
    ),
    "Use what was found": (
        Verb("postings", "postings", "list, show, mark and accept postings"),
        Verb("search", "search", "ask a published snapshot"),
        Verb("snapshots", "snapshots", "list, compare, verify and roll back snapshots"),
    ),
    "Keep house": (
        Verb("db", "db", "statistics, backup and pruning of the database"),
        Verb("prune", "prune", "remove old runs"),
        Verb("doctor", "doctor", "check this machine and the state directory"),
    ),
}
VERBS: Final = {verb.name: verb for verbs in SECTIONS.values() for verb in verbs}


class VerbGroup(TyperGroup):
    """Knows every verb by name and summary; imports a verb's module only to run it."""

    def list_commands(self, ctx: Any) -> list[str]:
        """Return the verbs in the order of the help."""
        del ctx
        return list(VERBS)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        """Return a verb; its module is imported here."""
        del ctx
        verb = VERBS.get(cmd_name)
        if verb is None:
            return None
        command = typer.main.get_command(import_module(f"orchestrator.cli.{verb.module}").app)
        command.name = verb.name
        return command

    def shell_complete(self, ctx: Any, incomplete: str) -> list[CompletionItem]:
        """Return the verbs that begin like that, without importing them."""
        if incomplete.startswith("-"):
            return super().shell_complete(ctx, incomplete)
        return [CompletionItem(verb.name, help=verb.summary) for verb in VERBS.values() if verb.name.startswith(incomplete)]

    def format_commands(self, ctx: Any, formatter: Any) -> None:
        """Write the verbs by section, without importing them."""
        del ctx
        for title, verbs in SECTIONS.items():
            with formatter.section(title):
                formatter.write_dl([(verb.name, verb.summary) for verb in verbs], col_max=12)

    def invoke(self, ctx: Any) -> Any:
        """Run the verb; an error of ours becomes a message on stderr and its exit code."""
        try:
            return super().invoke(ctx)
        except OrchestrateError as error:
            report(error)
            if ctx.params.get("debug"):
                raise
            raise typer.Exit(int(error.exit_code)) from error
        except ModuleNotFoundError as error:
            _report_extra(error)
            raise typer.Exit(int(ExitCode.FAILED)) from error
        except PermissionError as error:
            report(StorageError(f"{error.strerror}: {os.path.basename(error.filename or '')}"))  # noqa: PTH119
            raise typer.Exit(int(ExitCode.STORAGE)) from error


def _report_extra(error: ModuleNotFoundError) -> None:
    """Say which extra a verb needs; raise the error again if its module belongs to none."""
    from orchestrator.extras import extra_of

    extra = extra_of(error.name)
    if extra is None:
        raise error
    report(MissingExtra("this verb", extra))


def report(error: OrchestrateError) -> None:
    """Say on stderr what went wrong and what to do."""
    from orchestrator.cli import terminal

    if isinstance(error, SpecError) and error.problems:
        from orchestrator.spec.render import as_text

        terminal.say(as_text(error.problems, colour=terminal.colours(sys.stderr)))
        return
    terminal.say(f"{terminal.style('error', 'red', sys.stderr)}: {error.message}")
    if error.hint:
        terminal.say(f"  {error.hint}")


def _print_version(value: bool) -> None:
    if value:
        typer.echo(f"orchestrate {__version__}")
        raise typer.Exit


app = typer.Typer(
    cls=VerbGroup,
    rich_markup_mode=None,
    add_completion=True,
    no_args_is_help=True,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)


@app.callback()
def orchestrate(
    version: Annotated[  # noqa: ARG001 - handled by its callback
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version.")
    ] = False,
    debug: Annotated[bool, typer.Option("--debug", help="Show a traceback when something unexpected happens.")] = False,
) -> None:
    """Gather postings from job boards and index documents, as jobs.yaml says.

    \b
    Examples:
      orchestrate init                 write a first jobs.yaml
      orchestrate run                  run its jobs
      orchestrate status               see what happened
      orchestrate resume               go on after a crash
    """  # noqa: D301 - \b is Typer's mark for a paragraph that isn't wrapped
    if not debug:
        sys.excepthook = _unexpected


def _unexpected(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    del trace
    print(f"error: unexpected {kind.__name__}: {error}", file=sys.stderr)  # noqa: T201
    print("  this is a bug: `orchestrate --debug ...` shows where; `orchestrate logs` may tell more, and", file=sys.stderr)  # noqa: T201
    print("  `orchestrate bundle` packs what a report needs, redacted", file=sys.stderr)  # noqa: T201


def main() -> None:
    """Run the command line. Raises SystemExit with the exit code."""
    if os.name != "posix":
        print("orchestrate needs Linux or macOS: its locks don't exist elsewhere (WSL works)", file=sys.stderr)  # noqa: T201
        raise SystemExit(int(ExitCode.STORAGE))
    typer.main.get_command(app)(prog_name="orchestrate")


if __name__ == "__main__":
    main()

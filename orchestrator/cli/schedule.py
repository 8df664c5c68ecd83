"""`orchestrate schedule print`: an entry for the scheduler that a machine already has; this program runs no daemon."""

from __future__ import annotations

import itertools
import shlex
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Final, Literal
from xml.sax.saxutils import escape

import typer

from orchestrator.cli import options, project, terminal
from orchestrator.errors import UsageError

app = typer.Typer(rich_markup_mode=None, add_completion=False, no_args_is_help=True)
Cron = Annotated[
    str, typer.Option("--cron", metavar="TIMES", help="Five fields: minute, hour, day of month, month, day of week.")
]
Format = Annotated[Literal["cron", "systemd", "launchd", "github"], typer.Option("--format", help="For which scheduler.")]
_FIELDS: Final = (("minute", 0, 59), ("hour", 0, 23), ("day of month", 1, 31), ("month", 1, 12), ("day of week", 0, 7))
_WEEKDAYS: Final = ("Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_MONTHS: Final = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_NAMES: Final = {
    "month": {name: number for number, name in enumerate(_MONTHS, 1)},
    "day of week": {name.lower(): number for number, name in enumerate(_WEEKDAYS[:7])},
}
_LONGEST_MONTHS: Final = (31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)
_MACROS: Final = {
    "@hourly": "0 * * * *",
    "@daily": "0 0 * * *",
    "@midnight": "0 0 * * *",
    "@weekly": "0 0 * * 0",
    "@monthly": "0 0 1 * *",
    "@yearly": "0 0 1 1 *",
    "@annually": "0 0 1 1 *",
}
_MOST_LAUNCHD: Final = 300


@app.callback()
def schedule() -> None:
    """Run jobs at fixed times with cron, systemd, launchd or GitHub Actions.

    \b
    Examples:
      orchestrate schedule print --cron "0 */6 * * *" --format systemd
      orchestrate schedule print --cron "30 5 * * 1-5"
    """  # noqa: D301 - \b is Typer's mark for a paragraph that isn't wrapped


@app.command("print")
def print_entry(cron: Cron, file: options.File = None, format: Format = "cron") -> None:  # noqa: A002 - the flag's name
    """Print an entry that runs the spec; nothing is installed.

    \b
    Examples:
      orchestrate schedule print --cron "0 */6 * * *" >> crontab.txt
      orchestrate schedule print --cron "0 6 * * *" --format github
    """  # noqa: D301 - \b is Typer's mark for a paragraph that isn't wrapped
    times = parse_cron(cron)
    terminal.show(_FORMATS[format](times, project.find_spec(file).absolute()))


@dataclass(frozen=True, slots=True)
class Times:
    """A cron expression: its text, and the values of each field, None where it says `*`. Source: POSIX crontab."""

    text: str
    fields: tuple[tuple[int, ...] | None, ...]

    def alternatives(self) -> list[tuple[tuple[int, ...] | None, ...]]:
        """Return the fields for schedulers to which days of the month and of the week both apply: to cron either does."""
        minute, hour, day, month, weekday = self.fields
        if day is None or weekday is None:
            return [self.fields]
        return [(minute, hour, day, month, None), (minute, hour, None, month, weekday)]


def parse_cron(text: str) -> Times:
    """Return the times of a cron expression. Raises UsageError that names the field."""
    parts = text.split()
    if len(parts) != len(_FIELDS):
        meant = _MACROS.get(text.strip().lower(), "")
        hint = f'write "{meant}"' if meant else 'write it as "0 */6 * * *": at minute 0, every 6 hours'
        raise UsageError(f"--cron has {len(parts)} {'field' if len(parts) == 1 else 'fields'}, not 5", hint=hint)
    fields = tuple(_field(part, *bounds) for part, bounds in zip(parts, _FIELDS, strict=True))
    _, _, day, month, weekday = fields
    if day and weekday is None and min(day) > max(_LONGEST_MONTHS[each - 1] for each in month or range(1, 13)):
        raise UsageError(f"--cron: day {min(day)} of month {parts[3]} never comes", hint="choose another day or month")
    return Times(" ".join(parts), fields)


def _field(text: str, name: str, low: int, high: int) -> tuple[int, ...] | None:
    if text == "*":
        return None
    values: set[int] = set()
    known = _NAMES.get(name, {})
    for part in text.split(","):
        span, _, step = part.partition("/")
        first, _, last = span.partition("-")
        try:
            start = low if span == "*" else _value(first, known)
            end = high if span == "*" or (step and not last) else _value(last or first, known)
            chosen = range(start, end + 1, int(step or 1))
        except ValueError:
            hint = "write `*`" if part == "?" else f"{low} to {high}, lists, ranges, */n"
            raise UsageError(f"--cron: {part!r} is no {name}", hint=hint) from None
        if not chosen or start < low or end > high:
            raise UsageError(f"--cron: {part!r} is no {name}", hint=f"{low} to {high}, lists, ranges, */n")
        values.update(chosen)
    return tuple(sorted(values))


def _value(text: str, known: Mapping[str, int]) -> int:
    return known[text.lower()] if text.lower() in known else int(text)


def _command(spec: Path) -> list[str]:
    return [sys.executable, "-m", "orchestrator", "run", str(spec), "--skip-if-running", "--quiet"]


def _cron(times: Times, spec: Path) -> str:
    command = f"cd {shlex.quote(str(spec.parent))} && {shlex.join(_command(spec))}"
    return f"# crontab -e\n{times.text} " + command.replace("%", r"\%")


def _systemd(times: Times, spec: Path) -> str:
    calendar = "\n".join(f"OnCalendar={_calendar(*fields)}" for fields in times.alternatives())
    command = shlex.join(_command(spec)).replace("%", "%%").replace("$", "$$")
    folder = str(spec.parent).replace("%", "%%")
    return "\n".join(
        [
            "# ~/.config/systemd/user/orchestrate.service",
            "[Unit]\nDescription=orchestrate run\n",
            f"[Service]\nType=oneshot\nWorkingDirectory={folder}\nExecStart={command}\n",
            "# ~/.config/systemd/user/orchestrate.timer; then: systemctl --user enable --now orchestrate.timer",
            "[Unit]\nDescription=orchestrate at its times\n",
            f"[Timer]\n{calendar}\nPersistent=true\n",
            "[Install]\nWantedBy=timers.target",
        ]
    )


def _calendar(
    minute: tuple[int, ...] | None,
    hour: tuple[int, ...] | None,
    day: tuple[int, ...] | None,
    month: tuple[int, ...] | None,
    weekday: tuple[int, ...] | None,
) -> str:
    days = ",".join(dict.fromkeys(_WEEKDAYS[value] for value in weekday)) + " " if weekday else ""
    return f"{days}*-{_list(month)}-{_list(day)} {_list(hour)}:{_list(minute)}:00"


def _list(values: tuple[int, ...] | None) -> str:
    return "*" if values is None else ",".join(f"{value:02d}" for value in values)


def _launchd(times: Times, spec: Path) -> str:
    keys = ("Minute", "Hour", "Day", "Month", "Weekday")
    rows: list[list[tuple[str, int]]] = []
    for fields in times.alternatives():
        chosen = [(key, values) for key, values in zip(keys, fields, strict=True) if values is not None]
        names = [key for key, _ in chosen]
        rows += [list(zip(names, row, strict=True)) for row in itertools.product(*(values for _, values in chosen))]
    if len(rows) > _MOST_LAUNCHD:
        raise UsageError(f"launchd would need {len(rows)} entries", hint="choose fewer times, or another format")
    entries = "".join(
        "<dict>" + "".join(f"<key>{key}</key><integer>{value}</integer>" for key, value in row) + "</dict>" for row in rows
    )
    words = "".join(f"<string>{escape(word)}</string>" for word in _command(spec))
    return "\n".join(
        [
            "<!-- ~/Library/LaunchAgents/orchestrate.plist; then: launchctl load ~/Library/LaunchAgents/orchestrate.plist -->",
            '<plist version="1.0"><dict>',
            "<key>Label</key><string>orchestrate</string>",
            f"<key>WorkingDirectory</key><string>{escape(str(spec.parent))}</string>",
            f"<key>ProgramArguments</key><array>{words}</array>",
            f"<key>StartCalendarInterval</key><array>{entries}</array>",
            "</dict></plist>",
        ]
    )


def _github(times: Times, spec: Path) -> str:
    return "\n".join(
        [
            "# .github/workflows/orchestrate.yml",
            "on:",
            "  schedule:",
            f'    - cron: "{times.text}"',
            "  workflow_dispatch:",
            "jobs:",
            "  run:",
            "    runs-on: ubuntu-latest",
            "    steps:",
            "      - uses: actions/checkout@v4",
            "      - uses: actions/cache@v4",
            "        with: {path: .orchestrate, key: orchestrate-${{ github.run_id }}, restore-keys: orchestrate-}",
            "      - run: python3 -m pip install uv",
            f"      - run: uv run orchestrate run {shlex.quote(spec.name)}",
        ]
    )


_FORMATS: Final[dict[str, Callable[[Times, Path], str]]] = {
    "cron": _cron,
    "systemd": _systemd,
    "launchd": _launchd,
    "github": _github,
}

"""`orchestrate schedule print`."""

import plistlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from orchestrator.cli.schedule import parse_cron
from orchestrator.errors import UsageError


@pytest.fixture
def printed(orchestrate: Callable[..., Any], project: Callable[[str], Path]) -> Callable[[str, str], str]:
    folder = project("version: 1\njobs:\n  drill: {kind: drill}\n")

    def run(cron: str, form: str) -> str:
        done = orchestrate("schedule", "print", "--cron", cron, "--format", form, cwd=folder)
        assert done.code == 0, done.stderr
        return done.stdout

    return run


def test_every_sixth_hour_is_expanded() -> None:
    assert parse_cron("0 */6 * * *").fields == ((0,), (0, 6, 12, 18), None, None, None)


def test_a_step_after_a_number_goes_on_to_the_end() -> None:
    assert parse_cron("50/5 * * * *").fields[0] == (50, 55)


@pytest.mark.parametrize("text", ["0 6 * *", "61 * * * *", "a * * * *", "5-1 * * * *", "0 0 0 * *", "*/0 * * * *"])
def test_a_wrong_expression_is_refused_with_its_field(text: str) -> None:
    with pytest.raises(UsageError, match="--cron"):
        parse_cron(text)


def test_cron_entry_goes_to_the_folder_and_runs_the_spec(printed: Callable[[str, str], str]) -> None:
    line = printed("30 5 * * 1-5", "cron").splitlines()[1]
    assert line.startswith("30 5 * * 1-5 cd ")
    assert line.endswith("jobs.yaml --skip-if-running --quiet")


def test_systemd_timer_names_days_and_hours(printed: Callable[[str, str], str]) -> None:
    assert "OnCalendar=Mon,Tue *-*-* 00,12:15:00" in printed("15 */12 * * 1,2", "systemd")


def test_launchd_entry_is_a_property_list_with_one_dictionary_for_each_time(printed: Callable[[str, str], str]) -> None:
    text = printed("0 6,18 * * *", "launchd").partition("\n")[2]
    entry = plistlib.loads(f'<?xml version="1.0"?>{text}'.encode())
    assert entry["StartCalendarInterval"] == [{"Minute": 0, "Hour": 6}, {"Minute": 0, "Hour": 18}]
    assert Path(entry["ProgramArguments"][4]).name == "jobs.yaml"


def test_launchd_refuses_thousands_of_entries(orchestrate: Callable[..., Any], project: Callable[[str], Path]) -> None:
    folder = project("version: 1\njobs:\n  drill: {kind: drill}\n")
    done = orchestrate("schedule", "print", "--cron", "*/1 */1 */1 * *", "--format", "launchd", cwd=folder)
    assert done.code == 2
    assert "entries" in done.stderr


def test_github_workflow_has_the_same_expression(printed: Callable[[str, str], str]) -> None:
    assert '- cron: "0 */6 * * *"' in printed("0 */6 * * *", "github")

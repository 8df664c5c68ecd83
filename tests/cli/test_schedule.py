"""`orchestrate schedule print`."""

import plistlib
import re
import shutil
import subprocess
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


@pytest.mark.parametrize(
    "text", ["0 6 * *", "61 * * * *", "a * * * *", "5-1 * * * *", "0 0 0 * *", "*/0 * * * *", "0 0 31 2 *", "0 0 * * fro"]
)
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


def test_days_of_the_month_and_of_the_week_mean_either_as_in_cron(printed: Callable[[str, str], str]) -> None:
    timer = printed("0 6 1,15 * 1", "systemd")
    assert [line for line in timer.splitlines() if line.startswith("OnCalendar=")] == [
        "OnCalendar=*-*-01,15 06:00:00",
        "OnCalendar=Mon *-*-* 06:00:00",
    ]
    entry = plistlib.loads(f'<?xml version="1.0"?>{printed("0 6 1 * 1", "launchd").partition(chr(10))[2]}'.encode())
    assert entry["StartCalendarInterval"] == [
        {"Minute": 0, "Hour": 6, "Day": 1},
        {"Minute": 0, "Hour": 6, "Weekday": 1},
    ]


def test_names_of_days_and_months_are_understood_and_those_of_times_are_translated() -> None:
    assert parse_cron("0 6 * jan-MAR Mon-Fri").fields[3:] == ((1, 2, 3), (1, 2, 3, 4, 5))
    with pytest.raises(UsageError) as refused:
        parse_cron("@daily")
    assert refused.value.hint == 'write "0 0 * * *"'


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="needs systemd")
@pytest.mark.parametrize("cron", ["0 */6 * * *", "30 5 * * 1-5", "*/15 8-18 1,15 */3 sun,sat", "0 0 29 2 *"])
def test_systemd_reads_its_times(printed: Callable[[str, str], str], cron: str) -> None:
    times = re.findall(r"^OnCalendar=(.*)$", printed(cron, "systemd"), flags=re.MULTILINE)
    read = [subprocess.run(["systemd-analyze", "calendar", each], check=False, capture_output=True) for each in times]
    assert [done.returncode for done in read] == [0] * len(times) != []


def test_signs_of_a_folder_that_mean_something_to_a_scheduler_are_escaped(
    orchestrate: Callable[..., Any], tmp_path: Path
) -> None:
    folder = tmp_path / "50% $of it"
    folder.mkdir()
    (folder / "jobs.yaml").write_text("version: 1\njobs:\n  drill: {kind: drill}\n")

    def printed(form: str) -> str:
        return str(orchestrate("schedule", "print", "--cron", "0 6 * * *", "--format", form, cwd=folder).stdout)

    assert printed("cron").count("%") == printed("cron").count("\\%") == 2
    unit = printed("systemd")
    assert f"WorkingDirectory={tmp_path}/50%% $of it\n" in unit
    assert "/50%% $$of it/jobs.yaml" in unit

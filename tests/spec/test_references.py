"""References to the environment and to files, and secrets that must not be shown."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from orchestrator.errors import SpecError
from orchestrator.spec.load import load_spec, revive

SECRET = "k3y-0f-the-bakery"


def test_references_become_values(job: Any) -> None:
    made = job('recipe: ${env:FILE}\nstarter: "${env:A}-${env:B:-none}"\nattempts: ${env:N}', FILE="r.txt", A="a", N="3")
    assert (made.recipe, made.starter, made.attempts) == ("r.txt", "a-none", 3)


@pytest.mark.parametrize(("value", "expected"), [("true", True), ("False", False)])
def test_a_boolean_field_reads_a_reference_as_plain_yaml(job: Any, value: str, expected: bool) -> None:
    assert job('oven: {fan: "${env:FAN}"}', FAN=value).oven.fan is expected


def test_a_text_field_keeps_digits_as_text(job: Any) -> None:
    assert job("starter: ${env:N}", N="0123").starter == "0123"


def test_durations_sizes_and_shares_take_references(job: Any) -> None:
    made = job('timeout: ${env:T}\noven: {door: "${env:S}", humidity: "${env:H}"}', T="1m", S="2kB", H="0.25")
    assert (made.timeout, made.oven.door, made.oven.humidity) == (60.0, 2000, 0.25)


def test_an_ambiguous_word_in_a_variable_is_no_boolean(bake: Any, text_with: Any) -> None:
    (problem,) = bake(text_with("enabled: ${env:E}"), E="yes")[1]
    assert (problem.code, problem.message) == ("wrong-type", "`enabled` in job `bread` has to be true or false, not `${env:E}`")


def test_an_unset_variable_is_a_problem_at_its_line_with_a_suggestion(bake: Any, text_with: Any) -> None:
    (problem,) = bake(text_with("starter: ${env:STARTR}"), STARTER="x")[1]
    assert (problem.line, problem.column, problem.code) == (6, 14, "unset-variable")
    assert problem.hint == "did you mean `STARTER`?"


@pytest.mark.parametrize("text", ["${NAME}", "${env:1}", "${env:}", "x ${env:A", "${secret:A}", "${}"])
def test_what_is_no_reference_is_refused(bake: Any, text_with: Any, text: str) -> None:
    (problem,) = bake(text_with(f'starter: "{text}"'), NAME="x")[1]
    assert problem.code == "bad-reference"


def test_a_doubled_dollar_stands_for_itself(job: Any) -> None:
    assert job('starter: "$${env:A} costs $5"').starter == "${env:A} costs $5"


def test_an_empty_variable_takes_the_default(job: Any) -> None:
    assert job('starter: "${env:A:-b}"', A="").starter == "b"
    assert job('starter: "a${env:A}"', A="").starter == "a"


def test_files_are_read_below_the_project_only(bake: Any, text_with: Any, tmp_path: Path) -> None:
    (tmp_path / "s.txt").write_text("from a file\n")
    (tmp_path / "link").symlink_to("/etc/hostname")
    resolved, _ = bake(text_with("starter: ${file:s.txt}"))
    assert resolved.spec.jobs["bread"].starter == "from a file"
    for name in ("../x", "/etc/hostname", "link"):
        assert [each.code for each in bake(text_with(f"starter: ${{file:{name}}}"))[1]] == ["path-outside-project"]
    (tmp_path / "folder").mkdir()
    for name in ("none", "folder"):
        assert [each.code for each in bake(text_with(f"starter: ${{file:{name}}}"))[1]] == ["unreadable-file"]


def test_references_in_ignored_keys_are_not_resolved_unless_used(problems_of: Any, text_with: Any) -> None:
    assert problems_of("x-a: ${env:NO}\n" + text_with("")) == []
    assert problems_of("x-a: &a {heat: 90, labels: {a: '${env:NO}'}}\n" + text_with("oven: *a")) == ["1:32 unset-variable"]


def test_a_default_with_a_reference_reaches_every_job(bake: Any, text_with: Any) -> None:
    resolved, _ = bake(text_with("") + 'defaults: {attempts: "${env:N}"}\n', N="4")
    assert resolved.spec.jobs["bread"].attempts == 4
    assert resolved.document["jobs"]["bread"]["attempts"] == "${env:N}"


def test_no_problem_shows_a_resolved_value(bake: Any, text_with: Any) -> None:
    lines = "timeout: ${env:KEY}\nattempts: ${env:KEY}\nneeds: ['${env:KEY}']\noven: ${env:KEY}\nrecipe: ../${env:KEY}"
    _, problems = bake(text_with(lines) + "name: ${env:SHORT}\nengine: ${env:SHORT}\n", KEY=SECRET, SHORT="q!q")
    assert len(problems) == 6
    assert SECRET not in repr(problems)
    assert "q!q" not in repr(problems)


def test_the_document_holds_names_instead_of_secrets_and_revives(bake: Any, kinds: Any, text_with: Any, tmp_path: Path) -> None:
    lines = 'starter: ["${env:KEY}", "a ${env:KEY}", "$${x}"]\nmax_failures: 5%\n'
    lines += 'oven: {heat: "${env:N}", labels: {k: "${env:KEY}"}}'
    environment = {"KEY": SECRET, "N": "90"}
    resolved, _ = bake(text_with(lines) + f"defaults: {{timeout: '${{env:N}}s'}}\nstate_dir: {tmp_path}/state\n", **environment)
    assert SECRET not in repr(resolved.document)
    assert str(tmp_path) not in repr(resolved.document)
    assert resolved.secrets == (SECRET,)
    again = revive(resolved.document, resolved.root, resolved.path, environment, kinds)
    assert again.spec.jobs == resolved.spec.jobs
    assert again.digest == resolved.digest
    other = revive(resolved.document, resolved.root, resolved.path, {**environment, "KEY": "another-key"}, kinds)
    assert other.digest == resolved.digest
    assert other.spec.jobs["bread"].model_dump()["starter"][0] == "another-key"


def test_reviving_without_the_variable_is_an_error_that_names_it(bake: Any, kinds: Any, text_with: Any) -> None:
    resolved, _ = bake(text_with("starter: ${env:KEY}"), KEY=SECRET)
    with pytest.raises(SpecError, match="`KEY` isn't set"):
        revive(resolved.document, resolved.root, resolved.path, {}, kinds)


def test_the_environment_of_the_process_is_the_default(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ORCHESTRATE_TEST_NAME", "batch")
    (tmp_path / "docs").mkdir()
    spec = tmp_path / "jobs.yaml"
    spec.write_text("version: 1\nname: ${env:ORCHESTRATE_TEST_NAME}\njobs: {a: {kind: ingest, corpus: docs}}\n")
    assert load_spec(spec).spec.name == "batch"


@pytest.mark.parametrize(
    ("line", "hidden"),
    [
        ("oven: {labels: {api_key: 9fK2mQ7xLw3RtV8bNc5Z}}", "9fK2mQ7xLw3RtV8bNc5Z"),
        ("oven: {labels: {password: hunter2}}", "hunter2"),
        ("oven: {labels: {api_token: sk-aaaaaaaaaaaaaaaaaaaa}}", "sk-aaaaaaaaaaaaaaaaaaaa"),
        ("starter: postgresql://me:hunter2@db.example/x", "hunter2"),
    ],
)
def test_a_secret_in_clear_is_a_warning_that_does_not_show_it(bake: Any, text_with: Any, line: str, hidden: str) -> None:
    resolved, problems = bake(text_with(line))
    assert resolved is not None
    assert [(each.line, each.code, each.severity) for each in problems] == [(6, "secret-in-clear", "warning")]
    assert hidden not in repr(problems)
    assert len(problems[0].snippet) == len(line) + 4


@pytest.mark.parametrize(
    "line",
    [
        "oven: {labels: {token: acme}}",
        "oven: {labels: {token: acme/wd5/External}}",
        "oven: {labels: {api_key: '${env:KEY}'}}",
        "starter: https://db.example/a@b",
        "starter: postgresql://me:${env:KEY}@db.example/x",
    ],
)
def test_what_is_no_secret_is_no_warning(bake: Any, text_with: Any, line: str) -> None:
    assert bake(text_with(line), KEY=SECRET)[1] == ()

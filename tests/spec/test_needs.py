"""Rules between jobs."""

from __future__ import annotations

from typing import Any

LOAVES = "kind: bake, loaves: [{name: a}]"


def jobs(**lines: str) -> str:
    return "version: 1\njobs:\n" + "".join(f"  {name}: {{{LOAVES}{line}}}\n" for name, line in lines.items())


def test_a_need_that_does_not_exist_is_suggested(bake: Any) -> None:
    (problem,) = bake(jobs(bread="", toast=", needs: [bred]"))[1]
    assert (problem.line, problem.code, problem.hint) == (4, "unknown-need", "did you mean `bread`?")
    assert problem.snippet[problem.column - 1 : problem.end_column - 1] == "bred"


def test_a_job_cannot_need_itself(problems_of: Any) -> None:
    assert problems_of(jobs(bread=", needs: [bread]")) == ["3:52 needs-itself"]


def test_a_circle_is_told_once_with_its_path(bake: Any) -> None:
    (problem,) = bake(jobs(a=", needs: [b]", b=", needs: [c]", c=", needs: [a]", d=", needs: [a]"))[1]
    assert problem.code == "cyclic-needs"
    assert problem.message.endswith("`a` -> `b` -> `c` -> `a`")
    assert problem.line == 5


def test_two_circles_are_two_problems(problems_of: Any) -> None:
    text = jobs(a=", needs: [b]", b=", needs: [a]", c=", needs: [d]", d=", needs: [{job: c, when: finished}]")
    assert [each.split()[1] for each in problems_of(text)] == ["cyclic-needs", "cyclic-needs"]


def test_a_diamond_is_no_circle(bake: Any) -> None:
    resolved, problems = bake(jobs(a="", b=", needs: [a]", c=", needs: [a]", d=", needs: [b, c]"))
    assert problems == ()
    assert [need.job for need in resolved.spec.jobs["d"].needs] == ["b", "c"]


def test_a_long_chain_of_needs_is_no_problem(bake: Any) -> None:
    chain = {f"j{n}": f", needs: [j{n + 1}]" for n in range(900)} | {"j900": ""}
    assert bake(jobs(**chain))[1] == ()


def test_a_needed_job_has_to_be_enabled(problems_of: Any) -> None:
    assert problems_of(jobs(a=", enabled: false", b=", needs: [a]")) == ["4:48 needs-disabled"]
    assert problems_of(jobs(a=", enabled: false", b=", enabled: false, needs: [a]")) == []


def test_a_need_that_stands_twice_is_a_warning(bake: Any) -> None:
    resolved, problems = bake(jobs(a="", b=", needs: [a, {job: a}]"))
    assert resolved is not None
    assert [(each.code, each.severity) for each in problems] == [("duplicate-need", "warning")]


def test_needs_of_broken_jobs_are_checked_too(problems_of: Any) -> None:
    assert problems_of("version: 1\njobs:\n  a: {kind: x, needs: [b]}\n  b: {kind: bake, needs: [a]}\n") == [
        "3:13 unknown-kind",
        "4:3 missing-field",
        "4:27 cyclic-needs",
    ]


def test_two_ingest_jobs_cannot_publish_to_one_store(tmp_path: Any) -> None:
    from orchestrator.spec.load import check_spec

    (tmp_path / "docs").mkdir()
    job = "{kind: ingest, corpus: docs, snapshots: %s}"
    text = f"version: 1\njobs:\n  a: {job % 'store'}\n  b: {job % 'x/../store'}\n  c: {job % '.orchestrate/snapshots/d'}\n"
    text += "  d: {kind: ingest, corpus: docs}\n"
    problems = check_spec(tmp_path / "jobs.yaml", text=text, environment={})[1]
    assert [(each.line, each.code) for each in problems] == [(4, "same-store"), (6, "same-store")]

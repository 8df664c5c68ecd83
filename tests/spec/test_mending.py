"""The kind's own rules are tried on the rest of a broken job too, at their places in the file."""

from pathlib import Path

from orchestrator.spec.load import check_spec

SPEC = """\
version: 1
jobs:
  boards:
    kind: scrape
    timeout: 200s
    companies:
      - {nam: Acme, board: greenhouse, token: acme}
      - {name: Initech, board: greenhose, token: initech}
      - {name: Hooli, board: lever, token: ../x}
"""


def problems(text: str, folder: Path) -> list[tuple[str, int]]:
    path = folder / "jobs.yaml"
    path.write_text(text)
    return [(problem.code, problem.line) for problem in check_spec(path)[1]]


def test_a_wrong_field_hides_no_rule_of_the_kind(tmp_path: Path) -> None:
    assert problems(SPEC, tmp_path) == [("out-of-range", 5), ("unknown-key", 7), ("unknown-board", 8), ("bad-token", 9)]


def test_what_is_left_out_causes_no_problem_of_its_own(tmp_path: Path) -> None:
    text = SPEC.replace("greenhose", "greenhouse").replace("../x", "hooli")
    assert problems(text, tmp_path) == [("out-of-range", 5), ("unknown-key", 7)]


def test_a_job_of_which_no_job_is_left_is_not_guessed_at(tmp_path: Path) -> None:
    text = "version: 1\njobs:\n  boards:\n    kind: scrape\n    companies: 7\n"
    assert problems(text, tmp_path) == [("wrong-type", 5)]

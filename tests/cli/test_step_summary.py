"""The Markdown summary of a run in CI."""

from collections.abc import Callable
from pathlib import Path
from typing import Any


def test_a_run_in_ci_appends_to_the_step_summary(orchestrate: Callable[..., Any], project: Callable[[str], Path]) -> None:
    folder = project("version: 1\njobs:\n  drill: {kind: drill, items: 2, behaviour: fail, unlucky: 1}\n")
    page = folder / "summary.md"
    page.write_text("before\n")
    done = orchestrate("run", cwd=folder, env={"GITHUB_STEP_SUMMARY": str(page)})
    assert done.code == 1
    text = page.read_text()
    assert text.startswith("before\n### orchestrate: partial")
    assert "| drill | partial | 2/2 |" in text
    assert "the drill fails" in text


def test_what_a_stranger_wrote_stays_text() -> None:
    from orchestrator.cli.step_summary import _cell

    assert _cell("a|b ![x](http://evil.example) <b>") == r"a\|b \!\[x\]\(http://evil.example\) \<b\>"

"""The log of a run."""

import logging
from pathlib import Path

import pytest

from orchestrator.engine import log
from orchestrator.redact import Redactor


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(log, "MOST_BYTES", 1000)


@pytest.mark.usefixtures("small")
def test_a_full_log_is_kept_once_and_stays_private(tmp_path: Path) -> None:
    run_log = log.RunLog(tmp_path / "run.log", Redactor())
    for number in range(100):
        logging.getLogger("orchestrator.test").info("line %03d", number)
    run_log.close()
    files = {path.name: path for path in tmp_path.iterdir()}
    assert sorted(files) == ["run.log", "run.log.1"]
    assert all(path.stat().st_size < 1200 and path.stat().st_mode & 0o777 == 0o600 for path in files.values())
    assert "line 099" in files["run.log"].read_text() + files["run.log.1"].read_text()


def test_the_log_is_redacted_and_logging_is_left_as_it_was(tmp_path: Path) -> None:
    root = logging.getLogger("orchestrator")
    before = (root.level, root.propagate, list(root.handlers))
    run_log = log.RunLog(tmp_path / "run.log", Redactor(["hunter2-secret"]))
    logging.getLogger("orchestrator.test").info("asked https://user:pw@boards.example/?token=abc with hunter2-secret")
    run_log.close()
    text = (tmp_path / "run.log").read_text()
    assert "boards.example" in text
    assert not any(secret in text for secret in ("hunter2", "user:pw", "abc"))
    assert (root.level, root.propagate, list(root.handlers)) == before


def test_a_log_that_cannot_be_written_costs_nothing(tmp_path: Path) -> None:
    run_log = log.RunLog(tmp_path / "run.log", Redactor())
    assert isinstance(run_log._handler, logging.StreamHandler)
    before = run_log._handler.setStream(Path("/dev/full").open("w"))  # noqa: SIM115 - the handler closes it
    assert before is not None
    before.close()
    logging.getLogger("orchestrator.test").info("lost")
    run_log.close()
    assert (tmp_path / "run.log").read_text() == ""

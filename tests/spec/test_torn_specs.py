"""R6: whatever stands in a file, the answer is a list of problems with places: no traceback, bounded time and memory."""

from __future__ import annotations

import os
import random
import re
import resource
import subprocess
import sys
import time
from pathlib import Path
from typing import Final

import pytest

from orchestrator.spec.load import check_spec
from orchestrator.spec.render import FORMATS, render

ROOT: Final = Path(__file__).resolve().parents[2]
SOUND: Final = """\
# yaml-language-server: $schema=docs/reference/jobs.schema.json
version: 1
name: my-batch
state_dir: .orchestrate
database: sqlite:///.orchestrate/postings.db
max_parallel_jobs: 2
engine: threads
retention: {runs: 50, snapshots: 5}
defaults:
  timeout: 180s
  progress_every: 2s
  attempts: 1
x-http: &http {request_timeout: 30s, retries: 3, per_host: {concurrency: 4, min_interval: 0s}, max_body: 32MB}
jobs:
  boards:
    kind: scrape
    enabled: true
    concurrency: 16
    max_failures: 5%
    companies:
      - {name: Acme, board: greenhouse, token: acme}
      - {name: Initech, url: https://jobs.lever.co/initech}
      - {name: Hooli, board: jsonld, url: https://hooli.example/careers, sitemap: true, limit: 200}
    include_title: ["*engineer*"]
    details: new-only
    http:
      <<: *http
      user_agent: "${env:AGENT:-acme}"
      base_urls: {}
    sync: {max_drop: 30%, max_close: 50%, close_after: 1, confirm_empty: 2}
  handbook:
    kind: ingest
    needs: [boards]
    corpus: docs
    include: ["**/*.md"]
    max_file_size: 20MB
    chunk: {size: 1200, overlap: 0}
    embedding: default
    checks: {min_documents: 1, max_removed: 50%, smoke: [{query: "resume a run", expect: "*.md"}]}
  openings: {kind: ingest, needs: [{job: boards, when: finished}], corpus: {postings: boards}, timeout: 90}
"""
PIECES: Final = (
    *("\t", "{", "}", "[", "]", ":", ": ", "- ", ",", "#", "'", '"', "|\n", ">-\n", "? ", "---\n", "...\n", "@", "`", "%"),
    *("&a ", "*a ", "*http", "<<: *http", "!!str ", "!x ", "%YAML 1.1\n", "no", "1:30", "012", "1e3", "null", "~", "-1"),
    *("${env:X}", "${", "$${", "${file:../x}", "\x00", "\u2028", "\x85", "é", "\U0001f4a5", "\r", "\r\n", "\n\n", "  "),
    *(
        "9" * 60,
        "0.0001",
        "true",
        ".nan",
        "x-a: 1",
        "jobs:",
        "kind: scrape",
        "needs: [boards]",
        "\ufeff",
        "\\",
        "a: b: c",
        "\ninclude: [x.yaml, jobs.yaml]\n",
    ),
)
SLOWEST: Final = 0.5
MOST_MEMORY: Final = 100_000_000


def mutated(chance: random.Random, text: str) -> bytes:
    for _ in range(chance.choice((1, 1, 1, 2, 3, 5, 20))):
        text = _mutation(chance, text) or "a"
    data = text.encode("utf-8", "surrogatepass")
    if chance.random() < 0.05:
        at = chance.randrange(len(data))
        data = data[:at] + bytes([chance.randrange(256)]) + data[at + 1 :]
    return data


def _mutation(chance: random.Random, text: str) -> str:
    start = chance.randrange(len(text) + 1)
    end = min(len(text), start + chance.choice((1, 1, 2, 5, 20, 100)))
    lines = text.split("\n")
    one, other = chance.randrange(len(lines)), chance.randrange(len(lines))
    match chance.randrange(8):
        case 0:
            return text[:start] + text[end:]
        case 1:
            return text[:start] + chance.choice(PIECES) + text[start:]
        case 2:
            return text[:start] + chance.choice(PIECES) + text[end:]
        case 3:
            return text[:end] + text[start:]
        case 4:
            lines[one], lines[other] = lines[other], lines[one]
        case 5:
            lines[one] = chance.choice(("", " ", "  ", "\t", "      ")) + lines[one].lstrip()
        case 6:
            lines.insert(other, lines.pop(one))
        case _:
            return text[:start] + chr(chance.choice((chance.randrange(32, 127), chance.randrange(0x110000)))) + text[end:]
    return "\n".join(lines)


def examine(count: int, seed: int, folder: Path) -> tuple[int, float]:
    """Check `count` mutated files; return how many had problems, and the seconds of the slowest."""
    chance, bad, slowest = random.Random(seed), 0, 0.0
    for _ in range(count):
        data = mutated(chance, SOUND)
        start = time.process_time()
        resolved, problems = check_spec(folder / "jobs.yaml", text=data, environment={}, name="jobs.yaml")
        slowest = max(slowest, time.process_time() - start)
        bad += bool(problems)
        assert (resolved is None) == any(each.severity == "error" for each in problems), data
        for each in problems:
            assert 1 <= each.line <= each.end_line, data
            assert each.column >= 1, data
            assert each.end_line > each.line or each.end_column > each.column, data
            assert each.message, data
            assert str(folder) not in each.message + each.hint, data
        for style in FORMATS:
            render(problems, style)
    return bad, slowest


@pytest.fixture
def sound(tmp_path: Path) -> Path:
    """Return a folder in which the unchanged file has no problem."""
    (tmp_path / "docs").mkdir()
    (tmp_path / "docs" / "a.md").write_text("# A\n")
    return tmp_path


def test_the_file_that_is_mutated_is_sound(sound: Path) -> None:
    resolved, problems = check_spec(sound / "jobs.yaml", text=SOUND, environment={})
    assert resolved is not None
    assert problems == ()


def test_mutated_files_give_problems_with_places(sound: Path) -> None:
    bad, _ = examine(400, 7, sound)  # How long the slowest took is measured by the torture test below.
    assert bad > 200


@pytest.mark.torture
@pytest.mark.timeout(900)
def test_twenty_thousand_mutated_files(sound: Path, chance: random.Random, whole: bool) -> None:
    """In a process of its own, whose memory nobody else used before."""
    count = 20_000 if whole else 500
    command = [sys.executable, __file__, str(sound), str(count), str(chance.randrange(2**32))]
    done = subprocess.run(command, capture_output=True, text=True, check=True, env={**os.environ, "PYTHONPATH": str(ROOT)})
    bad, slowest, memory = map(float, done.stdout.split())
    sys.stdout.write(f"{count} mutated specs: {bad:.0f} with problems, slowest {slowest:.3f} s, {memory / 1e6:.0f} MB in all\n")
    assert bad > count / 2
    assert slowest < SLOWEST
    assert memory < MOST_MEMORY


HOSTILE: Final = {
    "nested lists": "[" * 100_000,
    "nested mappings": "{a: " * 100_000,
    "nested blocks": "".join(" " * depth + "a:\n" for depth in range(2000)),
    "multiplied aliases": "\n".join(
        ["a: &a0 [x, x, x, x, x, x, x, x, x]"] + [f"b{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 30)]
    ),
    "multiplied merges": "\n".join(
        ["a: &a0 {x: 1}"] + [f"b{n}: &a{n} {{<<: [{', '.join([f'*a{n - 1}'] * 9)}], k{n}: 1}}" for n in range(1, 30)]
    ),
    "many keys": "".join(f"k{n}: 1\n" for n in range(10_000)),
    "one key twenty thousand times": "k: 1\n" * 20_000,
    "many anchors": "".join(f"- &a{n} x\n" for n in range(10_000)),
    "a long word": "version: " + "a" * 1_000_000,
    "a long number": "version: " + "9" * 1_000_000,
    "a long key": "a" * 100_000 + ": 1",
    "many references": "name: " + "${env:A}" * 20_000,
    "open references": "name: " + "${" * 100_000,
    "many needs": "version: 1\njobs:\n" + "".join(f"  j{n}: {{kind: x, needs: [j{n + 1}]}}\n" for n in range(3000)),
    "a web of needs": "version: 1\njobs:\n"
    + "".join(f"  j{n}: {{kind: x, needs: [{', '.join(f'j{m}' for m in range(60) if m != n)}]}}\n" for n in range(60)),
    "many words that are refused": "- no\n" * 50_000,
}


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_file_is_refused(name: str, tmp_path: Path) -> None:
    resolved, problems = check_spec(tmp_path / "jobs.yaml", text=HOSTILE[name], environment={"A": "b"})
    assert resolved is None
    assert problems


@pytest.mark.torture
@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_file_is_refused_in_half_a_second(name: str, tmp_path: Path) -> None:
    start = time.process_time()
    check_spec(tmp_path / "jobs.yaml", text=HOSTILE[name], environment={"A": "b"})
    assert time.process_time() - start < SLOWEST


def most_memory() -> int:
    """Return the most memory this process took, in bytes. Linux's ru_maxrss begins with that of the process before exec."""
    status = Path("/proc/self/status")
    if status.exists():
        return 1024 * int(re.findall(r"VmHWM:\s+(\d+) kB", status.read_text())[0])
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


if __name__ == "__main__":
    _bad, _slowest = examine(int(sys.argv[2]), int(sys.argv[3]), Path(sys.argv[1]))
    print(_bad, _slowest, most_memory())  # noqa: T201 - read by the test above

"""What a spec may say about companies, and where it is told what is wrong."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from orchestrator.kinds.scrape import boards
from orchestrator.kinds.scrape.check import check
from orchestrator.kinds.scrape.companies import locate
from orchestrator.kinds.scrape.spec import Company, ScrapeSpec
from orchestrator.spec.kinds import find_kind


def spec(*companies: Any, **fields: Any) -> Any:
    return ScrapeSpec.model_validate({"kind": "scrape", "companies": list(companies), **fields})


def problems(made: Any, **others: Any) -> Any:
    jobs = {"boards": made, **others}
    return [(finding.path, finding.code) for finding in check("boards", made, jobs, Path.cwd())]


ACME = {"name": "Acme", "board": "greenhouse", "token": "acme"}


def test_the_kind_is_found_with_its_parts() -> None:
    kind = find_kind("scrape")
    assert kind is not None
    assert kind.load_model() is ScrapeSpec
    assert callable(kind.load_build())


def test_a_good_spec_has_no_problems() -> None:
    assert (
        problems(spec(ACME, {"url": "https://jobs.lever.co/initech"}, {"name": "H", "board": "ashby", "token": "Hooli Inc"}))
        == []
    )


@pytest.mark.parametrize(
    ("company", "path", "code"),
    [
        ({"board": "grenhouse", "token": "acme"}, ("companies", 0, "board"), "unknown-board"),
        ({"board": "greenhouse", "token": "a/b"}, ("companies", 0, "token"), "bad-token"),
        ({"board": "greenhouse", "token": "a..b"}, ("companies", 0, "token"), "bad-token"),
        ({"board": "greenhouse", "token": "../x"}, ("companies", 0, "token"), "bad-token"),
        ({"board": "greenhouse", "token": "a?b"}, ("companies", 0, "token"), "bad-token"),
        ({"board": "greenhouse"}, ("companies", 0), "no-token"),
        ({"name": "Acme"}, ("companies", 0), "no-board"),
        ({"url": "https://careers.acme.example/"}, ("companies", 0, "url"), "unknown-host"),
        ({"url": "https://jobs.lever.co/"}, ("companies", 0, "url"), "no-token"),
        ({"url": "https://u:p@jobs.lever.co/acme"}, ("companies", 0, "url"), "bad-url"),
        ({"url": "ftp://jobs.lever.co/acme"}, ("companies", 0, "url"), "bad-url"),
        ({"board": "greenhouse", "url": "https://jobs.lever.co/acme"}, ("companies", 0, "url"), "unknown-host"),
        ({**ACME, "fallback": {"board": "nope", "token": "x"}}, ("companies", 0, "fallback", "board"), "unknown-board"),
    ],
)
def test_a_company_that_cannot_be_is_refused_at_its_field(company: Any, path: Any, code: Any) -> None:
    assert problems(spec(company)) == [(path, code)]


@pytest.mark.parametrize(("name", "hints"), [("grenhouse", ["did you mean `greenhouse`?"]), ("zzz", sorted(boards.built_in()))])
def test_an_unknown_board_comes_with_what_was_meant_or_what_there_is(name: str, hints: list[str]) -> None:
    finding = next(iter(check("boards", made := spec({"board": name, "token": "x"}), {"boards": made}, Path.cwd())))
    assert all(hint in finding.hint for hint in hints)


@pytest.mark.parametrize("other", [ACME, {**ACME, "name": "Other"}, {"url": "https://job-boards.greenhouse.io/ACME"}])
def test_a_company_that_stands_twice_is_refused(other: Any) -> None:
    assert problems(spec(ACME, other))[0] == (("companies", 1), "company-twice")


def test_two_companies_of_one_name_are_refused_at_the_name() -> None:
    assert problems(spec(ACME, {"name": "acme", "board": "lever", "token": "other"})) == [
        (("companies", 1, "name"), "company-twice")
    ]


def test_a_company_of_another_job_is_refused() -> None:
    one = spec(ACME)
    assert problems(one, another=spec({**ACME, "name": "X"})) == [(("companies", 0), "company-twice")]


@pytest.mark.parametrize(
    ("http", "path"),
    [
        ({"allow_private_hosts": ["10.0.0.0/99"]}, ("http", "allow_private_hosts", 0)),
        ({"base_urls": {"nope": "http://127.0.0.1:1"}}, ("http", "base_urls", "nope")),
        ({"base_urls": {"lever": "localhost:9999"}}, ("http", "base_urls", "lever")),
        ({"proxy": "proxy.example:3128"}, ("http", "proxy")),
    ],
)
def test_addresses_that_are_none_are_refused(http: Any, path: Any) -> None:
    assert [place for place, _ in problems(spec(ACME, http=http))] == [path]


def test_a_recording_that_does_not_exist_is_refused() -> None:
    assert problems(spec(ACME, replay="nowhere.har")) == [(("replay",), "no-such-file")]


@pytest.mark.parametrize(
    "fields", [{"companies": []}, {"companies": [ACME], "concurency": 3}, {"companies": [{**ACME, "tken": "x"}]}]
)
def test_shapes_are_checked(fields: Any) -> None:
    with pytest.raises(ValidationError):
        ScrapeSpec.model_validate({"kind": "scrape", **fields})


def test_a_url_finds_its_board_and_token_offline() -> None:
    located = locate(Company(url="https://job-boards.eu.greenhouse.io/acme/jobs/12?x=1"))
    assert (located.board, located.source.token, located.key) == ("greenhouse", "acme", "greenhouse:acme")


def test_a_board_of_another_package_is_found_when_none_here_has_the_name(monkeypatch: Any) -> None:
    from importlib import metadata

    class Point:
        name = "foreign"

        def load(self) -> Any:
            return boards.find_board("greenhouse")

    monkeypatch.setattr(metadata, "entry_points", lambda **_: [Point()])
    boards.installed.cache_clear()
    boards.find_board.cache_clear()
    try:
        assert boards.find_board("foreign") is boards.find_board("greenhouse")
        assert "foreign" in boards.names()
    finally:
        boards.installed.cache_clear()
        boards.find_board.cache_clear()


def test_ten_thousand_companies_are_checked() -> None:
    companies = [{"name": f"Company {n}", "board": "greenhouse", "token": f"company{n}"} for n in range(10_000)]
    assert problems(spec(*companies)) == []
    companies[9_999]["token"] = "company0"
    assert len(problems(spec(*companies))) == 1


def test_a_spec_is_checked_without_heavy_imports() -> None:
    code = (
        "import sys, orchestrator.kinds.scrape.spec, orchestrator.kinds.scrape.check as c, pathlib;"
        "s = c.ScrapeSpec.model_validate({'kind': 'scrape', 'companies': [{'url': 'https://jobs.lever.co/x'}]});"
        "assert list(c.check('b', s, {'b': s}, pathlib.Path())) == [];"
        "heavy = {'httpx', 'httpcore', 'sqlalchemy', 'nh3', 'protego', 'llama_index', 'selectolax'} & set(sys.modules);"
        "assert not heavy, heavy"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


MANY = [{"board": "greenhouse", "token": f"acme{number}"} for number in range(20)]
LOCAL = {"base_urls": {"greenhouse": "http://127.0.0.1:9"}, "allow_private_hosts": ["127.0.0.1"]}


def test_a_concurrency_that_the_hosts_do_not_allow_is_told() -> None:
    made = spec(*MANY, concurrency=16)
    assert problems(made) == [(("concurrency",), "concurrency-unused")]
    finding = next(iter(check("boards", made, {"boards": made}, Path.cwd())))
    assert finding.severity == "warning"
    assert "allow 4 companies at a time, not 16" in finding.message


@pytest.mark.parametrize(
    "fields",
    [
        {},  # The default says nothing about what somebody wants.
        {"concurrency": 4},
        {"concurrency": 16, "http": {"per_host": {"concurrency": 16}}},
        {"concurrency": 16, "http": LOCAL},
    ],
)
def test_a_concurrency_that_can_be_used_is_not_told(fields: Any) -> None:
    assert problems(spec(*MANY, **fields)) == []


def test_companies_with_a_host_each_do_not_share_a_limit() -> None:
    each = [{"board": "recruitee", "token": f"initech{number}"} for number in range(20)]
    assert problems(spec(*each, concurrency=16)) == []
    assert problems(spec(*each, *MANY, concurrency=30)) == [(("concurrency",), "concurrency-unused")]


def test_companies_of_one_backend_share_its_limit() -> None:
    each = [{"board": "personio", "token": f"initech{number}"} for number in range(20)]
    assert problems(spec(*each, concurrency=16)) == [(("concurrency",), "concurrency-unused")]


def test_a_request_that_may_outlast_its_job_is_told() -> None:
    assert problems(spec(ACME, timeout="20s", http={"request_timeout": "60s"})) == [
        (("http", "request_timeout"), "request-outlasts-job")
    ]
    assert problems(spec(ACME, timeout="20s")) == []
    assert problems(spec(ACME, timeout="60s", http={"request_timeout": "60s"})) == []

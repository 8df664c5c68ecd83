"""A scrape job from spec to table, over real sockets."""

from __future__ import annotations

import pickle
from typing import Any

import pytest

from orchestrator.deadline import CancelToken, Deadline, WorkContext
from orchestrator.errors import StorageError
from orchestrator.job import Change, ItemState, Job, Surroundings
from orchestrator.kinds.scrape.job import build

JOBS = "/v1/boards/acme/jobs"
GLOBEX = "/v1/boards/globex/jobs"
BOTH = [
    {"name": "Acme", "board": "greenhouse", "token": "acme"},
    {"name": "Globex", "board": "greenhouse", "token": "globex"},
]


def test_postings_of_a_board_reach_the_table(driver: Any, server: Any, boards: Any) -> None:
    server.routes[JOBS] = boards.greenhouse(1, 2, 3)
    run = driver.run()
    assert run.counts() == (3, 0, 0, 0, 0, 0)
    assert run.outcomes["Acme"].found == 3
    rows = driver.rows("select company, source, board, identifier, status, title from postings order by id")
    assert rows[0] == ("Acme", "greenhouse", "acme", "1", "open", "Engineer 1")
    assert len(rows) == 3


def test_the_same_answer_again_writes_no_history(driver: Any, server: Any, boards: Any) -> None:
    server.routes[JOBS] = boards.greenhouse(1, 2, 3)
    driver.run()
    before = driver.rows("select * from posting_history")
    assert driver.run().counts() == (0, 0, 3, 0, 0, 0)
    assert driver.rows("select * from posting_history") == before


def test_a_job_follows_the_contract_and_its_units_round_trip_through_pickle(driver: Any, server: Any, boards: Any) -> None:
    server.routes[JOBS] = boards.greenhouse(1)
    job = driver.job()
    assert isinstance(job, Job)
    context = WorkContext(Deadline.after(10), CancelToken())
    unit = job.plan(context).units[0]
    assert pickle.loads(pickle.dumps(unit)) == unit
    factory = pickle.loads(pickle.dumps(job.world))
    with factory() as world:
        result = job.work(unit, WorkContext(Deadline.after(10), CancelToken(), world=world))
    assert pickle.loads(pickle.dumps(result)) == result
    job.abandon()


def test_planning_creates_nothing(driver: Any, tmp_path: Any) -> None:
    plan = driver.job().plan(WorkContext(Deadline.after(10), CancelToken()))
    assert [(item.key, item.change) for item in plan.items] == [("Acme", Change.NEW)]
    assert list(tmp_path.iterdir()) == []


def test_a_company_that_left_the_spec_is_gone_from_the_plan_and_keeps_its_postings(
    driver: Any, server: Any, boards: Any
) -> None:
    server.routes[JOBS], server.routes[GLOBEX] = boards.greenhouse(1), boards.greenhouse(7)
    driver.run(driver.spec(BOTH))
    run = driver.run()
    assert [(item.key, item.change) for item in run.plan.items] == [
        ("Acme", Change.UNCHANGED),
        ("Globex", Change.GONE),
    ]
    assert driver.rows("select count(*) from postings where status = 'open'") == [(2,)]


def test_one_company_that_fails_leaves_the_others_alone(driver: Any, server: Any, boards: Any) -> None:
    server.routes[GLOBEX] = boards.greenhouse(7)
    run = driver.run(driver.spec(BOTH))
    assert run.outcomes["Acme"].state is ItemState.FAILED
    assert run.outcomes["Acme"].error.code == "not-found"
    assert run.outcomes["Globex"].state is ItemState.SUCCEEDED
    assert driver.rows("select company from postings") == [("Globex",)]


def test_a_resumed_run_skips_the_companies_it_has(driver: Any, server: Any, boards: Any) -> None:
    server.routes[GLOBEX] = boards.greenhouse(7)
    run_id = "20261121T165300.999Z-0000000a"
    driver.run(driver.spec(BOTH), run_id)
    server.routes[JOBS] = boards.greenhouse(1, 2)
    hits = server.hits[GLOBEX]
    resumed = driver.run(driver.spec(BOTH), run_id)
    assert [unit.key for unit in resumed.plan.units] == ["Acme"]
    assert server.hits[GLOBEX] == hits
    assert resumed.result["new"] == 3


def test_applying_a_result_twice_does_nothing_the_second_time(driver: Any, server: Any, boards: Any) -> None:
    server.routes[JOBS] = boards.greenhouse(1, 2)
    job = driver.job()
    context = WorkContext(Deadline.after(10), CancelToken())
    unit = job.plan(context).units[0]
    with job.world() as world:
        result = job.work(unit, WorkContext(Deadline.after(10), CancelToken(), world=world))
    job.apply(unit, result, context)
    once = driver.rows("select * from postings"), driver.rows("select * from posting_history"), dict(job.tally())
    job.apply(unit, result, context)
    again = driver.rows("select * from postings"), driver.rows("select * from posting_history"), dict(job.tally())
    job.abandon()
    assert once == again


def test_boards_take_turns_so_that_one_host_does_not_hold_all_workers(driver: Any) -> None:
    companies = [{"board": "greenhouse", "token": f"g{n}"} for n in range(3)] + [{"board": "lever", "token": "l0"}]
    plan = driver.job(driver.spec(companies)).plan(WorkContext(Deadline.after(10), CancelToken()))
    assert [unit.key for unit in plan.units] == ["g0", "l0", "g1", "g2"]


def test_title_filters_keep_what_matches(driver: Any, server: Any, boards: Any) -> None:
    server.routes[JOBS] = boards.greenhouse(
        boards.row(1, title="Senior Robot Engineer"), boards.row(2, title="Chef"), boards.row(3, title="Engineer, Intern")
    )
    driver.run(driver.spec(include_title=["*ENGINEER*"], exclude_title=["intern"]))
    assert driver.rows("select title from postings") == [("Senior Robot Engineer",)]


def test_what_a_new_filter_leaves_out_closes_and_returns_with_it(driver: Any, server: Any, boards: Any) -> None:
    server.routes[JOBS] = boards.greenhouse(boards.row(1, title="Welder"), boards.row(2, title="Chef"))
    state = "select identifier, status from postings order by 1"
    driver.run()
    assert driver.run(driver.spec(exclude_title=["chef"])).result["closed"] == 1
    assert driver.rows(state) == [("1", "open"), ("2", "closed")]
    assert driver.run().result["reopened"] == 1
    assert driver.rows(state) == [("1", "open"), ("2", "open")]


def test_bad_rows_are_counted_and_make_the_company_partial(driver: Any, server: Any, boards: Any) -> None:
    server.routes[JOBS] = boards.greenhouse(1, boards.row(2, title=""), boards.row(3, absolute_url="javascript:alert(1)"))
    run = driver.run()
    assert run.result["bad_rows"] == 2
    assert run.outcome.partial
    assert run.outcomes["Acme"].state is ItemState.SUCCEEDED
    assert driver.rows("select identifier from postings") == [("1",)]


def test_rows_of_which_none_is_good_fail_the_company(driver: Any, server: Any, boards: Any) -> None:
    server.routes[JOBS] = boards.greenhouse(boards.row(2, title=""), boards.row(3, title=" "))
    assert driver.run().outcomes["Acme"].error.code == "bad-rows"


def test_a_database_of_a_newer_version_is_refused_with_a_sentence(driver: Any, server: Any, boards: Any) -> None:
    server.routes[JOBS] = boards.greenhouse(1)
    driver.run()
    driver.execute("update about set value = '99'")
    with pytest.raises(StorageError, match="schema version 99"):
        driver.run()


def test_an_unchanged_board_is_asked_conditionally_and_answers_304(driver: Any, server: Any, boards: Any) -> None:
    def conditional(handler: Any) -> Any:
        if handler.headers.get("If-None-Match") == '"v1"':
            return boards.Answer(status=304)
        answer = boards.greenhouse(1, 2)
        answer.headers["ETag"] = '"v1"'
        return answer

    server.routes[JOBS] = conditional
    driver.run()
    run = driver.run()
    assert run.outcomes["Acme"].state is ItemState.UNCHANGED
    assert run.counts() == (0, 0, 2, 0, 0, 0)


def test_other_filters_make_the_next_request_unconditional(driver: Any, server: Any, boards: Any) -> None:
    def conditional(handler: Any) -> Any:
        if "If-None-Match" in handler.headers:
            return boards.Answer(status=304)
        answer = boards.greenhouse(1, boards.row(2, title="Chef"))
        answer.headers["ETag"] = '"v1"'
        return answer

    server.routes[JOBS] = conditional
    driver.run()
    run = driver.run(driver.spec(exclude_title=["chef"]))
    assert run.counts() == (0, 0, 1, 1, 0, 0)


def test_a_304_that_nobody_asked_for_is_no_answer(driver: Any, server: Any, boards: Any) -> None:
    server.routes[JOBS] = [boards.Answer(status=304), boards.greenhouse(1)]
    run = driver.run()
    assert run.result["new"] == 1
    assert run.result["retries"] == 1


def test_the_fallback_is_read_when_the_board_is_gone_and_says_its_tier(driver: Any, server: Any, boards: Any) -> None:
    server.routes[GLOBEX] = boards.greenhouse(7)
    company = {
        "name": "Acme",
        "board": "greenhouse",
        "token": "acme",
        "fallback": {"board": "greenhouse", "token": "globex"},
    }
    run = driver.run(driver.spec([company]))
    assert run.outcomes["Acme"].state is ItemState.SUCCEEDED
    assert driver.rows("select tier, identifier from postings") == [(2, "7")]
    assert "first tier failed" in run.outcome.warnings[0]


def test_a_second_tier_at_the_same_board_closes_nothing_of_the_first(driver: Any, server: Any, boards: Any) -> None:
    company = {"name": "Acme", "board": "greenhouse", "token": "acme", "fallback": {"board": "greenhouse", "token": "acmeeu"}}
    spec = driver.spec([company])
    second = JOBS.replace("/acme/", "/acmeeu/")
    server.routes[JOBS] = boards.greenhouse(1, 2)
    driver.run(spec)
    server.routes[JOBS] = boards.Answer("", 404)
    server.routes[second] = boards.greenhouse(8, 9)
    assert driver.run(spec).counts()[:4] == (2, 0, 0, 0)
    server.routes[second] = boards.greenhouse(8)
    assert driver.run(spec).result["closed"] == 1
    assert driver.rows("select identifier, tier, status from postings order by 1") == [
        ("1", 1, "open"), ("2", 1, "open"), ("8", 2, "open"), ("9", 2, "closed")
    ]  # fmt: skip
    server.routes[JOBS] = boards.greenhouse(1, 2)
    assert driver.run(spec).result["closed"] == 1


def test_a_second_tier_may_write_the_companys_name_otherwise(driver: Any, server: Any, boards: Any) -> None:
    server.routes[JOBS] = boards.greenhouse(*(boards.row(number, company_name="Acme") for number in (1, 2, 3)))
    server.routes[GLOBEX] = boards.greenhouse(*(boards.row(number, company_name="Acme GmbH") for number in (7, 8, 9)))
    company = {"name": "Acme", "board": "greenhouse", "token": "acme", "fallback": {"board": "greenhouse", "token": "globex"}}
    driver.run(driver.spec([company]))
    server.routes[JOBS] = boards.Answer("", 404)
    run = driver.run(driver.spec([company]))
    assert (run.result["new"], run.result["held"]) == (3, 0)
    server.routes[JOBS] = boards.greenhouse(*(boards.row(number, company_name="Acme") for number in (1, 2, 3)))
    assert driver.run(driver.spec([company])).counts() == (0, 0, 3, 3, 0, 0)


def test_nothing_the_user_wrote_is_touched_by_a_sync(driver: Any, server: Any, boards: Any) -> None:
    server.routes[JOBS] = boards.greenhouse(1, 2)
    driver.run()
    driver.execute("update postings set favorite = 1, notes = 'mine', application_status = 'applied', applied_at = 'x'")
    server.routes[JOBS] = boards.greenhouse(boards.row(1, title="Other"), 3, 4)
    assert driver.run().counts() == (2, 1, 0, 1, 0, 0)
    mine = driver.rows("select favorite, notes, application_status, applied_at from postings where identifier in ('1', '2')")
    assert mine == [(1, "mine", "applied", "x")] * 2


def test_a_limit_takes_the_first_postings_closes_nothing_and_is_no_trouble(driver: Any, server: Any, boards: Any) -> None:
    server.routes[JOBS] = boards.greenhouse(*range(1, 6))
    spec = driver.spec([{"name": "Acme", "board": "greenhouse", "token": "acme", "limit": 3}])
    assert driver.run(spec).counts() == (3, 0, 0, 0, 0, 0)
    server.routes[JOBS] = boards.greenhouse(3, 4, 5, 6)
    run = driver.run(spec)
    assert run.counts() == (2, 0, 1, 0, 0, 0)
    assert not run.outcome.partial


@pytest.mark.parametrize(("helpers", "companies", "spare"), [(2, 64, 6), (1, 64, 6), (0, 64, 0), (2, 63, 0)])
def test_spare_companies_are_in_hand_only_where_processes_read(driver: Any, helpers: int, companies: int, spare: int) -> None:
    spec = driver.spec([{"board": "greenhouse", "token": f"acme{number}"} for number in range(companies)])
    around = Surroundings("boards", "run", driver.root, driver.root / ".orchestrate", driver.database, helpers=helpers)
    assert build(spec, around).plan(WorkContext(Deadline.never(), CancelToken())).spare == spare

"""The sync never lies: what a fetch may close, what the guards hold, what history tells."""

from __future__ import annotations

import json
import threading
from typing import Any

import pytest

from orchestrator.errors import StorageError, UsageError
from orchestrator.kinds.scrape import keeping
from orchestrator.kinds.scrape.posting import HASH_VERSION
from orchestrator.kinds.scrape.store import Store

JOBS = "/v1/boards/acme/jobs"


@pytest.fixture
def driver(everywhere: Any) -> Any:
    """Every test of this module runs on SQLite and on PostgreSQL."""
    return everywhere


def opened(driver: Any) -> Any:
    return sorted(int(row[0]) for row in driver.rows("select identifier from postings where status = 'open'"))


def events(driver: Any, identifier: Any) -> Any:
    found = driver.rows(
        "select event from posting_history h join postings p on p.id = h.posting_id where identifier = :i order by h.id",
        i=str(identifier),
    )
    return [row[0] for row in found]


def accept(driver: Any, company: Any = "Acme") -> Any:
    store = Store(driver.database, driver.root)
    try:
        with store.write() as connection:
            return keeping.accept(connection, company, "2026-11-22T00:00:00.000Z")
    finally:
        store.close()


def test_a_posting_that_a_complete_fetch_misses_is_closed_and_kept(driver: Any, server: Any, boards: Any) -> None:
    server.routes[JOBS] = boards.greenhouse(1, 2, 3)
    driver.run()
    server.routes[JOBS] = boards.greenhouse(1, 3)
    assert driver.run().counts() == (0, 0, 2, 1, 0, 0)
    assert opened(driver) == [1, 3]
    assert events(driver, 2) == ["new", "closed"]


def test_a_posting_that_returns_is_reopened_once(driver: Any, server: Any, boards: Any) -> None:
    for rows in ((1, 2, 3), (1, 3), (1, 2, 3), (1, 2, 3)):
        server.routes[JOBS] = boards.greenhouse(*rows)
        driver.run()
    assert events(driver, 2) == ["new", "closed", "reopened"]
    row = driver.rows("select version, closed_at, reopened_at from postings where identifier = '2'")[0]
    assert row[0] == 2
    assert row[1] is None
    assert row[2] is not None


def test_a_change_tells_its_fields_old_and_new(driver: Any, server: Any, boards: Any) -> None:
    server.routes[JOBS] = boards.greenhouse(1)
    driver.run()
    server.routes[JOBS] = boards.greenhouse(boards.row(1, title="Chief Engineer"))
    assert driver.run().counts() == (0, 1, 0, 0, 0, 0)
    fields = driver.rows("select fields from posting_history where event = 'changed'")[0][0]
    assert json.loads(fields) == {"title": ["Engineer 1", "Chief Engineer"]}
    assert driver.rows("select version, title from postings") == [(2, "Chief Engineer")]


def test_a_date_of_an_update_alone_is_no_change(driver: Any, server: Any, boards: Any) -> None:
    server.routes[JOBS] = boards.greenhouse(1)
    driver.run()
    server.routes[JOBS] = boards.greenhouse(boards.row(1, updated_at="2027-01-01T00:00:00-04:00"))
    assert driver.run().counts() == (0, 0, 1, 0, 0, 0)


def test_an_empty_optional_field_does_not_erase_a_stored_one(driver: Any, server: Any, boards: Any) -> None:
    server.routes[JOBS] = boards.greenhouse(1)
    driver.run()
    server.routes[JOBS] = boards.greenhouse(boards.row(1, departments=[], content=""))
    for _ in range(2):
        assert driver.run().counts() == (0, 0, 1, 0, 0, 0)
    assert driver.rows("select department, description_text from postings") == [("Engineering", "Build robot number 1.")]


def test_a_posting_that_moved_does_not_keep_the_places_of_before(driver: Any, server: Any, boards: Any) -> None:
    """Its details aren't asked for again, and only they told all of its places."""
    api, path = "/wday/cxs/acme/Ext", "/job/x/T_R10001"
    told = {"location": "Ghent", "additionalLocations": ["Bruges"], "jobDescription": "<p>Work.</p>"}
    server.routes[api + path] = boards.Answer({"jobPostingInfo": told})
    companies = [{"board": "workday", "token": "acme/wd1/Ext"}]
    spec = driver.spec(companies, http={"base_urls": {"workday": server.url}}, details="new-only")
    seen = []
    for place in ("Ghent", "Ghent", "Antwerp"):
        row = {"title": "T", "externalPath": path, "bulletFields": ["R10001"], "locationsText": place}
        server.routes[f"{api}/jobs"] = boards.Answer({"total": 1, "jobPostings": [row]})
        counts = driver.run(spec).counts()
        ((location, places),) = driver.rows("select location, locations from postings")
        seen.append((counts[:3], location, [place["text"] for place in json.loads(places)]))
    assert seen == [
        ((1, 0, 0), "Ghent", ["Ghent", "Bruges"]),
        ((0, 0, 1), "Ghent", ["Ghent", "Bruges"]),
        ((0, 1, 0), "Antwerp", ["Antwerp"]),
    ]


def test_a_posting_that_the_board_lists_without_showing_it_stays_as_it_is(driver: Any, server: Any, boards: Any) -> None:
    def row(number: int) -> dict[str, Any]:
        return {"title": f"T{number}", "externalPath": f"/job/x/T_R1000{number}", "bulletFields": [f"R1000{number}"]}

    spec = driver.spec(
        [{"board": "workday", "token": "acme/wd1/Ext"}], http={"base_urls": {"workday": server.url}}, details="none"
    )
    seen = []
    for rows in ([row(1), row(2), row(3)], [row(1), {"bulletFields": ["R10002"]}], [row(1), row(2)]):
        server.routes["/wday/cxs/acme/Ext/jobs"] = boards.Answer({"total": len(rows), "jobPostings": rows})
        run = driver.run(spec)
        seen.append((run.counts(), driver.rows("select identifier, status from postings order by 1")))
    opened = [("R10001", "open"), ("R10002", "open"), ("R10003", "open")]
    without = [*opened[:2], ("R10003", "closed")]
    assert [rows for _, rows in seen] == [opened, without, without]
    assert [counts[:4] for counts, _ in seen] == [(3, 0, 0, 0), (0, 0, 1, 1), (0, 0, 2, 0)]


def test_a_country_that_only_details_tell_stays_when_they_are_not_asked_for_again(
    driver: Any, server: Any, boards: Any
) -> None:
    told = {"location": {"city": "Tampa", "state": "Florida", "addressCountry": "United States"}, "datePosted": "2026-09-24"}
    server.routes["/careers/86/detail"] = boards.Answer({"result": {"jobOpening": {**told, "description": "<p>Advise.</p>"}}})
    spec = driver.spec(
        [{"board": "bamboohr", "token": "acme"}], http={"base_urls": {"bamboohr": server.url}}, details="new-only"
    )
    seen = []
    for title, city in (("Counsel", "Tampa"), ("Counsel", "Tampa"), ("Chief Counsel", "Tampa"), ("Chief Counsel", "Miami")):
        row = {"id": "86", "jobOpeningName": title, "location": {"city": city, "state": "Florida"}}
        server.routes["/careers/list"] = boards.Answer({"meta": {"totalCount": 1}, "result": [row]})
        counts = driver.run(spec).counts()
        ((places,),) = driver.rows("select locations from postings")
        seen.append((counts[:3], [(place["text"], place.get("country")) for place in json.loads(places)]))
    assert seen == [
        ((1, 0, 0), [("Tampa, Florida", "US")]),
        ((0, 0, 1), [("Tampa, Florida", "US")]),
        ((0, 1, 0), [("Tampa, Florida", "US")]),
        ((0, 1, 0), [("Miami, Florida", None)]),
    ]


def test_a_gap_beside_a_change_changes_only_what_is_there_and_is_seen_again_later(
    driver: Any, server: Any, boards: Any
) -> None:
    full, gap = boards.row(1), boards.row(1, title="Chief", departments=[])
    for row, expected in ((full, "new"), (gap, "changed"), (gap, "unchanged"), (full, "changed")):
        server.routes[JOBS] = boards.greenhouse(row)
        assert driver.run().result[expected] == 1
    assert driver.rows("select title, department from postings") == [("Engineer 1", "Engineering")]


def test_a_partial_fetch_closes_nothing(driver: Any, server: Any, boards: Any) -> None:
    server.routes[JOBS] = boards.greenhouse(*range(1, 11))
    driver.run()
    server.routes[JOBS] = boards.greenhouse(1, 2, 11, total=10)
    run = driver.run()
    assert run.counts() == (1, 0, 2, 0, 0, 0)
    assert run.outcome.partial
    assert "3 of 10 postings were listed" in run.outcome.warnings[0]
    assert len(opened(driver)) == 11


@pytest.mark.parametrize("body", [None, [], {"error": "rate limited"}, {"jobs": None}, {"jobs": {}}, "<html>login</html>", ""])
def test_an_answer_of_another_shape_is_a_failed_fetch_and_closes_nothing(
    driver: Any, server: Any, boards: Any, body: Any
) -> None:
    server.routes[JOBS] = boards.greenhouse(1, 2)
    driver.run()
    server.routes[JOBS] = boards.Answer(body)
    run = driver.run(driver.spec(http={"retries": 0}))
    assert run.outcomes["Acme"].error.code in {"bad-answer", "bad-body"}
    assert opened(driver) == [1, 2]


def test_an_empty_answer_closes_nothing_until_a_second_run_says_so_too(driver: Any, server: Any, boards: Any) -> None:
    server.routes[JOBS] = boards.greenhouse(1, 2)
    driver.run()
    server.routes[JOBS] = boards.greenhouse()
    spec = driver.spec(sync={"confirm_apart": 0})
    first = driver.run(spec)
    assert first.counts() == (0, 0, 0, 0, 0, 2)
    assert "orchestrate postings accept Acme" in first.outcome.warnings[0]
    assert opened(driver) == [1, 2]
    assert driver.run(spec).counts() == (0, 0, 0, 2, 0, 0)


def test_an_empty_answer_in_between_starts_the_count_again(driver: Any, server: Any, boards: Any) -> None:
    for rows in ((1, 2), (), (1, 2), ()):
        server.routes[JOBS] = boards.greenhouse(*rows)
        run = driver.run()
    assert run.counts() == (0, 0, 0, 0, 0, 2)
    assert opened(driver) == [1, 2]


def test_empty_answers_that_come_too_close_together_count_as_one(driver: Any, server: Any, boards: Any) -> None:
    server.routes[JOBS] = boards.greenhouse(1)
    driver.run()
    server.routes[JOBS] = boards.greenhouse()
    for _ in range(3):
        run = driver.run()
        assert run.result["held"] == 1
    assert "for less than 6 h" in run.outcome.warnings[0]
    assert opened(driver) == [1]
    driver.execute("update companies set empty_since = '2026-01-01T00:00:00.000Z'")
    assert driver.run().result["closed"] == 1


def test_more_than_half_closing_at_once_is_held_until_it_is_accepted(driver: Any, server: Any, boards: Any) -> None:
    server.routes[JOBS] = boards.greenhouse(*range(1, 11))
    driver.run()
    server.routes[JOBS] = boards.greenhouse(1, 2, 3)
    for _ in range(2):
        assert driver.run().counts() == (0, 0, 3, 0, 0, 7)
    assert len(opened(driver)) == 10
    assert accept(driver) == 7
    assert opened(driver) == [1, 2, 3]
    assert driver.run().counts() == (0, 0, 3, 0, 0, 0)


def test_a_drop_below_the_usual_number_is_held(driver: Any, server: Any, boards: Any) -> None:
    for _ in range(3):
        server.routes[JOBS] = boards.greenhouse(*range(1, 11))
        driver.run()
    server.routes[JOBS] = boards.greenhouse(*range(1, 7))
    assert driver.run().counts() == (0, 0, 6, 0, 0, 4)
    server.routes[JOBS] = boards.greenhouse(*range(1, 9))
    assert driver.run().counts() == (0, 0, 8, 2, 0, 0)


def test_held_closings_are_forgotten_when_the_postings_are_listed_again(driver: Any, server: Any, boards: Any) -> None:
    server.routes[JOBS] = boards.greenhouse(*range(1, 11))
    driver.run()
    server.routes[JOBS] = boards.greenhouse(1)
    driver.run()
    server.routes[JOBS] = boards.greenhouse(*range(1, 11))
    assert driver.run().counts() == (0, 0, 10, 0, 0, 0)
    assert driver.rows("select held, held_reason from companies") == [(0, None)]
    with pytest.raises(UsageError, match="nothing is held"):
        accept(driver)


def test_a_board_that_is_gone_keeps_its_postings_until_a_person_accepts(driver: Any, server: Any, boards: Any) -> None:
    server.routes[JOBS] = boards.greenhouse(1, 2)
    driver.run()
    server.routes[JOBS] = boards.Answer({"error": "Job not found"}, 404)
    for _ in range(4):
        run = driver.run()
        assert run.result["held"] == 2
        assert "the board is gone" in run.outcome.warnings[0]
    assert opened(driver) == [1, 2]
    assert accept(driver) == 2
    assert opened(driver) == []


def test_a_board_that_is_another_companys_now_changes_nothing_until_accepted(driver: Any, server: Any, boards: Any) -> None:
    server.routes[JOBS] = boards.greenhouse(*(boards.row(n, company_name="Acme Robotics") for n in range(1, 6)))
    driver.run()
    server.routes[JOBS] = boards.greenhouse(*(boards.row(n, company_name="Acme Bakery") for n in range(50, 56)))
    run = driver.run()
    assert "Acme Bakery" in run.outcome.warnings[0]
    assert opened(driver) == [1, 2, 3, 4, 5]
    assert accept(driver) == 0
    driver.run()
    assert opened(driver) == [50, 51, 52, 53, 54, 55]


def test_a_failed_fetch_writes_only_the_ledger(driver: Any, server: Any, boards: Any) -> None:
    server.routes[JOBS] = boards.greenhouse(1, 2)
    driver.run()
    before = driver.rows("select * from postings")
    server.routes[JOBS] = boards.Answer("", 500)
    driver.run(driver.spec(http={"retries": 0}))
    assert driver.rows("select * from postings") == before
    assert [row[0] for row in driver.rows("select outcome from fetches order by run_id")] == ["complete", "failed"]


def test_a_posting_may_be_missed_as_often_as_the_spec_says(driver: Any, server: Any, boards: Any) -> None:
    spec = driver.spec(sync={"close_after": 2})
    for rows, closed in (((1, 2, 3), 0), ((1, 2), 0), ((1, 2), 1)):
        server.routes[JOBS] = boards.greenhouse(*rows)
        assert driver.run(spec).result["closed"] == closed


def test_what_a_database_refuses_is_removed_from_texts(driver: Any, server: Any, boards: Any) -> None:
    row = boards.row(1, title="Robot\x00 Engineer\ud800", content="&lt;p&gt;a\x00b\udfff&lt;/p&gt;")
    server.routes[JOBS] = boards.greenhouse(row)
    driver.run()
    assert driver.rows("select title, description_text from postings") == [("Robot Engineer", "ab")]


def test_another_hash_version_is_replaced_without_a_change(driver: Any, server: Any, boards: Any) -> None:
    server.routes[JOBS] = boards.greenhouse(1, 2)
    driver.run()
    driver.execute("update postings set hash_version = 0, content_hash = 'old', seen_hash = 'old', department = 'Old'")
    assert driver.run().counts() == (0, 0, 2, 0, 0, 0)
    assert driver.rows("select count(*) from posting_history") == [(2,)]
    assert driver.rows("select distinct hash_version, department from postings") == [(HASH_VERSION, "Engineering")]


def test_a_company_that_is_renamed_keeps_its_postings(driver: Any, server: Any, boards: Any) -> None:
    server.routes[JOBS] = boards.greenhouse(1)
    driver.run()
    run = driver.run(driver.spec([{"name": "Acme Robotics", "board": "greenhouse", "token": "acme"}]))
    assert run.counts() == (0, 0, 1, 0, 0, 0)
    assert driver.rows("select company from postings") == [("Acme Robotics",)]


def test_two_runs_at_once_on_one_database_write_each_posting_once(driver: Any, server: Any, boards: Any) -> None:
    server.routes[JOBS] = boards.greenhouse(*range(1, 30))
    driver.run(driver.spec(include_title=["nothing"]))  # The tables are there; only the rows are raced for.
    failed: list[BaseException] = []

    def several() -> None:
        try:
            for _ in range(4):
                driver.run()
        except StorageError as error:
            failed.append(error)

    threads = [threading.Thread(target=several) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failed == []
    assert driver.rows("select count(*), count(distinct identifier) from postings") == [(29, 29)]
    assert driver.rows("select event, count(*) from posting_history group by event") == [("new", 29)]

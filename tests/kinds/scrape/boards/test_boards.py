"""What single boards do differently: second hosts, second APIs, own domains, fields that only one vendor has."""

from __future__ import annotations

from typing import Any

import pytest

from orchestrator.kinds.scrape.boards.base import Request, Source, Unanswered

LEVER_ROW = {"id": "1", "text": "Job", "hostedUrl": "https://jobs.eu.lever.co/acme/1"}
US = "https://api.lever.co/v0/postings/acme?mode=json&skip=0&limit=100"
EU = "https://api.eu.lever.co/v0/postings/acme?mode=json&skip=0&limit=100"


def test_lever_asks_the_eu_when_the_us_does_not_know_a_site(scrape: Any) -> None:
    world = {EU: [LEVER_ROW]}
    assert list(scrape("lever", "acme", world).postings) == ["1"]
    assert scrape.asked == [US, EU]


def test_lever_asks_only_the_eu_for_a_page_of_the_eu(scrape: Any) -> None:
    world = {EU: [LEVER_ROW], US: [{**LEVER_ROW, "id": "another company"}]}
    found = scrape("lever", Source("acme", url="https://jobs.eu.lever.co/acme"), world)
    assert list(found.postings) == ["1"]
    assert scrape.asked == [EU]


def test_lever_does_not_ask_the_eu_when_the_us_only_fails(scrape: Any) -> None:
    world = {US: 503, EU: [LEVER_ROW]}
    with pytest.raises(Unanswered) as caught:
        scrape("lever", "acme", world)
    assert not caught.value.gone


def test_a_site_that_neither_lever_knows_is_gone(scrape: Any) -> None:
    with pytest.raises(Unanswered) as caught:
        scrape("lever", "acme", {})
    assert caught.value.gone


@pytest.mark.parametrize(
    ("interval", "unit"),
    [
        ("per-year-salary", "YEAR"),
        ("per-month-salary", "MONTH"),
        ("per-hour-wage", "HOUR"),
        ("bi-weekly-salary", None),
        ("one-time", None),
    ],
)
def test_lever_pay_is_for_the_period_it_names(scrape: Any, interval: str, unit: str | None) -> None:
    row = {**LEVER_ROW, "salaryRange": {"min": 10, "max": 20, "currency": "EUR", "interval": interval}}
    posting = scrape("lever", "acme", {US: [row]}).postings["1"]
    assert (posting.salary_min, posting.salary_max, posting.salary_unit) == (10, 20, unit)


def test_lever_reads_plain_text_where_there_is_no_html(scrape: Any) -> None:
    row = {
        **LEVER_ROW,
        "descriptionPlain": "a < b\nc",
        "additionalPlain": "d",
        "lists": [{"text": "L", "content": "<li>e</li>"}],
    }
    posting = scrape("lever", "acme", {US: [row]}).postings["1"]
    assert posting.description_text == "a < b\nc\nL\n- e\nd"


def ashby_posting(scrape: Any, **row: Any) -> Any:
    url = "https://api.ashbyhq.com/posting-api/job-board/acme?includeCompensation=true"
    full = {"id": "1", "title": "Job", "jobUrl": "https://jobs.ashbyhq.com/acme/1", "location": "Oslo", **row}
    return scrape("ashby", "acme", {url: {"jobs": [full]}}).postings["1"]


@pytest.mark.parametrize(
    ("workplace", "is_remote", "location", "meaning"),
    [
        ("Hybrid", True, "Remote", "hybrid"),
        ("OnSite", True, "Oslo", "onsite"),
        ("Remote", False, "Oslo", "remote"),
        (None, True, "Oslo", "remote"),
        (None, None, "Remote, Norway", "remote"),
        (None, None, "Remote Sensing Lab", None),
        (None, False, "Oslo", None),
    ],
)
def test_ashby_believes_the_workplace_before_the_flag_before_the_text(
    scrape: Any, workplace: str | None, is_remote: bool | None, location: str, meaning: str | None
) -> None:
    assert ashby_posting(scrape, workplaceType=workplace, isRemote=is_remote, location=location).workplace == meaning


def test_ashby_pay_spans_the_tiers_of_one_currency_and_period(scrape: Any) -> None:
    def tier(low: int, high: int, currency: str, interval: str = "1 YEAR") -> dict[str, Any]:
        part = {"compensationType": "Salary", "currencyCode": currency, "interval": interval, "minValue": low, "maxValue": high}
        return {"components": [part]}

    tiers = [tier(100, 200, "USD"), tier(150, 300, "USD"), tier(1, 9999, "CAD"), tier(5, 6, "USD", "1 HOUR")]
    posting = ashby_posting(scrape, compensation={"compensationTiers": tiers})
    assert (posting.salary_min, posting.salary_max, posting.salary_currency, posting.salary_unit) == (100, 300, "USD", "YEAR")


WIDGET = "https://apply.workable.com/api/v1/widget/accounts/acme?details=true"
V3 = "https://apply.workable.com/api/v3/accounts/acme/jobs"


def v3_row(code: str, **row: Any) -> dict[str, Any]:
    place = {"country": "Greece", "countryCode": "GR", "city": "Athens", "region": "Attica"}
    return {"shortcode": code, "title": f"Job {code}", "location": place, "published": "2024-09-30T00:00:00.000Z", **row}


def test_workable_reads_the_pages_when_there_is_no_widget(scrape: Any) -> None:
    def page(request: Request) -> Any:
        if "token" not in request.json:
            row = v3_row("A1", workplace="on_site", type="full", department=["Kitchen", "Night"])
            return {"total": 2, "results": [row], "nextPage": "two"}
        assert request.json == {"query": "", "location": [], "department": [], "worktype": [], "token": "two"}
        return {"total": 2, "results": [v3_row("B2", remote=True)]}

    detail = {"shortcode": "A1", "description": "<p>Cook.</p>", "requirements": "<p>Knives</p>", "benefits": None}
    world = {V3: page, "https://apply.workable.com/api/v2/accounts/acme/jobs/A1": detail}
    found = scrape("workable", "acme", world)
    first, second = found.postings.values()
    assert (first.url, first.workplace, first.employment_type) == (
        "https://apply.workable.com/acme/j/A1/",
        "onsite",
        "FULL_TIME",
    )
    assert (first.location, first.locations[0].country, first.department) == ("Athens, Attica, Greece", "GR", "Kitchen, Night")
    assert (first.date_posted, first.description_text) == ("2024-09-30T00:00:00Z", "Cook.\nKnives")
    assert second.workplace == "remote"
    assert found.reasons == []


def test_a_page_of_workable_that_does_not_come_leaves_the_others(scrape: Any) -> None:
    def page(request: Request) -> Any:
        return 500 if "token" in request.json else {"total": 40, "results": [v3_row("A1")], "nextPage": "two"}

    found = scrape("workable", "acme", {V3: page}, details="none")
    assert list(found.postings) == ["A1"]
    assert found.reasons


def test_workable_pages_that_repeat_end_the_list(scrape: Any) -> None:
    world = {V3: lambda _request: {"total": 40, "results": [v3_row("A1")], "nextPage": "again"}}
    found = scrape("workable", "acme", world, details="none")
    assert len(scrape.asked) == 3
    assert found.reasons


def test_places_that_workable_hides_are_not_shown(scrape: Any) -> None:
    places = [
        {"country": "Greece", "countryCode": "GR", "city": "Athens", "region": None, "hidden": True},
        {"country": "Greece", "countryCode": "GR", "city": "Patras", "region": None, "hidden": False},
    ]
    row = {"shortcode": "A1", "title": "Job", "url": "https://apply.workable.com/j/A1", "locations": places}
    posting = scrape("workable", "acme", {WIDGET: {"jobs": [row]}}).postings["A1"]
    assert [place.locality for place in posting.locations] == ["Patras"]


def test_personio_asks_com_when_de_does_not_know_a_company(scrape: Any) -> None:
    feed = "<workzag-jobs><position><id>5</id><name>Job</name></position></workzag-jobs>"
    world = {"https://acme.jobs.personio.com/xml?language=en": feed}
    posting = scrape("personio", "acme", world).postings["5"]
    assert posting.url == "https://acme.jobs.personio.com/job/5"
    hinted = world
    scrape("personio", Source("acme", url="https://acme.jobs.personio.com/"), hinted)
    assert len(scrape.asked) == 1


def test_personio_reads_pay_where_a_company_tells_it(scrape: Any) -> None:
    pay = "<min>48000.00</min><max>52000</max><currencyCode>EUR</currencyCode><type>yearly</type>"
    position = f"<position><id>5</id><name>Job</name><salaryInformation>{pay}</salaryInformation></position>"
    feed = f"<workzag-jobs>{position}</workzag-jobs>"
    posting = scrape("personio", "acme", {"https://acme.jobs.personio.de/xml?language=en": feed}).postings["5"]
    assert (posting.salary_min, posting.salary_max, posting.salary_currency, posting.salary_unit) == (
        48000,
        52000,
        "EUR",
        "YEAR",
    )


@pytest.mark.parametrize(
    ("name", "token", "url", "body"),
    [
        ("recruitee", "careers.acme.example", "https://careers.acme.example/api/offers/", {"offers": []}),
        ("teamtailor", "jobs.acme.example", "https://jobs.acme.example/jobs.json", {"items": []}),
        ("teamtailor", "acme.na", "https://acme.na.teamtailor.com/jobs.json", {"items": []}),
    ],
)
def test_a_company_may_have_its_own_domain(scrape: Any, name: str, token: str, url: str, body: Any) -> None:
    world = {url: body}
    scrape(name, token, world)
    assert scrape.asked == [url]


def test_a_next_page_on_another_host_is_not_followed(scrape: Any) -> None:
    item = {"id": "1", "title": "Job", "url": "https://acme.teamtailor.com/jobs/1"}
    first = {"items": [item], "next_url": "https://evil.example/jobs.json"}
    world = {"https://acme.teamtailor.com/jobs.json": first}
    found = scrape("teamtailor", "acme", world)
    assert len(scrape.asked) == 1
    assert found.reasons


def test_details_take_a_third_of_the_time_and_the_list_is_whole_all_the_same(scrape: Any) -> None:
    rows = [{"id": f"{number}", "jobOpeningName": "Job"} for number in range(9)]
    answers: dict[str, Any] = {
        f"https://acme.bamboohr.com/careers/{number}/detail": {"result": {"jobOpening": {"description": "<p>x</p>"}}}
        for number in range(9)
    }
    world = {**answers, "https://acme.bamboohr.com/careers/list": {"result": rows}}
    found = scrape("bamboohr", "acme", world, remaining=lambda: 95.0 - 10 * len(scrape.asked))
    assert (len(found.postings), found.reasons) == (9, [])
    assert sum(posting.description_text is not None for posting in found.postings.values()) == 3


def test_the_limit_bounds_a_list_that_comes_in_one_answer(scrape: Any) -> None:
    url = "https://acme.pinpointhq.com/postings.json"
    rows = [{"id": number, "title": "Job", "path": f"/en/postings/{number}"} for number in range(9)]
    found = scrape("pinpoint", Source("acme", limit=4), {url: {"data": rows}})
    assert len(found.postings) == 4
    assert found.reasons


def test_details_are_not_asked_for_when_a_board_stops_answering_them(scrape: Any) -> None:
    rows = [{"id": f"{number}", "jobOpeningName": "Job"} for number in range(20)]
    answers: dict[str, Any] = {f"https://acme.bamboohr.com/careers/{number}/detail": 503 for number in range(20)}
    world = {**answers, "https://acme.bamboohr.com/careers/list": {"meta": {"totalCount": 20}, "result": rows}}
    found = scrape("bamboohr", "acme", world)
    assert (len(found.postings), found.reasons) == (20, [])
    assert len(scrape.asked) == 4


def test_pinpoint_pay_that_is_not_shown_is_not_read(scrape: Any) -> None:
    pay = {
        "compensation_minimum": 1,
        "compensation_maximum": 2,
        "compensation_currency": "USD",
        "compensation_frequency": "year",
    }
    row = {"id": 1, "title": "Job", "path": "/en/postings/1", **pay}
    url = "https://acme.pinpointhq.com/postings.json"
    hidden = scrape("pinpoint", "acme", {url: {"data": [{**row, "compensation_visible": False}]}})
    shown = scrape("pinpoint", "acme", {url: {"data": [{**row, "compensation_visible": True}]}})
    assert hidden.postings["1"].salary_max is None
    assert shown.postings["1"].salary_max == 2

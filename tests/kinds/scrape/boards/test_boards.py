"""What single boards do differently: second hosts, second APIs, own domains, fields that only one vendor has."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable, Mapping
from typing import Any

import pytest

from orchestrator.errors import Failure
from orchestrator.kinds.scrape.boards import find_board
from orchestrator.kinds.scrape.boards.base import BadAnswer, Request, Response, Source, Unanswered
from orchestrator.kinds.scrape.boards.fields import Fields
from orchestrator.kinds.scrape.boards.jobposting import found_in
from orchestrator.kinds.scrape.decode import BadBody, parse_xml
from orchestrator.kinds.scrape.listing import Collector, drive

Answers = Mapping[str, Any]


class World:
    """Answers by address; what isn't known is answered 404, an int stands for another status."""

    def __init__(self, answers: Answers) -> None:
        self.answers = answers
        self.asked: list[str] = []

    def __call__(self, request: Request) -> Response:
        self.asked.append(request.url)
        body = self.answers.get(request.url, 404)
        if callable(body):
            body = body(request)
        if isinstance(body, int):
            raise Unanswered(Failure(f"http-{body}", f"status {body}"), status=body, gone=body == 404)
        return Response(request.url, 200, parse_xml(body.encode()) if request.accept == "xml" else body)


def scrape(name: str, source: Source | str, world: World, **options: Any) -> Collector:
    board = find_board(name)
    assert board is not None
    return drive(board, Source(source) if isinstance(source, str) else source, world, **options)


LEVER_ROW = {"id": "1", "text": "Job", "hostedUrl": "https://jobs.eu.lever.co/acme/1"}
US = "https://api.lever.co/v0/postings/acme?mode=json&skip=0&limit=100"
EU = "https://api.eu.lever.co/v0/postings/acme?mode=json&skip=0&limit=100"


def test_lever_asks_the_eu_when_the_us_does_not_know_a_site() -> None:
    world = World({EU: [LEVER_ROW]})
    assert list(scrape("lever", "acme", world).postings) == ["1"]
    assert world.asked == [US, EU]


def test_lever_asks_only_the_eu_for_a_page_of_the_eu() -> None:
    world = World({EU: [LEVER_ROW], US: [{**LEVER_ROW, "id": "another company"}]})
    found = scrape("lever", Source("acme", url="https://jobs.eu.lever.co/acme"), world)
    assert list(found.postings) == ["1"]
    assert world.asked == [EU]


def test_lever_does_not_ask_the_eu_when_the_us_only_fails() -> None:
    world = World({US: 503, EU: [LEVER_ROW]})
    with pytest.raises(Unanswered) as caught:
        scrape("lever", "acme", world)
    assert not caught.value.gone


def test_a_site_that_neither_lever_knows_is_gone() -> None:
    with pytest.raises(Unanswered) as caught:
        scrape("lever", "acme", World({}))
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
def test_lever_pay_is_for_the_period_it_names(interval: str, unit: str | None) -> None:
    row = {**LEVER_ROW, "salaryRange": {"min": 10, "max": 20, "currency": "EUR", "interval": interval}}
    posting = scrape("lever", "acme", World({US: [row]})).postings["1"]
    assert (posting.salary_min, posting.salary_max, posting.salary_unit) == (10, 20, unit)


def test_lever_reads_plain_text_where_there_is_no_html() -> None:
    row = {
        **LEVER_ROW,
        "descriptionPlain": "a < b\nc",
        "additionalPlain": "d",
        "lists": [{"text": "L", "content": "<li>e</li>"}],
    }
    posting = scrape("lever", "acme", World({US: [row]})).postings["1"]
    assert posting.description_text == "a < b\nc\nL\n- e\nd"


def ashby_posting(**row: Any) -> Any:
    url = "https://api.ashbyhq.com/posting-api/job-board/acme?includeCompensation=true"
    full = {"id": "1", "title": "Job", "jobUrl": "https://jobs.ashbyhq.com/acme/1", "location": "Oslo", **row}
    return scrape("ashby", "acme", World({url: {"jobs": [full]}})).postings["1"]


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
    workplace: str | None, is_remote: bool | None, location: str, meaning: str | None
) -> None:
    assert ashby_posting(workplaceType=workplace, isRemote=is_remote, location=location).workplace == meaning


def test_ashby_pay_spans_the_tiers_of_one_currency_and_period() -> None:
    def tier(low: int, high: int, currency: str, interval: str = "1 YEAR") -> dict[str, Any]:
        part = {"compensationType": "Salary", "currencyCode": currency, "interval": interval, "minValue": low, "maxValue": high}
        return {"components": [part]}

    tiers = [tier(100, 200, "USD"), tier(150, 300, "USD"), tier(1, 9999, "CAD"), tier(5, 6, "USD", "1 HOUR")]
    posting = ashby_posting(compensation={"compensationTiers": tiers})
    assert (posting.salary_min, posting.salary_max, posting.salary_currency, posting.salary_unit) == (100, 300, "USD", "YEAR")


WIDGET = "https://apply.workable.com/api/v1/widget/accounts/acme?details=true"
V3 = "https://apply.workable.com/api/v3/accounts/acme/jobs"


def v3_row(code: str, **row: Any) -> dict[str, Any]:
    place = {"country": "Greece", "countryCode": "GR", "city": "Athens", "region": "Attica"}
    return {"shortcode": code, "title": f"Job {code}", "location": place, "published": "2024-09-30T00:00:00.000Z", **row}


def test_workable_reads_the_pages_when_there_is_no_widget() -> None:
    def page(request: Request) -> Any:
        if "token" not in request.json:
            row = v3_row("A1", workplace="on_site", type="full", department=["Kitchen", "Night"])
            return {"total": 2, "results": [row], "nextPage": "two"}
        assert request.json == {"query": "", "location": [], "department": [], "worktype": [], "token": "two"}
        return {"total": 2, "results": [v3_row("B2", remote=True)]}

    detail = {"shortcode": "A1", "description": "<p>Cook.</p>", "requirements": "<p>Knives</p>", "benefits": None}
    world = World({V3: page, "https://apply.workable.com/api/v2/accounts/acme/jobs/A1": detail})
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


def test_a_page_of_workable_that_does_not_come_leaves_the_others() -> None:
    def page(request: Request) -> Any:
        return 500 if "token" in request.json else {"total": 40, "results": [v3_row("A1")], "nextPage": "two"}

    found = scrape("workable", "acme", World({V3: page}), details="none")
    assert list(found.postings) == ["A1"]
    assert found.reasons


def test_workable_pages_that_repeat_end_the_list() -> None:
    world = World({V3: lambda _request: {"total": 40, "results": [v3_row("A1")], "nextPage": "again"}})
    found = scrape("workable", "acme", world, details="none")
    assert len(world.asked) == 3
    assert found.reasons


def test_places_that_workable_hides_are_not_shown() -> None:
    places = [
        {"country": "Greece", "countryCode": "GR", "city": "Athens", "region": None, "hidden": True},
        {"country": "Greece", "countryCode": "GR", "city": "Patras", "region": None, "hidden": False},
    ]
    row = {"shortcode": "A1", "title": "Job", "url": "https://apply.workable.com/j/A1", "locations": places}
    posting = scrape("workable", "acme", World({WIDGET: {"jobs": [row]}})).postings["A1"]
    assert [place.locality for place in posting.locations] == ["Patras"]


def test_personio_asks_com_when_de_does_not_know_a_company() -> None:
    feed = "<workzag-jobs><position><id>5</id><name>Job</name></position></workzag-jobs>"
    world = World({"https://acme.jobs.personio.com/xml?language=en": feed})
    posting = scrape("personio", "acme", world).postings["5"]
    assert posting.url == "https://acme.jobs.personio.com/job/5"
    hinted = World(world.answers)
    scrape("personio", Source("acme", url="https://acme.jobs.personio.com/"), hinted)
    assert len(hinted.asked) == 1


def test_personio_reads_pay_where_a_company_tells_it() -> None:
    pay = "<min>48000.00</min><max>52000</max><currencyCode>EUR</currencyCode><type>yearly</type>"
    position = f"<position><id>5</id><name>Job</name><salaryInformation>{pay}</salaryInformation></position>"
    feed = f"<workzag-jobs>{position}</workzag-jobs>"
    posting = scrape("personio", "acme", World({"https://acme.jobs.personio.de/xml?language=en": feed})).postings["5"]
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
def test_a_company_may_have_its_own_domain(name: str, token: str, url: str, body: Any) -> None:
    world = World({url: body})
    scrape(name, token, world)
    assert world.asked == [url]


def test_a_next_page_on_another_host_is_not_followed() -> None:
    item = {"id": "1", "title": "Job", "url": "https://acme.teamtailor.com/jobs/1"}
    first = {"items": [item], "next_url": "https://evil.example/jobs.json"}
    world = World({"https://acme.teamtailor.com/jobs.json": first})
    found = scrape("teamtailor", "acme", world)
    assert len(world.asked) == 1
    assert found.reasons


@pytest.mark.parametrize(
    ("row", "identifier"),
    [
        ({"bulletFields": ["JR354232"], "externalPath": "/job/x/T_JR354232-2"}, "JR354232"),
        ({"bulletFields": ["JR354232-3"], "externalPath": "/job/x/T_JR354232-3"}, "JR354232"),
        ({"bulletFields": [], "externalPath": "/job/x/Some_Title_R-12345"}, "R-12345"),
        ({"externalPath": "/job/x/T_2024-10042-1"}, "2024-10042"),
        ({"bulletFields": ["R-12"], "externalPath": "/job/x/T_R-12"}, "R-12"),
        ({"bulletFields": ["Full time", "R-77"], "externalPath": "/job/x/T_R-77"}, "R-77"),
    ],
)
def test_a_requisition_of_workday_is_one_on_all_its_sites(row: dict[str, Any], identifier: str) -> None:
    body = {"total": 1, "jobPostings": [{"title": "T", "locationsText": "3 Locations", **row}]}
    world = World({"https://acme.wd1.myworkdayjobs.com/wday/cxs/acme/Ext/jobs": body})
    found = scrape("workday", "acme/wd1/Ext", world, details="none")
    assert list(found.postings) == [identifier]
    assert found.postings[identifier].locations == ()


@pytest.mark.parametrize(
    ("mode", "meaning"),
    [("Remote", "remote"), ("Fully Remote", "remote"), ("Hybrid Remote", "hybrid"), ("Flexible", "hybrid"),
     ("Onsite", "onsite"), ("Non-Remote", "onsite"), ("Not Remote", "onsite")],
)  # fmt: skip
def test_workday_tenants_have_their_own_words_for_the_way_of_working(mode: str, meaning: str) -> None:
    path = "/job/x/T_R10001"
    api = "https://acme.wd1.myworkdayjobs.com/wday/cxs/acme/Ext"
    body = {"total": 1, "jobPostings": [{"title": "T", "externalPath": path, "bulletFields": ["R10001"]}]}
    world = World({f"{api}/jobs": body, api + path: {"jobPostingInfo": {"remoteType": mode}}})
    assert scrape("workday", "acme/wd1/Ext", world).postings["R10001"].workplace == meaning


def test_workday_takes_the_place_from_the_details_where_the_list_names_none() -> None:
    path = "/job/x/T_R10001"
    api = "https://acme.wd1.myworkdayjobs.com/wday/cxs/acme/Ext"
    body = {"total": 1, "jobPostings": [{"title": "T", "externalPath": path, "bulletFields": ["R10001"]}]}
    info = {"location": "Ghent", "additionalLocations": ["Bruges"]}
    found = scrape("workday", "acme/wd1/Ext", World({f"{api}/jobs": body, api + path: {"jobPostingInfo": info}}))
    assert [place.text for place in found.postings["R10001"].locations] == ["Ghent", "Bruges"]


def test_details_take_a_third_of_the_time_and_the_list_is_whole_all_the_same() -> None:
    rows = [{"id": f"{number}", "jobOpeningName": "Job"} for number in range(9)]
    answers: dict[str, Any] = {
        f"https://acme.bamboohr.com/careers/{number}/detail": {"result": {"jobOpening": {"description": "<p>x</p>"}}}
        for number in range(9)
    }
    world = World({**answers, "https://acme.bamboohr.com/careers/list": {"result": rows}})
    found = scrape("bamboohr", "acme", world, remaining=lambda: 95.0 - 10 * len(world.asked))
    assert (len(found.postings), found.reasons) == (9, [])
    assert sum(posting.description_text is not None for posting in found.postings.values()) == 3


def test_the_limit_bounds_a_list_that_comes_in_one_answer() -> None:
    url = "https://acme.pinpointhq.com/postings.json"
    rows = [{"id": number, "title": "Job", "path": f"/en/postings/{number}"} for number in range(9)]
    found = scrape("pinpoint", Source("acme", limit=4), World({url: {"data": rows}}))
    assert len(found.postings) == 4
    assert found.reasons


def test_a_map_that_is_a_gzip_file_is_read() -> None:
    zipped = gzip.compress(b"<urlset><url><loc>x</loc></url></urlset>")
    assert parse_xml(zipped).tag == "urlset"
    for broken in (zipped[:-12], zipped[:2], zipped[:2] + b"\0" * 40):
        with pytest.raises(BadBody):
            parse_xml(broken)
    with pytest.raises(BadBody):
        parse_xml(gzip.compress(b" " * 65_000_000))


@pytest.mark.parametrize(
    ("description", "text"),
    [
        ("<p>a &lt;T&gt; b</p>", "a <T> b"),
        ("&lt;p&gt;a &amp;lt;T&amp;gt; b&lt;/p&gt;", "a <T> b"),
        ("R &amp; D", "R & D"),
    ],
)
def test_a_description_is_unescaped_once_and_only_if_it_was_escaped(description: str, text: str) -> None:
    assert jsonld_posting(f'"description": "{description}"').description_text == text


def test_details_are_not_asked_for_when_a_board_stops_answering_them() -> None:
    rows = [{"id": f"{number}", "jobOpeningName": "Job"} for number in range(20)]
    answers: dict[str, Any] = {f"https://acme.bamboohr.com/careers/{number}/detail": 503 for number in range(20)}
    world = World({**answers, "https://acme.bamboohr.com/careers/list": {"meta": {"totalCount": 20}, "result": rows}})
    found = scrape("bamboohr", "acme", world)
    assert (len(found.postings), found.reasons) == (20, [])
    assert len(world.asked) == 4


def test_pinpoint_pay_that_is_not_shown_is_not_read() -> None:
    pay = {
        "compensation_minimum": 1,
        "compensation_maximum": 2,
        "compensation_currency": "USD",
        "compensation_frequency": "year",
    }
    row = {"id": 1, "title": "Job", "path": "/en/postings/1", **pay}
    url = "https://acme.pinpointhq.com/postings.json"
    hidden = scrape("pinpoint", "acme", World({url: {"data": [{**row, "compensation_visible": False}]}}))
    shown = scrape("pinpoint", "acme", World({url: {"data": [{**row, "compensation_visible": True}]}}))
    assert hidden.postings["1"].salary_max is None
    assert shown.postings["1"].salary_max == 2


def script(*values: str) -> str:
    return "<html>" + "".join(f"<script type='application/ld+json'>{value}</script>" for value in values) + "</html>"


POSTING = '{"@type": "JobPosting", "title": "Job", "identifier": "%s", "description": "<p>x</p>"}'


def site(**pages: str) -> Answers:
    return {f"https://acme.example/{name.replace('__', '/').replace('_x', '.')}": body for name, body in pages.items()}


def urls(*links: str) -> str:
    return "<urlset>" + "".join(f"<url><loc>{link}</loc></url>" for link in links) + "</urlset>"


def test_the_pages_below_the_careers_page_are_found_through_the_sites_map() -> None:
    index = "<sitemapindex><sitemap><loc>https://acme.example/a.xml</loc></sitemap></sitemapindex>"
    links = ("https://acme.example/careers/1", "https://acme.example/blog/jobs/9", "https://evil.example/careers/3")
    world = World({
        "https://acme.example/sitemap.xml": index,
        "https://acme.example/a.xml": urls(*links),
        "https://acme.example/careers/1": script(POSTING % "1"),
    })  # fmt: skip
    found = scrape("jsonld", Source(url="https://acme.example/careers", sitemap=True), world)
    posting = found.postings["1"]
    assert (posting.url, found.reasons) == ("https://acme.example/careers/1", [])
    assert world.asked[-1] == "https://acme.example/careers/1"
    assert len(world.asked) == 3


def test_the_map_is_found_through_robots_txt() -> None:
    world = World({
        "https://acme.example/robots.txt": "User-agent: *\nSitemap: https://acme.example/maps/jobs.xml\n",
        "https://acme.example/maps/jobs.xml": urls("https://acme.example/jobs/1"),
        "https://acme.example/jobs/1": script(POSTING % "1"),
    })  # fmt: skip
    assert list(scrape("jsonld", Source(url="https://acme.example/", sitemap=True), world).postings) == ["1"]


def test_a_mapped_page_that_is_gone_is_no_posting_and_one_that_fails_makes_the_list_incomplete() -> None:
    links = [f"https://acme.example/jobs/{number}" for number in range(3)]
    answers: dict[str, Any] = {"https://acme.example/sitemap.xml": urls(*links), links[0]: script(POSTING % "0")}
    source = Source(url="https://acme.example/jobs", sitemap=True)
    assert scrape("jsonld", source, World(answers)).reasons == []
    assert scrape("jsonld", source, World({**answers, links[1]: 503})).reasons


def test_the_limit_bounds_the_pages_that_are_read() -> None:
    links = [f"https://acme.example/jobs/{number}" for number in range(30)]
    answers = {link: script(POSTING % index) for index, link in enumerate(links)}
    world = World({"https://acme.example/sitemap.xml": urls(*links), **answers})
    found = scrape("jsonld", Source(url="https://acme.example/jobs", sitemap=True, limit=5), world)
    assert len(found.postings) == 5
    assert len(world.asked) == 6
    assert found.reasons


@pytest.mark.parametrize("body", ["<html></html>", "<rss/>"])
def test_what_is_no_map_is_a_bad_answer(body: str) -> None:
    with pytest.raises(BadAnswer):
        scrape("jsonld", Source(url="https://acme.example/x", sitemap=True), World({"https://acme.example/sitemap.xml": body}))


def test_pages_without_data_are_a_failed_fetch_and_no_empty_board() -> None:
    world = World(
        {"https://acme.example/sitemap.xml": urls("https://acme.example/jobs/1"), "https://acme.example/jobs/1": "<html>"}
    )
    with pytest.raises(BadAnswer):
        scrape("jsonld", Source(url="https://acme.example/jobs", sitemap=True), world)


def test_a_page_that_lists_addresses_leads_to_their_pages() -> None:
    item_list = (
        '{"@type": "ItemList", "itemListElement": [{"@type": "ListItem", "url": "/jobs/1"}, {"url": "https://evil.example/2"}]}'
    )
    world = World({"https://acme.example/jobs": script(item_list), "https://acme.example/jobs/1": script(POSTING % "1")})
    assert list(scrape("jsonld", Source(url="https://acme.example/jobs"), world).postings) == ["1"]
    assert len(world.asked) == 2


def test_several_postings_without_a_name_on_one_page_are_bad_rows() -> None:
    page = script('[{"@type": "JobPosting", "title": "A"}, {"@type": "JobPosting", "title": "B"}]')
    found = scrape("jsonld", Source(url="https://acme.example/jobs"), World({"https://acme.example/jobs": page}))
    assert (len(found.postings), found.bad_rows) == (0, 2)


@pytest.mark.parametrize(
    "wrap",
    [
        "{}",
        "<!-- {} -->",
        "<!--\n{}\n//-->",
        "//<![CDATA[\n{}\n//]]>",
        "/*<![CDATA[*/ {} /*]]>*/",
        "[{}]",
        '{{"@graph": [{}]}}',
        '{{"@type": "ItemList", "itemListElement": [{{"item": {}}}]}}',
        "{},".removesuffix(","),
    ],
)
def test_a_job_posting_is_found_whatever_surrounds_it(wrap: str) -> None:
    inner = '{"@type": "JobPosting", "title": "A, ]} B", "x": [1, 2,], "description": "tab\there",}'
    page = f'<SCRIPT data-x="y" type="application/ld+json" id=z>{wrap.format(inner)}</SCRIPT >'
    assert [row.text("title") for row in found_in(page)] == ["A, ]} B"]


@pytest.mark.parametrize(
    "body", ["", "{", "[" * 100_000, '{"@type": NaN', "x" * 3_000_000, '{"@type": {"a": []}}', "null", "7"]
)
def test_a_script_that_cannot_be_read_is_left_out(body: str) -> None:
    assert found_in(script(body, POSTING % "1"))[0].text("identifier") == "1"


def jsonld_posting(fields: str) -> Any:
    page = script('{"@type": "JobPosting", "title": "Job", "identifier": "1", ' + fields + "}")
    return scrape("jsonld", Source(url="https://acme.example/j"), World({"https://acme.example/j": page})).postings["1"]


@pytest.mark.parametrize(
    ("pay", "meaning"),
    [
        ('{"currency": "USD", "value": {"value": 50000, "unitText": "YEAR"}}', (50000, 50000, "USD", "YEAR")),
        ('{"currency": "US", "value": {"minValue": "5", "maxValue": "6"}}', (None, None, None, None)),
        ('{"currency": "USD", "value": {"minValue": "5,000", "maxValue": "6000"}}', (5000, 6000, "USD", None)),
        ('{"currency": "EUR", "minValue": 10, "maxValue": 12, "unitText": "HOUR"}', (10, 12, "EUR", "HOUR")),
        ('{"currency": "EUR", "value": {"minValue": 3, "maxValue": 4, "unitCode": "MON"}}', (3, 4, "EUR", "MONTH")),
        ('{"currency": "EUR", "value": {"minValue": 30, "maxValue": 4, "unitText": "MONTH"}}', (None, None, None, None)),
        ('{"value": {"minValue": 3, "maxValue": 4}}', (None, None, None, None)),
        ('"a lot"', (None, None, None, None)),
    ],
)  # fmt: skip
def test_pay_of_a_job_posting(pay: str, meaning: tuple[Any, ...]) -> None:
    posting = jsonld_posting(f'"baseSalary": {pay}')
    assert (posting.salary_min, posting.salary_max, posting.salary_currency, posting.salary_unit) == meaning


def test_an_identifier_that_is_the_companys_name_is_none() -> None:
    page = script(
        '{"@type": "JobPosting", "title": "Job", "identifier": {"value": "Acme"}, "hiringOrganization": {"name": "Acme"}}'
    )
    world = World({"https://acme.example/j": page})
    assert list(scrape("jsonld", Source(url="https://acme.example/j?utm_source=x#y"), World({
        "https://acme.example/j?utm_source=x#y": page})).postings) == ["https://acme.example/j"]  # fmt: skip
    assert list(scrape("jsonld", Source(url="https://acme.example/j"), world).postings) == ["https://acme.example/j"]


@pytest.mark.parametrize("url", ["http://[", "javascript:alert(1)", "//", "http://user:pass@evil.example/"])
def test_an_address_that_is_none_is_a_bad_row_and_no_crash(url: str) -> None:
    row = {"@type": "JobPosting", "title": "Job", "identifier": "1", "url": url}
    page = script(json.dumps(row), POSTING % "2")
    found = scrape("jsonld", Source(url="https://acme.example/j"), World({"https://acme.example/j": page}))
    assert found.postings["2"].url == "https://acme.example/j"
    assert all(posting.url.startswith("https://acme.example/") for posting in found.postings.values())
    feed = f"<rss><channel><item><title>A</title><link>{url}</link><guid>{url}</guid></item></channel></rss>"
    listed = scrape("rss", Source(url="https://acme.example/f"), World({"https://acme.example/f": feed}))
    assert all(posting.url.startswith("https://acme.example/") for posting in listed.postings.values())


ATOM = """<feed xmlns="http://www.w3.org/2005/Atom"><title>Jobs</title>
<entry><id>urn:1</id><title>Job</title><link rel="self" href="https://acme.example/self"/>
<link href="https://acme.example/jobs/1"/><published>2024-08-05T10:00:00+02:00</published>
<content type="html">&lt;p&gt;Hello&lt;/p&gt;</content></entry></feed>"""


def test_an_atom_feed_is_read_like_an_rss_feed() -> None:
    found = scrape("rss", Source(url="https://acme.example/feed"), World({"https://acme.example/feed": ATOM}))
    posting = found.postings["urn:1"]
    assert (posting.url, posting.date_posted) == ("https://acme.example/jobs/1", "2024-08-05T08:00:00Z")
    assert posting.description_text == "Hello"


def test_a_key_of_a_page_holds_no_scheme_and_no_tracking() -> None:
    board = find_board("jsonld")
    assert board is not None
    key: Callable[[str], str] = lambda url: board.key(Source(url=url))  # noqa: E731 - one line says it
    assert (
        key("https://Acme.example/Careers/?utm_source=x") == key("http://acme.example/Careers") == "jsonld:acme.example/Careers"
    )
    assert key("https://acme.example/careers?team=a") != key("https://acme.example/careers?team=b")


def test_odd_fields_are_read_as_nothing() -> None:
    assert Fields(None).text("a", "b") == ""

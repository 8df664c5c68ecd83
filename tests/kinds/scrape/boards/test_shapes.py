"""Shapes that real answers have beside those of the fixtures: a row each, with what a person reads in it. All invented."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import urlsplit

import pytest

from orchestrator.kinds.scrape.boards import find_board
from orchestrator.kinds.scrape.boards.base import Source, Unanswered
from orchestrator.kinds.scrape.pay import pay_in
from orchestrator.kinds.scrape.row import RawSalary


def pay_of(posting: Any) -> tuple[Any, ...]:
    return posting.salary_min, posting.salary_max, posting.salary_currency, posting.salary_unit


def places_of(posting: Any) -> list[str]:
    return [place.text for place in posting.locations]


def greenhouse(scrape: Any, **row: Any) -> Any:
    url = "https://boards-api.greenhouse.io/v1/boards/acme/jobs?content=true&pay_transparency=true"
    full = {"id": 1, "title": "Job", "absolute_url": "https://job-boards.greenhouse.io/acme/jobs/1", **row}
    return scrape("greenhouse", "acme", {url: {"jobs": [full]}}).postings["1"]


def band(low: int, high: int, currency: str = "USD", title: str = "") -> dict[str, Any]:
    return {"min_cents": low * 100, "max_cents": high * 100, "currency_type": currency, "title": title, "blurb": ""}


@pytest.mark.parametrize(
    ("bands", "meaning"),
    [
        ([], (None, None, None, None)),
        ([band(150_000, 200_000, title="Annual Salary:")], (150_000, 200_000, "USD", "YEAR")),
        ([band(72, 72, title="Hourly Pay Range")], (72, 72, "USD", "HOUR")),
        ([band(100, 200, title="2026 annual pay range")], (100, 200, "USD", "YEAR")),
        ([band(100, 200, title="Pay, with holidays")], (100, 200, "USD", None)),
        ([band(150, 200), band(120, 180), band(1, 999, "CAD")], (120, 200, "USD", None)),
        ([band(100, 120, title="Annual Salary"), band(50, 60, title="Hourly Rate")], (100, 120, "USD", "YEAR")),
        ([band(100, 120, title="Tier 1"), band(110, 140, title="Tier 2, annual")], (100, 140, "USD", "YEAR")),
        ([band(100, 120, title="A"), band(110, 140, title="B, annual"), band(7, 9, title="hourly")], (100, 120, "USD", None)),
        ([band(0, 0)], (None, None, None, None)),
        ([band(1, 999, "CAD"), band(150, 200), band(120, 180)], (120, 200, "USD", None)),
        ([band(0, 0, "CAD"), band(150, 200)], (150, 200, "USD", None)),
        ([band(150, 200, "CAD"), band(1, 2)], (150, 200, "CAD", None)),
    ],
)
def test_greenhouse_pay_spans_the_bands_of_one_currency(scrape: Any, bands: list[Any], meaning: tuple[Any, ...]) -> None:
    assert pay_of(greenhouse(scrape, pay_input_ranges=bands)) == meaning


@pytest.mark.parametrize(
    ("name", "offices", "location", "places", "workplace"),
    [
        ("Hybrid", [{"name": "NYC", "location": "New York"}], "New York", ["New York"], "hybrid"),
        ("In-Office", [{"name": "Oslo", "location": None}], "Oslo", ["Oslo"], "onsite"),
        ("Hybrid", [], "Hybrid", ["Hybrid"], "hybrid"),
        ("Distributed; Hybrid", [{"name": "AUS", "location": "Austin"}], "Austin", ["Austin"], "hybrid"),
        ("Hybrid or Remote", [{"name": "AUS", "location": "Austin"}], "Austin", ["Austin"], None),
        ("Distributed", [{"name": "AUS", "location": "Austin"}], "Austin", ["Austin"], None),
        ("Hybrid; Oslo", [{"name": "AUS", "location": "Austin"}], "Hybrid; Oslo", ["Hybrid", "Oslo"], "hybrid"),
        ("Remote", [], "Remote", ["Remote"], "remote"),
        ("Remote", [{"name": "US", "location": "United States"}], "Remote", ["United States"], "remote"),
        ("Lyon • Paris; Nice | Lille", [], "Lyon • Paris; Nice | Lille", ["Lyon", "Paris", "Nice", "Lille"], None),
        ("Non-Remote, Boise", [], "Non-Remote, Boise", ["Non-Remote, Boise"], None),
        ("Hybrid Remote, Boise", [], "Hybrid Remote, Boise", ["Hybrid Remote, Boise"], "hybrid"),
    ],
)
def test_greenhouse_places_are_those_of_the_offices_where_the_location_is_only_a_way_of_working(
    scrape: Any, name: str, offices: list[Any], location: str, places: list[str], workplace: str | None
) -> None:
    posting = greenhouse(scrape, location={"name": name}, offices=offices)
    assert (posting.location, places_of(posting), posting.workplace) == (location, places, workplace)


@pytest.mark.parametrize(
    ("location", "field", "value", "workplace", "employment"),
    [
        ("Oslo", "Workplace Type", "Hybrid", "hybrid", None),
        ("Oslo", "Work Model", "On-site", "onsite", None),
        ("Remote", "Workplace Type", "Hybrid", "remote", None),
        ("Oslo", "Location Type", "Warehouse", None, None),
        ("Oslo", "Employment Type", "Full-time", None, "FULL_TIME"),
        ("Oslo", "Cost Center", "Remote", None, None),
        ("Oslo", "Workplace Type", None, None, None),
        ("Oslo", "Workplace Type", ["Hybrid"], "hybrid", None),
        ("Oslo", "Workplace Type", ["Hybrid", "Remote"], None, None),
    ],
)
def test_greenhouse_companies_say_in_their_own_fields_how_one_works(
    scrape: Any, location: str, field: str, value: Any, workplace: str | None, employment: str | None
) -> None:
    metadata = [{"id": 1, "name": field, "value": value, "value_type": "single_select"}]
    posting = greenhouse(scrape, location={"name": location}, metadata=metadata)
    assert (posting.workplace, posting.employment_type) == (workplace, employment)


def test_greenhouse_companies_may_say_in_several_fields_how_much_one_works(scrape: Any) -> None:
    fields = {"Employment Type": "Regular", "Time Type": "Full time", "Job Type": None}
    metadata = [{"id": 1, "name": name, "value": value, "value_type": "single_select"} for name, value in fields.items()]
    assert greenhouse(scrape, metadata=metadata).employment_type == "FULL_TIME"


def ashby(scrape: Any, **row: Any) -> Any:
    url = "https://api.ashbyhq.com/posting-api/job-board/acme?includeCompensation=true"
    full = {"id": "1", "title": "Job", "jobUrl": "https://jobs.ashbyhq.com/acme/1", "location": "Oslo", **row}
    return scrape("ashby", "acme", {url: {"jobs": [full]}}).postings["1"]


def test_ashby_pay_stands_in_the_summary_where_the_tiers_are_empty(scrape: Any) -> None:
    summary = [
        {"compensationType": "EquityCashValue", "interval": "1 YEAR", "currencyCode": "USD", "minValue": 1, "maxValue": 2},
        {"compensationType": "Salary", "interval": "1 HOUR", "currencyCode": "USD", "minValue": 30, "maxValue": 35},
    ]
    tiers = [{"id": "x", "tierSummary": "$30", "components": []}]
    assert pay_of(ashby(scrape, compensation={"compensationTiers": tiers, "summaryComponents": summary})) == (
        30,
        35,
        "USD",
        "HOUR",
    )


def test_a_part_that_smartrecruiters_leaves_empty_is_no_part(scrape: Any) -> None:
    api = "https://api.smartrecruiters.com/v1/companies/Acme/postings"
    place = {"city": "São Paulo", "country": "br", "remote": False, "hybrid": True, "fullLocation": "São Paulo, , Brazil"}
    without = {"city": "San Jose", "region": "CA", "country": "us"}
    rows = [{"id": "1", "name": "A", "location": place}, {"id": "2", "name": "B", "location": without}]
    found = scrape("smartrecruiters", "Acme", {f"{api}?limit=100&offset=0": {"totalFound": 2, "content": rows}})
    assert [posting.location for posting in found.postings.values()] == ["São Paulo, Brazil", "San Jose, CA, US"]


@pytest.mark.parametrize("deeper", [True, False])
def test_pay_of_smartrecruiters_stands_in_its_compensation_or_one_object_deeper(scrape: Any, *, deeper: bool) -> None:
    api = "https://api.smartrecruiters.com/v1/companies/Acme/postings"
    pay = {"min": 34, "max": 47, "currency": "USD", "period": "HOURLY"}
    detail = {"id": "1", "compensation": {"salary": pay} if deeper else pay}
    answers = {f"{api}?limit=100&offset=0": {"totalFound": 1, "content": [{"id": "1", "name": "A"}]}, f"{api}/1": detail}
    assert pay_of(scrape("smartrecruiters", "Acme", answers).postings["1"]) == (34, 47, "USD", "HOUR")


@pytest.mark.parametrize(
    ("offices", "places", "workplace"),
    [
        (["Köln", "Hybrid"], ["Köln"], "hybrid"),
        (["Remote", "Köln"], ["Köln"], "remote"),
        (["Remote"], ["Remote"], "remote"),
        (["Remote", "Hybrid", "Köln"], ["Köln"], None),
        (["Köln", "Bonn"], ["Köln", "Bonn"], None),
        (["Home Office Center"], ["Home Office Center"], None),
    ],
)
def test_an_office_of_personio_may_be_a_way_of_working(
    scrape: Any, offices: list[str], places: list[str], workplace: str | None
) -> None:
    more = "".join(f"<office>{office}</office>" for office in offices[1:])
    where = f"<office>{offices[0]}</office><additionalOffices>{more}</additionalOffices>"
    feed = f"<workzag-jobs><position><id>5</id><name>Job</name>{where}</position></workzag-jobs>"
    posting = scrape("personio", "acme", {"https://acme.jobs.personio.de/xml?language=en": feed}).postings["5"]
    assert (places_of(posting), posting.workplace) == (places, workplace)


@pytest.mark.parametrize(
    ("kind", "schedule", "meaning"),
    [
        ("permanent", "full-or-part-time", "FULL_TIME,PART_TIME"),
        ("fixed-term", "full-time", "FULL_TIME"),
        ("thesis", "part-time", "PART_TIME"),
        ("intern", "part-time", "INTERN"),
        ("", "", None),
    ],
)
def test_a_kind_of_personio_tells_more_than_its_schedule_or_nothing(
    scrape: Any, kind: str, schedule: str, meaning: str | None
) -> None:
    hours = f"<employmentType>{kind}</employmentType><schedule>{schedule}</schedule>"
    feed = f"<workzag-jobs><position><id>5</id><name>Job</name>{hours}</position></workzag-jobs>"
    posting = scrape("personio", "acme", {"https://acme.jobs.personio.de/xml?language=en": feed}).postings["5"]
    assert posting.employment_type == meaning


TEAMTAILOR_RSS = """<rss version="2.0" xmlns:tt="https://teamtailor.com/locations"><channel><title>Acme</title>
<item><title>Analyst</title><description>&lt;p&gt;Count.&lt;/p&gt;</description>
<pubDate>Tue, 03 Sep 2024 19:07:00 +0200</pubDate><link>https://acme.teamtailor.com/jobs/8344301-analyst</link>
<remoteStatus>{remote}</remoteStatus><guid>a23bdfdf-e5b7-49d8-8923-000000000001</guid>
<tt:locations><tt:location><tt:name>HQ</tt:name><tt:city>Oslo</tt:city><tt:country>Norway</tt:country></tt:location>
<tt:location><tt:name>Bergen</tt:name><tt:city/><tt:country>Norway</tt:country></tt:location></tt:locations>
<tt:department>Digital</tt:department><tt:role/></item></channel></rss>"""


@pytest.mark.parametrize(
    ("said", "workplace"),
    [("none", "onsite"), ("onsite", "onsite"), ("hybrid", "hybrid"), ("fully", "remote"), ("temporary", "remote"), ("", None)],
)
def test_a_site_of_teamtailor_without_a_json_feed_is_read_from_its_rss_feed(
    scrape: Any, said: str, workplace: str | None
) -> None:
    found = scrape("teamtailor", "acme", {"https://acme.teamtailor.com/jobs.rss": TEAMTAILOR_RSS.format(remote=said)})
    posting = found.postings["8344301"]  # As in the JSON feed, so that nothing seems new when a site gets that one.
    assert (posting.title, posting.workplace, posting.department) == ("Analyst", workplace, "Digital")
    assert (posting.url, posting.date_posted) == ("https://acme.teamtailor.com/jobs/8344301-analyst", "2024-09-03T17:07:00Z")
    assert places_of(posting) == ["Oslo, Norway", "Bergen, Norway"]
    assert posting.locations[0].country == "NO"


def test_a_site_that_has_neither_feed_is_gone_and_one_that_fails_is_not_asked_twice(scrape: Any) -> None:
    with pytest.raises(Unanswered) as caught:
        scrape("teamtailor", "acme", {})
    assert caught.value.gone
    with pytest.raises(Unanswered) as caught:
        scrape("teamtailor", "acme", {"https://acme.teamtailor.com/jobs.json": 503})
    assert len(scrape.asked) == 1


@pytest.mark.parametrize(
    ("regions", "country", "words", "region"),
    [
        (["Sweden"], "SE", "Stockholm, Sweden", ""),
        (["Sweden", "Europe"], "SE", "Stockholm, Sweden", ""),
        (["Europe", "Sweden"], "SE", "Stockholm, SE", ""),
        (["DACH"], "DE", "Stockholm, DE", ""),
        (["England"], "GB", "Stockholm, England", "England"),
        (["Ontario"], "CA", "Stockholm, Ontario, CA", "Ontario"),
    ],
)
def test_a_region_of_teamtailor_may_be_the_country_or_a_part_of_the_world(
    scrape: Any, regions: list[str], country: str, words: str, region: str
) -> None:
    addresses = [{"addressLocality": "Stockholm", "addressRegion": one, "addressCountry": country} for one in regions]
    item = {
        "id": "1",
        "title": "Job",
        "url": "https://acme.teamtailor.com/jobs/1",
        "_jobposting": {"jobLocation": [{"address": address} for address in addresses]},
    }
    posting = scrape("teamtailor", "acme", {"https://acme.teamtailor.com/jobs.json": {"items": [item]}}).postings["1"]
    assert [tuple(place) for place in posting.locations] == [(words, "Stockholm", region, country)]


@pytest.mark.parametrize("flags", [[True, False], [False, True], [True, True]])
def test_an_opening_of_workable_is_remote_if_it_is_so_everywhere(scrape: Any, flags: list[bool]) -> None:
    rows = [{"shortcode": "A1", "title": "Job", "telecommuting": flag, "city": f"Town {flag}"} for flag in flags]
    url = "https://apply.workable.com/api/v1/widget/accounts/acme?details=true"
    posting = scrape("workable", "acme", {url: {"name": "Acme", "jobs": rows}}).postings["A1"]
    assert posting.workplace == ("remote" if all(flags) else None)


def test_bamboohr_names_the_place_in_the_details_where_the_list_has_none(scrape: Any) -> None:
    none = {"city": None, "state": None}
    rows = [
        {"id": "1", "jobOpeningName": "A", "location": none},
        {"id": "2", "jobOpeningName": "B", "location": {"city": "Bonn"}},
    ]
    opening = {"location": none, "atsLocation": {"country": "United States", "state": "Texas", "city": "Austin"}}
    page = "https://acme.bamboohr.com/careers"
    details: dict[str, Any] = {f"{page}/{number}/detail": {"result": {"jobOpening": opening}} for number in (1, 2)}
    first, second = scrape("bamboohr", "acme", {f"{page}/list": {"result": rows}, **details}).postings.values()
    assert (first.location, first.locations[0].country) == ("Austin, Texas, United States", "US")
    assert second.location == "Bonn"


@pytest.mark.parametrize(
    ("flag", "workplace"), [(True, "remote"), ("true", "remote"), (False, None), ("false", None), ([], None)]
)
def test_bamboohr_says_in_several_ways_that_one_works_anywhere(scrape: Any, flag: Any, workplace: str | None) -> None:
    row = {"id": "1", "jobOpeningName": "A", "location": {"city": "Bonn"}, "isRemote": flag}
    found = scrape("bamboohr", "acme", {"https://acme.bamboohr.com/careers/list": {"result": [row]}}, details="none")
    assert found.postings["1"].workplace == workplace


def breezy(scrape: Any, **row: Any) -> Any:
    full = {"id": "1", "name": "Job", "url": "https://acme.breezy.hr/p/1-job", **row}
    return scrape("breezy", "acme", {"https://acme.breezy.hr/json": [full]}, details="none").postings["1"]


@pytest.mark.parametrize(
    ("places", "workplace"),
    [
        ([{"is_remote": True, "remote_details": {"value": "hybrid", "label": "Hybrid (Some remote)"}}], "hybrid"),
        ([{"is_remote": True, "remote_details": {"value": "remote-location"}}], "remote"),
        ([{"is_remote": True, "remote_details": {"value": "remote"}}], "remote"),
        ([{"is_remote": True}], "remote"),
        ([{"is_remote": False}], None),
        ([{"is_remote": True}, {"is_remote": False}], None),
        ([{"is_remote": True}, {"is_remote": True}], "remote"),
    ],
)
def test_a_hybrid_posting_of_breezy_is_flagged_remote_too(scrape: Any, places: list[Any], workplace: str | None) -> None:
    named = [{"name": f"Town {number}", **place} for number, place in enumerate(places)]
    assert breezy(scrape, locations=named).workplace == workplace
    if len(named) == 1:
        assert breezy(scrape, location=named[0], locations=[]).workplace == workplace


@pytest.mark.parametrize(
    ("text", "country", "meaning"),
    [
        ("$1.40k - $1.80k", "US", (1400, 1800, "USD", None)),
        ("$115,000 \u2013 $145,000 / year", "CA", (115_000, 145_000, "CAD", "YEAR")),
        ("£35,000 \u2013 £40,000 / year", "GB", (35_000, 40_000, "GBP", "YEAR")),
        ("€15 / hour", "DE", (15, 15, "EUR", "HOUR")),
        ("$0.05 \u2013 $0.06 / hour", "US", (0.05, 0.06, "USD", "HOUR")),
        ("₱1,368 \u2013 ₱1,400 / year", "PH", (1368, 1400, "PHP", "YEAR")),
        ("MX$50k \u2013 MX$60k / year", "MX", (50_000, 60_000, "MXN", "YEAR")),
        ("$50k \u2013 $60k / year", "MX", (None, None, None, None)),
        ("Up to $60k", "US", (None, None, None, None)),
        ("$60k \u2013 $50k / year", "US", (None, None, None, None)),
        ("competitive", "US", (None, None, None, None)),
        ("", "US", (None, None, None, None)),
    ],
)
def test_the_text_that_breezy_makes_of_pay_is_read(scrape: Any, text: str, country: str, meaning: tuple[Any, ...]) -> None:
    place = {"name": "Town", "country": {"id": country, "name": ""}}
    assert pay_of(breezy(scrape, salary=text, location=place)) == meaning


@pytest.mark.parametrize("text", ["", "$50,000 \u2013 $60,000 / year"])  # Whose dollars, without a country?
def test_breezy_pay_stands_in_the_page_where_the_list_has_none(scrape: Any, text: str) -> None:
    posting = (
        '{"@type": "JobPosting", "title": "Job", "baseSalary": {"currency": "EUR", "value": {"minValue": 5, "maxValue": 6}}}'
    )
    page = f'<script type="application/ld+json">{posting}</script>'
    row = {"id": "1", "name": "Job", "url": "https://acme.breezy.hr/p/1-job", "salary": text}
    world = {"https://acme.breezy.hr/json": [row], row["url"]: page}
    assert pay_of(scrape("breezy", "acme", world).postings["1"]) == (5, 6, "EUR", None)


@pytest.mark.parametrize(
    ("text", "pay"),
    [
        ("USD 50,000 - 60,000 per month", RawSalary(50_000, 60_000, "USD", "month")),
        ("50,000 to 60,000 EUR", RawSalary(50_000, 60_000, "EUR", "")),
        ("CA$50k \u2013 CA$60k / year", RawSalary(50_000, 60_000, "CAD", "year")),
        ("$50-60k", RawSalary(50_000, 60_000, "", "")),
        ("$50k+ / year", None),
        ("1,00,000", None),
        ("from 5 to", None),
        ("1" + " " * 500 + "EUR", None),
    ],
)
def test_pay_in_a_text_is_read_as_a_whole_or_not_at_all(text: str, pay: RawSalary | None) -> None:
    assert pay_in(text) == pay


def rss(scrape: Any, inside: str) -> Any:
    feed = f"<rss><channel><item><title>Job</title><guid>1</guid>{inside}</item></channel></rss>"
    return scrape("rss", Source(url="https://acme.example/f"), {"https://acme.example/f": feed}).postings["1"]


def test_a_feed_of_a_public_body_has_pay_a_deadline_and_duties(scrape: Any) -> None:
    pay = (
        "<j:minimumSalary>135000</j:minimumSalary><j:maximumSalary>175000</j:maximumSalary>"
        "<j:salaryCurrency>USD</j:salaryCurrency><j:salaryInterval>Year</j:salaryInterval>"
    )
    end = "<j:advertiseToDateTimeUTC>Sun, 22 Sep 2024 04:59:00:0</j:advertiseToDateTimeUTC>"
    duties = (
        "<description>&lt;p&gt;Lead.&lt;/p&gt;</description><j:examplesofduties>&lt;p&gt;Own.&lt;/p&gt;</j:examplesofduties>"
    )
    posting = rss(scrape, pay + end + duties + "<j:location>Atlanta, Georgia</j:location>")
    assert pay_of(posting) == (135_000, 175_000, "USD", "YEAR")
    assert (posting.valid_through, posting.description_text) == ("2024-09-22T04:59:00Z", "Lead.\nOwn.")
    assert places_of(posting) == ["Atlanta, Georgia"]


def test_a_feed_may_have_the_parts_of_a_place(scrape: Any) -> None:
    posting = rss(scrape, "<city>Ghent</city><state>East Flanders</state><country>BE</country>")
    assert (posting.location, posting.locations[0].country) == ("Ghent, East Flanders, BE", "BE")


@pytest.mark.parametrize(
    ("fields", "places", "workplace"),
    [
        ('"jobLocationType": "TELECOMMUTE", "applicantLocationRequirements": {"@type": "Country", "name": "USA"}',
         ["USA"], "remote"),
        ('"jobLocationType": ["TELECOMMUTE"], "applicantLocationRequirements": [{"name": "Bavaria"}, "Tyrol"]',
         ["Bavaria", "Tyrol"], "remote"),
        ('"jobLocationType": "Hybrid", "jobLocation": {"address": "Oslo, Norway"}', ["Oslo, Norway"], "hybrid"),
        ('"jobLocation": {"address": [{"addressLocality": "Oslo", "addressCountry": ["NO"]}]}', ["Oslo, NO"], None),
        ('"jobLocation": [{"name": "HQ"}, {"address": {"addressRegion": {"name": "Viken"}}}]', ["HQ", "Viken"], None),
        ('"jobLocation": "Oslo"', ["Oslo"], None),
        ('"jobLocation": null', [], None),
    ],
)  # fmt: skip
def test_places_of_a_job_posting(scrape: Any, fields: str, places: list[str], workplace: str | None) -> None:
    page = f'<script type="application/ld+json">{{"@type": "JobPosting", "name": "Job", "identifier": "1", {fields}}}</script>'
    posting = scrape("jsonld", Source(url="https://acme.example/j"), {"https://acme.example/j": page}).postings["1"]
    assert (posting.title, places_of(posting), posting.workplace) == ("Job", places, workplace)


@pytest.mark.parametrize(
    ("fields", "meaning"),
    [
        ('"baseSalary": 50000, "salaryCurrency": "EUR"', (50_000, 50_000, "EUR", None)),
        ('"baseSalary": {"currency": "EUR", "value": 20, "unitText": "HOUR"}', (20, 20, "EUR", "HOUR")),
        ('"baseSalary": {"currency": "EUR", "value": "40,000 - 50,000", "unitText": "YEAR"}', (40_000, 50_000, "EUR", "YEAR")),
        ('"baseSalary": "£40,000 - £50,000 per year"', (40_000, 50_000, "GBP", "YEAR")),
        ('"baseSalary": [{"currency": "EUR", "value": {"minValue": 3}}]', (3, None, "EUR", None)),
    ],
)
def test_pay_of_a_job_posting_comes_as_number_text_and_object(scrape: Any, fields: str, meaning: tuple[Any, ...]) -> None:
    page = f'<script type="application/ld+json">{{"@type": "JobPosting", "title": "J", "identifier": "1", {fields}}}</script>'
    posting = scrape("jsonld", Source(url="https://acme.example/j"), {"https://acme.example/j": page}).postings["1"]
    assert pay_of(posting) == meaning


def test_a_thousand_postings_of_pinpoint_may_be_cut_off(scrape: Any) -> None:
    def reasons(count: int) -> list[str]:
        rows = [{"id": f"{number}", "title": "T", "url": "https://acme.pinpointhq.com/x"} for number in range(count)]
        found = scrape("pinpoint", "acme", {"https://acme.pinpointhq.com/postings.json": {"data": rows}})
        assert len(found) == count
        return list(found.reasons)

    assert [len(reasons(count)) for count in (999, 1000, 1001)] == [0, 1, 0]


@pytest.mark.parametrize("label", ["app", "docs", "marketing-assets", "support"])
def test_hosts_of_pinpoints_own_are_no_companies(label: str) -> None:
    board = find_board("pinpoint")
    assert board is not None
    assert board.detect(urlsplit(f"https://{label}.pinpointhq.com/x")) is None


def test_a_part_without_a_heading_has_none(scrape: Any) -> None:
    row = {"id": "1", "title": "T", "description": "<p>A</p>", "benefits": "<p>B</p>", "benefits_header": ""}
    found = scrape("pinpoint", "acme", {"https://acme.pinpointhq.com/postings.json": {"data": [row]}})
    assert found.postings["1"].description_html == "<p>A</p>\n<p>B</p>"


def test_places_that_differ_say_nothing_of_the_way_of_working_whatever_their_order(scrape: Any) -> None:
    for order in (["Remote (Spain)", "New York"], ["New York", "Remote (Spain)"]):
        where = [{"address": {"addressLocality": place}} for place in order]
        row = {"@type": "JobPosting", "title": "T", "identifier": "1", "jobLocation": where}
        page = f'<script type="application/ld+json">{json.dumps(row)}</script>'
        found = scrape("jsonld", Source(url="https://acme.example/j"), {"https://acme.example/j": page})
        assert found.postings["1"].workplace is None


def test_what_pinpoint_says_of_the_way_of_working_may_stand_in_words_only(scrape: Any) -> None:
    row = {"id": "1", "title": "T", "location": {"name": "Oslo"}, "workplace_type_text": "Fully remote"}
    found = scrape("pinpoint", "acme", {"https://acme.pinpointhq.com/postings.json": {"data": [row]}})
    assert found.postings["1"].workplace == "remote"


def test_bamboohr_may_tell_the_day_in_the_list(scrape: Any) -> None:
    row = {"id": 7, "jobOpeningName": "T", "datePosted": "2024-06-15"}
    found = scrape("bamboohr", "acme", {"https://acme.bamboohr.com/careers/list": {"result": [row]}})
    assert found.postings["7"].date_posted == "2024-06-15"


def test_older_widgets_of_workable_have_the_place_as_an_object(scrape: Any) -> None:
    where = {"city": "Ghent", "region": None, "country": "Belgium", "telecommuting": True}
    url = "https://apply.workable.com/api/v1/widget/accounts/acme?details=true"
    posting = scrape("workable", "acme", {url: {"jobs": [{"shortcode": "A1", "title": "T", "location": where}]}}).postings["A1"]
    assert (places_of(posting), posting.locations[0].country, posting.workplace) == (["Ghent, Belgium"], "BE", "remote")


def test_breezy_may_write_its_id_with_a_line_in_front(scrape: Any) -> None:
    row = {"_id": "f1", "name": "T", "location": {"name": "Ghent"}, "url": "https://acme.breezy.hr/p/f1-t"}
    assert list(scrape("breezy", "acme", {"https://acme.breezy.hr/json": [row]}).postings) == ["f1"]


def test_the_location_of_lever_may_be_a_list(scrape: Any) -> None:
    url = "https://api.lever.co/v0/postings/acme?mode=json&skip=0&limit=100"
    row = {"id": "1", "text": "T", "hostedUrl": "https://jobs.lever.co/acme/1", "categories": {"location": ["Ghent", "Oslo"]}}
    assert places_of(scrape("lever", "acme", {url: [row]}).postings["1"]) == ["Ghent", "Oslo"]

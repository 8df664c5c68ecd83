"""Workday: the numbers of requisitions among the bullets, places that only the details know, words of the tenants."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

import pytest

from orchestrator.kinds.scrape.boards.base import Request, Response, Source
from orchestrator.kinds.scrape.boards.workday import BOARD
from orchestrator.kinds.scrape.listing import drive

API = "https://acme.wd1.myworkdayjobs.com/wday/cxs/acme/Ext"
PATH = "/job/x/T_R10001"


def listed(**row: Any) -> dict[str, Any]:
    """A world that lists one requisition."""
    full = {"title": "T", "externalPath": PATH, "bulletFields": ["R10001"], **row}
    return {f"{API}/jobs": {"total": 1, "jobPostings": [full]}}


def only(scrape: Any, world: dict[str, Any], **options: Any) -> Any:
    (posting,) = scrape("workday", "acme/wd1/Ext", world, **options).postings.values()
    return posting


def texts(posting: Any) -> list[str]:
    return [place.text for place in posting.locations]


@pytest.mark.parametrize(
    ("bullets", "path", "identifier"),
    [
        (["Boise 83702", "R-77"], "/job/Boise/Clerk_R-77", "R-77"),
        (["REQ_099113"], "/job/x/Clerk_REQ_099113", "REQ_099113"),
        (["R-2024-12"], "/job/x/Clerk_R-2024-12", "R-2024-12"),
        (["R-2024-13"], "/job/x/Clerk_R-2024-13-1", "R-2024-13"),
        (["R0247541"], "/job/Arlington-VA/Clerk_R0247541-1", "R0247541"),
    ],
)
def test_the_number_of_a_workday_requisition_is_the_bullet_that_its_path_ends_with(
    scrape: Any, bullets: list[str], path: str, identifier: str
) -> None:
    body = {"total": 1, "jobPostings": [{"title": "T", "bulletFields": bullets, "externalPath": path}]}
    world = {"https://acme.wd1.myworkdayjobs.com/wday/cxs/acme/Ext/jobs": body}
    assert list(scrape("workday", "acme/wd1/Ext", world, details="none").postings) == [identifier]


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
def test_a_requisition_of_workday_is_one_on_all_its_sites(scrape: Any, row: dict[str, Any], identifier: str) -> None:
    body = {"total": 1, "jobPostings": [{"title": "T", "locationsText": "3 Locations", **row}]}
    world = {"https://acme.wd1.myworkdayjobs.com/wday/cxs/acme/Ext/jobs": body}
    found = scrape("workday", "acme/wd1/Ext", world, details="none")
    assert list(found.postings) == [identifier]
    assert found.postings[identifier].locations == ()


@pytest.mark.parametrize(
    ("mode", "meaning"),
    [("Remote", "remote"), ("Fully Remote", "remote"), ("Hybrid Remote", "hybrid"), ("Flexible", "hybrid"),
     ("Onsite", "onsite"), ("Non-Remote", "onsite"), ("Not Remote", "onsite"), ("On-Site", "onsite"), ("In Office", "onsite"),
     ("Teleworker", "remote"), ("Home Based", "remote"), ("Work at Home", "remote"), ("Field", None), ("Mobile", None)],
)  # fmt: skip
def test_workday_tenants_have_their_own_words_for_the_way_of_working(scrape: Any, mode: str, meaning: str | None) -> None:
    path = "/job/x/T_R10001"
    api = "https://acme.wd1.myworkdayjobs.com/wday/cxs/acme/Ext"
    body = {"total": 1, "jobPostings": [{"title": "T", "externalPath": path, "bulletFields": ["R10001"]}]}
    world = {f"{api}/jobs": body, api + path: {"jobPostingInfo": {"remoteType": mode}}}
    assert scrape("workday", "acme/wd1/Ext", world).postings["R10001"].workplace == meaning


def test_workday_places_do_not_contradict_the_way_of_working_that_the_details_told(scrape: Any) -> None:
    path = "/job/x/T_R10001"
    api = "https://acme.wd1.myworkdayjobs.com/wday/cxs/acme/Ext"
    row = {"title": "T", "externalPath": path, "bulletFields": ["R10001"], "locationsText": "Remote - Ohio"}
    world = {f"{api}/jobs": {"total": 1, "jobPostings": [row]}, api + path: {"jobPostingInfo": {"remoteType": "Hybrid"}}}

    def workplace(**options: Any) -> str | None:
        (posting,) = scrape("workday", "acme/wd1/Ext", world, **options).postings.values()
        return str(posting.workplace) if posting.workplace else None

    assert workplace() == "hybrid"
    assert workplace(details="new-only", known={"R10001"}) is None  # Empty: what is stored stays.
    assert workplace(details="none") == "remote"
    world[api + path] = {"jobPostingInfo": {}}
    assert workplace() == "remote"


def test_workday_takes_the_place_from_the_details_where_the_list_names_none(scrape: Any) -> None:
    path = "/job/x/T_R10001"
    api = "https://acme.wd1.myworkdayjobs.com/wday/cxs/acme/Ext"
    body = {"total": 1, "jobPostings": [{"title": "T", "externalPath": path, "bulletFields": ["R10001"]}]}
    info = {"location": "Ghent", "additionalLocations": ["Bruges"]}
    found = scrape("workday", "acme/wd1/Ext", {f"{api}/jobs": body, api + path: {"jobPostingInfo": info}})
    assert [place.text for place in found.postings["R10001"].locations] == ["Ghent", "Bruges"]


def test_three_locations_are_no_place_and_those_of_the_details_are_all_of_them(scrape: Any) -> None:
    world = listed(locationsText="3 Locations")
    told = {API + PATH: {"jobPostingInfo": {"location": "Ghent", "additionalLocations": ["Bruges", "Remote - Belgium"]}}}
    posting = only(scrape, world | told)
    assert (posting.location, texts(posting)) == ("Ghent", ["Ghent", "Bruges", "Remote - Belgium"])
    unknown = only(scrape, world, details="none")
    assert (unknown.location, texts(unknown)) == (None, [])


def test_a_postal_code_in_front_of_a_place_is_no_number_of_places(scrape: Any) -> None:
    assert texts(only(scrape, listed(locationsText="10115 Berlin"), details="none")) == ["10115 Berlin"]
    assert texts(only(scrape, listed(locationsText="2 Standorte"), details="none")) == []


def test_the_details_add_places_to_the_one_that_the_list_names(scrape: Any) -> None:
    told = {API + PATH: {"jobPostingInfo": {"location": "New York, NY", "additionalLocations": ["Brooklyn, NY"]}}}
    world = listed(locationsText="New York, NY") | told
    assert texts(only(scrape, world)) == ["New York, NY", "Brooklyn, NY"]
    stored = only(scrape, world, details="new-only", known={"R10001"})
    assert (stored.location, texts(stored)) == ("New York, NY", [])  # Empty: what is stored stays.


def test_a_place_in_words_says_how_one_works_where_no_details_ever_came(scrape: Any) -> None:
    assert only(scrape, listed(locationsText="Remote - USA")).workplace == "remote"


@pytest.mark.parametrize(
    ("bullets", "path", "identifier"),
    [
        (["Full time", "$18.00 - $22.00 per hour"], "Clerk/R12345", "R12345"),
        (["$15.00 per hour"], "/job/Reno/Clerk_R-9", "R-9"),
        (["2026-08-05", "Reno"], "/job/Reno/Clerk_R-10", "R-10"),
        (["JR7"], "/job/Reno/Clerk_0815", "JR7"),
        (["Reno", "Level-3"], "/job/Reno/Clerk_0815", "0815"),
        ([], "/wday/cxs/acme/Ext/job-abc", "job-abc"),
    ],
)
def test_pay_hours_and_dates_are_no_number_of_a_requisition(
    scrape: Any, bullets: list[str], path: str, identifier: str
) -> None:
    assert only(scrape, listed(bulletFields=bullets, externalPath=path), details="none").identifier == identifier


def test_a_path_needs_no_slash_in_front(scrape: Any) -> None:
    world = listed(externalPath="job/Reno/T_R10001") | {f"{API}/job/Reno/T_R10001": {"jobPostingInfo": {"location": "Reno"}}}
    posting = only(scrape, world)
    assert posting.url == "https://acme.wd1.myworkdayjobs.com/Ext/job/Reno/T_R10001"
    assert texts(posting) == ["Reno"]


def test_a_row_that_shows_nothing_is_counted_and_no_bad_row(scrape: Any) -> None:
    rows = [{"title": "T", "externalPath": PATH, "bulletFields": ["R10001"]}, {"bulletFields": ["R10002-1"]}]
    found = scrape("workday", "acme/wd1/Ext", {f"{API}/jobs": {"total": 2, "jobPostings": rows}}, details="none")
    assert (list(found.postings), found.unshown_rows, found.bad_rows, found.reasons) == (["R10001"], {"R10002"}, 0, [])
    nothing = scrape("workday", "acme/wd1/Ext", {f"{API}/jobs": {"total": 1, "jobPostings": [{}]}}, details="none")
    assert (nothing.unshown_rows, nothing.bad_rows) == (set(), 1)


def test_the_country_of_the_details_is_that_of_the_first_place(scrape: Any) -> None:
    def countries(**told: Any) -> list[str]:
        info = {"location": "Stamford Hub", "additionalLocations": ["Bruges"], **told}
        return [place.country for place in only(scrape, listed() | {API + PATH: {"jobPostingInfo": info}}).locations]

    requisition = {"country": {"descriptor": "India", "alpha2Code": "IN"}}
    assert countries(country={"descriptor": "United States of America"}, jobRequisitionLocation=requisition) == ["US", ""]
    assert countries(country="Belgium") == ["BE", ""]
    assert countries(jobRequisitionLocation=requisition) == ["IN", ""]
    assert countries() == ["", ""]


def test_a_tenant_with_an_underscore_has_a_hyphen_in_its_host(scrape: Any) -> None:
    api = "https://osv-acme.wd1.myworkdayjobs.com/wday/cxs/osv_acme/Ext"
    rows = [{"title": "T", "externalPath": PATH, "bulletFields": ["R10001"]}]
    world = {f"{api}/jobs": {"total": 1, "jobPostings": rows}, api + PATH: {"jobPostingInfo": {"location": "Reno"}}}
    (posting,) = scrape("workday", "osv_acme/wd1/Ext", world).postings.values()
    assert posting.url == f"https://osv-acme.wd1.myworkdayjobs.com/Ext{PATH}"
    assert texts(posting) == ["Reno"]


def test_details_without_a_posting_tell_nothing(scrape: Any) -> None:
    world = listed(locationsText="Remote - USA") | {API + PATH: {"similarJobs": []}}
    assert only(scrape, world).workplace == "remote"
    stored = only(scrape, world, details="all", known={"R10001"})
    assert (stored.workplace, texts(stored)) == (None, [])  # Empty: what is stored stays.


def test_every_request_names_a_language() -> None:
    asked = []

    def answer(request: Request) -> Response:
        asked.append(request)
        return Response(request.url, 200, listed().get(request.url, {"jobPostingInfo": {}}))

    drive(BOARD, Source("acme/wd1/Ext"), answer)
    assert [request.headers["accept-language"] for request in asked] == ["en-US,en;q=0.9"] * 2


@pytest.mark.parametrize(
    ("url", "token"),
    [
        ("https://wd1.myworkdaysite.com/recruiting/wf/WellsJobs", "wf/wd1/WellsJobs"),
        ("https://wd3.myworkdaysite.com/en-US/recruiting/wfp/job_openings/job/Rome/T_1", "wfp/wd3/job_openings"),
        ("https://wd1.myworkdaysite.com/wday/cxs/acme/snap/jobs", "acme/wd1/snap"),
        ("https://wd1.myworkdaysite.com/recruiting/wf", None),
        ("https://wd1.myworkdaysite.com/wday/cxs", None),
        ("https://wd1.myworkdaysite.com/", None),
        ("https://osv-acme.wd1.myworkdayjobs.com/Careers", "osv_acme/wd1/Careers"),
        ("https://osv-acme.wd1.myworkdayjobs.com/wday/cxs/osv_acme/Careers/jobs", "osv_acme/wd1/Careers"),
        ("https://acme.wd1.myworkdayjobs.com/recruiting/job/x/T_1", "acme/wd1/recruiting"),
        ("https://acme.wd1.myworkdayjobs.com/ec/job/x/T_R1", "acme/wd1/ec"),
        ("https://acme.wd1.myworkdayjobs.com/ec", "acme/wd1/ec"),
        ("https://acme.wd1.myworkdayjobs.com/fr/jobs", "acme/wd1/jobs"),
        ("https://acme.wd1.myworkdayjobs.com/us-jobs/job/x/T_R1", "acme/wd1/us-jobs"),
        ("https://acme.wd1.myworkdayjobs.com/en-us", None),
        ("https://acme.wd1.myworkdayjobs.com/es-419/Ext", "acme/wd1/Ext"),
        ("https://acme.wd1.myworkdayjobs.com/zh-Hans-CN/Ext", "acme/wd1/Ext"),
        ("https://acme.wd2.myworkdayjobs-impl.com/Ext", None),
    ],
)
def test_a_site_is_found_in_every_kind_of_address(url: str, token: str | None) -> None:
    assert BOARD.detect(urlsplit(url)) == token


def test_flex_is_hybrid_and_work_at_home_as_a_place_is_remote(scrape: Any) -> None:
    assert only(scrape, listed(remoteType="Flex"), details="none").workplace == "hybrid"
    for place in ("Work At Home-Texas", "Telecommute - TX", "FL - Work from home"):
        assert only(scrape, listed(locationsText=place), details="none").workplace == "remote"

"""Rippling: the second version of its API behind the first, and the shapes of places and pay."""

from __future__ import annotations

from typing import Any

import pytest

from orchestrator.kinds.scrape.boards.base import Unanswered

FIRST = "https://api.rippling.com/platform/api/ats/v1/board/acme/jobs"
SECOND = "https://api.rippling.com/platform/api/ats/v2/board/acme/jobs"


def page(number: int) -> str:
    return f"{SECOND}?groupJobsByLocation=true&page={number}&pageSize=1000"


def at(name: str, how: str, **more: str) -> dict[str, str]:
    return {"name": name, "country": "United States", "countryCode": "US", "workplaceType": how, **more}


def row(number: int, *locations: dict[str, str]) -> dict[str, Any]:
    address = f"https://ats.rippling.com/acme/jobs/{number}"
    return {"id": f"{number}", "name": f"Job {number}", "url": address, "department": {"name": "Sales"},
            "locations": list(locations or [at("Reno, NV", "ON_SITE")]), "language": "en-US"}  # fmt: skip


def answer(rows: list[Any], number: int = 0, total: int | None = None) -> dict[str, Any]:
    count = len(rows) if total is None else total
    return {"items": rows, "page": number, "pageSize": 1000, "totalItems": count, "totalPages": 1 + count // 1000}


def test_the_second_version_is_read_where_the_first_knows_no_board(scrape: Any) -> None:
    rows = [
        row(1, at("Reno, NV", "ON_SITE", city="Reno", state="Nevada"), at("Boise, ID", "ON_SITE")),
        row(2, at("Remote (United States)", "REMOTE")),
        row(3, at("Reno, NV", "HYBRID"), at("Remote (United States)", "REMOTE")),
    ]
    detail = {
        "uuid": "1",
        "createdOn": "2024-03-31T17:37:26.093000-07:00",
        "description": {"company": "<p>Acme.</p>", "role": "<p>Sell.</p>"},
        "employmentType": {"label": "SALARIED_FT", "id": "Salaried, full-time"},
        "payRangeDetails": [{"currency": "USD", "frequency": "YEAR", "rangeStart": 90000, "rangeEnd": 110000}],
    }
    found = scrape("rippling", "acme", {page(0): answer(rows), f"{SECOND}/1": detail})
    one, two, three = found.postings.values()
    assert [place.text for place in one.locations] == ["Reno, NV", "Boise, ID"]
    assert one.locations[0][1:] == ("Reno", "Nevada", "US")
    assert [posting.workplace for posting in (one, two, three)] == ["onsite", "remote", None]
    assert (one.title, one.department, one.url) == ("Job 1", "Sales", "https://ats.rippling.com/acme/jobs/1")
    assert (one.date_posted, one.employment_type) == ("2024-04-01T00:37:26Z", "FULL_TIME")
    assert (one.salary_min, one.salary_max, one.salary_currency, one.salary_unit) == (90000, 110000, "USD", "YEAR")
    assert one.description_text == "Acme.\nSell."
    assert not found.reasons


def test_pages_of_the_second_version_are_read_to_the_total_however_many_rows_they_hold(scrape: Any) -> None:
    rows = [row(number) for number in range(60)]
    world = {page(number): answer(rows[number * 25 : number * 25 + 25], number, 60) for number in range(3)}
    found = scrape("rippling", "acme", world, details="none")
    assert len(found) == 60
    assert not found.reasons
    del world[page(2)]
    assert scrape("rippling", "acme", world, details="none").reasons == ["page 3: status 404", "50 of 60 postings were listed"]


def test_a_board_that_neither_version_knows_is_gone(scrape: Any) -> None:
    with pytest.raises(Unanswered) as caught:
        scrape("rippling", "acme", {})
    assert caught.value.gone
    assert scrape.asked == [FIRST, page(0)]


def test_the_second_version_is_not_asked_when_the_first_only_fails(scrape: Any) -> None:
    with pytest.raises(Unanswered):
        scrape("rippling", "acme", {FIRST: 503, page(0): answer([row(1)])})
    assert scrape.asked == [FIRST]


def test_rippling_details_have_places_of_two_shapes(scrape: Any) -> None:
    api = "https://api.rippling.com/platform/api/ats/v1/board/acme/jobs"
    rows = [{"uuid": "a", "name": "A"}, {"uuid": "b", "name": "B"}]
    words = {"workLocations": ["Remote (United States)"], "employmentType": {"label": None, "id": "Full-Time"}}
    parts = {"workLocations": [{"name": "Reno, NV", "countryCode": "US"}], "employmentType": "INTERN"}
    first, second = scrape("rippling", "acme", {api: rows, f"{api}/a": words, f"{api}/b": parts}).postings.values()
    assert [place.text for place in first.locations] == ["Remote (United States)"]
    assert (first.workplace, first.employment_type) == ("remote", "FULL_TIME")
    assert [place.text for place in second.locations] == ["Reno, NV"]
    assert (second.workplace, second.employment_type) == (None, "INTERN")


def detailed(scrape: Any, **detail: Any) -> Any:
    (posting,) = scrape("rippling", "acme", {FIRST: [{"uuid": "a", "name": "A"}], f"{FIRST}/a": detail}).postings.values()
    return posting


def test_places_of_different_ways_of_working_say_nothing_whatever_their_order(scrape: Any) -> None:
    both = [at("Remote (Connecticut, US)", "REMOTE"), at("New York, NY", "ON_SITE")]
    found = scrape("rippling", "acme", {page(0): answer([row(1, *both), row(2, *reversed(both))])}, details="none")
    assert [posting.workplace for posting in found.postings.values()] == [None, None]
    assert [posting.language for posting in found.postings.values()] == ["en-US", "en-US"]
    for names in (["Remote (Ohio, US)", "New York, NY"], ["New York, NY", "Remote (Ohio, US)"]):
        assert detailed(scrape, workLocations=names).workplace is None


@pytest.mark.parametrize(
    ("label", "own", "kind"),
    [
        ("CONTRACTOR", "1099", "CONTRACTOR"),
        ("CONTRACTOR", "Contractor, full-time", "CONTRACTOR"),
        ("TEMP", "Regular", "TEMPORARY"),
        ("HOURLY_PT", "Student", "PART_TIME"),
        ("OTHER_CODE", "Internship", "INTERN"),
    ],
)
def test_the_code_of_a_kind_of_employment_counts_before_the_tenants_own_words(
    scrape: Any, label: str, own: str, kind: str
) -> None:
    assert detailed(scrape, employmentType={"label": label, "id": own}).employment_type == kind


@pytest.mark.parametrize(
    ("description", "text"),
    [
        ({"requirements": "<p>Lift.</p>", "role": "<p>Sell.</p>", "company": "<p>Acme.</p>", "id": 7}, "Acme.\nSell.\nLift."),
        ("<p>Sell.</p>", "Sell."),
        (None, None),
    ],
)
def test_all_parts_of_a_description_are_told(scrape: Any, description: Any, text: str | None) -> None:
    assert detailed(scrape, description=description).description_text == text

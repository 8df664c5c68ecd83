"""What every board keeps, whoever wrote it: the suite runs over the registry, so a board without a fixture fails."""

from __future__ import annotations

import re
from datetime import date, datetime
from typing import Any
from urllib.parse import urlsplit

import pytest

from orchestrator.kinds.scrape.boards import detect, names
from orchestrator.kinds.scrape.boards.base import BadAnswer, Unanswered, belongs
from orchestrator.kinds.scrape.posting import Posting
from orchestrator.kinds.scrape.row import Place

PLAIN = ("title", "url", "apply_url", "workplace", "department", "date_posted", "valid_through", "language")


def expected_places(posting: dict[str, Any]) -> list[dict[str, str]]:
    return [{"raw": place} if isinstance(place, str) else place for place in posting["locations"]]


def seen_place(place: Place, wanted: dict[str, str]) -> dict[str, str]:
    parts = {"raw": place.text, "locality": place.locality, "region": place.region, "country": place.country}
    return {name: parts[name] for name in parts if parts[name] and (name in wanted or name != "raw")}


def check(found: Posting, wanted: dict[str, Any], left_out: frozenset[str] = frozenset()) -> None:
    for name in PLAIN:
        if name in wanted and name not in left_out:
            assert getattr(found, name) == wanted[name], name
    if "locations" not in left_out:
        places = expected_places(wanted)
        assert len(found.locations) == len(places)
        assert [seen_place(*pair) for pair in zip(found.locations, places, strict=True)] == places
    if "employment_type" not in left_out:
        assert found.employment_type == (",".join(wanted.get("employment_type", [])) or None)
    if "salary" not in left_out:
        salary = wanted["salary"] or {}
        assert (found.salary_currency, found.salary_min, found.salary_max, found.salary_unit) == tuple(
            salary.get(name) for name in ("currency", "min", "max", "unit")
        )
    if "text" not in left_out:
        for text in wanted.get("text", []):
            assert text in (found.description_text or "")
    for text in wanted.get("no_text", []):
        assert text not in f"{found.description_text} {found.description_html}"


def test_the_fixture_means_what_a_person_reads_in_it(case: Any) -> None:
    found = case.drive()
    assert list(found.postings) == [wanted["identifier"] for wanted in case.data["postings"]]
    for wanted in case.data["postings"]:
        check(found.postings[wanted["identifier"]], wanted)


def test_every_request_of_the_fixture_is_made_once(case: Any) -> None:
    case.drive()
    assert case.asked == [known["request"] for known in case.answers]


def test_a_list_without_details_holds_the_same_postings(case: Any) -> None:
    found = case.drive(details="none")
    assert list(found.postings) == [wanted["identifier"] for wanted in case.data["postings"]]
    for wanted in case.data["postings"]:
        check(found.postings[wanted["identifier"]], wanted, frozenset(wanted.get("detail", [])))


def test_details_of_known_postings_are_not_asked_for_again(case: Any) -> None:
    everything = {wanted["identifier"] for wanted in case.data["postings"]}
    case.drive(details="none")
    without = list(case.asked)
    case.asked.clear()
    case.drive(details="new-only", known=everything)
    assert case.asked == without


def test_a_bad_row_is_counted_and_the_fetch_is_not_all_there_is(case: Any) -> None:
    found = case.drive()
    assert found.bad_rows == case.data["bad_rows"] > 0
    assert found.reasons


def test_no_row_is_lost(case: Any) -> None:
    found = case.drive()
    left_out = case.data.get("unlisted", 0) + case.data.get("repeated", 0)
    assert len(found.postings) + found.bad_rows + left_out == case.data["rows"]


def test_an_answer_of_another_shape_is_a_failed_fetch_and_no_empty_board(case: Any) -> None:
    assert case.data["wrong"]
    for body in case.data["wrong"]:
        with pytest.raises((BadAnswer, Unanswered)):
            case.with_first(body).drive()


def test_an_empty_board_is_empty(case: Any) -> None:
    if "empty" not in case.data:  # A page without data can't be told from one that lost it, so no page says "empty".
        assert case.board.fragile
        assert case.board.needs_url
        return
    found = case.with_first(case.data["empty"]).drive()
    assert (len(found.postings), found.bad_rows, found.reasons) == (0, 0, [])


def test_no_answer_to_the_first_request_is_a_failed_fetch(case: Any) -> None:
    case.data["answers"] = []
    with pytest.raises(Unanswered):
        case.drive()


def test_what_was_found_can_be_stored(case: Any) -> None:
    for identifier, posting in case.drive().postings.items():
        assert isinstance(posting.identifier, str)
        assert posting.identifier == identifier
        assert re.fullmatch(r"https://[^/\s]+/\S+", posting.url)
        for when in filter(None, (posting.date_posted, posting.valid_through)):
            assert datetime.fromisoformat(when) if "T" in when else date.fromisoformat(when)
        assert posting.description_html is None or "<script" not in posting.description_html


def test_its_public_addresses_lead_back_to_the_board(case: Any) -> None:
    for url, token in case.data.get("urls", {}).items():
        board, seen = detect(url) or (None, None)
        assert (getattr(board, "name", None), seen) == (case.board.name, token), url
    assert case.board.needs_url or len(case.data["urls"]) >= 2


def test_the_page_for_people_leads_back_to_the_board(case: Any) -> None:
    if case.board.needs_url:
        assert case.board.public_url(case.source) == case.data["token"]
        return
    assert case.board.detect(urlsplit(case.board.public_url(case.source))) == case.data["token"]


def test_addresses_of_other_boards_are_not_its_own(case: Any, every_case: Any) -> None:
    others = [url for other in next(every_case) if other.board.name != case.board.name for url in other.data.get("urls", {})]
    others += ["https://acme.example/careers", "https://example.com/", "https://lever.co.evil.example/acme"]
    assert len(others) > len(names())
    for url in others:
        assert case.board.detect(urlsplit(url)) is None, url


def test_vendors_own_front_pages_are_no_board(case: Any) -> None:
    for host in {pattern.removeprefix("*.") for pattern in case.board.hosts}:
        for url in (f"https://{host}/", f"https://www.{host}/", f"https://a.b.c.{host}.evil.example/acme/jobs"):
            token = case.board.detect(urlsplit(url))
            assert token is None or not case.board.accepts(token), url


@pytest.mark.parametrize(
    "token",
    ["", "/", "a/b/c/d", "..", "../x", "a/..", "a/../b", "a/wd1/..", "a?b", "a#b", "a\\b", "a\nb", "a%2fb", " a", "é/b"],
)
def test_a_token_that_leads_out_of_the_path_is_refused(case: Any, token: str) -> None:
    assert not case.board.accepts(token)


def test_its_example_and_its_fixture_are_tokens_it_accepts(case: Any) -> None:
    if case.board.needs_url:
        assert case.board.hosts == ()
        return
    assert case.board.accepts(case.board.example)
    assert case.board.accepts(case.data["token"])


def test_its_requests_go_to_the_hosts_it_names(case: Any) -> None:
    case.drive()
    hosts = {urlsplit(asked.partition(" ")[2]).hostname for asked in case.asked}
    own = urlsplit(case.data["token"]).hostname
    assert all(belongs(str(host), case.board.hosts) or host == own for host in hosts)


NAMING = ("breezy", "greenhouse", "jazzhr", "jsonld", "personio", "recruitee", "rippling", "smartrecruiters", "teamtailor")


@pytest.mark.parametrize("name", NAMING)
def test_a_board_that_names_its_company_says_so_on_every_posting(case_of: Any, name: str) -> None:
    """By that a board is known that was given to another company."""
    said = {posting.company for posting in case_of(name).drive().postings.values()}
    assert len(said - {""}) == 1


def test_two_companies_have_two_keys(case: Any) -> None:
    one = case.source
    other = one._replace(token=one.token and f"{one.token}2", url=one.url and f"{one.url}2")
    assert case.board.key(one) == case.board.key(one)
    assert case.board.key(one) != case.board.key(other)
    assert case.board.key(one).startswith(f"{case.board.name}:")

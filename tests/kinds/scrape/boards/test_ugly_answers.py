"""The ugly answers of boards that reach a mapper: odd rows, odd values, pages that repeat, wrap or fail."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable, Iterable, Iterator
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from orchestrator.errors import Failure
from orchestrator.kinds.scrape.boards.base import Request, Response, Source, Unanswered
from orchestrator.kinds.scrape.boards.fields import Fields
from orchestrator.kinds.scrape.listing import Collector, drive

JUNK: tuple[Any, ...] = (
    None, "", "   ", 0, -7, 1e308, True, [], {}, ["x", None, 3], {"a": {"b": 1}}, "\x00a\ud800b", "javascript:alert(1)",
    "http://[", "//", "x" * 3000, "<script>alert(1)</script>", "&amp;lt;b&amp;gt;", "Posted 30+ Days Ago",
    "0001-01-01T00:00:00Z", "9999-12-31T23:59:59+14:00", "60,000", [[[[]]]],
)  # fmt: skip


# A detail is one value of many: the ones that broke something are enough for it.
DETAIL_JUNK: tuple[Any, ...] = (None, -7, True, [], {}, ["x", None, 3], "\x00a\ud800b", "<script>alert(1)</script>")


def list_at(body: Any, path: list[str]) -> list[Any]:
    for key in path:
        body = body[key]
    assert isinstance(body, list)
    return body


def leaves(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    yield path
    if isinstance(value, dict):
        for key, each in value.items():
            yield from leaves(each, (*path, key))
    if isinstance(value, list):
        for index, each in enumerate(value):
            yield from leaves(each, (*path, index))


def changed(value: Any, path: tuple[Any, ...], new: Any) -> Any:
    if not path:
        return new
    key, *rest = path
    if isinstance(value, dict):
        return {**value, key: changed(value[key], tuple(rest), new)}
    return [changed(each, tuple(rest), new) if index == key else each for index, each in enumerate(value)]


def listed_rows(case: Any) -> list[Any]:
    return copy.deepcopy(list_at(case.answers[0]["json"], case.data["at"]))


def with_rows(case: Any, rows: list[Any], total: int | None = None) -> Any:
    """Return the case with these rows as its only answer, and the totals that fit them."""
    body = changed(case.answers[0]["json"], tuple(case.data["at"]), rows)
    for path in (("totalFound",), ("total",), ("meta", "total"), ("meta", "totalCount")):
        if Fields(body).get(*path) is not None:
            body = changed(body, path, len(rows) if total is None else total)
    if isinstance(body, dict):
        body = {name: value for name, value in body.items() if name != "next_url"}
    return case.with_first(body)


def storable(found: Collector) -> None:
    for posting in found.postings.values():
        values = posting._asdict()
        text = json.dumps(values, allow_nan=False, ensure_ascii=False)
        assert "\\u0000" not in text
        assert text.encode()  # A lone surrogate has no bytes.
        assert posting.url.startswith(("https://", "http://"))
        assert "<script" not in (posting.description_html or "").lower()


def test_no_value_of_a_row_can_do_harm(json_case: Any) -> None:
    row = listed_rows(json_case)[0]
    for path in leaves(row):
        for junk in JUNK:
            found = with_rows(json_case, [changed(row, path, junk)]).drive(details="none")
            assert len(found.postings) + found.bad_rows <= 1
            storable(found)


@pytest.mark.parametrize("name", ["smartrecruiters", "bamboohr", "rippling", "workday"])
def test_no_value_of_a_detail_can_do_harm(case_of: Any, name: str) -> None:
    case = case_of(name)
    expected = list(case.drive().postings)
    details = [known for known in case.answers[1:] if known.get("status", 200) == 200]
    assert details
    for detail in details:
        for path in leaves(detail["json"]):
            for junk in DETAIL_JUNK:
                odd = {**detail, "json": changed(detail["json"], path, junk)}
                answers = [odd if known is detail else known for known in case.data["answers"]]
                found = type(case)(case.board, {**case.data, "answers": answers}).drive()
                storable(found)
                assert list(found.postings) == expected


def test_a_row_that_is_no_object_is_a_bad_row(json_case: Any) -> None:
    rows = [None, 7, "x", [], *listed_rows(json_case)[:1]]
    found = with_rows(json_case, rows).drive(details="none")
    assert (len(found.postings), found.bad_rows) == (1, 4)
    assert found.reasons


def test_a_repeated_row_is_one_posting_and_the_first_title_stays(json_case: Any) -> None:
    first = listed_rows(json_case)[0]
    title = next(name for name in ("title", "text", "name", "jobOpeningName") if name in first)
    again = {**copy.deepcopy(first), title: "Another Title"}
    found = with_rows(json_case, [first, again]).drive(details="none")
    alone = with_rows(json_case, [first]).drive(details="none")
    assert {key: posting.title for key, posting in found.postings.items()} == {
        key: posting.title for key, posting in alone.postings.items()
    }
    assert len(found.postings) == 1
    assert not found.reasons


def test_an_identifier_is_the_same_as_number_and_as_text(json_case: Any) -> None:
    first = listed_rows(json_case)[0]
    first.pop("_jobposting", None)
    name = next((name for name in ("id", "uuid", "shortcode") if name in first), "bulletFields")
    number, text = (4711, "4711") if name != "bulletFields" else (["4711"], ["4711-1"])
    found = with_rows(json_case, [{**first, name: number}, {**first, name: text}]).drive(details="none")
    assert list(found.postings) == ["4711"]


@pytest.mark.parametrize("name", ["greenhouse", "smartrecruiters", "bamboohr", "workday"])
def test_a_total_that_is_not_reached_makes_the_fetch_incomplete(case_of: Any, name: str) -> None:
    case = case_of(name)
    found = with_rows(case, listed_rows(case)[:1], total=40).drive(details="none")
    assert len(found.postings) == 1
    assert found.reasons


class Pages:
    """A board of numbered pages; `numbers` says which postings stand on the page at an offset."""

    def __init__(self, case: Any, size: int, total: int = 250, count: int | None = None) -> None:
        self.case, self.size, self.total = case, size, total
        self.count = total if count is None else count
        self.numbers: Callable[[int], Iterable[int]] = lambda offset: range(offset, min(offset + self.size, self.count))
        self.asked: list[int] = []
        self.failing: set[int] = set()
        self.odd: dict[int, Any] = {}

    def row(self, number: int) -> dict[str, Any]:
        if self.case.board.name == "lever":
            return {"id": f"id-{number}", "text": f"Job {number}", "hostedUrl": f"https://jobs.lever.co/Acme/{number}"}
        if self.case.board.name == "smartrecruiters":
            return {"id": f"{number}", "name": f"Job {number}"}
        name = f"R{10000 + number}"
        return {"title": f"Job {number}", "externalPath": f"/job/x/Job_{name}", "bulletFields": [name]}

    def offset(self, request: Request) -> int:
        if request.json is not None:
            return int(request.json["offset"])
        query = parse_qs(urlsplit(request.url).query)
        return int((query.get("skip") or query["offset"])[0])

    def body(self, rows: list[dict[str, Any]], offset: int) -> Any:
        if self.case.board.name == "lever":
            return rows
        if self.case.board.name == "smartrecruiters":
            return {"totalFound": self.total, "content": rows, "offset": offset, "limit": 100}
        return {"total": 0 if offset else self.total, "jobPostings": rows}

    def answer(self, request: Request) -> Response:
        offset = self.offset(request)
        self.asked.append(offset)
        if offset in self.failing:
            raise Unanswered(Failure("http-500", "the server answered 500"), status=500)
        rows = [self.row(number) for number in self.numbers(offset)]
        return Response(request.url, 200, self.odd.get(offset, self.body(rows, offset)))

    def drive(self, limit: int | None = None) -> Collector:
        return drive(self.case.board, Source(self.case.data["token"], limit=limit), self.answer, details="none")


SIZES = {"lever": 100, "smartrecruiters": 100, "workday": 20}


@pytest.fixture(params=sorted(SIZES))
def pages(request: pytest.FixtureRequest, case_of: Any) -> Pages:
    return Pages(case_of(request.param), SIZES[request.param])


def test_every_page_is_read_and_nothing_behind_the_last(pages: Pages) -> None:
    found = pages.drive()
    assert (len(found.postings), found.reasons, found.bad_rows) == (250, [], 0)
    assert pages.asked == list(range(0, 250, pages.size))


def test_a_list_that_ends_with_a_full_page_is_complete(pages: Pages) -> None:
    pages.total = pages.count = 2 * pages.size
    found = pages.drive()
    assert (len(found.postings), found.reasons) == (2 * pages.size, [])


def test_a_page_that_fails_for_good_leaves_the_others(pages: Pages) -> None:
    pages.failing = {pages.size}
    found = pages.drive()
    assert len(found.postings) == 250 - pages.size
    assert found.reasons


def test_pages_that_keep_failing_end_the_list(pages: Pages) -> None:
    pages.failing = set(range(pages.size, 10_000))
    found = pages.drive()
    assert len(found.postings) == pages.size
    assert len(pages.asked) == 3
    assert found.reasons


def test_a_page_of_another_shape_in_the_middle_leaves_the_others(pages: Pages) -> None:
    pages.odd = {pages.size: {"error": "rate limited"}}
    found = pages.drive()
    assert len(found.postings) == 250 - pages.size
    assert found.reasons


def test_a_server_that_ignores_the_offset_is_noticed(pages: Pages) -> None:
    pages.numbers = lambda _offset: range(pages.size)
    found = pages.drive()
    assert len(found.postings) == pages.size
    assert len(pages.asked) == 2
    assert found.reasons


def test_the_limit_ends_the_list_and_says_so(pages: Pages) -> None:
    found = pages.drive(limit=pages.size)
    assert len(pages.asked) == 1
    assert len(found.postings) == pages.size
    assert found.reasons


def test_a_server_that_gives_smaller_pages_than_asked_for_is_read_to_its_end(case_of: Any) -> None:
    pages = Pages(case_of("smartrecruiters"), 50)
    found = pages.drive()
    assert (len(found.postings), found.reasons) == (250, [])


def test_a_server_without_pages_is_read_at_once(case_of: Any) -> None:
    pages = Pages(case_of("lever"), 1000)
    found = pages.drive()
    assert (len(found.postings), found.reasons, pages.asked) == (250, [], [0])


def test_a_capped_workday_that_starts_over_is_incomplete(case_of: Any) -> None:
    pages = Pages(case_of("workday"), 20, total=2000)
    pages.numbers = lambda offset: range(offset % 2000, offset % 2000 + 20)
    found = pages.drive()
    assert len(found.postings) == 2000
    assert found.reasons


def test_a_capped_workday_that_goes_on_is_read_to_its_end(case_of: Any) -> None:
    pages = Pages(case_of("workday"), 20, total=2000, count=2345)
    found = pages.drive()
    assert (len(found.postings), found.reasons) == (2345, [])


@pytest.mark.parametrize(
    ("ends", "listed", "whole"),
    [
        ({600: range(600, 619), 619: range(619, 639)}, 2345, True),  # A short page in the middle.
        ({400: ()}, 400, False),
        ({2000: ()}, 2000, False),
    ],
)
def test_a_capped_workday_has_at_least_what_it_says(
    case_of: Any, ends: dict[int, Iterable[int]], listed: int, *, whole: bool
) -> None:
    pages = Pages(case_of("workday"), 20, total=2000, count=2345)
    every = pages.numbers
    pages.numbers = lambda offset: ends.get(offset, every(offset))
    found = pages.drive()
    assert (len(found.postings), found.reasons == []) == (listed, whole)


def test_a_total_that_moves_by_one_per_cent_is_tolerated(case_of: Any) -> None:
    assert Pages(case_of("workday"), 20, total=500, count=497).drive().reasons == []
    assert Pages(case_of("workday"), 20, total=500, count=400).drive().reasons

"""Normalising: what isn't known is None, what is wrong is None, and only identifier, title and URL can spoil a row."""

from __future__ import annotations

import unicodedata
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.kinds.scrape import text, times, words
from orchestrator.kinds.scrape.links import untracked
from orchestrator.kinds.scrape.posting import BadRow, content_hash, normalise
from orchestrator.kinds.scrape.row import Place, RawPosting, RawSalary

NOW = datetime(2026, 11, 22, tzinfo=UTC)
BASE = "https://job-boards.greenhouse.io/acme"


def made(**fields: Any) -> Any:
    return normalise(RawPosting(**{"identifier": 1, "title": "Engineer", **fields}), base_url=BASE, now=NOW)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (1769801375307, "2026-01-30T19:29:35Z"),
        (1769801375, "2026-01-30T19:29:35Z"),
        ("2026-08-05 09:41:37 UTC", "2026-08-05T09:41:37Z"),
        ("2026-06-29T02:02:50-04:00", "2026-06-29T06:02:50Z"),
        ("2026-04-21T12:35:37.500+00:00", "2026-04-21T12:35:37Z"),
        ("2026-06-01T15:41:57.577Z", "2026-06-01T15:41:57Z"),
        ("2026-06-01T15:41:57", "2026-06-01T15:41:57Z"),
        ("2026-08-05", "2026-08-05"),
        ("Wed, 05 Aug 2026 09:41:37 +0200", "2026-08-05T07:41:37Z"),
        ("2026-08-05 09:41:37 +0200", "2026-08-05T07:41:37Z"),
        ("2026-08-05T08:00:00+0200", "2026-08-05T06:00:00Z"),
        ("2026-8-5", "2026-08-05"),
        ("2026/08/05", "2026-08-05"),
        ("1769801375307", "2026-01-30T19:29:35Z"),
        ("1769801375", "2026-01-30T19:29:35Z"),
        ("Aug 5, 2026", "2026-08-05"),
        ("5th August 2026", "2026-08-05"),
        ("Wednesday, Aug. 5, 2026", "2026-08-05"),
        ("5-Aug-2026", "2026-08-05"),
        ("Sun, 20 Sep 2026 04:59:00:0", "2026-09-20T04:59:00Z"),
        ("Foo 5, 2026", None),
        ("31 February 2026", None),
        ("05/08/2026", None),
        ("Posted 3 Days Ago", None),
        ("Posted 30+ Days Ago", None),
        ("0001-01-01T00:00:00Z", None),
        ("1999-12-31", None),
        ("2027-01-01", None),
        ("2026-13-45", None),
        (0, None),
        (-5, None),
        (True, None),
        (1e300, None),
        (float("nan"), None),
        (None, None),
        ({"a": 1}, None),
        ("9" * 100, None),
    ],
)
def test_a_date_is_utc_or_unknown(value: Any, expected: Any) -> None:
    assert times.past(value, NOW) == expected


@given(st.one_of(st.text(max_size=80), st.floats(), st.integers(), st.none(), st.booleans()))
def test_no_date_crashes(value: Any) -> None:
    found = times.past(value, NOW)
    assert found is None or "2000-01-01" <= found <= "2026-11-24T00:00:00Z"


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        (RawSalary(100, 200, "eur", "1 YEAR"), (100.0, 200.0, "EUR", "YEAR")),
        (RawSalary("60000", "75000", "EUR", "year"), (60000.0, 75000.0, "EUR", "YEAR")),
        (RawSalary(66189, 94556, "USD", "per-year-salary"), (66189.0, 94556.0, "USD", "YEAR")),
        (RawSalary(20, None, "USD", "1 HOUR"), (20.0, None, "USD", "HOUR")),
        (RawSalary(200, 100, "EUR", "year"), (None,) * 4),
        (RawSalary(0, 0, "EUR", "year"), (None,) * 4),
        (RawSalary(-1, -1, "EUR", "year"), (None,) * 4),
        (RawSalary("60,000", "75,000", "EUR"), (None,) * 4),
        (RawSalary(100, 200, ""), (None,) * 4),
        (RawSalary(100, 200, "euros"), (None,) * 4),
        (RawSalary(500_000_000, 500_000_000, "USD"), (None,) * 4),
        (RawSalary(80_000_000, 150_000_000, "KRW", "year"), (80_000_000.0, 150_000_000.0, "KRW", "YEAR")),
        (RawSalary(80_000, 800_000_000, "USD"), (None,) * 4),
        (RawSalary(minimum=True, maximum=False, currency="USD"), (None,) * 4),
        (RawSalary(float("inf"), float("nan"), "USD"), (None,) * 4),
        (None, (None,) * 4),
    ],
)
def test_pay_is_a_range_with_a_currency_or_unknown(raw: Any, expected: Any) -> None:
    posting = made(salary=raw)
    assert (posting.salary_min, posting.salary_max, posting.salary_currency, posting.salary_unit) == expected


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"workplace": "Remote"}, "remote"),
        ({"workplace": "on-site"}, "onsite"),
        ({"workplace": "OnSite"}, "onsite"),
        ({"workplace": "TELECOMMUTE"}, "remote"),
        ({"workplace": "hybrid", "workplace_text": "Remote"}, "hybrid"),
        ({"workplace": "unspecified", "places": [Place("Remote - US")]}, "remote"),
        ({"workplace_text": "Berlin (hybrid)"}, "hybrid"),
        ({"workplace_text": "Remote Sensing Lab, Delft"}, None),
        ({"workplace_text": "Remote or Hybrid"}, None),
        ({"workplace_text": "Remote Location - US"}, "remote"),
        ({"workplace_text": "Hybrid Remote, Oslo"}, "hybrid"),
        ({"workplace_text": "Non-Remote, Oslo"}, None),
        ({"workplace": "ON_SITE"}, "onsite"),
        ({"workplace": "Fully remote"}, "remote"),
        ({"description_text": "We work remote"}, None),
        ({}, None),
    ],
)
def test_a_workplace_comes_from_a_field_or_a_place_and_never_from_a_description(fields: Any, expected: Any) -> None:
    assert made(**fields).workplace == expected


@pytest.mark.parametrize(
    ("word", "expected"),
    [
        ("FullTime", "FULL_TIME"),
        ("Full-Time", "FULL_TIME"),
        ("fulltime_permanent", "FULL_TIME"),
        ("Part time", "PART_TIME"),
        ("Intern", "INTERN"),
        ("Contract", "CONTRACTOR"),
        ("Freelance", "CONTRACTOR"),
        ("Temporary", "TEMPORARY"),
        ("Temp to Perm", "TEMPORARY"),
        ("full_time_temporary", "TEMPORARY"),
        ("Fixed Term - Full Time", "FULL_TIME"),
        ("fixed_term_part_time", "PART_TIME"),
        ("fixed_term_contract", "TEMPORARY"),
        ("Permanent Employee", None),
        ("Contract Employee", "CONTRACTOR"),
        ("Full-time Direct Employee", "FULL_TIME"),
        ("Permanent Full-Time | Permanent temps-plein", "FULL_TIME"),
        ("Tempo integral", None),
        ("FT", "FULL_TIME"),
        ("PT Hourly", "PART_TIME"),
        ("PRN", "PER_DIEM"),
        ("Shift lead", None),
        ("Vollzeit", "FULL_TIME"),
        ("Teilzeit", "PART_TIME"),
        ("Temps partiel", "PART_TIME"),
        ("Werkstudent (m/w/d)", "INTERN"),
        ("Banana", None),
    ],
)
def test_an_employment_type_is_schema_orgs_or_unknown(word: Any, expected: Any) -> None:
    assert words.employment(word) == expected


@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("Germany", "DE"),
        ("deu", "DE"),
        ("Österreich", "AT"),
        ("U.S.A.", "US"),
        ("The United States", "US"),
        ("Korea, Republic of", "KR"),
        ("Korea (South)", "KR"),
        ("Bosnia & Herzegovina", "BA"),
        ("Trinidad & Tobago", "TT"),
        ("Northern Ireland", "GB"),
        ("xk", "XK"),
        ("Europe", "Europe"),
    ],
)
def test_a_country_is_its_code_where_it_is_known(name: str, code: str) -> None:
    assert made(places=[Place("somewhere", country=name)]).locations[0].country == code


@pytest.mark.parametrize(
    ("word", "expected"),
    [
        ("1 YEAR", "YEAR"),
        ("per-hour-wage", "HOUR"),
        ("PER_HOUR", "HOUR"),
        ("Annual Salary Range", "YEAR"),
        ("2026 annual pay range", "YEAR"),
        ("monthly", "MONTH"),
        ("Daily rate", "DAY"),
        ("per annum", "YEAR"),
        ("hourly or annual", None),
        ("2 WEEKS", None),
        ("two_weeks", None),
        ("bi-weekly-salary", None),
        ("one-time", None),
        ("pay for holidays, from Monday on", None),
        ("", None),
    ],
)
def test_a_period_of_pay_is_one_of_five_or_unknown(word: str, expected: str | None) -> None:
    assert words.unit(word) == expected


@pytest.mark.parametrize(
    ("place", "expected"),
    [
        (Place("", "Stockholm", "Sweden", "SE"), "Stockholm, Sweden"),
        (Place("", "Austin", "TX", "us"), "Austin, TX, US"),
        (Place("", "Tbilisi", "Tbilisi", "Georgia"), "Tbilisi, Georgia"),
        (Place("", "Toronto", "CA", "Canada"), "Toronto, CA, Canada"),
        (Place("", "", "", "Germany"), "Germany"),
        (Place("HQ", "Oslo", "", "NO"), "HQ"),
    ],
)
def test_a_place_that_has_only_parts_is_written_once_and_readably(place: Place, expected: str) -> None:
    assert made(places=[place]).location == expected


@pytest.mark.parametrize(
    "url", ["javascript:alert(1)", "data:text/html,x", "https://a\\@b/", "ftp://x/y", "https://u:p@x/", "http://[::1"]
)
def test_a_row_whose_url_is_none_is_bad(url: Any) -> None:
    with pytest.raises(BadRow):
        made(url=url)


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("http://acme.example/x", "https://acme.example/x"),
        ("/jobs/1", "https://job-boards.greenhouse.io/jobs/1"),
        ("", BASE),
        ("http://127.0.0.1:8000/x", "http://127.0.0.1:8000/x"),
    ],
)
def test_urls_are_absolute_and_https_for_public_names(url: Any, expected: Any) -> None:
    assert made(url=url).url == expected


@pytest.mark.parametrize(
    "fields", [{"identifier": None}, {"identifier": ""}, {"identifier": True}, {"identifier": {}}, {"title": "\n"}]
)
def test_a_row_without_identifier_or_title_is_bad(fields: Any) -> None:
    with pytest.raises(BadRow):
        made(**fields)


def test_identifiers_are_texts() -> None:
    assert made(identifier=7).identifier == made(identifier="7").identifier == made(identifier=7.0).identifier == "7"


def test_html_is_sanitised_and_its_text_has_a_line_for_each_block() -> None:
    posting = made(
        description_html="<h2>Role</h2><script>x()</script><p onclick=y>A &amp; B&nbsp;C<br>D</p><ul><li>one<li>two</ul>"
        '<a href="javascript:z">q</a>'
    )
    assert posting.description_text == "Role\nA & B C\nD\n- one\n- two\nq"
    assert "script" not in posting.description_html
    assert "onclick" not in posting.description_html
    assert "javascript" not in posting.description_html


def test_a_literal_tag_in_a_text_stays_text() -> None:
    posting = made(description_html="<p>Use List&lt;T&gt; &amp;amp; friends</p>")
    assert posting.description_text == "Use List<T> &amp; friends"
    assert "&lt;T&gt;" in posting.description_html


def test_five_megabytes_of_blanks_are_no_description() -> None:
    assert made(description_html="<p>" + "&nbsp;" * 800_000 + "</p>").description_text is None


@given(st.text(st.characters(), max_size=200))
def test_every_text_can_be_stored(value: Any) -> None:
    stored = text.storable(value)
    stored.encode()
    assert "\0" not in stored


def test_what_cannot_be_stored_is_left_out_alone_and_beside_other_letters() -> None:
    """Python says what is a control or half of a pair. Tab, line feed, carriage return and NEL separate words, so they stay."""
    for number in (*range(0x300), *range(0xD7F0, 0xE010), *range(0xFFF0, 0x10010)):
        letter = chr(number)
        left_out = unicodedata.category(letter) in {"Cc", "Cs"} and letter not in "\t\n\r\x85"
        left_out = left_out or letter in "\ufffe\uffff"
        assert text.storable(f"a{letter}b") == ("ab" if left_out else f"a{letter}b")
        assert text.storable(f"ä{letter}b") == ("äb" if left_out else f"ä{letter}b")


def test_the_hash_ignores_order_blanks_and_tracking() -> None:
    one = made(
        places=[Place("A"), Place("B")], location="x", url="https://a.example/?id=1&utm_source=q", description_html="<p>a b</p>"
    )
    two = made(places=[Place("B"), Place("A")], location="x", url="https://a.example/?id=1", description_html="<p>a\n  b</p>")
    assert content_hash(one) == content_hash(two)
    assert content_hash(one) != content_hash(made(title="Other"))


def test_tracking_leaves_the_parameters_that_identify() -> None:
    assert untracked("https://a.example/jobs?gh_jid=5&gh_src=x#apply") == "https://a.example/jobs?gh_jid=5"

"""A company's own pages and feeds: what is found in them, through what, and what is refused."""

from __future__ import annotations

import gzip
import json
from typing import Any

import pytest

from orchestrator.kinds.scrape.boards import find_board
from orchestrator.kinds.scrape.boards.base import BadAnswer, Source
from orchestrator.kinds.scrape.boards.jobposting import found_in
from orchestrator.kinds.scrape.decode import BadBody, parse_xml


def script(*values: str) -> str:
    return "<html>" + "".join(f"<script type='application/ld+json'>{value}</script>" for value in values) + "</html>"


POSTING = '{"@type": "JobPosting", "title": "Job", "identifier": "%s", "description": "<p>x</p>"}'


def urls(*links: str) -> str:
    return "<urlset>" + "".join(f"<url><loc>{link}</loc></url>" for link in links) + "</urlset>"


def test_the_pages_below_the_careers_page_are_found_through_the_sites_map(scrape: Any) -> None:
    index = "<sitemapindex><sitemap><loc>https://acme.example/a.xml</loc></sitemap></sitemapindex>"
    links = ("https://acme.example/careers/1", "https://acme.example/blog/jobs/9", "https://evil.example/careers/3")
    world = {
        "https://acme.example/sitemap.xml": index,
        "https://acme.example/a.xml": urls(*links),
        "https://acme.example/careers/1": script(POSTING % "1"),
    }  # fmt: skip
    found = scrape("jsonld", Source(url="https://acme.example/careers", sitemap=True), world)
    posting = found.postings["1"]
    assert (posting.url, found.reasons) == ("https://acme.example/careers/1", [])
    assert scrape.asked[-1] == "https://acme.example/careers/1"
    assert len(scrape.asked) == 3


def test_the_map_is_found_through_robots_txt(scrape: Any) -> None:
    world = {
        "https://acme.example/robots.txt": "User-agent: *\nSitemap: https://acme.example/maps/jobs.xml\n",
        "https://acme.example/maps/jobs.xml": urls("https://acme.example/jobs/1"),
        "https://acme.example/jobs/1": script(POSTING % "1"),
    }  # fmt: skip
    assert list(scrape("jsonld", Source(url="https://acme.example/", sitemap=True), world).postings) == ["1"]


def test_a_mapped_page_that_is_gone_is_no_posting_and_one_that_fails_makes_the_list_incomplete(scrape: Any) -> None:
    links = [f"https://acme.example/jobs/{number}" for number in range(3)]
    answers: dict[str, Any] = {"https://acme.example/sitemap.xml": urls(*links), links[0]: script(POSTING % "0")}
    source = Source(url="https://acme.example/jobs", sitemap=True)
    assert scrape("jsonld", source, answers).reasons == []
    assert scrape("jsonld", source, {**answers, links[1]: 503}).reasons


def test_the_limit_bounds_the_pages_that_are_read(scrape: Any) -> None:
    links = [f"https://acme.example/jobs/{number}" for number in range(30)]
    answers = {link: script(POSTING % index) for index, link in enumerate(links)}
    world = {"https://acme.example/sitemap.xml": urls(*links), **answers}
    found = scrape("jsonld", Source(url="https://acme.example/jobs", sitemap=True, limit=5), world)
    assert len(found.postings) == 5
    assert len(scrape.asked) == 6
    assert found.reasons


@pytest.mark.parametrize("body", ["<html></html>", "<rss/>"])
def test_what_is_no_map_is_a_bad_answer(scrape: Any, body: str) -> None:
    with pytest.raises(BadAnswer):
        scrape("jsonld", Source(url="https://acme.example/x", sitemap=True), {"https://acme.example/sitemap.xml": body})


def test_pages_without_data_are_a_failed_fetch_and_no_empty_board(scrape: Any) -> None:
    world = {"https://acme.example/sitemap.xml": urls("https://acme.example/jobs/1"), "https://acme.example/jobs/1": "<html>"}

    with pytest.raises(BadAnswer):
        scrape("jsonld", Source(url="https://acme.example/jobs", sitemap=True), world)


def test_a_page_that_lists_addresses_leads_to_their_pages(scrape: Any) -> None:
    item_list = (
        '{"@type": "ItemList", "itemListElement": [{"@type": "ListItem", "url": "/jobs/1"}, {"url": "https://evil.example/2"}]}'
    )
    world = {"https://acme.example/jobs": script(item_list), "https://acme.example/jobs/1": script(POSTING % "1")}
    assert list(scrape("jsonld", Source(url="https://acme.example/jobs"), world).postings) == ["1"]
    assert len(scrape.asked) == 2


def test_several_postings_without_a_name_on_one_page_are_bad_rows(scrape: Any) -> None:
    page = script('[{"@type": "JobPosting", "title": "A"}, {"@type": "JobPosting", "title": "B"}]')
    found = scrape("jsonld", Source(url="https://acme.example/jobs"), {"https://acme.example/jobs": page})
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


def jsonld_posting(scrape: Any, fields: str) -> Any:
    page = script('{"@type": "JobPosting", "title": "Job", "identifier": "1", ' + fields + "}")
    return scrape("jsonld", Source(url="https://acme.example/j"), {"https://acme.example/j": page}).postings["1"]


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
def test_pay_of_a_job_posting(scrape: Any, pay: str, meaning: tuple[Any, ...]) -> None:
    posting = jsonld_posting(scrape, f'"baseSalary": {pay}')
    assert (posting.salary_min, posting.salary_max, posting.salary_currency, posting.salary_unit) == meaning


def test_an_identifier_that_is_the_companys_name_is_none(scrape: Any) -> None:
    page = script(
        '{"@type": "JobPosting", "title": "Job", "identifier": {"value": "Acme"}, "hiringOrganization": {"name": "Acme"}}'
    )
    world = {"https://acme.example/j": page}
    assert list(scrape("jsonld", Source(url="https://acme.example/j?utm_source=x#y"), {
        "https://acme.example/j?utm_source=x#y": page}).postings) == ["https://acme.example/j"]  # fmt: skip
    assert list(scrape("jsonld", Source(url="https://acme.example/j"), world).postings) == ["https://acme.example/j"]


@pytest.mark.parametrize("url", ["http://[", "javascript:alert(1)", "//", "http://user:pass@evil.example/"])
def test_an_address_that_is_none_is_a_bad_row_and_no_crash(scrape: Any, url: str) -> None:
    row = {"@type": "JobPosting", "title": "Job", "identifier": "1", "url": url}
    page = script(json.dumps(row), POSTING % "2")
    found = scrape("jsonld", Source(url="https://acme.example/j"), {"https://acme.example/j": page})
    assert found.postings["2"].url == "https://acme.example/j"
    assert all(posting.url.startswith("https://acme.example/") for posting in found.postings.values())
    feed = f"<rss><channel><item><title>A</title><link>{url}</link><guid>{url}</guid></item></channel></rss>"
    listed = scrape("rss", Source(url="https://acme.example/f"), {"https://acme.example/f": feed})
    assert all(posting.url.startswith("https://acme.example/") for posting in listed.postings.values())


ATOM = """<feed xmlns="http://www.w3.org/2005/Atom"><title>Jobs</title>
<entry><id>urn:1</id><title>Job</title><link rel="self" href="https://acme.example/self"/>
<link href="https://acme.example/jobs/1"/><published>2024-08-05T10:00:00+02:00</published>
<content type="html">&lt;p&gt;Hello&lt;/p&gt;</content></entry></feed>"""


def test_an_atom_feed_is_read_like_an_rss_feed(scrape: Any) -> None:
    found = scrape("rss", Source(url="https://acme.example/feed"), {"https://acme.example/feed": ATOM})
    posting = found.postings["urn:1"]
    assert (posting.url, posting.date_posted) == ("https://acme.example/jobs/1", "2024-08-05T08:00:00Z")
    assert posting.description_text == "Hello"


def test_a_key_of_a_page_holds_no_scheme_and_no_tracking() -> None:
    board = find_board("jsonld")
    assert board is not None
    keys = [
        board.key(Source(url=f"{start}/{path}"))
        for start, path in (("https://Acme.example", "Careers/?utm_source=x#y"), ("http://acme.example", "Careers"))
    ]
    assert keys == ["jsonld:acme.example/Careers"] * 2
    teams = {board.key(Source(url=f"https://acme.example/careers?team={team}")) for team in "ab"}
    assert len(teams) == 2


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
def test_a_description_is_unescaped_once_and_only_if_it_was_escaped(scrape: Any, description: str, text: str) -> None:
    assert jsonld_posting(scrape, f'"description": "{description}"').description_text == text


def test_maps_that_name_each_other_are_read_once(scrape: Any) -> None:
    def index(*names: str) -> str:
        parts = "".join(f"<sitemap><loc>https://acme.example/{name}</loc></sitemap>" for name in names)
        return f"<sitemapindex>{parts}</sitemapindex>"

    world = {
        "https://acme.example/sitemap.xml": index("a.xml", "b.xml"),
        "https://acme.example/a.xml": index("b.xml", "a.xml"),
        "https://acme.example/b.xml": index("a.xml", "a.xml"),
    }
    found = scrape("jsonld", Source(url="https://acme.example/jobs", sitemap=True), world)
    assert (len(found.postings), found.reasons) == (0, [])
    assert len(scrape.asked) == 3

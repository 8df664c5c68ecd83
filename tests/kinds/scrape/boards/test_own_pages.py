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
    page = script('[{"@type": "JobPosting", "title": "A"}, {"@type": "JobPosting", "title": "B", "identifier": 7}]')
    found = scrape("jsonld", Source(url="https://acme.example/jobs"), {"https://acme.example/jobs": page})
    assert (list(found.postings), found.bad_rows) == (["7"], 1)


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


def fields_of(**fields: Any) -> str:
    return json.dumps({"@type": "JobPosting", "title": "Job", "identifier": "1", "description": "x", **fields})


def posting_with(scrape: Any, **fields: Any) -> Any:
    page = "https://acme.example/j"
    return scrape("jsonld", Source(url=page), {page: script(fields_of(**fields))}).postings["1"]


CAREERS = "https://acme.example/careers"


@pytest.mark.parametrize(
    ("rows", "identifiers"),
    [
        ([{"url": f"{CAREERS}#1"}, {"url": f"{CAREERS}?utm_source=x#2"}], [f"{CAREERS}#1", f"{CAREERS}#2"]),
        ([{"@id": "#cook"}, {"@id": "#smith"}], [f"{CAREERS}#cook", f"{CAREERS}#smith"]),
        ([{"url": CAREERS, "@id": f"{CAREERS}#a"}, {"url": CAREERS, "@id": f"{CAREERS}#b"}], [f"{CAREERS}#a", f"{CAREERS}#b"]),
        (
            [{"@id": f"#{at}", "title": "Cook", "jobLocation": {"address": at}} for at in ("a", "b")],
            [f"{CAREERS}#a", f"{CAREERS}#b"],
        ),
        ([{"url": f"{CAREERS}/1#job"}, {"url": f"{CAREERS}/2#job"}], [f"{CAREERS}/1", f"{CAREERS}/2"]),
    ],
)
def test_postings_of_one_page_may_differ_by_the_fragments_of_their_addresses(
    scrape: Any, rows: list[dict[str, Any]], identifiers: list[str]
) -> None:
    each = [{"@type": "JobPosting", "title": f"T{number}", **row} for number, row in enumerate(rows)]
    found = scrape("jsonld", Source(url=CAREERS), {CAREERS: script(json.dumps(each))})
    assert (list(found.postings), [posting.url for posting in found.postings.values()]) == (identifiers, identifiers)
    assert found.reasons == []


def test_postings_that_all_call_themselves_by_the_page_are_bad_rows_and_one_told_twice_is_one(scrape: Any) -> None:
    def found(*titles: str, **fields: str) -> Any:
        each = [{"@type": "JobPosting", "title": title, **fields} for title in titles]
        named = {"@type": "JobPosting", "title": "Named", "identifier": "9"}
        return scrape("jsonld", Source(url=CAREERS), {CAREERS: script(json.dumps([named, *each]))})

    several = found("Cook", "Smith", url=f"{CAREERS}/")
    assert (list(several.postings), several.bad_rows) == (["9"], 2)
    company = found("Cook", "Smith", url=CAREERS, identifier="Acme", hiringOrganization="Acme")
    assert (list(company.postings), company.bad_rows) == (["9"], 2)
    slash, each = f"{CAREERS}/", [{"@type": "JobPosting", "title": title, "url": CAREERS} for title in ("Cook", "Smith")]
    assert scrape("jsonld", Source(url=slash), {slash: script(json.dumps(each))}).bad_rows == 2
    same = found("Cook", "Smith", url=f"{CAREERS}#jobposting")
    assert (list(same.postings), same.bad_rows) == (["9"], 2)
    twice = found("Cook", "Cook", url=CAREERS)
    assert (list(twice.postings), twice.bad_rows) == (["9", CAREERS], 0)
    for fields in ({"@id": f"{CAREERS}#job"}, {"@id": "#a", "jobLocation": {"address": "Ghent"}}):
        less = {"@type": "JobPosting", "title": "Cook", "url": CAREERS}
        told = scrape("jsonld", Source(url=CAREERS), {CAREERS: script(json.dumps([{**less, **fields}, less]))})
        assert (list(told.postings), told.bad_rows) == ([CAREERS], 0)


def test_a_page_of_thousands_that_nothing_names_is_read_in_one_go(scrape: Any) -> None:
    """Each compared with each other one would take longer than a test may."""
    each = [{"@type": "JobPosting", "title": f"T{number}"} for number in range(30_000)]
    found = scrape("jsonld", Source(url=CAREERS), {CAREERS: script(json.dumps(each))})
    assert (len(found.postings), found.bad_rows) == (0, 30_000)


@pytest.mark.parametrize("plus", ["+", "&#x2B;", "&#43;", "&plus;"])
def test_a_script_is_found_whose_type_is_escaped(plus: str) -> None:
    page = f'<script type="application/ld{plus}json;charset=utf-8">{POSTING % 1};</script>'
    assert [row.text("identifier") for row in found_in(page)] == ["1"]


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"addressLocality": "Hong Kong", "addressRegion": "UNAVAILABLE", "addressCountry": "HK"}, [("Hong Kong", "", "HK")]),
        ({"addressLocality": "UNAVAILABLE", "addressRegion": "Unavailable", "addressCountry": "UNAVAILABLE"}, []),
        ({"addressLocality": ["Kitzingen"], "postalCode": ["97318"]}, [("Kitzingen", "", "")]),
        ({"addressLocality": ["Bonn", "Ulm"], "addressCountry": "DE"}, [("Bonn", "", "DE"), ("Ulm", "", "DE")]),
        (
            {"addressLocality": ["Prague"], "addressCountry": ["Czechia", "Poland"]},
            [("Prague", "", ""), ("", "", "CZ"), ("", "", "PL")],
        ),
        ({"addressLocality": "King&#039;s Lynn"}, [("King's Lynn", "", "")]),
    ],
)
def test_an_address_is_read_however_its_parts_are_written(
    scrape: Any, fields: dict[str, Any], expected: list[tuple[str, str, str]]
) -> None:
    seen = [tuple(place[1:]) for place in posting_with(scrape, jobLocation={"address": fields}).locations]
    assert seen == expected


def test_every_address_of_a_location_counts_and_a_location_may_be_one_itself(scrape: Any) -> None:
    def places(location: Any) -> list[str]:
        return [place.text for place in posting_with(scrape, jobLocation=location).locations]

    assert places({"address": [{"addressLocality": "Berlin"}, {"addressLocality": "Munich"}]}) == ["Berlin", "Munich"]
    assert places({"@type": "PostalAddress", "addressLocality": "Berlin"}) == ["Berlin"]
    assert places({"address": "Bath &amp; Bristol"}) == ["Bath & Bristol"]
    assert places({"@type": "Place", "name": "HQ", "address": {"@type": "PostalAddress"}}) == ["HQ"]


@pytest.mark.parametrize(
    ("area", "expected"),
    [
        ({"@type": "Country", "name": "USA"}, [("USA", "US")]),
        ({"@type": "Country", "name": ["US", "CA"]}, [("US", "US"), ("CA", "CA")]),
        ({"address": {"addressRegion": "Europe"}}, [("Europe", "")]),
    ],
)
def test_an_empty_location_leaves_the_word_to_where_one_may_work_from(
    scrape: Any, area: dict[str, Any], expected: list[tuple[str, str]]
) -> None:
    empty = {"@type": "Place", "address": {"@type": "PostalAddress"}}
    posting = posting_with(scrape, jobLocation=empty, applicantLocationRequirements=area)
    assert [(place.text, place.country) for place in posting.locations] == expected


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ({"value": "45.000", "unitText": "YEAR"}, (None, None)),
        ({"minValue": "45.000", "maxValue": "55.000"}, (None, None)),
        ({"minValue": "", "maxValue": "", "value": 50000}, (50000, 50000)),
        ({"minValue": 0, "maxValue": 0, "value": "50000"}, (50000, 50000)),
        ({"minValue": "$50,000", "maxValue": "60000.00"}, (50000, 60000)),
    ],
)
def test_amounts_that_are_written_for_people(scrape: Any, value: dict[str, Any], expected: tuple[Any, Any]) -> None:
    posting = posting_with(scrape, baseSalary={"currency": "EUR", "value": value})
    assert (posting.salary_min, posting.salary_max) == expected


@pytest.mark.parametrize("pay", [{"value": {"value": 5, "currency": "EUR"}}, {"currency": "\u20ac", "value": 5}])
def test_a_currency_may_be_a_sign_or_stand_in_the_value(scrape: Any, pay: dict[str, Any]) -> None:
    assert posting_with(scrape, baseSalary=pay).salary_currency == "EUR"


def test_the_lines_of_a_plain_description_stay(scrape: Any) -> None:
    assert posting_with(scrape, description="One\nTwo").description_text == "One\nTwo"
    assert posting_with(scrape, description="<p>One\nTwo</p>").description_text == "One Two"


def test_a_day_between_dots_is_the_day_first(scrape: Any) -> None:
    assert posting_with(scrape, datePosted="16.05.2024").date_posted == "2024-05-16"
    assert posting_with(scrape, datePosted="05.16.2024").date_posted is None


def test_a_type_may_have_a_prefix() -> None:
    assert [row.text("title") for row in found_in(script('{"@type": "schema:JobPosting", "title": "T"}'))] == ["T"]


def mapped(scrape: Any, source: Source, name: str, *links: str) -> Any:
    world: dict[str, Any] = {name: urls(*links), **{link: script(POSTING % link) for link in links}}
    return scrape("jsonld", source, world)


@pytest.mark.parametrize(
    ("page", "name", "link"),
    [
        ("https://acme.nl/vacature-sitemap.xml", "https://acme.nl/vacature-sitemap.xml", "https://acme.nl/werk/adviseur"),
        ("https://acme.nl/kaart.xml", "https://acme.nl/kaart.xml", "https://acme.nl/vacature/adviseur"),
        ("https://acme.nl/kaart.xml", "https://acme.nl/kaart.xml", "https://acme.nl/jobdetail?id=1"),
        ("https://acme.nl/werk", "https://acme.nl/sitemap.xml", "https://www.acme.nl/werk/adviseur"),
        ("https://acme.nl/werk", "https://acme.nl/sitemap.xml", "http://acme.nl/werk/adviseur"),
    ],
)
def test_pages_of_a_map_are_postings_by_their_words_by_the_maps_name_or_below_the_page(
    scrape: Any, page: str, name: str, link: str
) -> None:
    found = mapped(scrape, Source(url=page, sitemap=True), name, link, "https://acme.nl/over-ons")
    assert link in found.postings
    assert found.reasons == []


def test_all_pages_of_a_part_that_is_named_after_jobs_are_read(scrape: Any) -> None:
    parts = "".join(
        f"<sitemap><loc>https://acme.nl/{name}.xml</loc></sitemap>" for name in ("vacature-sitemap", "team-sitemap")
    )
    world = {
        "https://acme.nl/sitemap.xml": f"<sitemapindex>{parts}</sitemapindex>",
        "https://acme.nl/vacature-sitemap.xml": urls("https://acme.nl/werk/adviseur"),
        "https://acme.nl/team-sitemap.xml": urls("https://acme.nl/team/jansen"),
        "https://acme.nl/werk/adviseur": script(POSTING % "1"),
    }
    found = scrape("jsonld", Source(url="https://acme.nl/", sitemap=True), world)
    assert (list(found.postings), found.reasons) == (["1"], [])
    assert "https://acme.nl/team/jansen" not in scrape.asked


def test_a_map_of_which_no_page_looks_like_a_posting_is_no_empty_board(scrape: Any) -> None:
    source = Source(url="https://acme.example/kaart.xml")
    found = mapped(scrape, source, source.url, "https://acme.example/about", "https://acme.example/team")
    assert (list(found.postings), len(found.reasons)) == ([], 1)
    assert mapped(scrape, source, source.url).reasons == []


def feed_item(scrape: Any, inside: str, name: str = "1") -> Any:
    spaces = 'xmlns:media="http://search.yahoo.com/mrss/" xmlns:atom="http://www.w3.org/2005/Atom" xmlns:j="urn:j"'
    feed = f"<rss {spaces}><channel><item>{inside}</item></channel></rss>"
    return scrape("rss", Source(url="https://acme.example/f"), {"https://acme.example/f": feed}).postings[name]


def test_the_feeds_own_elements_count_before_those_of_others(scrape: Any) -> None:
    own = "<title>Cook</title><link>https://acme.example/1</link><description>Text</description>"
    others = '<media:title>logo.png</media:title><atom:link rel="related" href="https://x.example/"/><media:description>a</media:description>'
    for inside in (own + others, others + own):
        posting = feed_item(scrape, inside, "https://acme.example/1")
        assert (posting.title, posting.description_text) == ("Cook", "Text")
    longer = (
        "<title>Cook</title><guid>1</guid><description>Teaser</description><j:description>Whole</j:description><j:description/>"
    )
    assert feed_item(scrape, longer).description_text == "Whole"


def test_texts_of_a_feed_are_unescaped(scrape: Any) -> None:
    title = "<title><![CDATA[R&amp;D Engineer &#8211; Berlin]]></title><guid>1</guid>"
    place = "<j:location><![CDATA[King&#039;s Lynn]]></j:location>"
    body = "<description><![CDATA[&lt;p&gt;Support &amp;amp; sales in &lt;b&gt;Bonn&lt;/b&gt;.&lt;/p&gt;]]></description>"
    posting = feed_item(scrape, title + place + body + "<j:department>R&amp;amp;D</j:department>")
    assert posting.department == "R&D"
    assert (posting.title, posting.location) == ("R&D Engineer \u2013 Berlin", "King's Lynn")
    assert posting.description_text == "Support & sales in Bonn."


def test_more_of_what_feeds_of_openings_tell(scrape: Any) -> None:
    head = "<title>Job</title><guid>1</guid>"
    ends = "<j:closingDate>Sun, 25 Oct 2026 00:33:21 +0000</j:closingDate><j:workType>Full Time,Part Time</j:workType>"
    posting = feed_item(scrape, f"{head}{ends}<j:location>VIC|Melbourne,WA|Perth</j:location>")
    assert (posting.valid_through, posting.employment_type) == ("2026-10-25T00:33:21Z", "FULL_TIME,PART_TIME")
    assert [place.text for place in posting.locations] == ["Melbourne, VIC", "Perth, WA"]
    pay = feed_item(scrape, f"{head}<j:salary>$110,000 - $140,000 USD</j:salary>")
    assert (pay.salary_min, pay.salary_max, pay.salary_currency) == (110_000, 140_000, "USD")


def test_postings_of_a_feed_may_differ_by_the_fragments_of_their_addresses(scrape: Any) -> None:
    items = "".join(f"<item><title>T</title><link>https://acme.example/jobs#{number}</link></item>" for number in range(2))
    source = Source(url="https://acme.example/f")
    found = scrape("rss", source, {source.url: f"<rss><channel>{items}</channel></rss>"})
    assert list(found.postings) == ["https://acme.example/jobs#0", "https://acme.example/jobs#1"]


def test_the_markup_of_atoms_xhtml_stays(scrape: Any) -> None:
    div = '<div xmlns="http://www.w3.org/1999/xhtml"><p>One</p> and <ul><li>Two</li><li>Three</li></ul></div>'
    prefixed = div.replace("xmlns=", "xmlns:x=").replace("</", "</x:").replace("<", "<x:").replace("<x:/x:", "</x:")
    for content in (div, prefixed):
        entry = f'<entry><title>T</title><id>1</id><content type="xhtml">{content}</content></entry>'
        source = Source(url="https://acme.example/f")
        found = scrape("rss", source, {source.url: f'<feed xmlns="http://www.w3.org/2005/Atom">{entry}</feed>'})
        assert found.postings["1"].description_text == "One\nand\n- Two\n- Three"

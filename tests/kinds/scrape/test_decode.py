"""Bodies are read strictly: what isn't right is refused with one kind of error, and never crashes."""

from __future__ import annotations

import gzip
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.kinds.scrape.decode import BadBody, BodyTooLarge, Inflater, parse_json, parse_text, parse_xml


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"NaN",
        b'{"a": Infinity}',
        b'{"a": 1e400}',
        b'{"a": ' + b"9" * 5000 + b"}",
        b"[" * 100_000,
        b'{"a": 1, "a": 2}',
        b'{"a": "\xff"}',
        b"<html>Log in</html>",
        b'["\x00\x01"]',
    ],
)
def test_this_is_no_json(body: Any) -> None:
    with pytest.raises(BadBody):
        parse_json(body)


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        (b'["\xc3\xa4"]', ""),
        (b'\xef\xbb\xbf["\xc3\xa4"]', "application/json; charset=utf-8"),
        (b'["\xe4"]', "application/json; charset=ISO-8859-1"),
        ('["ä"]'.encode("utf-16"), ""),
        ('["ä"]'.encode("utf-16-le"), ""),
    ],
)
def test_the_charset_is_honoured(body: Any, kind: Any) -> None:
    assert parse_json(body, kind) == ["ä"]


def test_an_unknown_charset_is_a_bad_body() -> None:
    with pytest.raises(BadBody):
        parse_json(b"[]", "application/json; charset=klingon")
    assert parse_text(b"x", "text/html; charset=klingon") == "x"


@given(st.binary(max_size=300))
def test_any_bytes_are_values_or_a_bad_body(body: Any) -> None:
    for parse in (parse_json, parse_xml):
        try:
            parse(body)
        except BadBody as error:
            assert str(error)  # noqa: PT017 - either way is right, but nothing else may be raised
    assert isinstance(parse_text(body), str)


@given(st.binary(max_size=5000), st.integers(1, 50))
def test_pieces_of_a_gzip_body_make_the_whole_again(data: Any, step: Any) -> None:
    packed = gzip.compress(data)
    inflater = Inflater("gzip", 10_000)
    for start in range(0, len(packed), step):
        inflater.feed(packed[start : start + step])
    assert inflater.finish() == data


def test_two_gzip_members_are_one_body() -> None:
    inflater = Inflater("gzip", 100)
    inflater.feed(gzip.compress(b"ab") + gzip.compress(b"cd"))
    assert inflater.finish() == b"abcd"


def test_the_cap_counts_what_comes_out() -> None:
    inflater = Inflater("gzip", 1000)
    with pytest.raises(BodyTooLarge):
        inflater.feed(gzip.compress(b"x" * 1001))


@pytest.mark.parametrize(
    "document",
    [
        b'<!DOCTYPE a [<!ENTITY b "c">]><a>&b;</a>',
        b'<!DOCTYPE a SYSTEM "file:///etc/passwd"><a/>',
        b"<a>",
        b"<a>&undeclared;</a>",
        b"",
    ],
)
def test_this_xml_is_refused(document: Any) -> None:
    with pytest.raises(BadBody):
        parse_xml(document)


def test_cdata_and_undeclared_prefixes_are_read() -> None:
    root = parse_xml(b"<a><x:b><![CDATA[<p>1 ]]]]><![CDATA[> 2</p>]]></x:b></a>")
    assert root[0].tag == "x:b"
    assert root[0].text == "<p>1 ]]> 2</p>"


@pytest.mark.parametrize(
    ("document", "kind", "text"),
    [
        ("<a>é</a>".encode(), "text/xml", "é"),
        ("<a>é</a>".encode("latin-1"), "text/xml; charset=ISO-8859-1", "é"),
        ("<?xml version='1.0' encoding='UTF-8'?><a>é</a>".encode(), "text/xml; charset=ISO-8859-1", "é"),
        ("<?xml version='1.0' encoding='windows-1252'?><a>“é</a>".encode("cp1252"), "", "“é"),
        ("<?xml version='1.0' encoding='utf-16'?><a>é</a>".encode("utf-16"), "", "é"),
        ("\ufeff<a>é</a>".encode(), "text/xml; charset=latin-1", "é"),
        (b"\r\n \n<?xml version='1.0'?><a>x</a>", "", "x"),
        (b"<a><![CDATA[x\x0b\x00y]]></a>", "", "xy"),
    ],
)
def test_xml_is_read_in_the_charset_that_it_or_its_header_names(document: bytes, kind: str, text: str) -> None:
    assert parse_xml(document, kind).text == text


def test_xml_in_an_unknown_charset_is_a_bad_body() -> None:
    with pytest.raises(BadBody):
        parse_xml(b"<a/>", "text/xml; charset=klingon")


def test_a_page_says_its_charset_itself() -> None:
    assert parse_text('<meta charset="iso-8859-1">ä'.encode("latin-1")).endswith("ä")

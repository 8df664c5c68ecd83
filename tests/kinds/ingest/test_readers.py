"""Readers: what they make of good files, and the reason they give for bad ones."""

from __future__ import annotations

import gzip
import io
import json
import zipfile
from collections.abc import Callable
from typing import Any

import docx
import pytest
from docx.enum.style import WD_STYLE_TYPE
from docx.oxml import parse_xml
from docx.oxml.ns import nsdecls, qn

from orchestrator.kinds.ingest.document import Parsed, Unreadable
from orchestrator.kinds.ingest.readers import Limits, Readers


def read(name: str, data: str | bytes, **limits: int) -> Parsed:
    return Readers(limits=Limits(**limits)).read(name, data.encode() if isinstance(data, str) else data)


def headings(parsed: Parsed) -> list[tuple[int, str]]:
    for heading in parsed.headings:
        assert parsed.text[heading.start :].strip(), "every heading lies in the text"
    return [(heading.level, heading.title) for heading in parsed.headings]


@pytest.mark.parametrize(
    "data",
    [
        "Größe",
        b"\xef\xbb\xbfGr\xc3\xb6\xc3\x9fe",
        "Größe".encode("utf-16"),
        b"\xfe\xff" + "Größe".encode("utf-16-be"),
        "Größe".encode("utf-16-le"),
        "Größe".encode("utf-16-be"),
    ],
)
def test_text_is_read_as_utf8_and_utf16(data: str | bytes) -> None:
    assert read("a.txt", data).text == "Größe"


def archive(members: dict[str, str]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as packed:
        for name, content in members.items():
            packed.writestr(name, content)
    return buffer.getvalue()


def book(first: str, second: str, more: dict[str, str] | None = None) -> bytes:
    """Return an EPUB of two chapters; in its folder they stand the other way round."""
    container = '<container xmlns="c"><rootfiles><rootfile full-path="o/p.opf"/></rootfiles></container>'
    package = (
        '<package xmlns="p" xmlns:dc="http://purl.org/dc/elements/1.1/"><metadata><dc:title>Book</dc:title></metadata>'
        '<manifest><item id="b" href="b.xhtml"/><item id="a" href="a%20a.xhtml"/></manifest>'
        '<spine><itemref idref="a"/><itemref idref="b"/></spine></package>'
    )
    pages = {"o/a a.xhtml": first, "o/b.xhtml": second}
    return archive({"META-INF/container.xml": container, "o/p.opf": package, **pages, **(more or {})})


@pytest.mark.parametrize(
    ("name", "data", "code"),
    [
        ("latin.txt", "Größe".encode("latin-1"), "encoding"),
        ("nul.txt", b"text\0with nul", "binary"),
        ("small.txt", b"a\0b", "binary"),
        ("zip.md", archive({"a": "b"}), "binary"),
        ("gzip.md", gzip.compress(b"x", mtime=0), "binary"),
        ("pdf.md", b"%PDF-1.7 ...", "binary"),
        ("empty.md", b"", "empty"),
        ("blank.md", b" \n\t\n", "empty"),
        ("front.md", b"---\ntitle: x\n---\n\n", "no-text"),
        ("script.html", b"<html><script>x</script></html>", "no-text"),
        ("bad.json", b"{", "unreadable-json"),
        ("deep.json", b"[" * 200_000, "unreadable-json"),
        ("half.json", b'{"a": "\\ud800 alone"}', "encoding"),
        ("bad.jsonl", b'{"a": 1}\n{', "unreadable-json"),
        ("bad.csv", b'a,b\n"x', "unreadable-csv"),
        ("bad.ipynb", b"{}", "unreadable-notebook"),
        ("list.ipynb", b"[]", "unreadable-notebook"),
        ("bad.pdf", b"no pdf at all", "unreadable-pdf"),
        ("torn.pdf", b"%PDF-1.7\n1 0 obj\n", "unreadable-pdf"),
        ("bad.docx", b"no zip", "unreadable-docx"),
        ("other.docx", archive({"x": "y"}), "unreadable-docx"),
        ("bomb.docx", archive({"word/document.xml": '<!DOCTYPE x [<!ENTITY a "b">]><x>&a;</x>'}), "unreadable-docx"),
        ("bad.epub", archive({"mimetype": "x"}), "unreadable-epub"),
        ("bad.eml", b"\n\njust text", "unreadable-mail"),
    ],
)
def test_what_cannot_be_read_says_why(name: str, data: bytes, code: str) -> None:
    with pytest.raises(Unreadable) as raised:
        read(name, data)
    assert raised.value.failure_code == code
    assert raised.value.message


@pytest.mark.parametrize(
    ("name", "members"),
    [
        ("a.docx", {"word/document.xml": " " * 1_000_000}),
        ("a.docx", {"word/document.xml": "<x/>", "word/media/image1.bmp": " " * 1_000_000}),
        ("a.epub", {"META-INF/container.xml": " " * 1_000_000}),
    ],
)
def test_an_archive_that_unpacks_to_too_much_is_refused(
    name: str, members: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("orchestrator.kinds.ingest.readers.office._MOST_UNPACKED", 10_000)
    with pytest.raises(Unreadable) as raised:
        read(name, archive(members))
    assert raised.value.failure_code == "too-large"


@pytest.mark.parametrize("inside", ["<p/>", ' a=""'])
@pytest.mark.parametrize(
    ("name", "made"),
    [
        ("a.html", lambda marks: f"<p>x<b{marks}></b></p>" if "=" in marks else f"<p>x{marks}</p>"),
        ("a.docx", lambda marks: archive({"word/document.xml": f"<x>{marks}</x>"})),
        ("a.docx", lambda marks: archive({"word/document.xml": "<x/>", "word/header1.xml": f"<x>{marks}</x>"})),
        ("a.epub", lambda marks: book(marks[: len(marks) // 2], marks[len(marks) // 2 :])),
        ("a.epub", lambda marks: archive({"META-INF/container.xml": f"<x>{marks}</x>"})),
    ],
)
def test_markup_of_too_many_tags_and_attributes_is_refused_before_it_is_a_tree(
    name: str, made: Callable[[str], str | bytes], inside: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("orchestrator.kinds.ingest.readers.MOST_MARKS", 1_000)
    with pytest.raises(Unreadable) as raised:
        read(name, made(inside * 1_002))
    assert raised.value.failure_code == "too-large"
    assert "tags and attributes, the limit is 1000" in raised.value.message


def test_limits_on_characters_hold() -> None:
    assert read("a.txt", "x" * 100, characters=100).text
    with pytest.raises(Unreadable) as raised:
        read("a.txt", "x" * 101, characters=100)
    assert raised.value.failure_code == "too-long"


def test_markdown_headings_front_matter_and_fences() -> None:
    parsed = read(
        "a.md",
        "---\ntitle: The title\ntags: [a, b]\nnested: {x: 1}\n---\n# One `code`\n\ntext\n\n```sh\n# no heading\n```\n\n"
        "Two\n---\n\n### Three {#anchor}\n\n~~~\n```\n# no\n~~~\n#not\n###### [Six](x.md) ######\n| a | b |\n|---|---|\n",
    )
    assert headings(parsed) == [(1, "One code"), (2, "Two"), (3, "Three"), (6, "Six")]
    assert parsed.metadata == {"title": "The title", "tags": "a, b"}
    assert parsed.title == "The title"
    assert parsed.text[parsed.body :].startswith("# One")


@pytest.mark.parametrize("front", ["---\n: [\n---\n", "---\njust text\n---\n", "---\n- a\n---\n"])
def test_front_matter_that_is_no_mapping_is_no_metadata(front: str) -> None:
    parsed = read("a.md", f"{front}# One\n")
    assert (parsed.metadata, parsed.title) == ({}, "One")


def test_crlf_files_have_the_same_headings() -> None:
    text = "# One\n\ntext\n\nTwo\n===\n\nmore\n"
    assert headings(read("a.md", text.replace("\n", "\r\n"))) == headings(read("a.md", text)) == [(1, "One"), (1, "Two")]


def test_rst_levels_follow_the_order_of_adornments() -> None:
    parsed = read(
        "a.rst",
        "=====\nTitle\n=====\n\ntext\n\nPart\n----\n\nSub\n~~~~\n\nAnother :ref:`part <x>`\n-------------------------\n\n"
        "- - -\n\n.. note::\n\n   ====  ====\n   a     b\n   ====  ====\n",
    )
    assert headings(parsed) == [(1, "Title"), (2, "Part"), (3, "Sub"), (2, "Another part")]
    assert parsed.title == "Title"


def test_html_text_reads_in_order_without_navigation() -> None:
    parsed = read(
        "a.html",
        "<html><head><title> The  page </title><meta name=description content=Short></head><body><nav>menu</nav>"
        "<main><h1>One</h1><p>a <b>b</b>\n c</p>tail<pre>x\n  y</pre><h2>Two <a href=#>¶</a></h2><ul><li>i<li>j</ul>"
        "<style>p{}</style></main><footer>f</footer></body></html>",
    )
    assert parsed.title == "The page"
    assert parsed.metadata == {"description": "Short"}
    assert headings(parsed) == [(1, "One"), (2, "Two")]
    assert "a b c\n\ntail\n\nx\n  y\n\nTwo" in parsed.text
    assert not {"menu", "p{}"} & set(parsed.text.split())
    for heading in parsed.headings:
        assert parsed.text[heading.start :].startswith(heading.title)


def test_html_of_any_depth_is_read() -> None:
    assert "deep" in read("a.html", "<div>" * 5_000 + "deep").text


def test_html_in_the_encoding_that_it_names() -> None:
    page = '<html><head><meta charset="iso-8859-1"></head><body>Größe</body></html>'
    assert "Größe" in read("a.html", page.encode("latin-1")).text


def test_json_lines_and_tables_become_records() -> None:
    assert read("a.json", '{"title": "T", "a": {"b": [1, 2]}, "n": null}').text == "title: T\na.b: 1\na.b: 2\n"
    assert headings(read("a.jsonl", '{"name": "x", "v": 1}\n\n{"name": "y"}\n')) == [(1, "x"), (1, "y")]
    assert read("a.csv", "name;city\nAda;London\nBob;\n").text == "name: Ada\ncity: London\n\nname: Bob\n\n"
    assert read("a.tsv", "a,b\tc\n1\t2\n").text == "a,b: 1\nc: 2\n\n"


def test_a_notebook_is_its_cells_without_outputs() -> None:
    cells: list[dict[str, Any]] = [
        {"cell_type": "markdown", "source": ["# Title\n", "text"]},
        {"cell_type": "code", "source": "print(1)", "outputs": [{"text": "SECRET"}]},
        {"cell_type": "markdown", "source": "## Part"},
    ]
    parsed = read("a.ipynb", json.dumps({"cells": cells}))
    assert headings(parsed) == [(1, "Title"), (2, "Part")]
    assert "print(1)" in parsed.text
    assert "SECRET" not in parsed.text


def test_source_code_has_its_definitions_as_headings() -> None:
    parsed = read("a.py", "class A:\n    def b(self):\n        def inner(): ...\n\ndef c(): ...\n")
    assert headings(parsed) == [(1, "class A"), (2, "def b"), (1, "def c")]


def word(fill: Callable[[Any], None]) -> bytes:
    """Return a document as Word writes it."""
    document = docx.Document()
    fill(document)
    buffer = io.BytesIO()
    document.save(buffer)
    return buffer.getvalue()


def test_a_docx_is_its_paragraphs_and_tables_with_headings() -> None:
    def fill(document: Any) -> None:
        document.core_properties.author = "Ada Example"
        document.add_heading("The handbook", 0)
        document.add_heading("First steps", 2)
        document.add_paragraph("one\ttwo\nthree")
        table = document.add_table(1, 2)
        table.cell(0, 0).text, table.cell(0, 1).text = "left", "right"
        document.add_paragraph(" ")
        document.add_paragraph("last")

    parsed = read("a.docx", word(fill))
    assert headings(parsed) == [(1, "The handbook"), (2, "First steps")]
    assert parsed.text == "The handbook\n\nFirst steps\n\none\ttwo\nthree\n\nleft\n\nright\n\nlast\n\n"
    assert (parsed.title, parsed.metadata) == ("The handbook", {"author": "Ada Example"})


def test_headings_of_a_docx_are_found_by_what_their_style_is_and_is_based_on() -> None:
    def fill(document: Any) -> None:
        styles = document.styles
        styles["Heading 1"].element.set(qn("w:styleId"), "berschrift1")
        own = styles.add_style("House heading", WD_STYLE_TYPE.PARAGRAPH)
        own.base_style = styles["Heading 2"]
        circle = styles.add_style("Circle", WD_STYLE_TYPE.PARAGRAPH)
        circle.base_style = circle
        for text, style in (("Erstes", "Heading 1"), ("House", "House heading"), ("Round", "Circle"), ("Text", "Normal")):
            document.add_paragraph(text, style=style)
        document.core_properties.title = "Of the file"

    parsed = read("a.docx", word(fill))
    assert (parsed.title, headings(parsed)) == ("Erstes", [(1, "Erstes"), (2, "House")])


def test_a_docx_has_what_is_in_controls_boxes_and_tracked_changes_once() -> None:
    box = "<w:txbxContent><w:p><w:r><w:t>boxed</w:t></w:r></w:p></w:txbxContent>"
    body = f"""<w:body {nsdecls("w")} xmlns:mc="http://schemas.openxmlformats.org/markup-compatibility/2006">
      <w:sdt><w:sdtContent><w:p><w:r><w:t>controlled</w:t></w:r></w:p></w:sdtContent></w:sdt>
      <w:p><w:ins><w:r><w:t>new </w:t></w:r></w:ins><w:del><w:r><w:delText>old</w:delText></w:r></w:del>
        <w:r><w:t>text</w:t></w:r></w:p>
      <w:p><w:r><w:t>around</w:t></w:r><w:r><mc:AlternateContent><mc:Choice Requires="wps">{box}</mc:Choice>
        <mc:Fallback>{box}</mc:Fallback></mc:AlternateContent></w:r></w:p></w:body>"""

    def fill(document: Any) -> None:
        for element in parse_xml(body):
            document.element.body.insert_element_before(element, "w:sectPr")

    assert read("a.docx", word(fill)).text == "controlled\n\nnew text\n\naround\n\nboxed\n\n"


def test_a_docx_without_headings_has_the_title_of_its_properties() -> None:
    def fill(document: Any) -> None:
        document.core_properties.title = " Of the file "
        document.add_paragraph("text")

    assert read("a.docx", word(fill)).title == "Of the file"


def test_a_docx_whose_markup_breaks_its_own_rules_is_refused() -> None:
    paragraph = f"<w:p {nsdecls('w')}><w:pPr><w:pStyle/></w:pPr><w:r><w:t>x</w:t></w:r></w:p>"
    broken = word(lambda document: document.element.body.insert_element_before(parse_xml(paragraph), "w:sectPr"))
    with pytest.raises(Unreadable, match="InvalidXmlError") as raised:
        read("a.docx", broken)
    assert raised.value.failure_code == "unreadable-docx"


def test_a_docx_with_entities_is_refused_and_none_is_read_beyond_the_limit() -> None:
    plain = word(lambda document: document.add_paragraph("text") and None)
    with zipfile.ZipFile(io.BytesIO(plain)) as packed:
        members = {name: packed.read(name).decode("latin-1") for name in packed.namelist()}
    start = members["word/document.xml"].index("<w:document")
    entity = '<!DOCTYPE x [<!ENTITY a SYSTEM "file:///etc/hostname">]>'
    members["word/document.xml"] = f"{entity}{members['word/document.xml'][start:].replace('text', 'te&a;xt')}"
    with pytest.raises(Unreadable, match="entities"):
        read("a.docx", archive(members))
    long = word(lambda document: [document.add_paragraph("x" * 60) for _ in range(9)] and None)
    with pytest.raises(Unreadable) as raised:
        read("a.docx", long, characters=100)
    assert raised.value.failure_code == "too-long"


def test_an_epub_is_its_chapters_in_reading_order() -> None:
    parsed = read("a.epub", book("<body><h1>First</h1>x</body>", "<body><h1>Second</h1>y</body>"))
    assert (parsed.title, headings(parsed)) == ("Book", [(1, "First"), (1, "Second")])


def test_what_no_chapter_of_a_book_is_isnt_unpacked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("orchestrator.kinds.ingest.readers.office._MOST_UNPACKED", 10_000)
    monkeypatch.setattr("orchestrator.kinds.ingest.readers.MOST_MARKS", 100)
    assert read("a.epub", book("<p>x</p>", "<p>y</p>", {"cover.bmp": "=" * 1_000_000})).text.split() == ["x", "y"]


@pytest.mark.parametrize("sender", ["Ada@[.example", "Ada <ada@[letters.example>"])
def test_an_email_whose_sender_is_no_address_is_read_all_the_same(sender: str) -> None:
    parsed = read("a.eml", f"From: {sender}\nSubject: Kites\n\nHello\n")
    assert (parsed.title, parsed.text.strip().splitlines()[-1]) == ("Kites", "Hello")
    assert parsed.metadata["from"] == sender


def test_an_email_is_its_subject_and_body() -> None:
    parsed = read("a.eml", "From: a@b.example\nSubject: =?utf-8?q?Gr=C3=BC=C3=9Fe?=\n\nHello\n")
    assert (parsed.title, parsed.metadata["from"]) == ("Grüße", "a@b.example")
    assert "Hello" in parsed.text


def pdf(*pages: str) -> bytes:
    """Return a PDF with one line of text a page, made by hand: PDF 1.4, ISO 32000, section 7."""
    kids = " ".join(f"{3 + 2 * number} 0 R" for number in range(len(pages)))
    objects = ["<< /Type /Catalog /Pages 2 0 R >>", f"<< /Type /Pages /Kids [{kids}] /Count {len(pages)} >>"]
    for number, text in enumerate(pages):
        font = "<< /Font << /F1 << /Type /Font /Subtype /Type1 /BaseFont /Helvetica >> >> >>"
        objects.append(
            f"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 300 300] /Contents {4 + 2 * number} 0 R /Resources {font} >>"
        )
        stream = f"BT /F1 12 Tf 20 200 Td ({text}) Tj ET"
        objects.append(f"<< /Length {len(stream)} >>\nstream\n{stream}\nendstream")
    body, offsets = "%PDF-1.4\n", []
    for number, content in enumerate(objects, 1):
        offsets.append(len(body))
        body += f"{number} 0 obj\n{content}\nendobj\n"
    table = "".join(f"{offset:010d} 00000 n \n" for offset in offsets)
    trailer = f"trailer\n<< /Size {len(objects) + 1} /Root 1 0 R >>\nstartxref\n{len(body)}\n%%EOF\n"
    return f"{body}xref\n0 {len(objects) + 1}\n0000000000 65535 f \n{table}{trailer}".encode()


def test_a_pdf_is_its_pages() -> None:
    parsed = read("a.pdf", pdf("Hello first page", "And the second"))
    assert headings(parsed) == [(1, "page 1"), (1, "page 2")]
    assert parsed.text.split("\n\n")[:2] == ["Hello first page", "And the second"]


def test_a_pdf_with_too_many_pages_or_without_text_is_refused() -> None:
    for data, limits, code in ((pdf("a", "b"), {"pages": 1}, "too-many-pages"), (pdf(""), {}, "no-text")):
        with pytest.raises(Unreadable) as raised:
            read("a.pdf", data, **limits)
        assert raised.value.failure_code == code


def test_an_encrypted_pdf_says_so() -> None:
    keys = b"/O <" + b"41" * 32 + b"> /U <" + b"42" * 32 + b">"
    encrypt = b"/Root 1 0 R /Encrypt << /Filter /Standard /V 1 /R 2 /P -4 " + keys + b" >> /ID [<41><41>]"
    data = pdf("secret").replace(b"/Root 1 0 R", encrypt)
    with pytest.raises(Unreadable, match="encrypted"):
        read("a.pdf", data)

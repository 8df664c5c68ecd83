"""Every board through the real client, over a real socket, into a real table."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit


def serve(case: Any, server: Any, boards: Any) -> dict[str, Any]:
    """Put the fixture's answers on the server; return the company of a spec that reads them there."""
    own_pages = "https://acme.example"
    for path in {urlsplit(known["request"].partition(" ")[2]).path for known in case.answers}:
        server.routes[path] = lambda handler: answer(case, handler, boards, server.url)
    if not case.board.needs_url:
        return {"name": "Acme", "board": case.board.name, "token": case.data["token"]}
    return {"name": "Acme", "board": case.board.name, "url": case.data["token"].replace(own_pages, server.url)}


def answer(case: Any, handler: Any, boards: Any, base: str) -> Any:
    for known in case.answers:
        method, _, url = known["request"].partition(" ")
        parts = urlsplit(url)
        wanted = parts.path + (f"?{parts.query}" if parts.query else "")
        if (method, wanted) == (handler.command, handler.path):
            if "json" in known:
                return boards.Answer(known["json"], known.get("status", 200))
            body = known["text"].replace("https://acme.example", base)
            return boards.Answer(body, known.get("status", 200), {"Content-Type": known["type"]})
    return boards.Answer({"error": "unknown"}, 404)


def spec_of(case: Any, driver: Any, company: dict[str, Any], **fields: Any) -> Any:
    base_urls = {} if case.board.needs_url else {case.board.name: driver.server.url}
    return driver.spec([company], http={"base_urls": base_urls, "retries": 0}, **fields)


def test_the_table_holds_what_the_fixture_means(case: Any, driver: Any, server: Any, boards: Any) -> None:
    run = driver.run(spec_of(case, driver, serve(case, server, boards)))
    assert run.result["new"] == len(case.data["postings"])
    assert run.result["bad_rows"] == case.data["bad_rows"]
    titles = driver.rows("select title from postings order by id")
    assert sorted(title for (title,) in titles) == sorted(posting["title"] for posting in case.data["postings"])
    if not case.board.needs_url:
        urls = driver.rows("select identifier, url from postings")
        assert dict(urls) == {posting["identifier"]: posting["url"] for posting in case.data["postings"]}


def test_the_same_answers_again_change_nothing(case: Any, driver: Any, server: Any, boards: Any) -> None:
    company = serve(case, server, boards)
    driver.run(spec_of(case, driver, company, details="all"))
    before = driver.rows("select * from posting_history")
    for details in ("all", "new-only", "none") if case.board.details else ("all",):
        run = driver.run(spec_of(case, driver, company, details=details))
        assert run.counts() == (0, 0, len(case.data["postings"]), 0, 0, 0)
    assert driver.rows("select * from posting_history") == before


def test_a_bad_answer_closes_nothing_and_fails_the_company(case: Any, driver: Any, server: Any, boards: Any) -> None:
    spec = spec_of(case, driver, serve(case, server, boards))
    driver.run(spec)
    first = urlsplit(case.answers[0]["request"].partition(" ")[2]).path
    for body in ("null", "<html>sign in</html>", "[" * 50_000):
        server.routes[first] = boards.Answer(body)
        run = driver.run(spec)
        assert run.outcomes["Acme"].error is not None, body
        assert run.result["closed"] == 0
    opened = driver.rows("select count(*) from postings where status = 'open'")
    assert opened == [(len(case.data["postings"]),)]


def test_a_board_that_is_gone_or_moved_to_the_vendor_closes_nothing(case: Any, driver: Any, server: Any, boards: Any) -> None:
    spec = spec_of(case, driver, serve(case, server, boards))
    driver.run(spec)
    first = urlsplit(case.answers[0]["request"].partition(" ")[2]).path
    server.routes.clear()
    gone = driver.run(spec)
    server.routes[first] = boards.Answer("", 302, {"Location": "https://www.vendor.example/"})
    moved = driver.run(spec)
    for run in (gone, moved):
        assert run.outcomes["Acme"].error is not None
        assert run.result["closed"] == 0
    assert driver.rows("select count(*) from postings where status = 'open'") == [(len(case.data["postings"]),)]

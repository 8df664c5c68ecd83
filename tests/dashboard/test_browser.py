"""The app in a real browser: live, navigable, and deaf to what strangers wrote."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
HOSTILE = "<script>alert(1)</script><img src=https://evil.example/x.png onerror=alert(2)> ![x](https://evil.example/y.png) $x$"
FLAGS = [
    "--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update", "--disable-dev-shm-usage",
    "--no-first-run",
]  # fmt: skip
pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(CHROMIUM is None, reason="there is no chromium on this machine"),
    pytest.mark.timeout(180),
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
]


@pytest.fixture
def address(build: Any, serve: Callable[[Path], Any]) -> Iterator[str]:
    with serve(build.root) as found:
        yield found


@pytest.fixture
def browser() -> Iterator[Any]:
    sync_api = pytest.importorskip("playwright.sync_api")
    with sync_api.sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield chromium
        chromium.close()


def test_a_run_is_watched_live_without_a_request_off_this_machine(build: Any, browser: Any, address: str) -> None:
    build.run("failed", begun=900, jobs=[build.job(state="failed", failures=[build.failure(HOSTILE, HOSTILE, hint=HOSTILE)])])
    run = build.run(
        "running", name=HOSTILE, jobs=[build.job(state="running", done=5, in_flight=[build.hand(HOSTILE, HOSTILE)])]
    )
    build.journal(run, [{"key": HOSTILE, "state": "failed", "error": {"code": "x", "message": HOSTILE, "hint": HOSTILE}}])
    build.database([{"id": 1, "title": HOSTILE, "company": HOSTILE, "description_text": HOSTILE, "url": "javascript:alert(3)"}])
    build.snapshot({HOSTILE.replace("/", "_"): HOSTILE})

    def answered(dialog: Any) -> None:
        dialogs.append(dialog.message)
        dialog.dismiss()

    page = browser.new_page(viewport={"width": 1280, "height": 900})
    outside: list[str] = []
    dialogs: list[str] = []
    errors: list[str] = []
    page.on("request", lambda request: outside.append(request.url) if not is_local(request.url, address) else None)
    page.on("dialog", answered)
    page.on("pageerror", lambda error: errors.append(str(error)))

    page.goto(address)
    heading = page.locator(".view h1")
    heading.get_by_text("Running — 50%").wait_for(timeout=60_000)
    assert "<script>" in page.locator(".view .facts").inner_text()
    build.write(run, build.status("running", run_id=run.run_id, jobs=[build.job(state="running", done=8)]))
    heading.get_by_text("Running — 80%").wait_for(timeout=15_000)
    build.write(run, build.status("succeeded", run_id=run.run_id))
    heading.get_by_text("Succeeded").wait_for(timeout=15_000)

    page.get_by_text("all runs").click()
    page.locator(".runs tbody tr").nth(1).wait_for()
    page.get_by_role("link", name="Failed", exact=True).click()
    page.wait_for_url("**/runs?state=failed")
    page.locator(".runs tbody tr").nth(1).wait_for(state="detached")
    page.go_back()
    page.locator(".runs tbody tr").nth(1).wait_for()
    for place in ("postings?show=all&id=1", "snapshots?job=handbook&q=alert", f"run?id={run.run_id}"):
        page.goto(f"{address}/{place}")
        page.locator(".view").get_by_text("<script>").first.wait_for(timeout=30_000)
        assert page.locator(".view a[href^='javascript']").count() == 0
    assert (outside, dialogs, errors) == ([], [], [])
    page.close()


def is_local(url: str, address: str) -> bool:
    return url.startswith((address, address.replace("http", "ws", 1), "data:", "blob:"))


def test_it_fits_a_phone_and_a_wide_screen_in_both_schemes(build: Any, browser: Any, address: str) -> None:
    build.run("failed", jobs=[build.job(state="failed", failures=[build.failure("Acme")], error=build.error())])
    for width, scheme in ((390, "dark"), (1920, "light")):
        page = browser.new_page(viewport={"width": width, "height": 900}, color_scheme=scheme, reduced_motion="reduce")
        page.goto(address)
        page.locator(".view h1").wait_for(timeout=60_000)
        too_wide = page.evaluate("document.documentElement.scrollWidth > document.documentElement.clientWidth")
        assert not too_wide, (width, scheme)
        assert page.locator(".view .job").count() == 1
        page.close()

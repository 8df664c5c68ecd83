"""The app in a real browser: live, navigable, and deaf to what strangers wrote."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
HOSTILE = "<script>alert(1)</script><img src=https://evil.example/x.png onerror=alert(2)> ![x](https://evil.example/y.png) $x$"
REFRESH = 0.5  # What `serve` asks for.
FLAGS = [
    "--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update", "--disable-dev-shm-usage",
    "--no-first-run",
]  # fmt: skip
pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(CHROMIUM is None and "CI" not in os.environ, reason="there is no chromium on this machine"),
    pytest.mark.timeout(180),
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
]


@pytest.fixture(scope="module")
def build(builder: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """One project for all tests here: the server and the browser take longer to start than to ask."""
    made = builder(tmp_path_factory.mktemp("project"))
    made.database([{"id": 1, "title": HOSTILE, "company": HOSTILE, "description_text": HOSTILE, "url": "javascript:alert(3)"}])
    made.snapshot({HOSTILE.replace("/", "_"): HOSTILE})
    yield made
    made.close()


@pytest.fixture(scope="module")
def address(build: Any, serve: Callable[[Path], Any]) -> Iterator[str]:
    with serve(build.root) as found:
        yield found


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    """Chromium. Where the tests are CI's, one that is missing fails; elsewhere it skips."""
    if "CI" in os.environ:
        assert CHROMIUM is not None, "CI has to have a chromium: install the package `chromium`"
        from playwright import sync_api
    else:
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
    long = "Principal-Engineer-" * 12
    run = build.run(
        "failed", name=long, jobs=[build.job(long, state="failed", failures=[build.failure(long)], error=build.error())]
    )
    build.journal(run, [{"key": long, "state": "failed", "error": {"code": "x", "message": long, "hint": long}}])
    places = ["", "runs", f"run?id={run.run_id}", "postings?show=all&id=1", "snapshots"]
    for width, scheme, shown in ((390, "dark", places), (1920, "light", places[-2:])):
        page = browser.new_page(viewport={"width": width, "height": 900}, color_scheme=scheme, reduced_motion="reduce")
        for name in shown:
            page.goto(f"{address}/{name}")
            page.locator(".view > :not(.pages)").first.wait_for(timeout=60_000)
            too_wide = page.evaluate("document.documentElement.scrollWidth > document.documentElement.clientWidth")
            assert not too_wide, (width, name)
            assert page.locator(".view").evaluate(BEYOND) == [], (width, name)
        page.close()


def test_every_text_stands_out_from_what_is_behind_it_in_both_schemes(build: Any, browser: Any, address: str) -> None:
    """WCAG AA: a contrast of 4.5, of 3 for large letters."""
    failures = [build.failure("Initech"), build.failure("Hooli", "no such board", "http-not-found")]
    job = build.job(state="failed", failed=2, failures=failures, error=build.error(), result={"new": 3, "held": 2})
    run = build.run("failed", begun=300, jobs=[job, build.job("later", state="skipped")], warnings=["odd"])
    build.journal(run, [{"key": "Initech", "state": "failed", "attempts": 3, "error": {"message": "m", "hint": "h"}}])
    places = ["", "runs", f"run?id={run.run_id}", "postings?show=all&id=1", "snapshots?job=handbook&q=alert"]
    for scheme, shown in (("light", places), ("dark", places[-2:])):
        page = browser.new_page(viewport={"width": 1280, "height": 900}, color_scheme=scheme)
        for place in shown:
            page.goto(f"{address}/{place}")
            page.locator(".view > :not(.pages)").first.wait_for(timeout=60_000)
            found = page.locator(".view").evaluate(CONTRASTS)
            assert len(found) > 20, place
            assert [one for one in found if one["contrast"] < one["least"]] == [], (scheme, place)
        page.close()


# The contrast of each text with the colours behind it, laid one over the other as they are painted.
CONTRASTS = """view => {
    const paint = document.createElement("canvas").getContext("2d", {willReadFrequently: true});
    const read = (colour) => {
        paint.clearRect(0, 0, 1, 1);
        paint.fillStyle = colour;
        paint.fillRect(0, 0, 1, 1);
        const [r, g, b, a] = paint.getImageData(0, 0, 1, 1).data;
        return [r, g, b, a / 255];
    };
    const over = ([r, g, b, a], below) => [r, g, b].map((value, n) => value * a + below[n] * (1 - a));
    const linear = (value) => value <= 0.03928 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4;
    const weights = [0.2126, 0.7152, 0.0722];
    const light = (colour) => colour.reduce((sum, value, n) => sum + weights[n] * linear(value / 255), 0);
    const behind = (one) => {
        const layers = [];
        const above = (at) => at.parentElement ?? at.getRootNode().host;
        for (let at = one; at; at = above(at)) layers.unshift(getComputedStyle(at).backgroundColor);
        return layers.reduce((below, layer) => over(read(layer), below), [255, 255, 255]);
    };
    const texts = [...view.querySelectorAll("*")].filter(one => one.checkVisibility({visibilityProperty: true}) &&
        one.getBoundingClientRect().height > 1 && [...one.childNodes].some(node => node.nodeType === 3 && node.data.trim()));
    return texts.map(one => {
        const style = getComputedStyle(one), below = behind(one), size = parseFloat(style.fontSize);
        const [a, b] = [light(over(read(style.color), below)), light(below)].sort((x, y) => y - x);
        const large = size >= 24 || (size >= 18.6 && Number(style.fontWeight) >= 700);
        return {text: one.textContent.slice(0, 30), where: `${one.tagName}.${one.className}`, contrast: (a + 0.05) / (b + 0.05),
            least: large ? 3 : 4.5};
    });
}"""


# What stands beyond the right edge and can't be scrolled to.
BEYOND = """view => {
    const clipped = (one) => one.closest(".scroll, pre, .tip") || getComputedStyle(one.parentNode).overflowX === "hidden";
    const beyond = ({ right, height }) => right > innerWidth + 1 && height > 1;
    const found = [...view.querySelectorAll("*")].filter(one => beyond(one.getBoundingClientRect()) && !clipped(one));
    return found.map(one => `${one.className} ${one.textContent.slice(0, 30)}`);
}"""


def test_a_killed_run_stands_still_and_its_resume_goes_on_by_itself(build: Any, browser: Any, address: str) -> None:
    context = browser.new_context(timezone_id="Asia/Kolkata", locale="en-GB", reduced_motion="reduce")
    page = context.new_page()
    begun = build.now + 60  # Newer than the other tests' runs.
    build.now = begun
    hands = [build.hand("Acme", "page 2 of 7")]
    run = build.run("running", lease=False, jobs=[build.job(state="running", done=5, in_flight=hands, in_flight_total=1)])
    page.goto(address)
    page.locator(".view h1").get_by_text("Interrupted").wait_for(timeout=60_000)
    assert page.locator(".view .command code").first.inner_text() == f"orchestrate resume {run.run_id[-8:]}"
    stopped = page.locator(".view .clock, .view .hands, .view .job .count")
    before = stopped.all_inner_texts()
    page.wait_for_timeout(2_500)
    assert stopped.all_inner_texts() == before
    started = page.locator(".view .facts time").first
    hour_there = time.strftime("%H:%M", time.gmtime(begun - 41 + 19_800))
    assert hour_there in started.inner_text()
    assert started.get_attribute("title") == time.strftime("%Y-%m-%d %H:%M:%S UTC", time.gmtime(begun - 41))
    assert page.locator(".view .icon").first.evaluate("one => getComputedStyle(one).animationName") == "none"

    build.resume(run, jobs=[build.job(state="running", done=7)])
    page.locator(".view h1").get_by_text("Running — 70%").wait_for(timeout=15_000)
    assert_keys_show_where_they_are(page)
    context.close()


class Watch:
    """A page that is watched: when it asked the server, and what it shows instead of what is waited for."""

    def __init__(self, page: Any) -> None:
        self._page = page
        self._opened = time.monotonic()
        self._asked: list[float] = []
        page.on("websocket", lambda socket: socket.on("framesent", self._note))

    def _note(self, _: object) -> None:
        self._asked.append(round(time.monotonic() - self._opened, 1))

    def until(self, text: str, patience: float, run: subprocess.Popen[bytes]) -> None:
        """Wait until the heading of the page holds a text, given as a pattern."""
        began = time.monotonic()
        while not any(re.search(text, each) for each in self._page.locator(".view h1").all_inner_texts()):
            waited = time.monotonic() - began
            assert waited < patience, (text, began - self._opened, self._asked, run.poll(), self._page.inner_text("body"))
            self._page.wait_for_timeout(100)


def test_a_real_run_is_watched_from_its_start_over_its_death_and_its_resume_to_its_end(
    project: Callable[..., Path], start: Callable[..., Any], serve: Callable[[Path], Any], browser: Any
) -> None:
    # Twelve seconds: what is left after the kill takes longer than a page at rest waits for its next look.
    drill = "{kind: drill, items: 120, behaviour: wait, seconds: 400ms, concurrency: 4, progress_every: 200ms}"
    root = project(f"version: 1\njobs:\n  drill: {drill}\n")
    silent = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    errors: list[str] = []
    with serve(root) as address:
        page = browser.new_page()
        page.on("pageerror", lambda error: errors.append(str(error)))
        watch = Watch(page)
        page.goto(address)
        page.locator(".view").get_by_text("orchestrate run").first.wait_for(timeout=60_000)
        run = start("run", cwd=root, **silent)
        watch.until(r"Running — [1-9]\d?%", 30, run)
        run.kill()
        run.wait(10)
        died = time.monotonic()
        watch.until("Interrupted", 15, run)
        assert time.monotonic() - died < REFRESH + 1.5  # One poll, and what a busy machine adds.
        typed = page.locator(".view .command code").first.inner_text().split()
        assert typed[:2] == ["orchestrate", "resume"]
        resumed = start(*typed[1:], cwd=root, **silent)
        watch.until("Running", 30, resumed)
        assert page.locator(".view .facts").get_by_text("attempt 2").count() == 1
        watch.until("Succeeded", 60, resumed)
        assert resumed.wait(20) == 0
        assert page.locator(".view .figures").inner_text().startswith("120")
        page.close()
    assert errors == []


def test_on_a_phone_the_pages_are_links_and_no_menu(browser: Any, address: str) -> None:
    page = browser.new_page(viewport={"width": 1280, "height": 800})
    page.goto(address)
    page.locator(".view > :not(.pages)").first.wait_for(timeout=60_000)
    link, theirs = page.locator(".view .pages").get_by_text("Postings"), page.get_by_test_id("stTopNavLink").first
    for width, ours in ((1280, False), (768, False), (767, True), (390, True)):
        page.set_viewport_size({"width": width, "height": 800})
        theirs.wait_for(state="hidden" if ours else "visible")
        assert link.is_visible() is ours, width
        assert not page.get_by_test_id("stExpandSidebarButton").is_visible(), width
    link.click()
    page.wait_for_url("**/postings")
    page.locator(".view .pages a[aria-current='page']").get_by_text("Postings").wait_for()
    page.close()


def assert_keys_show_where_they_are(page: Any) -> None:
    """Tab through the page: each thing inside the view that takes the focus is outlined."""
    page.locator(".view h1").click()
    seen = set()
    for _ in range(25):
        page.keyboard.press("Tab")
        found = page.evaluate(FOCUS)
        if found is not None:
            seen.add(found["tag"])
            assert found["outline"] != "none", found
    assert {"A", "BUTTON"} <= seen


FOCUS = """() => {
    let one = document.activeElement;
    while (one?.shadowRoot?.activeElement) one = one.shadowRoot.activeElement;
    return one?.closest(".view") ? {tag: one.tagName, outline: getComputedStyle(one).outlineStyle} : null;
}"""

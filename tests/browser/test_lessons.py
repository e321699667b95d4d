"""Every lesson's main path in a real browser: guess, run each experiment, see its evidence and the verdict."""

from __future__ import annotations

import contextlib
import re

import pytest
from playwright.sync_api import Locator, Page, Route

from lessons import course
from lessons.shell.content import read_lesson
from tests.browser.expecting import expect
from tests.browser.test_every_page import at_width, serious

KEYS = [key for unit in course.UNITS for key in unit.lessons]
SLOW = 600_000
TYPED = ".stage textarea:visible:enabled, .stage input[type=text]:visible:enabled"
MANY = (
    "Captions", "How many words", "Keys a text", "Noisy copies", "Pairs of", "Passes", "Prompts of", "Questions of",
    "Runs", "Searches", "Seconds", "Seeds", "Stories of", "Tokens really", "Training steps", "Unseen scenes",
    "Words at", "Words of each",
)  # fmt: skip
RESHAPED = {"sampling": "seeds", "handoff": "forget", "image-tokens": "facts"}
"""Screens whose figure has another shape with as few runs as :func:`smaller` asks for than with those recorded; with
the page's own settings they move by less than 0.001."""
PRESSED_WITHIN = 1600
"""Pixels from the top of a phone's page to the lower end of the first button, less than two screens of 844."""
WATCH_SHIFTS = """() => {
    window.shiftWatcher?.disconnect();
    let moved = 0;
    window.whatMoved = [];
    const named = ({ node, previousRect, currentRect }) =>
        `${node?.id || node?.className || node?.parentElement?.className} ${previousRect.y}→${currentRect.y}`;
    const add = (shifts) => shifts.filter((one) => !one.hadRecentInput).forEach((one) => {
        moved += one.value;
        window.whatMoved.push(`${one.value.toFixed(3)}: ${one.sources.map(named).join(", ")}`);
    });
    const watcher = window.shiftWatcher = new PerformanceObserver((list) => add(list.getEntries()));
    watcher.observe({ type: "layout-shift" });
    window.movedSoFar = () => { add(watcher.takeRecords()); return moved; };
}"""
"""Begins anew to add up how far what nobody touched moves, as ``movedSoFar()``."""
LOWER_END = """() => scrollY + document.querySelector(".screen .stage .go, .screen .stage .primary")
    .getBoundingClientRect().bottom"""
TALLEST = """() => Math.max(0, ...[...document.querySelectorAll(".screen:has(.predict)")].map((screen) => {
    const seen = (name) => [...screen.querySelectorAll(name)].map((one) => one.getBoundingClientRect())
        .filter((one) => one.height);
    const asked = [...seen(".predict"), ...seen(".verdict").slice(0, 1)];
    const spans = seen(".run-row").map((row) => [...asked, row]).map((together) =>
        Math.max(...together.map((one) => one.bottom)) - Math.min(...together.map((one) => one.top)));
    return Math.min(...spans);
}))"""
"""The height of the tallest screen's guess, button and verdict together, in pixels."""
PAINTED = "new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))"
ANSWERED = """() => [...document.querySelectorAll(".screen .veiled")].filter((place) =>
    !place.parentElement.closest(".veiled") && place.innerText.trim() && !place.querySelector("div.empty")
    && getComputedStyle(place.firstElementChild).filter === "none").map((place) => place.innerText)"""
HOSTILE = '<img src=x onerror="window.hacked=1"><script>window.hacked=1</script>\u202e'


def screens(page: Page, key: str) -> list[Locator]:
    found = page.locator(f"#lesson-{key} .screen")
    expect(found).to_have_count(len(read_lesson(key).sections))
    return found.all()


def guess(screen: Locator) -> None:
    choices = screen.locator(".predict input[type=radio]")
    if choices.count():
        choices.first.check()


def pressed(screen: Locator) -> Locator:
    """The button that starts the screen's experiment."""
    return screen.locator(".stage button.go, .stage button.primary").first


def run(screen: Locator) -> None:
    button = pressed(screen)
    button.scroll_into_view_if_needed()
    button.click()


def smaller(screen: Locator) -> None:
    """Fewer runs where a control says how many: what is measured is of no interest here."""
    for box in screen.locator(".stage input[type=number]:visible:enabled").all():
        if (box.get_attribute("aria-label") or "").removeprefix("number input for ").startswith(MANY):
            box.fill(box.get_attribute("min") or "2")
            box.blur()


def end(screen: Locator) -> None:
    """Stop the run if it is still under way."""
    go = screen.locator(".run-row .go").first
    if go.inner_text() == "Start over":
        screen.locator(".run-row .stop").first.click()
    expect(go).not_to_have_text("Start over", timeout=SLOW)


def first_steps(screen: Locator) -> None:
    """Wait till a run's first step shows what was typed, or the run is refused: 1.5 seconds at most."""
    with contextlib.suppress(AssertionError):
        expect(screen.locator(".run-row .go").first).to_have_text("Start over", timeout=500)
        expect(screen.get_by_text(re.compile("^Starting")).first).to_be_hidden(timeout=1000)


def open_table(screen: Locator) -> None:
    """Open the first table. A run still under way redraws its figure, and a click may fall between two drawings."""
    table = screen.locator(".evidence table").first
    for _ in range(3):
        screen.locator(".evidence .drawer summary", has_text="Table").first.click()
        try:
            expect(table).to_be_visible(timeout=10_000)
            return
        except AssertionError:
            continue
    expect(table).to_be_visible()


@pytest.mark.parametrize("key", KEYS)
def test_every_experiment_runs_on_the_first_click_and_what_is_typed_never_becomes_markup(visit, key: str) -> None:
    """The first screen's run goes to its end, and on till a guess is judged; the others are stopped at their first
    result, since what they end with is what axe looked at before, recorded, and unit tests count. One visit for all:
    what is recorded in the dark and on a phone, then the runs in the light and on a wide screen.
    """
    visit.page.emulate_media(color_scheme="dark")
    page = visit.open(key)
    assert page.evaluate(ANSWERED) == [], "seen before the guess"
    at_width(page, 390)
    assert not serious(page), "recorded, in the dark, on a phone"
    assert page.evaluate(LOWER_END) <= PRESSED_WITHIN, "far to scroll to the first button"
    assert page.evaluate(TALLEST) <= 844, "guess, button and verdict in one view of a phone"
    at_width(page, 1280)
    assert page.evaluate(TALLEST) <= 900, "guess, button and verdict in one view"
    page.click("[data-action=theme]")
    page.emulate_media(color_scheme="light")
    assert not page.evaluate("document.body.classList.contains('dark')")
    verdict = page.locator(f"#lesson-{key} .verdict[data-hit]").first
    for number, (section, screen) in enumerate(zip(read_lesson(key).sections, screens(page, key), strict=True)):
        guess(screen)
        smaller(screen)
        button = pressed(screen)
        before = button.bounding_box()["y"] - screen.bounding_box()["y"]
        page.evaluate(WATCH_SHIFTS)
        run(screen)
        expect(screen.locator(".evidence .badge-live").first).to_be_visible(timeout=SLOW)
        if number == 0:
            expect(screen.locator(".run-row .go").first).not_to_have_text("Start over", timeout=SLOW)
        assert button.bounding_box()["y"] - screen.bounding_box()["y"] == pytest.approx(before, abs=1), (
            "the button moved"
        )
        if section.key != RESHAPED.get(key):
            moved, what = page.evaluate("[window.movedSoFar(), window.whatMoved]")
            assert moved <= 0.02, f"the page moved while {key}/{section.key} ran: {what}"
        open_table(screen)
        expect(screen.locator(".evidence .alt").first).not_to_be_empty()
        if verdict.count() or not read_lesson(key).predictions:
            end(screen)
        expect(screen.locator(".run-row .go").first).not_to_have_text("Start over", timeout=SLOW)
    assert page.locator(".toast-body.error").count() == 0
    assert page.locator(f"#lesson-{key} .notice-error:visible").count() == 0
    if read_lesson(key).predictions:
        expect(verdict).to_contain_text("Measured", timeout=SLOW)
    assert not serious(page)  # boards, branches, charts and opened tables among the rest
    for screen in screens(page, key):
        boxes = screen.locator(TYPED)
        for box in boxes.all():
            box.fill(HOSTILE)
        if boxes.count() and screen.locator(".run-row .go").count():
            run(screen)
            first_steps(screen)
            end(screen)
    assert page.evaluate("window.hacked") is None
    assert page.locator("img[src=x]").count() == 0


def test_an_open_drawer_stays_open_while_its_figure_is_redrawn(visit) -> None:
    page = visit.open("latents")
    smear = screens(page, "latents")[1]
    run(smear)
    expect(smear.locator(".evidence .badge-live").first).to_be_visible(timeout=SLOW)
    open_table(smear)
    expect(smear.locator(".verdict")).to_contain_text("Measured", timeout=SLOW)
    expect(smear.locator(".evidence table").first).to_be_visible()
    smear.locator(".evidence .drawer summary", has_text="Table").first.click()
    expect(smear.locator(".evidence table").first).to_be_hidden()


def test_a_chart_comes_when_it_is_near_and_leaves_no_hole_on_its_way(first_visit) -> None:
    late: list[Route] = []
    first_visit.page.route("**/*PlotlyPlot*.js", lambda route: late.append(route))
    page = first_visit.open("attention")
    chart = page.locator("#attention-fading")
    page.evaluate("new Promise((rested) => requestIdleCallback(rested))")
    assert not late, "what draws charts is as large as all else"
    with page.expect_request("**/*PlotlyPlot*.js"):
        chart.scroll_into_view_if_needed()
    expect(chart.locator("[aria-label='Empty value']")).to_be_hidden()
    assert not serious(page)
    for route in late:
        route.continue_()
    expect(chart.locator(".js-plotly-plot")).to_be_visible()


def test_a_page_at_rest_asks_for_no_frames(visit) -> None:
    """Gradio's loader went on counting when it had left the page; its springs come to rest in some seconds."""
    page = visit.open("latents")
    asked = """async () => {
        const real = window.requestAnimationFrame;
        let frames = 0;
        window.requestAnimationFrame = (step) => { frames += 1; return real(step); };
        await new Promise((done) => setTimeout(done, 500));
        return frames;
    }"""
    assert 0 in (page.evaluate(asked) for _ in range(20))


def test_a_font_that_comes_late_moves_nothing(first_visit) -> None:
    late: list[Route] = []
    first_visit.page.route("**/*.woff2", lambda route: late.append(route))
    with first_visit.page.expect_request("**/*.woff2"):
        page = first_visit.open("latents")
    page.evaluate(WATCH_SHIFTS)
    page.evaluate(PAINTED)  # in letters that every machine has
    assert page.evaluate("document.fonts.status") == "loading"
    for route in late:
        route.continue_()
    page.wait_for_function("document.fonts.status === 'loaded'")
    page.evaluate(PAINTED)
    assert page.evaluate("window.movedSoFar()") == 0


def test_what_is_pasted_or_deleted_counts_as_typed(visit) -> None:
    page = visit.open("tokenization")
    rows = page.locator("#tokenization-rows")
    expect(rows).to_contain_text("berry", timeout=SLOW)
    page.locator("#tokenization-text textarea").click()
    page.keyboard.press("Control+A")
    page.keyboard.insert_text("green teapot")
    expect(rows).to_contain_text("green")
    for _ in range(3):
        page.keyboard.press("Backspace")
    expect(rows).not_to_contain_text("pot")

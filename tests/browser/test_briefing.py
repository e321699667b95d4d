"""The checklist follows what is typed; a recipe stays, travels as a link, and refuses what is none."""

from __future__ import annotations

from urllib.parse import quote

from playwright.sync_api import Locator, Page

from tests.browser.expecting import expect
from tests.browser.test_lessons import WATCH_SHIFTS

LINK = "#recipe=1&caption=two%20dogs%20at%20night&seed=12&passes=30&guidance=6.5"
KEPT = "localStorage['playground.briefing.recipe']"


def caption(page: Page):
    return page.locator("#briefing-recipe textarea").first


def code(page: Page):
    return page.locator("#briefing-recipe .briefing-qr")


def choose(page: Page, example: str, box: Locator, value: str) -> None:
    """Click an example until it is heard: the script of its row comes after the page."""
    for _ in range(20):
        page.locator(".briefing-examples button", has_text=example).first.click()
        try:
            expect(box).to_have_value(value, timeout=3000)
            return
        except AssertionError:
            continue
    expect(box).to_have_value(value)


def test_the_checklist_follows_what_is_typed_and_moves_nothing(visit) -> None:
    page = visit.open("briefing")
    box = page.locator("#briefing-bench textarea").nth(1)
    line = page.locator("#briefing-bench .briefing-checks").nth(1)
    expect(line.locator(".briefing-mend")).to_have_count(0)
    page.evaluate(WATCH_SHIFTS)
    go = page.locator("#briefing-bench .go")
    before = go.bounding_box()
    box.fill("")
    box.press_sequentially("could you please paint no bunny")
    expect(line.locator("p")).to_contain_text("speaks to somebody")
    expect(line.locator("li", has_text="nothing denied")).to_have_class("briefing-mend")
    expect(line.locator("li", has_text="words it knows")).to_have_class("briefing-mend")
    assert abs(go.bounding_box()["y"] - before["y"]) < 1
    assert page.evaluate("window.movedSoFar()") <= 0.02


def test_an_example_fills_both_captions_and_empties_the_learners_own(visit) -> None:
    page = visit.open("briefing")
    boxes = page.locator("#briefing-bench textarea"), page.locator("#briefing-both textarea")
    choose(page, "one more", boxes[0].nth(1), "two fish in the ocean")
    chat = "Hi!\nA snowman would suit the season.\nUnder the stars, it looks best then."
    choose(page, "a snowman", boxes[1].nth(0), chat)
    expect(page.locator("#briefing-both textarea").nth(2)).to_have_value("")
    page.locator("#briefing-dice input[type=radio][value=please]").check()
    expect(page.locator("#briefing-dice textarea").nth(1)).to_have_value("please a rabbit on a yellow background")


def test_a_recipe_stays_over_a_reload_and_its_code_holds_the_address_of_the_page(visit) -> None:
    page = visit.open("briefing")
    caption(page).fill("a cat & a key = #1")
    link = (
        f"{visit.address}/briefing#recipe=1&caption={quote('a cat & a key = #1', safe='')}&seed=7&passes=25&guidance=4"
    )
    expect(code(page)).to_have_attribute("alt", f"QR code that holds this link: {link}")
    page.wait_for_function(KEPT)
    visit.open("briefing")
    expect(caption(page)).to_have_value("a cat & a key = #1")
    expect(page.locator("#briefing-recipe code")).to_have_text(link)


def test_a_link_brings_its_recipe_before_the_one_that_is_kept_and_steps_back_when_it_is_changed(visit) -> None:
    page = visit.open("briefing")
    caption(page).fill("a pig")
    page.wait_for_function(KEPT)
    visit.open()
    page.goto(f"{visit.address}/briefing{LINK}")
    expect(caption(page)).to_have_value("two dogs at night")
    expect(page.locator("#briefing-recipe .notice").first).to_have_text("This recipe came with the link.")
    seed, passes, guidance = (page.locator("#briefing-recipe input[type=number]").nth(number) for number in range(3))
    for box, value in ((seed, "12"), (passes, "30"), (guidance, "6.5")):
        expect(box).to_have_value(value)
    visit.open()
    visit.open("briefing")  # looking at another's recipe forgets none of one's own
    expect(caption(page)).to_have_value("a pig")
    visit.open()
    page.goto(f"{visit.address}/briefing{LINK}")
    expect(caption(page)).to_have_value("two dogs at night")
    kept = page.evaluate(KEPT)
    caption(page).fill("two dogs at night sky")
    page.wait_for_function("!location.hash")
    page.wait_for_function(f"{KEPT} !== {kept!r}")
    visit.open()
    visit.open("briefing")
    expect(caption(page)).to_have_value("two dogs at night sky")


def test_a_link_of_nonsense_is_refused_in_words_and_leaves_the_fields(visit) -> None:
    page = visit.open("briefing")
    before = caption(page).input_value()
    for nonsense, words in (
        ("recipe=1", "no recipe that can be read"),
        (
            "recipe=1&caption=%3Cimg%20src%3Dx%20onerror%3Dwindow.hacked%3D1%3E%E2%80%AE&seed=1&passes=1&guidance=1",
            "seen",
        ),
        ("recipe=1&caption=a&seed=99999999999&passes=1&guidance=1", "from 0 to 4,294,967,295"),
        ("recipe=" + "9" * 9000, "Keep it to"),
    ):
        page.evaluate("hash => { location.hash = hash; }", nonsense)
        expect(page.locator("#briefing-recipe .notice-error")).to_contain_text(words)
        expect(caption(page)).to_have_value(before)
    page.evaluate("hash => { location.hash = hash; }", LINK)
    expect(caption(page)).to_have_value("two dogs at night")
    assert page.evaluate("window.hacked") is None

"""The exercise's plan stays with its learner: over a reload, and in no other browser."""

from __future__ import annotations

import json
import re

from playwright.sync_api import Browser, Page

from tests.browser.conftest import Visit, Watch
from tests.browser.expecting import expect

HOSTILE = '<img src=x onerror="window.hacked=1">\u202e كل شيء 🐉'
NOTES = """(() => {
    const { stringify } = JSON, { setItem } = Storage.prototype;
    let last;
    window.stored = {};
    JSON.stringify = (...given) => last = stringify(...given);
    Storage.prototype.setItem = function (key, value) {
        setItem.call(this, key, value);
        window.stored[key] = last;
    };
})()"""
"""Notes what is kept as it was before gradio encrypted it."""


def fields(page: Page):
    return page.locator("#lesson-predict-and-test .screen").first.locator("textarea")


def opened(visit: Visit) -> Page:
    """The lesson's page, in a browser that notes what it keeps."""
    visit.page.add_init_script(NOTES)
    return visit.open("predict-and-test")


def wait_till_kept(page: Page, part: str, so: str) -> None:
    """Wait until the browser has stored a plan, or results, ``it``, of which the script ``so`` is true."""
    page.wait_for_function(
        f"(it => it && {so})(JSON.parse(window.stored['playground.predict-and-test.{part}'] ?? null))"
    )


def wait_for_field(page: Page, text: str) -> None:
    """Wait until the browser has stored a plan with a field that holds just this text."""
    wait_till_kept(page, "plan", f"it.fields.includes({json.dumps(text)})")


def test_a_plan_survives_a_reload_and_no_other_browser_sees_it(visit, browser: Browser) -> None:
    page = opened(visit)
    before = fields(page).nth(2).input_value()
    page.locator(".exercise-examples button", has_text="a dragon").click()
    expect(fields(page).first).to_have_value("a dragon on a white background")
    fields(page).nth(1).fill("")
    fields(page).nth(1).press_sequentially(HOSTILE)
    wait_for_field(page, HOSTILE)
    visit.open("predict-and-test")
    expect(fields(page).first).to_have_value("a dragon on a white background")
    expect(fields(page).nth(1)).to_have_value(HOSTILE)
    expect(fields(page).nth(2)).to_have_value(before)
    assert page.evaluate("window.hacked") is None

    stranger = Visit(browser.new_context().new_page(), Watch(), visit.address).open("predict-and-test")
    compare(stranger)
    assert "dragon" not in fields(stranger).first.input_value()
    stranger.context.close()


def test_a_second_tab_that_changes_the_plan_is_told_of_in_the_first(visit) -> None:
    page = opened(visit)
    other = opened(Visit(page.context.new_page(), visit.watch, visit.address))
    box = fields(other).nth(1)
    assert page.locator(".elsewhere").count() == 0, "to open it changes nothing"
    box.click()
    other.keyboard.type("because")
    expect(page.locator(".elsewhere")).to_contain_text("in another tab")
    assert other.locator(".elsewhere").count() == 0, "the one that wrote"
    wait_for_field(other, "because")
    other.close()
    page.click("[data-action=elsewhere-load]")
    expect(fields(page).nth(1)).to_have_value("because")


def compare(page: Page) -> None:
    """Ask for what there is nothing of yet, and wait for the answer: what was asked for before has come by then."""
    page.get_by_role("button", name="Compare my confidence with the results").click()
    expect(screen(page, 2).locator(".notice-error", has_text="Nothing is tested yet")).to_be_visible()


def test_steps_that_need_results_say_so(visit) -> None:
    compare(visit.open("predict-and-test"))


KEPT = "Object.keys(localStorage).filter((key) => key.startsWith('playground.predict-and-test.'))"


def screen(page: Page, number: int):
    return page.locator("#lesson-predict-and-test .screen").nth(number)


def few_seeds(page: Page) -> None:
    box = screen(page, 1).get_by_label("number input for Seeds for each prompt")
    box.fill("2")
    box.blur()


def test_start_afresh_forgets_the_plan_after_a_question(visit) -> None:
    page = opened(visit)
    before = fields(page).first.input_value()
    fields(page).first.fill("a dragon")
    wait_for_field(page, "a dragon")
    assert page.evaluate(KEPT)
    page.once("dialog", lambda dialog: dialog.dismiss())
    page.get_by_role("button", name="Start afresh").click()
    compare(page)
    expect(fields(page).first).to_have_value("a dragon")
    assert page.evaluate(KEPT)
    page.once("dialog", lambda dialog: dialog.accept())
    page.get_by_role("button", name="Start afresh").click()
    expect(fields(page).first).to_have_value(before)
    assert page.evaluate(KEPT) == []
    visit.open("predict-and-test")
    expect(fields(page).first).to_have_value(before)


def test_start_over_on_the_start_page_forgets_the_plan_too(visit) -> None:
    page = opened(visit)
    before = fields(page).first.input_value()
    fields(page).first.fill("a dragon")
    wait_for_field(page, "a dragon")
    visit.open()
    page.once("dialog", lambda dialog: dialog.accept())
    page.click("[data-action=progress-clear]")
    expect(page.locator(".keep-status")).to_contain_text("cleared")
    assert page.evaluate(KEPT) == []
    visit.open("predict-and-test")
    expect(fields(page).first).to_have_value(before)
    compare(page)
    assert page.evaluate(KEPT) == []


def test_a_test_is_stopped_changed_and_told_so(visit) -> None:
    page = visit.open("predict-and-test")
    few_seeds(page)
    screen(page, 1).get_by_role("button", name="Paint and judge all my prompts").click()
    expect(screen(page, 1).locator(".notice", has_text="Painting prompt")).to_be_visible(timeout=240_000)
    screen(page, 1).get_by_role("button", name="Stop").click()
    expect(screen(page, 1).locator(".notice", has_text="Stopped")).to_be_visible()
    expect(screen(page, 1).locator(".notice", has_text="Painting prompt")).to_have_count(0)

    for at in range(1, 6):  # one prompt only, so that the next test is short
        fields(page).nth(2 * at).fill("")
    screen(page, 0).get_by_role("button", name="Seal my predictions").click()
    expect(screen(page, 0).locator(".evidence .badge-live")).to_be_visible(timeout=240_000)
    fields(page).first.fill("a cat in the snow")
    screen(page, 1).get_by_role("button", name="Paint and judge all my prompts").click()
    expect(screen(page, 1).locator(".notice", has_text="The sealed plan is tested")).to_be_visible(timeout=240_000)
    expect(screen(page, 1).locator(".exercise-card")).to_contain_text("teacup", timeout=240_000)
    expect(screen(page, 1).locator(".evidence .badge-live")).to_be_visible(timeout=240_000)
    expect(screen(page, 0).locator(".notice", has_text="was tested")).to_be_visible()  # it "waits" no longer

    screen(page, 0).get_by_role("button", name="Seal my predictions").click()
    expect(screen(page, 0).locator(".evidence")).to_contain_text("changed after a test was seen", timeout=240_000)


def test_a_click_on_a_picture_overrules_the_judge_and_stays_after_a_reload(visit) -> None:
    page = opened(visit)
    for at in range(1, 6):
        fields(page).nth(2 * at).fill("")
    few_seeds(page)
    screen(page, 1).get_by_role("button", name="Paint and judge all my prompts").click()
    card = screen(page, 1).locator(".exercise-card").first
    expect(screen(page, 1).locator(".evidence .badge-live")).to_be_visible(timeout=240_000)
    picture = card.locator("button.overrule").first
    picture.click()
    expect(picture).to_have_attribute("data-eye", re.compile("right|wrong"))
    expect(card.locator(".exercise-eye")).to_contain_text("you overrule the judge in 1")
    wait_till_kept(page, "results", "JSON.parse(it).results[0].overruled.some((said) => said !== null)")
    visit.open("predict-and-test")
    expect(card.locator(".exercise-eye")).to_contain_text("you overrule the judge in 1", timeout=60_000)
    picture.press("Enter")
    if picture.get_attribute("data-eye"):  # where the judge could not tell there are two things to say
        picture.press("Enter")
    expect(card.locator(".exercise-eye")).to_have_text("")

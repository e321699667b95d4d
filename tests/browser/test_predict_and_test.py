"""The exercise's plan stays with its learner: over a reload, and in no other browser."""

from __future__ import annotations

import re

from playwright.sync_api import Browser, Page

from tests.browser.expecting import expect

HOSTILE = '<img src=x onerror="window.hacked=1">\u202e كل شيء 🐉'


def fields(page: Page):
    return page.locator("#lesson-predict-and-test .screen").first.locator("textarea")


def settle(page: Page) -> None:
    """Wait until the browser has stored the last keystroke; what it stores is encrypted, so its rest must do."""
    stored, seen = "localStorage['playground.predict-and-test.plan']", []
    for _ in range(20):
        page.wait_for_timeout(1500)
        seen.append(page.evaluate(stored))
        if len(seen) >= 3 and seen[-1] == seen[-2] == seen[-3]:
            return


def test_a_plan_survives_a_reload_and_no_other_browser_sees_it(visit, browser: Browser) -> None:
    page = visit.open("predict-and-test")
    before = fields(page).nth(2).input_value()
    page.locator(".exercise-examples button", has_text="a dragon").click()
    expect(fields(page).first).to_have_value("a dragon on a white background")
    fields(page).nth(1).fill("")
    fields(page).nth(1).press_sequentially(HOSTILE)
    settle(page)
    visit.open("predict-and-test")
    expect(fields(page).first).to_have_value("a dragon on a white background")
    expect(fields(page).nth(1)).to_have_value(HOSTILE)
    expect(fields(page).nth(2)).to_have_value(before)
    assert page.evaluate("window.hacked") is None

    stranger = browser.new_context().new_page()
    stranger.goto(f"{visit.address}/?lesson=predict-and-test")
    expect(fields(stranger).first).to_be_visible(timeout=60_000)
    stranger.wait_for_timeout(2000)
    assert "dragon" not in fields(stranger).first.input_value()
    stranger.context.close()


def test_steps_that_need_results_say_so(visit) -> None:
    page = visit.open("predict-and-test")
    page.get_by_role("button", name="Compare my confidence with the results").click()
    expect(screen(page, 2).locator(".notice-error", has_text="Nothing is tested yet")).to_be_visible()


KEPT = "Object.keys(localStorage).filter((key) => key.startsWith('playground.predict-and-test.'))"


def screen(page: Page, number: int):
    return page.locator("#lesson-predict-and-test .screen").nth(number)


def few_seeds(page: Page) -> None:
    box = screen(page, 1).get_by_label("number input for Seeds for each prompt")
    box.fill("2")
    box.blur()


def test_start_afresh_forgets_the_plan_after_a_question(visit) -> None:
    page = visit.open("predict-and-test")
    before = fields(page).first.input_value()
    fields(page).first.fill("")
    fields(page).first.press_sequentially("a dragon")
    settle(page)
    assert page.evaluate(KEPT)
    page.once("dialog", lambda dialog: dialog.dismiss())
    page.get_by_role("button", name="Start afresh").click()
    page.wait_for_timeout(1000)
    expect(fields(page).first).to_have_value("a dragon")
    page.once("dialog", lambda dialog: dialog.accept())
    page.get_by_role("button", name="Start afresh").click()
    expect(fields(page).first).to_have_value(before)
    assert page.evaluate(KEPT) == []
    visit.open("predict-and-test")
    expect(fields(page).first).to_have_value(before)


def test_start_over_on_the_start_page_forgets_the_plan_too(visit) -> None:
    page = visit.open("predict-and-test")
    before = fields(page).first.input_value()
    fields(page).first.fill("")
    fields(page).first.press_sequentially("a dragon")
    settle(page)
    visit.open()
    page.once("dialog", lambda dialog: dialog.accept())
    page.click("[data-action=progress-clear]")
    expect(page.locator(".keep-status")).to_contain_text("cleared")
    page.wait_for_timeout(2000)
    assert page.evaluate(KEPT) == []
    visit.open("predict-and-test")
    expect(fields(page).first).to_have_value(before)


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
    page = visit.open("predict-and-test")
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
    page.wait_for_timeout(3000)
    visit.open("predict-and-test")
    expect(card.locator(".exercise-eye")).to_contain_text("you overrule the judge in 1", timeout=60_000)
    picture.press("Enter")
    if picture.get_attribute("data-eye"):  # where the judge could not tell there are two things to say
        picture.press("Enter")
    expect(card.locator(".exercise-eye")).to_have_text("")

"""Progress: restored only from what is progress, never lost in silence, and the exercise goes with it."""

from __future__ import annotations

import json
import re

import pytest
from playwright.sync_api import Page

from lessons import course
from tests.browser.expecting import expect

KEYS = [key for unit in course.UNITS for key in unit.lessons]
KEPT = "Object.keys(localStorage).filter((key) => key.startsWith('playground.p')).sort()"
PLAN = "playground.predict-and-test.plan"
DENIED = (
    "Object.defineProperty(window, 'localStorage', "
    "{ configurable: true, get() { throw new DOMException('denied', 'SecurityError'); } })"
)
FULL = "Storage.prototype.setItem = () => { throw new DOMException('full', 'QuotaExceededError'); }"


def answer(page: Page, lesson: str) -> None:
    """Answer every question of the lesson's quiz rightly."""
    for question in page.locator(f"#lesson-{lesson} .question").all():
        question.locator("[data-right=true]").click()
    expect(page.locator(".xp")).to_contain_text("15 XP · 1 of")


def restore(page: Page, tmp_path, text: str) -> None:
    (tmp_path / "file.json").write_text(text)
    page.set_input_files("[data-action=progress-restore]", tmp_path / "file.json")


def test_a_saved_file_holds_the_exercise_and_what_is_replaced_can_be_had_back(visit, tmp_path) -> None:
    """Start over deleted plan, seal and results that no saved file held, and a restore could not be undone."""
    page = visit.open("predict-and-test")
    prompt = page.locator(".exercise-entry textarea").first
    prompt.fill("")
    prompt.press_sequentially("a dragon")
    answer(page, "predict-and-test")
    page.wait_for_function(f"localStorage.getItem('{PLAN}')")
    visit.open()
    expect(page.locator(".resume a")).to_be_visible()
    with page.expect_download() as download:
        page.click("[data-action=progress-save]")
    saved = json.loads(download.value.path().read_text())
    assert saved["version"] == 1 and list(saved["exercise"]) == [PLAN]

    asked: list[str] = []
    page.on("dialog", lambda dialog: (asked.append(dialog.message), dialog.accept()))
    page.click("[data-action=progress-clear]")
    expect(page.locator(".xp")).to_contain_text("0 XP")
    expect(page.locator(".resume a")).to_have_count(0)  # "Go on where you stopped" stayed
    assert page.evaluate(KEPT) == []
    page.click("[data-action=progress-undo]")
    expect(page.locator(".xp")).to_contain_text("15 XP")
    assert page.evaluate(KEPT) == [PLAN, "playground.progress"]

    page.click("[data-action=progress-clear]")
    restore(page, tmp_path, json.dumps(saved))  # nothing is lost, so nothing is asked
    expect(page.locator(".xp")).to_contain_text("15 XP")
    assert len(asked) == 2
    visit.open("predict-and-test")
    expect(prompt).to_have_value("a dragon")


def test_a_file_that_is_no_progress_destroys_none_and_invented_answers_count_nothing(visit, tmp_path) -> None:
    """A package's file was "restored", 15 XP became 0; invented answers gave "175000 XP · 0 of 9"."""
    page = visit.open("predict-and-test")
    answer(page, "predict-and-test")
    visit.open()
    for text in ('{"version": 1, "name": "some-package"}', '{"version": 1, "answers": [], "misses": {}}', "<script>"):
        restore(page, tmp_path, text)
        expect(page.locator(".keep-status")).to_contain_text("not a saved progress")
        expect(page.locator(".xp")).to_contain_text("15 XP · 1 of")

    today = {"version": 1, "last": "", "misses": {"a/b/1": -5}, "predictions": {"a/b": "yes"}, "cards": {"a/b": {}}}
    invented = {**today, "answers": {f"sampling/{number}": True for number in range(5000)}}
    page.once("dialog", lambda dialog: dialog.dismiss())
    with page.expect_event("dialog"):
        restore(page, tmp_path, json.dumps(invented))
    expect(page.locator(".xp")).to_contain_text("15 XP · 1 of")
    page.once("dialog", lambda dialog: dialog.accept())
    with page.expect_event("dialog"):
        restore(page, tmp_path, json.dumps(invented))
    expect(page.locator(".keep-status")).to_contain_text("Restored: 0 XP.")
    expect(page.locator(".xp")).to_contain_text("0 XP · 0 of")
    page.click("[data-action=progress-undo]")
    expect(page.locator(".xp")).to_contain_text("15 XP · 1 of")


def test_what_was_right_counts_as_it_did_and_a_question_missed_before_earns_a_third(visit) -> None:
    """Answers kept before wrong choices told are worth what they were worth."""
    page = visit.open("predict-and-test")
    names = page.locator(".question").evaluate_all("all => all.map((one) => one.dataset.question)")
    kept = {"version": 1, "last": "", "predictions": {}, "cards": {}}
    kept |= {"answers": dict.fromkeys(names[:-1], True), "misses": dict.fromkeys((f"{name}/0" for name in names), 1)}
    page.evaluate("kept => localStorage.setItem('playground.progress', JSON.stringify(kept))", kept)
    visit.open("predict-and-test")
    each = 15 / len(names)
    expect(page.locator(".xp")).to_have_text(f"{int(15 - each + 0.5)} XP · 0 of {len(KEYS)}")
    page.locator(".question").last.locator("[data-right=true]").click()
    expect(page.locator(".xp")).to_have_text(f"{int(15 - 2 * each / 3 + 0.5)} XP · 1 of {len(KEYS)}")


@pytest.mark.parametrize("storage", [DENIED, FULL], ids=["denied", "full"])
def test_progress_that_the_browser_does_not_keep_lasts_and_is_told_where_the_learner_is(visit, storage: str) -> None:
    """Five right answers showed 0 XP, and the notice stood on another page."""
    visit.page.add_init_script(storage)
    page = visit.open("predict-and-test")
    answer(page, "predict-and-test")
    expect(page.locator(".unkept")).to_contain_text("keeps nothing")
    with page.expect_download() as download:
        page.locator(".unkept [data-action=progress-save]").click()
    assert len(json.loads(download.value.path().read_text())["answers"]) == page.locator(".question").count()


def test_a_slider_shows_that_it_has_the_focus(visit) -> None:
    page = visit.open("predict-and-test")
    page.locator("input[type=number]").first.focus()
    page.keyboard.press("Tab")
    style = page.evaluate("[document.activeElement.type, getComputedStyle(document.activeElement).outlineStyle]")
    assert style == ["range", "solid"]


def test_a_page_shows_what_another_tab_of_it_did(visit) -> None:
    """Start went on saying “not started” and led to the lesson before the last."""
    page = visit.open()
    tells = """(last) => {
        const key = "playground.progress", kept = { version: 1, answers: {}, misses: {}, predictions: {}, cards: {} };
        localStorage.setItem(key, JSON.stringify({ ...kept, last }));
        dispatchEvent(new StorageEvent("storage", { key }));
    }"""  # as the browser tells of it
    for last in ("noising", "latents"):
        page.evaluate(tells, last)
        expect(page.locator(".home .resume a")).to_have_attribute("href", last)


def test_what_is_veiled_is_not_reached_by_key_and_a_rated_card_gives_its_place_to_the_next(visit) -> None:
    page = visit.open("noising")
    veiled = "[...document.querySelectorAll('#noising-strip .veiled > *')].map((part) => part.inert)"
    page.wait_for_function(f"{veiled}.includes(true)")
    page.locator("#noising-strip .predict input[type=radio]").first.check()
    page.wait_for_function(f"!{veiled}.includes(true)")
    card = page.locator(".flashcard")
    card.focus()
    page.keyboard.press("Enter")
    page.locator(".ratings button").nth(2).focus()
    page.keyboard.press("Enter")
    expect(card).not_to_have_class(re.compile("flipped"))
    assert page.evaluate("document.activeElement.className") == "flashcard"
    page.locator("[data-action=answer]").first.click()
    expect(page.locator("#spoken")).not_to_be_empty()

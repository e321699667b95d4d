"""What a learner typed, dialled and guessed is there again after a reload, and a run then goes by it."""

from __future__ import annotations

import json
from urllib.parse import quote

from PIL import Image
from playwright.sync_api import Page

from tests.browser.expecting import expect

WORDS = "an owl on a green meadow"


def passes(page: Page):
    return page.locator("#noising-strip").get_by_label("number input for Passes")


def test_words_dials_and_guess_outlive_a_reload(visit) -> None:
    page = visit.open("noising")
    strip = page.locator("#noising-strip")
    for box, typed in ((strip.get_by_label("Caption"), WORDS), (passes(page), "6")):
        box.click()
        page.keyboard.press("ControlOrMeta+A")
        page.keyboard.type(typed)
    guess = strip.locator(".predict input[type=radio]").nth(1)
    guess.click()

    visit.open("noising")
    expect(strip.get_by_label("Caption")).to_have_value(WORDS)
    expect(passes(page)).to_have_value("6")
    expect(strip.locator(".predict input[type=radio]:checked")).to_have_count(1)
    expect(guess).to_be_checked()
    expect(page.locator("#noising-strip.guessed")).to_have_count(1)
    expect(page.locator("#noising-lock").get_by_label("Caption")).to_have_value("a cat on a green meadow")

    strip.locator("button.go").click()
    settings = strip.locator(".evidence .settings").first
    expect(settings).to_contain_text(WORDS)
    expect(settings).to_contain_text("passes 6")
    expect(strip.locator("[data-prediction]")).to_contain_text("up to half of them")


def test_one_of_several_boxes_that_was_unticked_stays_so_alone(visit) -> None:
    """All boxes of a group had one name: after a reload all of them were off."""
    page = visit.open("lettering")
    boxes = page.locator("#lettering-signs fieldset input[type=checkbox]")
    before = [boxes.nth(at).is_checked() for at in range(boxes.count())]
    assert before.count(True) >= 2
    boxes.nth(before.index(True)).click()
    visit.open("lettering")
    expect(boxes.nth(before.index(True))).not_to_be_checked()
    before[before.index(True)] = False
    assert [boxes.nth(at).is_checked() for at in range(boxes.count())] == before


def test_a_choice_from_a_list_and_the_screens_beside_a_form_that_keeps_itself_outlive_a_reload(visit) -> None:
    """Lists were never kept, and of two lessons nothing was but what their own forms keep."""
    page = visit.open("noising")
    choice = page.locator("#noising-clay input[role=combobox]").first
    choice.click()
    page.locator("[role=option]").nth(1).click()
    wanted = choice.input_value()
    visit.open("noising")
    expect(choice).to_have_value(wanted)

    page = visit.open("briefing")
    first = page.locator("#briefing-bench").get_by_label("First caption")
    first.click()
    page.keyboard.press("ControlOrMeta+A")
    page.keyboard.type(WORDS)
    visit.open("briefing")
    expect(first).to_have_value(WORDS)


def test_a_link_has_the_word_on_its_screen_and_nowhere_else(visit) -> None:
    """The other screens came back as they are at first, and what had been kept of them was lost at the next reload."""
    page = visit.open("sampling")
    opening, text = page.locator("#sampling-branch textarea").first, page.locator("#sampling-text textarea")
    for box in (opening, text):
        box.click()
        page.keyboard.press("ControlOrMeta+A")
        page.keyboard.type("green teapot")
    told = {"text": "An owl", "seed": 7, "t": 0.8, "p": 0.92, "keys": [], "hand": [], "count": 0, "model": ["", ""]}
    visit.open()
    visit.open("sampling", f"#try={quote(json.dumps(told))}")
    expect(text).to_have_value("An owl")
    expect(opening).to_have_value("green teapot")
    text.click()
    page.keyboard.type("!")
    assert "#" not in page.url, "the page is no longer what the link carries"
    visit.open("sampling")
    expect(opening).to_have_value("green teapot")
    expect(text).to_have_value("An owl!")


def test_what_an_example_filled_in_last_is_what_comes_back(visit) -> None:
    """The words typed before it came back in its stead."""
    page = visit.open("tokenization")
    box = page.locator("#tokenization-text textarea")
    box.click()
    page.keyboard.press("ControlOrMeta+A")
    page.keyboard.type("green teapot")
    box.evaluate("""box => {
        box.value = "set by the page";
        box.dispatchEvent(new Event("input", { bubbles: true }));
    }""")
    visit.open("tokenization")
    expect(box).to_have_value("set by the page")


def test_to_start_over_forgets_what_was_typed(visit) -> None:
    page = visit.open("noising")
    box = page.locator("#noising-strip").get_by_label("Caption")
    box.click()
    page.keyboard.type("x")
    visit.open()
    page.once("dialog", lambda dialog: dialog.accept())
    page.click("[data-action=progress-clear]")
    visit.open("noising")
    expect(page.locator("#noising-strip").get_by_label("Caption")).to_have_value("a cat on a green meadow")
    assert page.evaluate("Object.keys(sessionStorage).filter((key) => key.startsWith('playground.typed'))") == []


def finish(screen) -> None:
    screen.locator("button.go").first.click()
    expect(screen.locator(".evidence .badge-live").first).to_be_visible(timeout=60_000)
    expect(screen.locator("button.go").first).not_to_have_text("Start over", timeout=60_000)


def kept(page: Page) -> dict[str, dict]:
    return page.evaluate("JSON.parse(sessionStorage.getItem('runs.latents') || '{}')")


def test_what_a_run_showed_outlives_a_reload_and_says_so(visit) -> None:
    page = visit.open("latents")
    shrink, smear = page.locator("#latents-shrink"), page.locator("#latents-smear")
    page.locator("#latents-shrink .picker button").nth(2).click()
    for screen in (shrink, smear):
        screen.locator(".predict input[type=radio]").first.check()
        finish(screen)
    settings = shrink.locator(".evidence .settings").inner_text()
    page.wait_for_function("Object.keys(JSON.parse(sessionStorage.getItem('runs.latents') || '{}')).length === 2")

    visit.open("latents")
    for screen in (shrink, smear):
        expect(screen.locator(".status").first).to_contain_text("from before this page was loaded again")
        expect(screen.locator("[data-prediction]")).to_contain_text("Measured")
    expect(shrink.locator(".evidence .settings")).to_have_text(settings)
    expect(shrink.locator(".evidence .badge-live")).to_have_count(1)
    expect(page.locator("#latents-shrink .picker button").nth(2)).to_have_attribute("aria-pressed", "true")
    expect(page.locator("#latents-surgery .badge-live")).to_have_count(0)
    smear.locator(".chart").first.scroll_into_view_if_needed()
    expect(smear.locator(".js-plotly-plot .main-svg").first).to_be_visible()

    before = kept(page)["latents-shrink"]["at"]
    finish(shrink)
    page.wait_for_function(f"JSON.parse(sessionStorage.getItem('runs.latents'))['latents-shrink'].at > {before}")
    visit.open()
    page.once("dialog", lambda dialog: dialog.accept())
    page.click("[data-action=progress-clear]")
    visit.open("latents")
    assert kept(page) == {}


def test_what_a_stopped_run_left_outlives_a_reload(visit) -> None:
    page = visit.open("sampling")
    sweep = page.locator("#sampling-sweep")
    sweep.locator("button.go").first.click()
    expect(sweep.locator(".evidence .badge-live").first).to_be_visible(timeout=60_000)
    sweep.locator("button.stop").first.click()
    expect(sweep.locator(".status").first).to_contain_text("What was finished stays")
    page.wait_for_function("sessionStorage.getItem('runs.sampling')?.includes('sampling-sweep')")
    visit.open("sampling")
    expect(sweep.locator(".status").first).to_contain_text("from before this page was loaded again")
    expect(sweep.locator(".evidence .badge-live").first).to_be_visible()


def test_a_picture_of_ones_own_is_not_kept_and_the_page_says_so(visit, tmp_path) -> None:
    page = visit.open("latents")
    shrink = page.locator("#latents-shrink")
    Image.new("RGB", (64, 64), (200, 30, 30)).save(tmp_path / "red.png")
    shrink.locator("input[type=file]").set_input_files(tmp_path / "red.png")
    expect(shrink.locator(".status").first).to_contain_text("Your own picture is chosen")
    visit.open("latents")
    expect(shrink.locator(".status").first).to_contain_text("Your own picture is not kept: choose it again.")

    shrink.locator("input[type=file]").set_input_files(tmp_path / "red.png")
    expect(shrink.locator(".status").first).to_contain_text("Your own picture is chosen")
    shrink.locator(".picker button").nth(3).click()  # the own one stands first now
    shrink.locator(".predict input[type=radio]").first.check()
    visit.open("latents")
    expect(shrink.locator(".picker button").nth(2)).to_have_attribute("aria-pressed", "true")


def test_a_run_that_its_text_outlived_does_not_come_back(visit) -> None:
    page = visit.open("sampling")
    board = page.locator("#sampling-scoreboard")
    finish(board)
    page.wait_for_function("sessionStorage.getItem('runs.sampling')?.includes('sampling-scoreboard')")
    board.locator("textarea").first.click()
    page.keyboard.type(" and")
    page.wait_for_function("sessionStorage.getItem('runs.sampling') === '{}'")


def test_where_there_is_no_room_the_runs_of_other_lessons_go_first(visit) -> None:
    page = visit.open("latents")
    page.evaluate("""() => {
        sessionStorage.setItem("runs.other", "x".repeat(2_990_000));
        sessionStorage.setItem("playground.typed.other", "{}");
    }""")
    finish(page.locator("#latents-shrink"))
    page.wait_for_function("sessionStorage.getItem('runs.other') === null")
    assert [*kept(page)] == ["latents-shrink"]
    assert page.evaluate("sessionStorage.getItem('playground.typed.other')") == "{}"


def test_the_picture_of_a_round_is_the_one_that_was_chosen(visit) -> None:
    page = visit.open("handoff")
    play = page.locator("#handoff-play")
    play.get_by_role("button", name="Another picture").click()
    expect(play.locator(".handoff-target")).to_contain_text("picture 2 of 30")
    expect(play.get_by_label("number input for Picture")).to_have_value("2")
    expect(play.get_by_label("Your caption")).to_have_value("")
    play.get_by_label("Your caption").fill("a red kite")
    visit.open("handoff")
    expect(play.locator(".handoff-target")).to_contain_text("picture 2 of 30")
    expect(play.get_by_label("Your caption")).to_have_value("a red kite")


def test_another_tab_and_another_page_begin_as_they_are(visit, first_visit) -> None:
    page = visit.open("noising")
    box = page.locator("#noising-strip").get_by_label("Caption")
    box.click()
    page.keyboard.type("x")
    other = first_visit.open("noising")
    expect(other.locator("#noising-strip").get_by_label("Caption")).to_have_value("a cat on a green meadow")


def test_pages_are_told_apart_by_their_titles(visit) -> None:
    visit.open("noising")
    assert visit.page.title() == "A sculptor who learned by ruining · Typewriter & Sculptor"
    visit.open()
    assert visit.page.title() == "Typewriter & Sculptor"

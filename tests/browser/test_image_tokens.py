"""The picture that the tile writer wrote: any of its tiles chosen and replaced, by hand and by keyboard."""

from __future__ import annotations

from tests.browser.expecting import expect
from tests.browser.test_every_page import at_width, serious
from tests.browser.test_lessons import WATCH_SHIFTS

KEPT = """() => (JSON.parse(sessionStorage.getItem("runs.image-tokens") || "{}")["image-tokens-race"] || "")
    && JSON.stringify(JSON.parse(sessionStorage.getItem("runs.image-tokens"))).includes("a white house at night")"""


def test_a_tile_is_chosen_by_keyboard_and_another_entry_laid_in_its_place(visit) -> None:
    visit.page.emulate_media(color_scheme="dark")
    page = visit.open("image-tokens")
    screen = page.locator("#image-tokens-race")
    desk = screen.locator(".tiles-force")
    cells, board = desk.locator(".tiles-cells button"), desk.locator(".tiles-board")
    expect(cells).to_have_count(256)
    cells.nth(20).click()
    expect(board).to_contain_text("Row 2, column 5")

    lay, live = desk.get_by_role("button", name="Lay the runner-up"), desk.locator(".evidence .badge-live")
    lay.scroll_into_view_if_needed()
    page.evaluate(WATCH_SHIFTS)
    lay.click()
    expect(live).to_be_visible()
    moved, what = page.evaluate("[window.movedSoFar(), window.whatMoved]")
    assert moved <= 0.02, what

    expect(lay).to_be_visible()  # the run is over: until then the button says “Start over”
    cells.nth(20).click()
    expect(board).to_contain_text("Row 2, column 5")
    expect(cells.nth(20)).to_be_focused()
    for key in ("ArrowDown", "ArrowRight", "Enter"):
        page.keyboard.press(key)
    expect(board).to_contain_text("Row 3, column 6")
    expect(cells.nth(37)).to_be_focused()

    for key, place in (("Home", 32), ("End", 47), ("End", 47), ("ArrowRight", 48), ("ArrowUp", 32)):
        before = page.evaluate("scrollY")
        page.keyboard.press(key)
        expect(cells.nth(place)).to_be_focused()
        assert page.evaluate("scrollY") == before

    board.locator(".hit button").click()
    expect(desk.locator(".evidence .alt")).to_contain_text("row 3, column 6")
    expect(desk.locator(".findings b").first).to_have_text("0 of 218")
    at_width(page, 390)
    assert not serious(page)


def test_an_entry_is_laid_in_the_picture_that_is_shown_also_after_a_reload(visit) -> None:
    page = visit.open("image-tokens")
    screen = page.locator("#image-tokens-race")
    desk = screen.locator(".tiles-force")
    board, alt, settings = desk.locator(".tiles-board"), desk.locator(".alt"), desk.locator(".evidence .settings")
    screen.locator("textarea").first.fill("a white house at night")
    laid = board.locator("button").nth(2)
    entry = laid.get_attribute("data-entry")
    laid.click()
    expect(desk.locator(".evidence .badge-live")).to_be_visible()
    expect(settings).to_contain_text("caption a strawberry on a blue background")
    expect(alt).to_contain_text(f"entry {entry} is laid instead of")

    screen.get_by_role("button", name="Start both").click()
    expect(desk.locator(".tiles-waits").first).to_be_visible()
    expect(desk.locator(".evidence")).to_have_count(0)
    expect(screen.locator(".evidence .settings").first).to_contain_text("caption a white house at night")
    expect(desk.locator(".tiles-cells button")).to_have_count(256)
    page.wait_for_function(KEPT)
    page.reload()
    expect(screen.locator(".status").first).to_contain_text("before this page was loaded again")
    screen.locator("textarea").first.fill("a cat on a green meadow")
    desk.locator(".tiles-cells button").nth(37).click()
    expect(board).to_contain_text("Row 3, column 6")
    desk.get_by_role("button", name="Lay the runner-up").click()
    expect(settings).to_contain_text("caption a white house at night")
    expect(alt).to_contain_text("row 3, column 6")


def test_what_a_stopped_race_leaves_is_its_own(visit) -> None:
    page = visit.open("image-tokens")
    screen = page.locator("#image-tokens-race")
    desk = screen.locator(".tiles-force")
    start = screen.get_by_role("button", name="Start both")
    start.click()
    expect(screen.locator(".verdict")).to_contain_text("Measured")
    desk.get_by_role("button", name="Lay the runner-up").click()
    expect(desk.locator(".evidence .badge-live")).to_be_visible()
    start.scroll_into_view_if_needed()
    page.evaluate(WATCH_SHIFTS)
    start.click()
    expect(desk.locator(".tiles-waits").first).to_be_visible()
    screen.get_by_role("button", name="Stop").first.click()
    expect(screen.locator(".status").first).to_contain_text("Stopped")
    expect(screen.locator(".verdict")).not_to_contain_text("Measured")
    expect(screen.locator(".evidence")).to_have_count(0)
    expect(screen.locator(".tiles-waits")).to_have_count(5)
    moved, what = page.evaluate("[window.movedSoFar(), window.whatMoved]")
    assert moved <= 0.02, what

"""The picture that the tile writer wrote: any of its tiles chosen and replaced, by hand and by keyboard."""

from __future__ import annotations

from tests.browser.expecting import expect
from tests.browser.test_every_page import at_width, serious
from tests.browser.test_lessons import WATCH_SHIFTS


def test_a_tile_is_chosen_by_keyboard_and_another_entry_laid_in_its_place(visit) -> None:
    visit.page.emulate_media(color_scheme="dark")
    page = visit.open("image-tokens")
    screen = page.locator("#image-tokens-race")
    desk = screen.locator(".tiles-force")
    cells, board = desk.locator(".tiles-cells button"), desk.locator(".tiles-board")
    expect(cells).to_have_count(256)
    cells.nth(20).click()
    expect(desk.locator(".status").first).to_contain_text("Press “Start both” first")

    lay, live = desk.get_by_role("button", name="Lay the runner-up"), desk.locator(".evidence .badge-live")
    lay.scroll_into_view_if_needed()
    page.evaluate(WATCH_SHIFTS)
    lay.click()
    expect(live).to_be_visible()
    moved, what = page.evaluate("[window.movedSoFar(), window.whatMoved]")
    assert moved <= 0.02, what

    cells.nth(20).click()
    expect(board).to_contain_text("Row 2, column 5")
    expect(cells.nth(20)).to_be_focused()
    for key in ("ArrowDown", "ArrowRight", "Enter"):
        page.keyboard.press(key)
    expect(board).to_contain_text("Row 3, column 6")
    expect(cells.nth(37)).to_be_focused()

    board.locator(".hit button").click()
    expect(desk.locator(".evidence .alt")).to_contain_text("row 3, column 6")
    expect(desk.locator(".findings b").first).to_have_text("0 of 218")
    at_width(page, 390)
    assert not serious(page)

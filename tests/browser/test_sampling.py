"""Sampling in a real browser: dials that wait for nobody, a link that holds a page, and nothing that moves."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import quote

import numpy as np
import pytest
from playwright.sync_api import Browser, Page

from engines.text import dials as dials_of
from engines.text.dials import Dials
from lessons.sampling import figures
from lessons.shell import content
from tests.browser.expecting import expect

SLOW = 120_000
SCRIPT = (content.folder("sampling") / "board.js").read_text(encoding="utf-8")
ARITHMETIC = SCRIPT[SCRIPT.index("const STEPS") : SCRIPT.index("// ---- the scoreboard")]
NEWS = """() => { window.moved = 0; new PerformanceObserver((list) => list.getEntries().forEach((entry) => {
  const bars = entry.sources.every((one) => one.node?.parentElement?.closest(".sampling-board")); // they are to move
  if (!entry.hadRecentInput && !bars) window.moved += entry.value;
})).observe({ type: "layout-shift", buffered: false }); }"""


def boards() -> list[np.ndarray]:
    """Scores [V] of a sure pass, an unsure one, a large vocabulary and one with ties and masked tokens."""
    random = np.random.default_rng(0)
    tied = np.repeat(random.normal(0, 3, 500), 4)
    tied[::7] = -1e4
    rows = (random.normal(0, 4, 49_152), random.normal(0, 1.5, 49_152), random.gumbel(0, 2.5, 150_000), tied)
    return [row.astype(np.float32) for row in rows]


@pytest.mark.parametrize("number", range(4))
def test_the_dials_drawn_in_the_browser_are_the_engines(browser: Browser, number: int) -> None:
    logits, page = boards()[number], browser.new_page()
    order = np.argsort(-logits, kind="stable")
    head = [float(f"{x:.7g}") for x in (logits[order[:256]] - logits[order[0]])]
    others = figures.packed(logits)
    assert len(others) < 60_000
    code = f"""([head, others, settings]) => {{ {ARITHMETIC}
      const sorted = unpack(head, others);
      return settings.map(([t, p, u]) => {{ const now = reshape(sorted, t, p, u);
        return [now.kept, now.bits, now.rank, now.low, now.high, now.chance(0), counted(now.kept)]; }}); }}"""
    settings = [(t, p, u) for t in (0.0, 0.3, 0.8, 1.0, 1.5, 2.0) for p in (0.5, 0.92, 1.0) for u in (0.0, 0.42, 0.97)]
    found = page.evaluate(code, [head, others, settings])
    for (temperature, top_p, u), (kept, bits, rank, low, high, chance, counted) in zip(settings, found, strict=True):
        chances = dials_of.distribution(logits, Dials(temperature, top_p))
        board = dials_of.scoreboard(chances, str, 1)
        assert kept == board.kept or board.kept >= 1000 and kept == pytest.approx(board.kept, rel=2e-3)
        assert counted == figures.counted(board.kept) or board.kept >= 1000
        assert bits == pytest.approx(board.kept_entropy_bits, abs=2e-3)
        assert chance == pytest.approx(chances.kept[order[0]], rel=1e-4)
        drawn = dials_of.draw(chances.kept, 0.0 if temperature == 0 else u)
        place = int(np.flatnonzero(order == drawn)[0])
        assert place == rank or place >= 256 and rank == pytest.approx(place, rel=5e-3)
        if place == rank:
            assert (low, high) == pytest.approx(dials_of.bar_slice(chances.kept, drawn), abs=5e-5)
    page.close()


def board_of(page: Page) -> Any:
    return page.locator("#sampling-board")


def turn(page: Page, steps: int, key: str = "ArrowLeft") -> None:
    page.locator("#sampling-scoreboard input[type=range]").first.focus()
    for _ in range(steps):
        page.keyboard.press(key)


def test_a_dial_reshapes_the_recorded_scoreboard_while_the_server_is_away(visit) -> None:
    page = visit.open("sampling")
    rows = board_of(page).locator(".sampling-row .bar-value")
    expect(rows.first).to_have_text("18 %")
    page.route("**/gradio_api/**", lambda route: route.abort())
    turn(page, 12)
    expect(page.locator("#sampling-scoreboard input[type=number]").first).to_have_value("0.2")
    expect(rows.first).not_to_have_text("18 %")
    expect(board_of(page).locator(".sampling-caption")).to_contain_text("falls on ␣see")
    page.unroute_all(behavior="wait")
    page.goto("about:blank")  # its last words are out
    assert all("ERR_FAILED" in error for error in visit.watch.errors)
    visit.watch.errors.clear()


def test_a_dial_turned_before_the_board_has_its_script_counts(first_visit) -> None:
    page, late = first_visit.page, []
    page.route("**/view-*.js", lambda route: late.append(route))
    first_visit.open("sampling")
    rows = board_of(page).locator(".sampling-row .bar-value")
    turn(page, 12)
    expect(page.locator("#sampling-scoreboard input[type=number]").first).to_have_value("0.2")
    expect(rows.first).to_have_text("18 %")
    for route in late:
        route.continue_()
    expect(rows.first).not_to_have_text("18 %")


def press(page: Page, times: int) -> None:
    button, badge = page.get_by_role("button", name="Press one key"), page.locator("#sampling-scoreboard .badge").first
    if badge.inner_text().lower() == "recorded":
        button.click()
        expect(badge).to_have_text("live", ignore_case=True, timeout=SLOW)
    for _ in range(times):
        before = page.locator(".sampling-typed").count()
        button.click()
        expect(page.locator(".sampling-typed")).to_have_count(before + 1, timeout=SLOW)


@pytest.mark.parametrize("width", [1280, 390])
def test_nothing_moves_while_keys_are_pressed_and_the_thing_to_press_is_beside_what_changes(visit, width: int) -> None:
    page = visit.open("sampling")
    page.set_viewport_size({"width": width, "height": 900 if width > 400 else 844})
    page.locator("#sampling-scoreboard .run-row").evaluate("row => { row.scrollIntoView(); window.scrollBy(0, -60); }")
    press(page, 1)
    button, board = page.get_by_role("button", name="Press one key"), board_of(page).locator(".sampling-board")
    before, table = button.bounding_box(), board.bounding_box()
    page.evaluate(NEWS)
    press(page, 7)
    assert (button.bounding_box(), board.bounding_box()) == (before, table)
    assert page.evaluate("window.moved") < 0.02
    height = page.viewport_size["height"]
    sheet = page.locator(".sampling-page").bounding_box()
    assert 0 < before["y"] and sheet["y"] + sheet["height"] <= table["y"] + 1 and table["y"] + 150 < height


def address(visit, **changes: Any) -> str:
    told = {
        "text": "The capital of France is", "seed": 3, "t": 0.5, "p": 0.9, "keys": [], "hand": [], "count": 1,
        "model": ["", ""], **changes,
    }  # fmt: skip
    return f"{visit.address}/sampling#try={quote(json.dumps(told))}"


def test_a_link_brings_back_text_seed_dials_and_the_keys_pressed_by_hand(visit) -> None:
    page = visit.open("sampling")
    press(page, 1)
    board_of(page).locator(".sampling-key").nth(4).click()
    expect(page.locator(".sampling-caption").first).to_contain_text("you pressed", timeout=SLOW)
    turn(page, 4)
    written = page.locator(".sampling-page").inner_text()
    board_of(page).get_by_role("button", name="Copy link").click()
    page.wait_for_function("location.hash.startsWith('#try=')")
    link = page.url
    other = visit.page.context.new_page()
    other.goto(link)
    expect(other.locator(".sampling-caption").first).to_contain_text("you pressed", timeout=SLOW)
    assert other.locator(".sampling-page").inner_text() == written
    expect(other.locator("#sampling-scoreboard input[type=number]").first).to_have_value("0.6")
    other.close()


def test_a_hostile_link_is_refused_in_words(visit) -> None:
    page = visit.open("sampling")
    for broken in (
        address(visit, text="<img src=x onerror=alert(1)>" * 500),
        address(visit, keys="x"),
        visit.address + "/sampling#try=%",
    ):
        visit.watch.leaving = True
        page.goto("about:blank")
        page.goto(broken)
        visit.watch.leaving = False
        expect(page.get_by_text("does not hold a page of this lesson")).to_be_visible(timeout=SLOW)
    assert page.locator("img[src=x]").count() == 0

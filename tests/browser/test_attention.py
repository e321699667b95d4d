"""Attention's heads in a real browser: dials that stay where they are put, words on one baseline."""

from __future__ import annotations

from playwright.sync_api import Page

from tests.browser.expecting import expect

LONG = (
    "Although the old captain of the small ship that sailed from the harbour last winter had never seen such a storm, "
    "he told every sailor on the deck that the lighthouse near the northern cliff would guide them safely"
)


def heads(visit) -> Page:
    """The lesson with its recorded heads, which need no model."""
    page = visit.open("attention")
    expect(page.locator("#attention-heads .attention-cell").first).to_be_visible()
    return page


def baselines(page: Page) -> list[float]:
    edges = "rods => [...new Set(rods.map(rod => Math.round(rod.getBoundingClientRect().bottom)))]"
    return page.locator("#attention-heads .attention-rod").evaluate_all(edges)


def test_a_slider_rests_where_the_hand_left_it(visit) -> None:
    """Eight presses of ArrowLeft rested one step from where they began, and a drag from 28 to 2 rested at 28."""
    page = heads(visit)
    layer = page.locator("#attention-heads").get_by_role("slider", name="Layer")  # said aloud by its name
    first = int(layer.input_value())
    layer.focus()
    for _ in range(8):
        page.keyboard.press("ArrowLeft")
    pairs = page.locator("#attention-pairs .attention-caption")
    expect(pairs).to_contain_text(f"Layer {first - 8},")  # the next screen follows
    assert int(layer.input_value()) == first - 8
    layer.scroll_into_view_if_needed()
    box = layer.bounding_box()
    assert box is not None
    page.mouse.move(box["x"] + box["width"] * 0.8, box["y"] + box["height"] / 2)
    page.mouse.down()
    page.mouse.move(box["x"] + 2, box["y"] + box["height"] / 2, steps=12)
    page.mouse.up()
    expect(pairs).to_contain_text("Layer 0,")
    assert layer.input_value() == "0"


def test_bars_are_as_wide_for_a_short_word_as_for_a_long_one_and_stand_on_one_baseline(visit) -> None:
    """“cabinet” with 35.2 % was drawn twice as wide as “are” with 35.3 %, and phones wrapped onto several lines."""
    page = heads(visit)
    rods = page.locator("#attention-heads .attention-rod i")
    widths = rods.evaluate_all("bars => [...new Set(bars.map(bar => Math.round(bar.getBoundingClientRect().width)))]")
    assert len(widths) == 1 and len(baselines(page)) == 1
    page.set_viewport_size({"width": 390, "height": 844})
    expect(page.locator("#attention-heads .attention-words.standing")).to_be_visible()
    assert len(baselines(page)) == 1


def test_words_to_watch_the_word_that_looks_and_the_first_token_change_in_place(visit) -> None:
    page = heads(visit)
    view = page.locator("#attention-heads")
    view.locator(".attention-word").nth(5).click()
    view.locator(".attention-watch").nth(2).click()
    expect(view.locator(".attention-caption")).to_contain_text("“are” looks at is “keys” + “to” + “cabinet”")
    expect(view.locator(".attention-word").nth(8)).to_contain_text("later")
    view.locator("[data-dial=first]").check()
    expect(view.locator(".attention-word").first).to_contain_text("left out")
    shares = view.locator(".attention-word").evaluate_all(
        "words => words.map(word => Number(word.style.getPropertyValue('--share')))"
    )
    assert shares[0] == 0 and abs(sum(shares) - 1) < 0.01  # the rest is scaled up to 100 %


def test_fifty_words_stand_on_one_baseline_and_a_pair_of_them_is_worked_out(visit) -> None:
    page = heads(visit)
    page.locator("#attention-looking textarea").fill(LONG)
    page.locator("#attention-looking button.go").click()
    columns = page.locator("#attention-heads .attention-column")
    expect(columns).to_have_count(40, timeout=600_000)
    assert len(baselines(page)) == 1
    page.locator('.attention-pair[data-row="30"][data-col="4"]').click()
    settings = page.locator("#attention-arithmetic .settings")
    expect(settings).to_contain_text("looks from 30 · looks at 4", timeout=600_000)
    expect(page.locator("#attention-arithmetic .verdict")).to_contain_text("take back")

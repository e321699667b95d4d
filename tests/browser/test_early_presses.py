"""What is pressed before the script of its view has come is done once it is there: on every page with examples."""

from __future__ import annotations

import pytest
from playwright.sync_api import Route

ROWS = "[role=group]:has(> button[data-example], > button[data-name], button[data-caption])"
STATE = """row => JSON.stringify([
  [...row.closest(".screen").querySelectorAll("textarea, input[type=text]")].map((box) => box.value),
  [...row.querySelectorAll("button")].map((button) => button.ariaPressed),
])"""


@pytest.mark.parametrize(
    "lesson", ["briefing", "handoff", "image-tokens", "latents", "noising", "predict-and-test", "tokenization"]
)
def test_an_example_pressed_in_a_pages_first_moments_is_not_lost(visit, lesson: str) -> None:
    """The last example of each row is pressed while no script of a view has come."""
    held: list[Route] = []
    holding = True
    visit.page.route("**/view-*.js", lambda route: held.append(route) if holding else route.continue_())
    page = visit.open(lesson)
    rows = page.locator(ROWS).element_handles()
    assert rows, "this page has no examples: take it from the list"
    before = [row.evaluate(STATE) for row in rows]
    for row in rows:
        (*_, last) = row.query_selector_all("button")
        last.click()
    holding = False
    for route in held:
        route.continue_()
    for row, was in zip(rows, before, strict=True):
        page.wait_for_function(f"([row, was]) => ({STATE})(row) !== was", arg=[row, was])

"""Playwright's ``expect``, which waits before it looks.

Playwright's own writes down the accessibility tree of the whole page at each look that fails: on pages as large as ours
a fifth of a second, many times while a run goes on. What is awaited most is found by a selector first.
"""

from __future__ import annotations

from typing import Any

from playwright.sync_api import Error, Locator
from playwright.sync_api import expect as playwright_expect

LONG = 30_000
"""Milliseconds; a machine that paints and browses on two cores is slow at times."""
playwright_expect.set_options(timeout=LONG)


class Patient:
    """The assertions about ``locator``; those that are not written here are Playwright's."""

    def __init__(self, locator: Locator) -> None:
        self.locator, self.assertions = locator, playwright_expect(locator)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.assertions, name)

    def to_be_visible(self, timeout: float = LONG) -> None:
        left = _wait(self.locator, timeout, "visible")
        self.assertions.to_be_visible(timeout=left)

    def to_contain_text(self, text: str, timeout: float = LONG) -> None:
        left = _wait(self.locator.filter(has_text=text), timeout)
        self.assertions.to_contain_text(text, timeout=left)

    def to_have_text(self, text: str, timeout: float = LONG, ignore_case: bool = False) -> None:
        left = _wait(self.locator.filter(has_text=text), timeout)
        self.assertions.to_have_text(text, timeout=left, ignore_case=ignore_case)

    def not_to_have_text(self, text: str, timeout: float = LONG) -> None:
        left = _wait(self.locator.filter(has_not_text=text), timeout)
        self.assertions.not_to_have_text(text, timeout=left)


def _wait(locator: Locator, timeout: float, state: Any = "attached") -> float:
    """Milliseconds that the assertion has: one, to say what is there instead, if ``locator`` was awaited in vain."""
    try:
        locator.wait_for(state=state, timeout=timeout)
    except Error:
        return 1
    return timeout


expect = Patient

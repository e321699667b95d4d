"""The limits that all lessons and endpoints share: the right words for each wrong kind of value."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest

from engines import checks
from engines.evidence import PlainError

NUMBER, WHOLE = (
    lambda value, exact=exact: checks.check_number("The temperature", value, 0, 5, whole=exact)
    for exact in (False, True)
)


def seed(value: object) -> tuple[int, ...]:
    return checks.seed_range(value, 1)


def word(value: object) -> str:
    return checks.one_of("The word", value, ("OPEN", "STOP"))


@pytest.mark.parametrize(
    "check, value, words",
    [
        (NUMBER, "0.8", "a number from 0 to 5; you gave the text '0.8', which is no number."),
        (NUMBER, "", "you gave the text '', which is no number."),
        (NUMBER, True, "you gave yes, which is no number."),
        (WHOLE, np.bool_(False), "you gave no, which is no number."),
        (NUMBER, math.nan, "you gave nan, which is no number."),
        (NUMBER, np.float32("nan"), "you gave nan, which is no number."),
        (NUMBER, math.inf, "a number from 0 to 5; you gave inf."),
        (NUMBER, None, "The temperature is missing. Give a number from 0 to 5."),
        (WHOLE, None, "The temperature is missing. Give a whole number from 0 to 5."),
        (NUMBER, [0.8], "you gave a list, which is no number."),
        (NUMBER, {"path": "x"}, "you gave an object, which is no number."),
        (NUMBER, 5.01, "a number from 0 to 5; you gave 5.01."),
        (WHOLE, 2.5, "a whole number from 0 to 5; you gave 2.5."),
        (WHOLE, np.float64(7), "a whole number from 0 to 5; you gave 7.0."),
        (WHOLE, -(10**400), "you gave one with more than twenty digits."),
        (seed, 7.5, "The seed must be a whole number from 0 to 4,294,967,295; you gave 7.5."),
        (seed, 2**32, "you gave 4294967296."),
        (seed, None, "The seed is missing. Give a whole number"),
        (word, "TOOLONGWORD", "one of: OPEN, STOP; you gave the text 'TOOLONGWORD'."),
        (word, "A" * 10**6, "you gave the text 'AAAA"),
        (word, None, "The word is missing. It is one of: OPEN, STOP."),
        (word, ["OPEN"], "you gave a list."),
        (checks.check_caption, None, "The caption is missing."),
        (checks.check_caption, 5, "The caption must be text; you gave 5."),
        (checks.check_caption, "x" * 401, "The caption is 401 characters long. Keep it to 400 at most."),
        (lambda value: checks.check_text("The word", value, 3), "a\ud800", "The word holds half a character"),
        (lambda value: checks.check_text("The text", value, 2_000), "x" * 2_001, "2,001 characters long. Keep"),
    ],
)  # fmt: skip
def test_what_is_wrong_with_a_value_is_said_in_words(check: Callable[[object], object], value: object, words: str):
    with pytest.raises(PlainError) as failure:
        check(value)
    assert words in str(failure.value) and len(str(failure.value)) < 300


def test_right_values_come_back():
    assert checks.whole("A pass", 3.0, 0, 5) == 3 and isinstance(checks.whole("A pass", np.int64(3), 0, 5), int)
    assert checks.seed_range(checks.MAX_SEED, 3) == (checks.MAX_SEED, 0, 1)
    assert checks.check_text("The word", "Zebra", 5) == "Zebra"
    assert checks.one_of("The word", "OPEN", ("OPEN", "STOP")) == "OPEN"

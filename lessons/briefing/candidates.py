"""The changes of wording that the second screen offers, each measured; the page begins with one that has an effect."""

from __future__ import annotations

from functools import cache

from engines.pictures import painter as painters
from engines.pictures.diffusion import Painter
from lessons.briefing import dice
from lessons.defaults import Choice, Figures, painters_print, value_of

SEEDS = 8


@cache
def _painter() -> Painter:
    return painters.load()


def reworded(first: str, second: str, wish: str) -> Figures:
    """How far the wording moves a picture in the dice's measure, and how many pairs of 8 seeds keep the wish."""
    value = value_of(dice.dice(_painter(), first, second, wish, SEEDS))
    pairs, (change, low, high) = value.paired, value.paired.change
    return {
        "times as far as the dice": value.ratio, "told apart": value.told_apart,
        "right, first": pairs.both + pairs.first, "right, second": pairs.both + pairs.second, "pairs": pairs.pairs,
        "change": change, "low": low, "high": high,
    }  # fmt: skip


CHOICES = (
    Choice(
        "briefing/dice", (dice.DEFAULT.first, dice.DEFAULT.second, dice.DEFAULT.wish),
        tuple((one.first, one.second, one.wish) for one in dice.WORDINGS), reworded,
        lambda figures: figures["high"] < -0.25,
        "What is denied comes: the judge tells the two wordings apart beyond doubt, from the same dice.",
        painters_print,
    ),
)  # fmt: skip

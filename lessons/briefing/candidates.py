"""Changes of wording and chats that two screens could begin with, each measured; they begin with what has an effect."""

from __future__ import annotations

from functools import cache

from engines.pictures import painter as painters
from engines.pictures.diffusion import Painter
from engines.statistics import more
from engines.text import language_model
from lessons.briefing import bench, both, dice
from lessons.defaults import Choice, Figures, painters_print, value_of

SEEDS = 8


@cache
def _painter() -> Painter:
    return painters.load()


def changed(first: str, second: str) -> Figures:
    """How far two captions are apart with the seed kept and with another seed, over five seeds."""
    value = value_of(bench.bench(_painter(), first, second))
    return {
        "stay, seed kept": value.stayed_over().mean(), "stay, another seed": value.stayed_over(rolled=True).mean(),
        "apart, seed kept": value.kept.mean(), "apart, another seed": value.rolled.mean(),
        "told apart": more(value.rolled, value.kept),
    }  # fmt: skip


def reworded(first: str, second: str, wish: str) -> Figures:
    """How far the wording moves a picture in the dice's measure, and what the judge says of 8 seeds under both."""
    value = value_of(dice.dice(_painter(), first, second, wish, SEEDS))
    (one, other), change = (each.outcomes for each in value.judged), value.paired.change
    return {
        "times as far as the dice": value.ratio, "told apart": value.told_apart,
        "right, first": one.count(True), "right, second": other.count(True),
        "cannot tell, first": one.count(None), "cannot tell, second": other.count(None),
        "least": change.least[0], "most": change.most[0], "low": change.ends[0], "high": change.ends[1],
    }  # fmt: skip


def sent(chat: str, wish: str) -> Figures:
    """How much of a wish the director's caption and the raw chat bring into the pictures of 8 seeds."""
    value = value_of(both.both(language_model.load(), _painter(), chat, wish, "", SEEDS))
    least = {name: way.judged.shown[0].rate for name, way in value.ways.items()}
    most = {f"{name}, at most": way.judged.shown[1].rate for name, way in value.ways.items()}
    against = value.against(both.DIRECTOR, both.RAW)
    return {**least, **most, "told apart": against.more if against else 0}


CHATS = tuple(("\n".join(one.messages), one.wish) for one in both.EXAMPLES)
CHOICES = (
    Choice(
        "briefing/bench", (bench.FIRST, bench.SECOND), tuple(one[1:] for one in bench.EXAMPLES), changed,
        lambda figures: figures["told apart"] == 1,
        "The two captions are nearer to each other from one seed than from two, so the seed is seen to hold something.",
        painters_print,
    ),
    Choice(
        "briefing/dice", (dice.DEFAULT.first, dice.DEFAULT.second, dice.DEFAULT.wish),
        tuple((one.first, one.second, one.wish) for one in (*dice.WORDINGS, *dice.ALSO)), reworded,
        lambda figures: figures["high"] < -0.25,
        "What is denied comes: the judge tells the two wordings apart beyond doubt, from the same dice.",
        painters_print,
    ),
    Choice(
        "briefing/both", CHATS[0], CHATS, sent,
        lambda figures: figures["told apart"] == 1 and figures[both.DIRECTOR] > 0.9,
        "What was taken back stands in the raw chat and not in the caption; of these chats the director misses two.",
        painters_print,
    ),
)  # fmt: skip

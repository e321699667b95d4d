"""The inputs that the screens of text by diffusion could begin with, and how each is measured."""

from __future__ import annotations

from engines.models import weights
from engines.models.catalogue import MODELS
from engines.statistics import share
from engines.text.masked import ROUNDS, TEMPERATURE
from lessons.defaults import Choice, Figures, value_of
from lessons.text_diffusion import between, canvas, measures, mend, rounds

SEED = 7
TEMPERATURES = (0.2, 0.5, TEMPERATURE, 1.0, 1.2)
MIDDLES = (
    (between.BEGINNING, str(between.WORDS), between.ENDING),
    ("oliver chooses", "12", "now mara has three red tractors . who has the tractors ? mara ."),
    ("on friday , priya wins", "14", "now she has an ochre pizza . what colour is the pizza ? ochre ."),
    ("noah owns", "10", "now sara has five famous blue saws . how many saws ? five ."),
)
LETTERS = ("moon", "star", "bird", "fish", "table")


def kept(many: str, temperature: str) -> Figures:
    """Screen 1, over sixteen stories: first guesses that stand in the end, and those that stand in another story."""
    value = value_of(canvas.draft(int(many), float(temperature), SEED))
    own, other = share(value.kept), share(value.alike)
    return {"kept": own[0], "low": own[1], "high": own[2], "in another story": other[0], "its high": other[2]}


def gap(temperature: str) -> Figures:
    """Screen 2, over the most stories: those without a broken rule, by few and many rounds and by the twin."""
    value = value_of(rounds.compare(measures.MOST_STORIES, float(temperature), SEED))
    first, last = value.of(ROUNDS[0]), value.of(ROUNDS[-1])
    return {
        "twin": value.of(None).valid.rate, "in 8 rounds": value.of(8).valid.rate, "at last": last.valid.rate,
        "lines, few rounds": first.sound[2], "lines, at last": last.sound[1],
    }  # fmt: skip


def sides(fact: str) -> Figures:
    """Screen 3, over the most stories: mended by who reads both sides and by who reads the left, first and last."""
    value = value_of(mend.mend(fact, mend.MOST, SEED))
    return {
        f"{name}, told {where}": value.mended(rows, where).rate
        for where in mend.WHERE
        for name, rows in (("both", value.pointed), ("left", value.left))
    }


def middle(beginning: str, words: str, ending: str) -> Figures:
    """Screen 4, over the most seeds: valid by both writers, and how often the twin comes to the end by itself."""
    return _filled(value_of(between.fill(beginning, int(words), ending, 16, between.MOST_SEEDS, SEED)))


def acrostic(letters: str) -> Figures:
    """Screen 4 with letters, over the most seeds."""
    return _filled(value_of(between.acrostic(letters, 16, between.MOST_SEEDS, SEED)))


def _filled(value: between.Filled) -> Figures:
    ours, forced = value.valid(value.masked), value.valid(value.forced)
    return {
        "masked": ours.rate, "low": ours.low, "twin": forced.rate, "its high": forced.high, "by itself": value.met.rate,
    }  # fmt: skip


def _model() -> str:
    return weights.fingerprint(MODELS / "masked-text")


CHOICES = (
    Choice(
        "text-diffusion/canvas", ("8", str(TEMPERATURE)), tuple((str(many), str(TEMPERATURE)) for many in ROUNDS), kept,
        lambda figures: figures["high"] < 0.6 and figures["low"] > figures["its high"],
        "Most or many first guesses are drawn anew, and those that stand are more than agree by themselves.", _model,
    ),
    Choice(
        "text-diffusion/rounds", (str(TEMPERATURE),), tuple((str(one),) for one in TEMPERATURES), gap,
        lambda figures: figures["twin"] - figures["in 8 rounds"] > 0.2
        and figures["lines, at last"] > figures["lines, few rounds"],
        "Few rounds cost agreement: whole stories against the twin's, and lines against those of many rounds.", _model,
    ),
    Choice(
        "text-diffusion/mend", ("colour",), tuple((fact,) for fact in mend.FACTS), sides,
        lambda figures: figures["both, told first"] - figures["left, told first"] > 0.5
        and figures["left, told last"] > figures["left, told first"] + 0.3,
        "Where the fact is told first only what comes after can tell it; where it is told last, the left can too.",
        _model,
    ),
    Choice(
        "text-diffusion/between", MIDDLES[0], MIDDLES, middle,
        lambda figures: figures["low"] > figures["its high"] and figures["by itself"] < 0.05,
        "Who reads the end fits the middle to it more often than who meets it, and nobody comes to it by chance.",
        _model,
    ),
    Choice(
        "text-diffusion/between/acrostic", LETTERS[:1], tuple((one,) for one in LETTERS), acrostic,
        lambda figures: max(figures["masked"], figures["twin"]) > 0 and figures["by itself"] < 0.05,
        "At least one writer sometimes succeeds at what neither comes to by itself, so there is something to count.",
        _model,
    ),
)  # fmt: skip

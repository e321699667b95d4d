"""The requests that could stand on the two-physics lesson's screens at first, and how each is measured."""

from __future__ import annotations

import numpy as np

from engines.pictures import diffusion
from engines.pictures import painter as painters
from engines.stickers import nearest, scenes
from engines.stickers.search import shows
from engines.stickers.world import facts_of
from engines.text import language_model
from lessons.defaults import Choice, Figures, painters_print, value_of
from lessons.two_physics import fixed, measures, memory, race, spoil

SEEDS = 3


def raced(request: str) -> Figures:
    """Screen 1: pixels that change visibly in the second pass, in the last, and on average."""
    value = value_of(race.race(language_model.load(), painters.load(), request, tokens=1))
    changed = race.edited(value.previews())
    return {"second pass": changed[0], "last pass": changed[-1], "on average": changed.mean()}


def settled(request: str) -> Figures:
    """Screen 2: the share settled half-way, and how much of another seed's picture would count as well."""
    value = value_of(fixed.fixed(language_model.load(), painters.load(), request, SEEDS, tokens=2))
    return {"half-way": value.half_way()[0], "another seed": value.alike.mean()}


def spoiled(request: str) -> Figures:
    """Screen 3: the noise left of an accident a third of the way in and of the last, and where there was none."""
    value = value_of(spoil.spoil(language_model.load(), painters.load(), request, SEEDS))
    return {
        "third": value.damage_left[value.third][0], "last": value.damage_left[max(value.damage_left)][0],
        "no accident": value.chance[0], "looks other": value.changed[value.third][0],
    }  # fmt: skip


def remembered(caption: str) -> Figures:
    """Screen 4: how far four paintings and the control lie from the diet, what fits the caption, and a near-copy."""
    painter, facts = painters.load(), facts_of(caption)
    away: list[float] = []
    alike: list[float] = []
    pictures = diffusion.paint(painter, diffusion.Plan(caption, (7, 8, 9, 10)))
    for picture in pictures:
        own, control = memory.search(painter, picture, caption)
        away.append(own.near[0].distance)
        alike.extend(shows(scenes.plan(one.seed), facts) for one in own.near)
    return {
        "painted": float(np.mean(away)), "unseen": control.near[0].distance, "a near-copy": nearest.load().copied,
        "nearest show it": float(np.mean(alike)),
        "control shows it": shows(scenes.plan(memory.unseen_like(caption)), facts),
    }  # fmt: skip


STRAWBERRY, CAT = measures.STRAWBERRY, measures.CAT
CHOICES = (
    Choice(
        "two-physics/race", (STRAWBERRY,), ((STRAWBERRY,), (CAT,)), raced,
        lambda figures: figures["second pass"] > 0.5 and figures["last pass"] < 0.1,
        "Nearly all of the picture moves at first and next to nothing at the end.", painters_print,
    ),
    Choice(
        "two-physics/fixed", (CAT,), ((CAT,), (STRAWBERRY,)), settled,
        lambda figures: figures["half-way"] > figures["another seed"] + 0.1,
        "More is settled half-way than the words alone decide.", painters_print,
    ),
    Choice(
        "two-physics/spoil", (STRAWBERRY,), ((STRAWBERRY,), (CAT,)), spoiled,
        lambda figures: figures["third"] < 0.2 and figures["last"] > 0.8,
        "An early accident is mended, the last one is not.", painters_print,
    ),
    Choice(
        "two-physics/memory", (measures.OWL,), ((measures.OWL,), (CAT,), ("three carrots in the ocean",)),
        remembered,
        lambda figures: figures["nearest show it"] > 0.5 and figures["control shows it"] == 1
        and min(figures["painted"], figures["unseen"]) > figures["a near-copy"],
        "What lies nearest shows the same and is no copy, and the control fits. The diet has no cat on a meadow.",
        painters_print,
    ),
)  # fmt: skip

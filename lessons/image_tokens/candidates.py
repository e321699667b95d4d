"""The inputs that the screens of the tile writer could begin with, and how each is measured."""

from __future__ import annotations

import numpy as np

from engines.models import weights
from engines.pictures import painter as painters
from engines.pictures import tiles
from engines.statistics import more
from engines.stickers import judge
from engines.stickers.world import Facts, facts_of
from lessons.defaults import Choice, Figures, painters_print, value_of
from lessons.image_tokens import facts, half, measures

SEEDS, CAPTIONS = 6, 8
SCALES = sorted({0, 1, 2, 3, 4, 6, tiles.GUIDANCE})


def written(caption: str, guidance: str) -> Figures:
    """Screen 2: facts right of the caption over six seeds and of eight others, and these against the wrong caption."""
    writer = tiles.tile_writer(painters.load())
    _, others = facts.drawn(CAPTIONS, 7)
    asked = [caption] * SEEDS + list(others)
    seeds = [*range(7, 7 + SEEDS), *range(7, 7 + CAPTIONS)]
    *_, last = tiles.write(writer, asked, seeds, guidance_scale=float(guidance))
    pictures = writer.decode(last.pictures())
    wanted = [facts_of(one) for one in asked]
    own, of_others = (
        _shares(pictures[some], wanted[some]) for some in (slice(0, SEEDS), slice(SEEDS, len(asked)))
    )  # fmt: skip
    blind = _shares(pictures[SEEDS:], [*wanted[SEEDS + 1 :], wanted[SEEDS]])
    return {
        "its own caption": np.nanmean(own), "other captions": np.nanmean(of_others), "by chance": np.nanmean(blind),
        "told apart": more(*np.stack([of_others, blind])[:, ~np.isnan(of_others + blind)]),
    }  # fmt: skip


def gone_on(scene: str, other: str, given: str) -> Figures:
    """Screen 3, over twelve seeds: who shows the thing of the other caption, and who that of the rows given."""
    value = value_of(half.half(painters.load(), scene, other, int(given), half.MAX_SEEDS))
    asked, own, free = value.share(1, True), value.share(1, False), value.share(3, True)
    return {
        "asked, after the rows": asked.rate, "of": asked.trials, "the rows' own": own.rate, "own, of": own.trials,
        "asked, nothing given": free.rate, "free, of": free.trials,
    }  # fmt: skip


def answered(captions: str, seed: str) -> Figures:
    """Screen 4: pictures with all three facts right, by either painter, and against the wrong caption."""
    value = value_of(facts.asked(painters.load(), int(captions), int(seed)))
    return {
        f"{name}, {kind}": rate
        for number, name in enumerate(facts.PAINTERS)
        for kind, rate in (("all right", value.whole(number).rate), ("by chance", value.chance(number).rate))
    } | {"told": min(value.whole(number).trials for number in range(len(facts.PAINTERS)))}


def _shares(pictures: np.ndarray, wanted: list[Facts]) -> np.ndarray:
    """Of each picture the share of its facts that is right, of those that can be told; nan where none can."""
    verdicts = judge.judge(pictures, wanted, lettering=False)
    return np.array([np.mean(list(one.right.values())) if one.right else np.nan for one in verdicts])


def _model() -> str:
    return weights.fingerprint(tiles.FOLDER)


CHOICES = (
    Choice(
        "image-tokens/race", (measures.CAPTION, str(float(tiles.GUIDANCE))),
        tuple((measures.CAPTION, str(float(scale))) for scale in SCALES), written,
        lambda figures: figures["told apart"] == 1 and figures["other captions"] > figures["by chance"] + 0.3,
        "The tile writer follows captions, and this one, far beyond what a wrong caption gets by chance.", _model,
    ),
    Choice(
        "image-tokens/half", (half.SCENE, half.OTHER, "8"),
        ((half.SCENE, half.OTHER, "4"), (half.SCENE, half.OTHER, "8"), (half.SCENE, half.OTHER, "12"),
         ("rocket-meadow", half.OTHER, "8"), ("cake-night", "a moon under a night sky", "8")),
        gone_on,
        lambda figures: figures["asked, nothing given"] > 0.8
        and figures["the rows' own"] > figures["asked, after the rows"] + 0.4,
        "Asked for alone the other thing comes; after half of a picture that half decides more often.", _model,
    ),
    Choice(
        "image-tokens/facts", ("8", "7"), (("4", "7"), ("8", "7"), ("8", "17")), answered,
        lambda figures: figures["told"] >= 6 and all(
            figures[f"{name}, all right"] > figures[f"{name}, by chance"] + 0.3 for name in facts.PAINTERS
        ),
        "Enough pictures can be told, and both painters get all three facts right far more often than by chance.",
        lambda: f"{_model()} {painters_print()}",
    ),
)  # fmt: skip

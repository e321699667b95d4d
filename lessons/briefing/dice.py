"""Screen 2: one change of wording over many seeds: is it the words or the dice?"""

from __future__ import annotations

import math
import time
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from engines.checks import seed_range
from engines.evidence import Evidence, Finding, Provenance, Table, Underway
from engines.pictures import exercise_snippets
from engines.pictures.diffusion import Painter, Plan
from engines.statistics import Mean, cells, counts, mean_interval, more, of_pairs, percent, plural, share, within, words
from lessons.briefing.measures import (
    VERDICTS,
    Judged,
    Painted,
    Paired,
    apart,
    judged,
    moved,
    need,
    other_seeds,
    painting,
    paired,
    seeds_words,
    two,
)  # fmt: skip


@dataclass(frozen=True)
class Wording:
    """A change of wording; ``wish`` is what the judge looks for under both."""

    key: str
    name: str
    first: str
    second: str
    wish: str


WORDINGS = (
    Wording(
        "no", "“no”", "a house on a white background", "a house and no tree on a white background",
        "a house and no tree on a white background",
    ),
    Wording(
        "without", "“without”", "a cat on a white background", "a cat without a dog on a white background",
        "a cat without a dog on a white background",
    ),
    Wording(
        "please", "“please”", "a rabbit on a yellow background", "please a rabbit on a yellow background",
        "a rabbit on a yellow background",
    ),
    Wording(
        "polite", "a polite request", "three apples on a white background",
        "can you please paint me three apples on a white background", "three apples on a white background",
    ),
    Wording(
        "order", "the place first", "two red books on a white background", "on a white background two red books",
        "two red books on a white background",
    ),
    Wording(
        "synonym", "a word outside the diet", "a rabbit on a yellow background", "a bunny on a yellow background",
        "a rabbit on a yellow background",
    ),
    Wording("detail", "one detail more", "an owl", "an owl under a night sky", "an owl under a night sky"),
    Wording(
        "assumed", "a detail that it assumes", "a balloon on a green meadow", "a red balloon on a green meadow",
        "a red balloon on a green meadow",
    ),
    Wording(
        "case", "capitals only", "a rabbit on a yellow background", "A RABBIT on a Yellow Background",
        "a rabbit on a yellow background",
    ),
)  # fmt: skip
ALSO = (
    Wording(
        "moon", "“no” once more", "a cow in a meadow", "a cow, no moon, in a meadow", "a cow and no moon in a meadow"
    ),
    Wording(
        "first", "the place first, once more", "a rabbit on a yellow background", "on a yellow background a rabbit",
        "a rabbit on a yellow background",
    ),
)  # fmt: skip
"""Measured beside those that are offered, because they come out otherwise."""
BY_KEY = {one.key: one for one in WORDINGS}
DEFAULT = BY_KEY["no"]


@dataclass(frozen=True, eq=False)
class Dice:
    """Two wordings from the same seeds: ``painted`` is one batch for each, ``judged`` against one wish."""

    captions: tuple[str, str]
    wish: str
    seeds: tuple[int, ...]
    painted: tuple[Painted, Painted]
    judged: tuple[Judged, Judged]

    @property
    def words(self) -> np.ndarray:
        """How far the wording moves the picture, seed by seed: [seeds] in [0, 1]."""
        return moved(self.painted[0].pictures, self.painted[1].pictures)

    @property
    def latent_words(self) -> np.ndarray:
        return apart(self.painted[0].latents, self.painted[1].latents)

    @property
    def dice(self) -> np.ndarray:
        """How far each seed's picture of the first wording is from those of its other seeds, on average: [seeds]."""
        return other_seeds(self.painted[0])[0]

    @property
    def latent_dice(self) -> np.ndarray:
        return other_seeds(self.painted[0])[1]

    @property
    def ratio(self) -> float:
        """How far the wording moves a picture, in the dice's own measure."""
        return float(self.words.mean() / max(self.dice.mean(), 1e-9))

    @property
    def ratio_interval(self) -> Mean:
        """The same with its interval: that of a ratio of two means, by its first differences."""
        gaps = (self.words - self.ratio * of_pairs(self.dice)) / max(self.dice.mean(), 1e-9)
        return within(mean_interval(self.ratio + gaps), 0)

    @property
    def paired(self) -> Paired:
        return paired(self.judged[0].outcomes, self.judged[1].outcomes)

    @property
    def told_apart(self) -> int:
        """1 where the wording moves a picture farther than the dice, −1 where less far, 0 while that cannot be told."""
        farther = self.farther
        return more(farther, np.zeros(len(farther)))

    @property
    def farther(self) -> np.ndarray:
        """How much farther the wording moves a picture than the dice; see :func:`engines.statistics.of_pairs`."""
        return -of_pairs(self.dice, self.words)


def dice(
    painter: Painter, first: str, second: str, wish: str, seeds: int = 8, seed: int = 0, *, steps: int | None = None
) -> Iterator[Underway | Evidence[Dice]]:
    """Paint both wordings from the same seeds, and judge all pictures against one wish."""
    began, steps = time.perf_counter(), painter.passes(steps)
    captions, wish = two(first, second), need(wish, "wish")
    rows = seed_range(seed, seeds, least=2)
    one = yield from painting(painter, Plan(captions[0], rows, steps=steps), "The first wording")
    other = yield from painting(painter, Plan(captions[1], rows, steps=steps), "The second wording")
    verdicts = tuple(judged(painter, wish, painted.pictures) for painted in (one, other))
    value = Dice(captions, wish, rows, (one, other), (verdicts[0], verdicts[1]))
    source = Provenance.live(
        painter, began, rows[0], first_caption=captions[0], second_caption=captions[1], wish=wish, seeds=len(rows),
        **painter.pass_settings(steps), guidance_scale=painter.guidance_scale,
    )  # fmt: skip
    code = exercise_snippets.galleries(
        painter.source, captions, seeds=rows, steps=steps, guidance_scale=painter.guidance_scale
    )
    expected = {caption: painted.pictures for caption, painted in zip(captions, (one, other), strict=True)}
    yield Evidence(value, _alt(value), _table(value), source, tuple(_findings(value)), code, expected)


def _alt(value: Dice) -> str:
    return (
        f"“{value.captions[0]}” and “{value.captions[1]}” from {seeds_words(len(value.seeds))}. The wording moves a "
        f"picture by {words(share(value.words), 1, True)}, another seed by "
        f"{words(share(of_pairs(value.dice)), 1, True)}. "
        + (
            value.judged[0].why
            or f"By the judge the first wording keeps the wish in {value.judged[0].words}, the second in "
            f"{value.judged[1].words}."
        )
    )


def _table(value: Dice) -> Table:
    columns = (
        "seed", "moved by the wording", "by another seed", "latent, by the wording", "latent, by another seed",
        "wish kept, first wording", "wish kept, second wording",
    )  # fmt: skip
    measured = zip(
        value.seeds, value.words, value.dice, value.latent_words, value.latent_dice,
        *(one.outcomes for one in value.judged), strict=True,
    )  # fmt: skip
    rows: list[tuple[str | float | None, ...]] = [
        (str(seed), *(round(float(number), 4) for number in numbers), VERDICTS[was], VERDICTS[now])
        for seed, *numbers, was, now in measured
    ]
    means = [cells(share(numbers)) for numbers in (value.words, of_pairs(value.dice))]
    means += [cells(within(mean_interval(numbers), 0)) for numbers in (value.latent_words, of_pairs(value.latent_dice))]
    for name, at in (("mean", 0), ("low", 1), ("high", 2)):
        rows.append((name, *(one[at] for one in means), *(("", "") if at else (each.words for each in value.judged))))
    return Table(columns, tuple(rows))


def _findings(value: Dice) -> Iterator[Finding]:
    if not value.words.any():
        yield Finding(
            "the same pictures",
            "come out of both wordings, number by number: the painter's tokenizer makes the same tokens of them.",
        )
    else:
        gap = mean_interval(value.farther)
        says = {
            1: f"That lies above zero, so the words do more here than the dice. {BORDER}",
            -1: f"That lies below zero, so the dice do more here than the words, which still count. {BORDER}",
            0: "The interval of the difference holds zero: which of the two does more cannot be told from these seeds.",
        }[value.told_apart]
        if not math.isfinite(gap[1]):
            says = "Two seeds cannot tell which of the two does more."
        yield Finding(
            f"{percent(value.words.mean())} beside {percent(value.dice.mean())}",
            f"is how far the wording moves a picture beside another seed, on average over "
            f"{seeds_words(len(value.seeds))}; the difference is {words(gap, 1, True)}. {says}",
        )
    yield _kept(value)
    latent = [within(mean_interval(numbers), 0) for numbers in (value.latent_words, of_pairs(value.latent_dice))]
    yield Finding(
        f"{latent[0][0]:.2f} beside {latent[1][0]:.2f}",
        f"is the same in the latent, before the decoder makes pixels of it: {words(latent[0])} by the wording, "
        f"{words(latent[1])} by another seed.",
    )


BORDER = "(The border here is once as far as the dice. The answers to guess from have others: 0.8 and 1.25 times.)"


def _kept(value: Dice) -> Finding:
    first, second = value.judged
    if first.why:
        return Finding("not judged", first.why)
    pairs = value.paired
    if not pairs.pairs:
        return Finding(
            "cannot tell", f"The judge can tell no pair of pictures against “{value.wish}”.{first.not_scored}"
        )
    says = {
        1: "The second wording is followed more often.",
        -1: "The first wording is followed more often.",
        0: "No difference can be told from these seeds.",
    }[pairs.change.more]
    untold = f"; of {plural(pairs.untold, 'pair')} the judge cannot tell" if pairs.untold else ""
    return Finding(
        f"{counts(*first.right)} → {counts(*second.right)}",
        f"pictures keep the wish “{value.wish}” under the first wording, then under the second. The "
        f"change: {pairs.change}. Only the first wording is right in {plural(pairs.first, 'pair')}, only the second in "
        f"{pairs.second}{untold}. {says}{first.not_scored}",
    )


def dice_truth(value: Dice) -> tuple[float, str, list[float]] | str:
    """How many times as far the wording moves a picture, and the ends of the interval; in words if two seeds."""
    said = f"{percent(value.words.mean())} by the wording, {percent(value.dice.mean())} by another seed, which is "
    if len(value.seeds) < 3:
        return f"Measured: {said}{value.ratio:.2f} times as far. Two seeds cannot tell, so no guess is scored."
    return value.ratio, f"{said}{words(value.ratio_interval)} times as far", [*value.ratio_interval[1:]]

"""Screen 7: the same seeds at three guidance scales, beside what temperature does to dice."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from engines.checks import seed_range
from engines.evidence import Evidence, Finding, PlainError, Provenance, Table, Underway
from engines.pictures import measures as picture_measures
from engines.pictures import snippets as picture_snippets
from engines.pictures.diffusion import Painter, Plan
from engines.statistics import Mean, cells, mean_interval, of_pairs, percent, plural, share, within, words
from lessons.guidance.measures import apart, check_scales, need_caption, need_two_branches
from lessons.shell.painting import painting


@dataclass(frozen=True, eq=False)
class Dice:
    """The same few seeds at several scales: pictures uint8 [scales, seeds, H, W, 3], and each run once more.

    ``spread[scale]``: per seed the mean distance to the other seeds' pictures. ``again``: how far the first
    seed's picture is from itself when painted a second time.
    """

    caption: str
    scales: tuple[float, ...]
    pictures: np.ndarray
    spread: np.ndarray
    again: np.ndarray

    @property
    def left(self) -> Mean:
        """How much of the difference between seeds at the lowest scale is left at the highest, with its interval.

        That of a ratio of two means over the same pairs, by its first differences (Efron & Stein 1981).
        """
        ratio = float(self.spread[-1].mean() / self.spread[0].mean())
        gaps = (of_pairs(self.spread[-1]) - ratio * of_pairs(self.spread[0])) / self.spread[0].mean()
        return within(mean_interval(ratio + gaps), 0)


def dice(
    painter: Painter,
    caption: str,
    seeds: int = 16,
    *,
    scales: Sequence[float] = (1.0, 4.0, 12.0),
    seed: int = 7,
    steps: int | None = None,
) -> Iterator[Underway | Evidence[Dice]]:
    """Paint the same seeds at each scale, and the first of them twice; one Evidence a scale."""
    began, steps = time.perf_counter(), painter.passes(steps)
    need_two_branches(painter)
    caption, scales = need_caption(caption), check_scales(scales)
    rows = seed_range(seed, seeds)
    if len(rows) < 2:
        raise PlainError("Take at least 2 seeds, so that there is something to compare.")
    value: Dice | None = None
    for scale in scales:
        plan = Plan(caption, rows, steps=steps, guidance_scale=scale)
        pictures = yield from painting(painter, plan, f"Scale {scale:g}")
        once = yield from painting(painter, plan, f"Scale {scale:g} once more")
        spread = picture_measures.pairwise_differences(pictures).sum(axis=1) / (len(rows) - 1)
        again = apart(pictures, once).max()
        if value is None:
            value = Dice(caption, (scale,), pictures[None], spread[None], np.array([again]))
        else:
            value = replace(
                value,
                scales=(*value.scales, scale),
                pictures=np.concatenate([value.pictures, pictures[None]]),
                spread=np.concatenate([value.spread, spread[None]]),
                again=np.append(value.again, again),
            )
        yield _dice_evidence(painter, value, rows, steps, began)


def _dice_evidence(painter: Painter, value: Dice, seeds: tuple[int, ...], steps: int, began: float) -> Evidence[Dice]:
    spreads = [share(of_pairs(row)) for row in value.spread]
    rows = tuple(
        (scale, *cells(spread), float(again))
        for scale, spread, again in zip(value.scales, spreads, value.again, strict=True)
    )
    findings = [
        Finding(
            "no difference" if value.again.max() == 0 else percent(float(value.again.max())),
            "between a picture and the same picture painted again, at every scale. No dice are thrown on the way.",
        ),
    ]
    if len(value.scales) > 1:
        left = Finding(
            percent(value.left[0]),
            f"of the difference between seeds at guidance {value.scales[0]:g} is left at {value.scales[-1]:g}: "
            f"{words(value.left, 0, True)}. "
            "At temperature 0 nothing would be left: every seed writes the same text.",
        )
        findings.insert(0, left)
    alt = f"How far apart the pictures of {plural(len(seeds), 'seed')} are on average: " + "; ".join(
        f"{words(spread, 1, True)} at guidance {scale:g}" for scale, spread in zip(value.scales, spreads, strict=True)
    )
    source = Provenance.live(
        painter, began, seeds[0], caption=value.caption, seeds=len(seeds), **painter.pass_settings(steps),
        guidance=", ".join(f"{scale:g}" for scale in value.scales),
    )  # fmt: skip
    code = picture_snippets.denoising(
        painter.source, value.caption, seeds=seeds, steps=steps, guidance_scale=value.scales[-1]
    )
    table = Table(("guidance scale", "distance between seeds", "low", "high", "painted again"), rows)
    return Evidence(value, alt + ".", table, source, tuple(findings), code, value.pictures[-1])


def dice_truth(value: Dice) -> tuple[float, str, list[float]] | str:
    """How much is left, and the ends of its interval; in words why two seeds score no guess."""
    left, low, high = value.left
    if not math.isfinite(high):
        return f"Measured: {percent(left)}, between two pictures. One pair says nothing of others; take more seeds."
    return left, f"{words(value.left, 0, True)} of the difference is left", [low, high]

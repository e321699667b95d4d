"""Screen 3: when was the picture decided?"""

from __future__ import annotations

import math
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from engines.checks import check_number, seed_range
from engines.evidence import Evidence, Finding, Provenance, Table
from engines.pictures import diffusion
from engines.pictures import measures as picture_measures
from engines.pictures.diffusion import Painter, Pass, Plan
from engines.statistics import mean_interval, spread, wilson
from lessons.noising.measures import guidance, snippet

LOCKED = 0.95
"""The likeness from which a band counts as settled."""


@dataclass(frozen=True, eq=False)
class Lock:
    """How early each pass's guess is like the final picture, over several seeds.

    measured: correlations [passes, seeds] of composition (low) and detail (high) with the final picture. own: the
    same of what is the seed's own, with the mean of the other seeds' finished pictures subtracted. words_alone:
    how alike in composition the finished pictures of two seeds are. coarse, fine, guesses: uint8
    [passes, H, W, 3] of the first seed. finals: uint8 [seeds, H, W, 3].
    """

    measured: picture_measures.Convergence
    own: picture_measures.Convergence
    words_alone: float
    guesses: np.ndarray
    coarse: np.ndarray
    fine: np.ndarray
    finals: np.ndarray

    @property
    def passes(self) -> int:
        return len(self.guesses)

    def lock_passes(self, band: str, own: bool = False) -> list[int]:
        """For each seed the pass, counted from 1, from which ``band`` stays like the final picture."""
        curve = self.own if own else self.measured
        return [min(self.passes, curve.lock_pass(row, LOCKED, band) + 1) for row in range(len(self.finals))]


def lock(
    painter: Painter,
    caption: str,
    seeds: int = 8,
    *,
    seed: int = 7,
    steps: int | None = None,
    guidance_scale: float | None = None,
) -> Iterator[Pass | Evidence[Lock]]:
    """Paint several seeds at once; every Pass as it happens, then when composition and detail were decided."""
    began, steps = time.perf_counter(), painter.passes(steps)
    check_number("The number of seeds", seeds, 2, 16, whole=True)
    rows = seed_range(seed, seeds)
    plan = Plan(caption, rows, steps=steps, guidance_scale=guidance_scale, previews=True)
    previews = []
    for event in diffusion.denoise(painter, plan):
        assert event.previews is not None
        previews.append(event.previews)
        yield event
    assert event.pictures is not None
    value = _lock(np.stack(previews), event.pictures)
    source = Provenance.live(
        painter, began, seed, caption=caption, seeds=len(rows), **painter.told(steps),
        guidance_scale=guidance(painter, guidance_scale),
    )  # fmt: skip
    code = snippet(painter, caption, rows, steps, guidance_scale)
    yield replace(_lock_evidence(value, source), snippet=code, expected=value.finals)


def _lock(previews: np.ndarray, finals: np.ndarray) -> Lock:
    wanted = finals.astype(np.float32)
    shared = (wanted.sum(axis=0) - wanted) / (len(wanted) - 1)  # for each seed the mean of the others
    measured = picture_measures.convergence(previews, finals)
    own = picture_measures.convergence(previews - shared, wanted - shared)
    neighbours = picture_measures.convergence(np.roll(finals, 1, axis=0)[None], finals)
    guesses = previews[:, 0]
    coarse = picture_measures.blur(guesses.astype(np.float32), guesses.shape[1] / 16)
    fine = (guesses - coarse + 128).round().clip(0, 255).astype(np.uint8)
    return Lock(
        measured, own, float(neighbours.low.mean()), guesses, coarse.round().clip(0, 255).astype(np.uint8), fine, finals
    )


def _lock_evidence(value: Lock, source: Provenance) -> Evidence[Lock]:
    third = max(1, round(value.passes / 3))
    bands = {"composition": value.measured.low, "own": value.own.low, "detail": value.measured.high}
    rows = []
    for index in range(value.passes):
        cells: list[Any] = [index + 1]
        for band in bands:
            mean, low, high = mean_interval(list(bands[band][index]))
            cells += [round(mean, 3), *(round(x, 3) if math.isfinite(x) else None for x in (low, high))]
        rows.append(tuple(cells))
    at_low, at_high = bands["composition"][third - 1], bands["detail"][third - 1]
    low_passes, high_passes = value.lock_passes("low"), value.lock_passes("high")
    holds = wilson(sum(number <= third for number in low_passes), len(low_passes))
    own_passes, at_own = value.lock_passes("low", own=True), bands["own"][third - 1]
    findings = (
        Finding(
            f"pass {np.mean(low_passes):.0f} of {value.passes}",
            f"is where composition settles, at {LOCKED}: pass {spread(low_passes, 1)}; by pass {third}, a third of the "
            f"way, in {holds}. Detail settles at pass {spread(high_passes, 1)}.",
        ),
        Finding(
            f"{at_low.mean():.2f} against {value.words_alone:.2f}",
            f"a third of the way the guess is {spread(at_low)} like its final picture in composition. The finished "
            f"pictures of two different seeds are {value.words_alone:.2f} alike: so much the words alone decide.",
        ),
        Finding(
            f"pass {np.mean(own_passes):.0f} of {value.passes}",
            f"is where the seed's own composition settles, once what the seeds share is subtracted: pass "
            f"{spread(own_passes, 1)}. A third of the way its likeness is {spread(at_own)}.",
        ),
    )
    alt = (
        f"Over {len(value.finals)} seeds the guess of pass {third} of {value.passes} is {at_low.mean():.2f} like the "
        f"final picture in composition and {at_high.mean():.2f} in detail; composition settles at pass "
        f"{np.mean(low_passes):.1f}, detail at pass {np.mean(high_passes):.1f} on average."
    )
    columns: tuple[str, ...] = ("pass",)
    for name in ("composition", "the seed's own composition", "detail"):
        columns += (name, f"{name}, low", f"{name}, high")
    return Evidence(value, alt, Table(columns, tuple(rows)), source, findings)


def lock_truth(value: Lock) -> tuple[float, str]:
    settled = value.lock_passes("low")
    return float(np.mean(settled)) / value.passes, f"pass {spread(settled, 1)} of {value.passes}"

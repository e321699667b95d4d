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
from engines.statistics import mean_interval, more, spread, wilson
from lessons.noising.measures import guidance, snippet

LOCKED = 0.95
"""The likeness from which a band counts as settled."""


@dataclass(frozen=True, eq=False)
class Lock:
    """How early each pass's guess is like the final picture, over several seeds.

    measured: correlations [passes, seeds] of composition (low) and detail (high) with the final picture. own: the
    same of what is the seed's own, with the mean of the other seeds' finished pictures subtracted. others: the
    control, how like the finished pictures of two seeds are, with what seeds share [seeds], and without it.
    coarse, fine, guesses: uint8 [passes, H, W, 3] of the first seed. finals: uint8 [seeds, H, W, 3].
    """

    measured: picture_measures.Convergence
    own: picture_measures.Convergence
    others: tuple[np.ndarray, np.ndarray]
    guesses: np.ndarray
    coarse: np.ndarray
    fine: np.ndarray
    finals: np.ndarray

    @property
    def passes(self) -> int:
        return len(self.guesses)

    def lock_passes(self, band: str) -> list[int]:
        """For each seed the pass, counted from 1, from which its own ``band`` stays like its final picture's."""
        return [min(self.passes, self.own.lock_pass(row, LOCKED, band) + 1) for row in range(len(self.finals))]


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
        painter, began, seed, caption=caption, seeds=len(rows), **painter.pass_settings(steps),
        guidance_scale=guidance(painter, guidance_scale),
    )  # fmt: skip
    code = snippet(painter, caption, rows, steps, guidance_scale)
    yield replace(_lock_evidence(value, source), snippet=code, expected=value.finals)


def shared(finals: np.ndarray) -> np.ndarray:
    """What the other seeds' finished pictures have in common, for each seed: their mean, float32 [seeds, H, W, 3]."""
    wanted = finals.astype(np.float32)
    return (wanted.sum(axis=0) - wanted) / max(1, len(wanted) - 1)


def own_likeness(previews: np.ndarray, finals: np.ndarray) -> picture_measures.Convergence:
    """How like its end each guess [passes, seeds, H, W, 3] is, when what the seeds share is subtracted from both."""
    common = shared(finals)
    return picture_measures.convergence(previews - common, finals.astype(np.float32) - common)


def _lock(previews: np.ndarray, finals: np.ndarray) -> Lock:
    neighbours = np.roll(finals, 1, axis=0).astype(np.float32)
    with_shared = picture_measures.convergence(neighbours[None], finals).low[0]
    without = np.zeros(len(finals))
    if len(finals) > 2:  # the mean of those that are neither of the two
        common = (finals.astype(np.float32).sum(axis=0) - finals - neighbours) / (len(finals) - 2)
        without = picture_measures.convergence((neighbours - common)[None], finals - common).low[0]
    guesses = previews[:, 0]
    coarse = picture_measures.blur(guesses.astype(np.float32), guesses.shape[1] / 16)
    fine = (guesses - coarse + 128).round().clip(0, 255).astype(np.uint8)
    return Lock(
        picture_measures.convergence(previews, finals), own_likeness(previews, finals), (with_shared, without),
        guesses, coarse.round().clip(0, 255).astype(np.uint8), fine, finals,
    )  # fmt: skip


FIRST = {1: "Compared seed by seed, detail comes later.", 0: "Which of the two is first is not clear here.",
         -1: "Here detail comes first."}  # fmt: skip
"""What is said of detail after composition, by what the seeds decide in pairs."""


def _lock_evidence(value: Lock, source: Provenance) -> Evidence[Lock]:
    third = max(1, round(value.passes / 3))
    bands = {"own composition": value.own.low, "own detail": value.own.high, "with the shared": value.measured.low}
    rows = []
    for index in range(value.passes):
        cells: list[Any] = [index + 1]
        for band in bands.values():
            mean, low, high = mean_interval(list(band[index]))
            cells += [round(mean, 3), *(round(x, 3) if math.isfinite(x) else None for x in (low, high))]
        rows.append(tuple(cells))
    coarse, fine = value.lock_passes("low"), value.lock_passes("high")
    holds = wilson(sum(number <= third for number in coarse), len(coarse))
    at_own, at_detail, at_seen = (band[third - 1] for band in bands.values())
    with_shared, without = value.others
    reach = "so words alone decide it" if np.mean(without) >= LOCKED else f"so words alone do not reach {LOCKED}"
    beside = f" Another seed's finished picture is {spread(list(without))} like it, {reach}." if len(coarse) > 2 else ""
    looks = " and looks settled" if at_seen.mean() >= LOCKED else ""
    mostly = (
        "this likeness mostly shows what the words decide"
        if with_shared.mean() > at_seen.mean() / 2
        else "so most of this likeness is the seed's own"
    )
    findings = (
        Finding(
            f"pass {np.mean(coarse):.0f} of {value.passes}",
            f"is where the seed's own composition settles, at a likeness of {LOCKED}: pass {spread(coarse, 1)}. By "
            f"pass {third}, a third of the way, it has in {holds}; its likeness then is {spread(at_own)}.{beside}",
        ),
        Finding(
            f"pass {np.mean(fine):.0f} of {value.passes}",
            f"is where the seed's own detail settles: pass {spread(fine, 1)}. {FIRST[more(fine, coarse)]}",
        ),
        Finding(
            f"{at_seen.mean():.2f} against {with_shared.mean():.2f}",
            f"With what the seeds share left in, the guess a third of the way is {spread(at_seen)} like its end"
            f"{looks}. Another seed's finished picture is {spread(list(with_shared))} like that end: {mostly}.",
        ),
    )
    alt = (
        f"Over {len(value.finals)} seeds, with what they share subtracted, the guess of pass {third} of {value.passes} "
        f"is {at_own.mean():.2f} like its end in composition and {at_detail.mean():.2f} in detail; composition settles "
        f"at pass {np.mean(coarse):.1f}, detail at pass {np.mean(fine):.1f} on average."
    )
    columns: tuple[str, ...] = ("pass",)
    for name in ("own composition", "own detail", "composition, what is shared left in"):
        columns += (name, f"{name}, low", f"{name}, high")
    return Evidence(value, alt, Table(columns, tuple(rows)), source, findings)


def lock_truth(value: Lock) -> tuple[float, str]:
    settled = value.lock_passes("low")
    return float(np.mean(settled)) / value.passes, f"pass {spread(settled, 1)} of {value.passes}"

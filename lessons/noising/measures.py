"""Noising and denoising, measured: engine events in, Evidence out.

What the experiments share. Read them as the lesson goes: :mod:`ruin`, :mod:`strip`, :mod:`lock`, :mod:`turn`,
:mod:`clay` and :mod:`own`.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from engines.evidence import Finding
from engines.pictures import snippets as picture_snippets
from engines.pictures.diffusion import Painter, Plan
from engines.pictures.plan import Spacing
from engines.statistics import plural

FIRST = "owl-meadow"
CAT = "a cat on a green meadow"
ROCKET = "a rocket under a night sky"
HOUSE = "a house in the snow"
TREE = "a tree at sunset"
SHAPE, STEPS = "spiral", 2000
"""What the screens begin with; :mod:`lessons.noising.candidates` says why."""


def guidance(painter: Painter, scale: float | None) -> float:
    return painter.guidance_scale if scale is None else scale


def distance(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Root mean squared difference of two batches of pictures, [rows], on 0…1."""
    return np.sqrt(((a.astype(np.float32) - b.astype(np.float32)) ** 2).mean(axis=(1, 2, 3))) / 255


def snippet(
    painter: Painter,
    caption: str,
    seeds: tuple[int, ...],
    steps: int,
    guidance_scale: float | None,
    spacing: Spacing | None = None,
) -> str:
    scale = guidance(painter, guidance_scale)
    return picture_snippets.denoising(
        painter.source, caption, seeds=seeds, steps=steps, guidance_scale=scale, spacing=spacing
    )


def told_of_static(painter: Painter, asked: Sequence[int]) -> tuple[Finding, ...]:
    """Why runs are spaced from the end of the schedule, where the fewest of the ``asked`` passes need it."""
    few = min(asked)
    spacing = painter.spacing_for(few)
    if spacing is None:
        return ()
    usual, first = (painter.timesteps(Plan("", steps=few, spacing=one))[0] for one in (None, spacing))
    return (
        Finding(
            f"timestep {first:.0f}",
            f"is what the first pass is told here, since the canvas is all static. This painter's scheduler by itself "
            f"would tell it {usual:.0f} in a run of {plural(few, 'pass', 'passes')}, as if much were already cleaned, "
            "and the picture would be spoilt by that and not by the number of passes.",
        ),
    )

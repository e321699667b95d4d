"""Screen 2: every pass of a run, and what it changes."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from engines.evidence import Evidence, Finding, Provenance, Table
from engines.pictures import diffusion
from engines.pictures import measures as picture_measures
from engines.pictures.diffusion import Painter, Pass, Plan
from engines.statistics import percent
from lessons.noising.measures import guidance, snippet, told_of_static


@dataclass(frozen=True, eq=False)
class Moment:
    """One pass of a run, with the share of the latent's numbers and of the canvas's pixels it changed."""

    event: Pass
    numbers_changed: float
    pixels_changed: float | None


@dataclass(frozen=True, eq=False)
class StripRun:
    """A finished run: shares changed in each pass, and the picture uint8 [H, W, 3]."""

    numbers_changed: np.ndarray
    pixels_changed: np.ndarray
    picture: np.ndarray


def strip(
    painter: Painter, caption: str, seed: int = 0, steps: int | None = None, *, guidance_scale: float | None = None
) -> Iterator[Moment | Evidence[StripRun]]:
    """Paint with everything shown: one Moment a pass as it happens, then the Evidence of the whole run.

    So few passes that the scheduler would tell the first of a half-cleaned canvas are spaced from its end.
    ``pixels_changed`` of a moment says what the pass *before* it did to the canvas (its own effect is on the
    next canvas); a pixel has changed when any of its colours moved by at least 1 of 255.
    """
    began, steps = time.perf_counter(), painter.passes(steps)
    spacing = painter.spacing_for(steps)
    plan = Plan(
        caption, (seed,), steps=steps, spacing=spacing, guidance_scale=guidance_scale, previews=True, canvas=True
    )
    numbers: list[float] = []
    canvases: list[np.ndarray] = []
    for event in diffusion.denoise(painter, plan):
        assert event.canvas is not None
        numbers.append(float((event.latent != event.latent_before).mean()))
        canvases.append(event.canvas[0])
        changed = picture_measures.edits(np.stack(canvases[-2:])) if len(canvases) > 1 else [None]
        yield Moment(event, numbers[-1], changed[0])
    assert event.pictures is not None
    canvases.append(event.pictures[0])
    pixels = picture_measures.edits(np.stack(canvases))
    value = StripRun(np.array(numbers), pixels, event.pictures[0])
    shares = enumerate(zip(numbers, pixels, strict=True), start=1)
    rows = tuple((number, round(n, 4), round(float(p), 4)) for number, (n, p) in shares)
    count = event.latent[0].size
    findings = (
        Finding(
            percent(min(numbers)),
            f"of the latent's {count:,} numbers change in the quietest of the {len(numbers)} passes.",
        ),
        Finding(
            percent(np.median(pixels)),
            f"of the canvas's pixels change in a typical pass; in the quietest one it is {percent(pixels.min())}, in "
            f"the last {percent(pixels[-1])}.",
        ),
        Finding(f"{time.perf_counter() - began:.1f} s", f"for {len(numbers)} passes with every picture decoded."),
        *told_of_static(painter, (steps,)),
    )
    alt = (
        f"A film strip of {len(numbers)} passes for “{caption}”, from static to a finished picture. Every pass changes "
        f"at least {percent(min(numbers))} of the latent's numbers; the last pass changes {percent(pixels[-1])} of the "
        "pixels."
    )
    source = Provenance.live(
        painter,
        began,
        seed,
        caption=caption,
        **painter.pass_settings(steps),
        spacing=spacing,
        guidance_scale=guidance(painter, guidance_scale),
    )
    table = Table(("pass", "latent numbers changed", "pixels changed"), rows)
    code = snippet(painter, caption, (seed,), steps, guidance_scale, spacing)
    yield Evidence(value, alt, table, source, findings, code, value.picture)


def strip_truth(value: StripRun) -> tuple[float, str]:
    share = float(value.pixels_changed[-1])
    return share, f"{percent(share)} of the pixels changed in the last pass"

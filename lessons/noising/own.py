"""Screen 6: a denoiser trained on a drawing while the learner watches."""

from __future__ import annotations

import json
import math
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from engines.checks import check_number, seed_range
from engines.evidence import Evidence, Finding, PlainError, Provenance, Table
from engines.pictures.files import draw_text
from engines.statistics import Interval, percent, spread, wilson

if TYPE_CHECKING:
    from engines.pictures import points

PRESETS = ("spiral", "heart", "smile", "moons", "letter")
MAX_POINTS = 4000
ENOUGH = 600
"""Training steps below which even a simple drawing stays a cloud."""
PEN = 0.06
"""How near a sample must come to the drawing to have landed on it, in units of the drawing's spread."""


def drawing_from(text: str) -> np.ndarray:
    """The points [n, 2] of a drawing pad's JSON, ``[[x, y], …]`` with both in [−1, 1], y upwards."""
    try:
        drawing = np.array(json.loads(text or "[]"), dtype=np.float64)
    except (ValueError, TypeError, RecursionError, OverflowError) as error:
        raise PlainError("The drawing could not be read. Clear it and draw again.") from error
    if drawing.size == 0:
        raise PlainError("The pad is empty. Draw a shape, choose one, or write a letter.")
    if drawing.ndim != 2 or drawing.shape[1] != 2 or not np.isfinite(drawing).all() or np.abs(drawing).max() > 1.001:
        raise PlainError("A drawing is a list of [x, y] pairs between −1 and 1. Clear it and draw again.")
    if len(drawing) > MAX_POINTS:
        drawing = drawing[np.linspace(0, len(drawing) - 1, MAX_POINTS).astype(int)]
    if len(drawing) < 20 or drawing.std(axis=0).max() < 0.02:
        raise PlainError("That is too little to learn from. Draw a longer line.")
    return drawing


def drawing_to(drawing: np.ndarray) -> str:
    """A drawing as the pad's JSON."""
    return json.dumps(np.round(drawing, 3).tolist())


def preset(name: str, seed: int = 0) -> np.ndarray:
    """A ready shape [n, 2]."""
    if name not in PRESETS:
        raise PlainError(f"There is no shape called {name!r}. Choose one of: {', '.join(PRESETS)}.")
    from engines.pictures import points

    return points.sample_drawing(name, 1000, seed).clip(-1, 1)


def written(text: str, seed: int = 0) -> np.ndarray:
    """Points [n, 2] on a letter or a short word."""
    text = " ".join(text.split())
    if not 1 <= len(text) <= 5 or not text.isprintable():
        raise PlainError("Write one to five letters or figures.")
    ink = draw_text(text, 200 // (len(text) + 1), width=256, height=256)[..., 0] < 128
    rows, columns = np.nonzero(ink)
    if len(rows) < 20:
        raise PlainError("That leaves too little ink to learn from. Write a letter.")
    chosen = np.random.default_rng(seed).choice(len(rows), 1000)
    dots = np.stack([columns[chosen], -rows[chosen]], axis=1) + np.random.default_rng(seed + 1).random((1000, 2))
    dots = dots - (dots.max(axis=0) + dots.min(axis=0)) / 2
    return dots / np.abs(dots).max() * 0.9


def spread_of(drawing: np.ndarray) -> float:
    """How far points [n, 2] spread about their own centre, wherever that is: the measure of ``points.train``."""
    return math.sqrt(drawing.var(axis=0).mean())


def landed(samples: np.ndarray, drawing: np.ndarray) -> Interval:
    """How many samples lie within :data:`PEN` of some drawn point."""
    from engines.pictures import points

    near = points.nearest(samples, drawing) <= PEN * spread_of(drawing)
    return wilson(int(near.sum()), len(samples))


def gaussian_like(drawing: np.ndarray, count: int, seed: int) -> np.ndarray:
    """Pure noise [count, 2] of the drawing's own centre and spread: what an untrained guess amounts to."""
    return drawing.mean(axis=0) + spread_of(drawing) * np.random.default_rng(seed).standard_normal((count, 2))


@dataclass(frozen=True, eq=False)
class Own:
    """A denoiser in training or trained: losses by step, its samples [n, 2], and where noise stood before.

    ``flow`` holds positions [frames, n, 2], noise to drawing and on to noise again, with a label a frame;
    None while training. ``key`` tells one training from another.
    """

    drawing: np.ndarray
    losses: tuple[tuple[int, float], ...]
    distances: tuple[float, ...]
    samples: np.ndarray
    before: Interval
    after: Interval
    key: str
    flow: np.ndarray | None = None
    labels: tuple[str, ...] = ()

    @property
    def alt(self) -> str:
        return (
            f"After {self.losses[-1][0]:,} training steps the loss is {self.losses[-1][1]:.2f} and "
            f"{percent(self.after.rate)} of the denoised points lie on the drawing, against "
            f"{percent(self.before.rate)} of pure noise."
        )


def train_pad(pad: str, steps: int, seed: int) -> Iterator[Evidence[Own]]:
    """Train on what the drawing pad holds."""
    yield from train_own(drawing_from(pad), steps=steps, seed=seed)


def train_own(drawing: np.ndarray, *, seconds: float = 60, steps: int = 2000, seed: int = 0) -> Iterator[Evidence[Own]]:
    """Train a denoiser on the drawing for ``steps``; ``seconds`` only bound how long a busy machine may take.

    One Evidence a report, the last with the flow. Close it to stop.
    """
    from engines.pictures import points

    began = time.perf_counter()
    check_number("The number of training steps", steps, 20, 5000, whole=True)
    check_number("The seconds to train", seconds, 2, 60)
    seeds = seed_range(seed, 8)
    training = points.Training(steps, float(seconds), seed=seeds[0], report_every=max(1, steps // 30))
    key = f"{began}"
    before = landed(gaussian_like(drawing, 500, seed), drawing)
    losses: list[tuple[int, float]] = []
    distances: list[float] = []
    for event in points.train(drawing, training):
        losses.append((event.step, event.loss))
        distances.append(event.distance)
        after = landed(event.samples, drawing)
        value = Own(drawing, tuple(losses), tuple(distances), event.samples, before, after, key)
        yield _own_evidence(value, event.untrained_distance, began, seed)
    denoiser, untrained = event.denoiser, event.untrained_distance
    runs = [points.paint(denoiser, 400, seed=one).positions for one in seeds[:5]]
    scores = [points.chamfer_distance(run[-1], drawing) for run in runs]
    there = runs[0]
    ruined = points.ruin(denoiser, there[-1], passes=len(there) - 1, seed=seeds[7]).positions
    passes = len(there) - 1
    labels = ["pure noise", *(f"denoising, pass {i} of {passes}" for i in range(1, passes + 1))]
    labels += [f"ruined again, step {i} of {passes}" for i in range(1, passes + 1)]
    value = Own(
        drawing, tuple(losses), tuple(distances), there[-1], before,
        landed(np.concatenate([run[-1] for run in runs]), drawing), key,
        np.concatenate([there, ruined[1:]]), tuple(labels),
    )  # fmt: skip
    code = _code(drawing, training)
    yield replace(_own_evidence(value, untrained, began, seed, scores), snippet=code, expected=there[-1])


def _code(drawing: np.ndarray, training: points.Training) -> str:
    """The same training as code; the loop itself is the hundred lines of ``engines/pictures/points.py``."""
    thousandths = np.rint(1000 * np.asarray(drawing)).astype(int)
    written = f"np.array({thousandths.ravel().tolist()}).reshape(-1, 2) / 1000"  # as the pad gives them
    if (thousandths / 1000 != drawing).any():
        written = f"np.array({np.asarray(drawing).tolist()})"
    return f"""import numpy as np
from engines.pictures import points  # the whole method: the training loop and the way back from noise

drawing = {written}
settings = points.Training(
    steps={training.steps}, seconds={training.seconds}, seed={training.seed}, report_every={training.report_every}
)
*_, trained = points.train(drawing, settings)
result = points.paint(trained.denoiser, 400, seed={training.seed}).positions[-1]
"""


def _own_evidence(value: Own, untrained: float, began: float, seed: int, scores: Sequence[float] = ()) -> Evidence[Own]:
    steps = value.losses[-1][0]
    distance = float(np.mean(scores)) if scores else value.distances[-1]
    first, last = value.losses[0][1], value.losses[-1][1]
    how = f"{spread(scores, 3)} over {len(scores)} sets of noise" if scores else f"{distance:.3f}"
    findings = (
        Finding(
            f"{percent(value.after.rate)} landed",
            f"of the denoised points lie on your drawing: {value.after}. Of pure noise it was "
            f"{percent(value.before.rate)}.",
        ),
        Finding(
            f"{untrained:.2f} → {distance:.2f}",
            f"distance to the drawing, point to nearest point, in units of its spread: pure noise before, {how} now.",
        ),
        Finding(
            f"loss {last:.2f}",
            f"after {steps:,} training steps; it began at {first:.2f}, and always answering “no noise” scores 1."
            + (" That is few steps; give it more." if steps < ENOUGH else ""),
        ),
    )  # fmt: skip
    reports = zip(value.losses, value.distances, strict=True)
    rows = tuple((step, round(loss, 4), round(gap, 4)) for (step, loss), gap in reports)
    source = Provenance(
        "live", "2-D denoiser, trained for this run", "", {"points": len(value.drawing), "steps": steps}, seed,
        time.perf_counter() - began,
    )  # fmt: skip
    return Evidence(value, value.alt, Table(("step", "loss", "distance, one set of noise"), rows), source, findings)


def own_truth(value: Own) -> tuple[float, str]:
    return 100 * value.after.rate, f"{value.after} landed on the drawing"

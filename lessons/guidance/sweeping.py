"""Screens 4 and 6: the guidance scale, from nothing to far too much, and what it shares with temperature."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from engines.checks import check_number, seed_range
from engines.evidence import Evidence, Finding, PlainError, Provenance, Table, Underway
from engines.pictures import measures as picture_measures
from engines.pictures import snippets as picture_snippets
from engines.pictures.diffusion import Painter, Plan
from engines.pictures.plan import MAX_GUIDANCE, MAX_ROWS
from engines.statistics import Mean, cells, mean_interval, more, share, words
from lessons.guidance.experiments import (
    Alignment,
    alignment,
    apart,
    listed,
    need_caption,
    need_two_branches,
    not_scored,
)
from lessons.shell.painting import painting

SCALES = (0.0, 1.0, 2.0, 4.0, 8.0, 12.0, 20.0)
USUAL, MUCH = 4.0, 20.0


@dataclass(frozen=True, eq=False)
class Sweep:
    """Pictures uint8 [seeds, scales, H, W, 3] and what is measured on each, [seeds, scales].

    ``alignment`` is None where it cannot be measured; ``why`` then says why. ``wishes``: what it looks for;
    ``unscored``: what the caption asks for beside that.
    """

    caption: str
    scales: tuple[float, ...]
    pictures: np.ndarray
    saturation: np.ndarray
    clipped: np.ndarray
    alignment: np.ndarray | None
    wishes: tuple[str, ...]
    why: str
    unscored: tuple[str, ...] = ()

    def at(self, scale: float) -> int:
        """The column of the swept scale nearest to ``scale``."""
        return min(range(len(self.scales)), key=lambda i: abs(self.scales[i] - scale))

    def diversity(self) -> list[Mean]:
        """For each scale, how far apart the seeds' pictures are: mean over pairs, with an interval over seeds."""
        columns = []
        for column in range(len(self.scales)):
            pairs = picture_measures.pairwise_differences(self.pictures[:, column])
            others = max(1, len(pairs) - 1)
            columns.append(share(pairs.sum(axis=1) / others))
        return columns


def check_scales(scales: Sequence[float]) -> tuple[float, ...]:
    """The scales in rising order, each once; PlainError unless there are 2 to 16 of them, from 0 to 30."""
    if not isinstance(scales, list | tuple | np.ndarray):
        raise PlainError(f"Give the guidance scales as a list of 2 to {MAX_ROWS} numbers.")
    for scale in scales:
        check_number("A guidance scale", scale, 0, MAX_GUIDANCE)
    kept = tuple(sorted({float(scale) for scale in scales}))
    if not 2 <= len(kept) <= MAX_ROWS:
        raise PlainError(f"Give 2 to {MAX_ROWS} different guidance scales.")
    return kept


def sweep(
    painter: Painter,
    caption: str,
    *,
    scales: Sequence[float] = SCALES,
    seed: int = 7,
    seeds: int = 8,
    steps: int | None = None,
) -> Iterator[Underway | Evidence[Sweep]]:
    """Paint every scale from the same noise, seed after seed; one Evidence a seed, each over one more."""
    began, steps = time.perf_counter(), painter.passes(steps)
    need_two_branches(painter)
    caption, scales = need_caption(caption), check_scales(scales)
    rows = seed_range(seed, seeds)
    measure = alignment(caption, painter)
    pictures, aligned, measured = [], [], []
    for count, one in enumerate(rows, start=1):
        plan = Plan(caption, (one,), steps=steps, guidance_scale=scales)
        painted = yield from painting(painter, plan, f"Seed {count} of {len(rows)}, {len(scales)} scales at once")
        pictures.append(painted)
        measured.append([picture_measures.overcooking(picture) for picture in painted])
        if isinstance(measure, Alignment):
            aligned.append(measure.of(painted))
        value = Sweep(
            caption, scales, np.stack(pictures),
            np.array([[each.saturation for each in row] for row in measured]),
            np.array([[each.clipped for each in row] for row in measured]),
            np.stack(aligned) if aligned else None,
            measure.wishes if isinstance(measure, Alignment) else (),
            measure if isinstance(measure, str) else "",
            measure.unscored if isinstance(measure, Alignment) else (),
        )  # fmt: skip
        yield _evidence(painter, value, rows[:count], steps, began)


def _evidence(painter: Painter, value: Sweep, seeds: tuple[int, ...], steps: int, began: float) -> Evidence[Sweep]:
    usual, much = value.at(USUAL), value.at(MUCH)
    rows = []
    for i, scale in enumerate(value.scales):
        aligned = cells(share(value.alignment[:, i])) if value.alignment is not None else (None,) * 3
        measured = *cells(share(value.saturation[:, i])), *cells(share(value.clipped[:, i]))
        rows.append((scale, *aligned, *measured))
    clipped = [share(value.clipped[:, i]) for i in (usual, much)]
    colour = [share(value.saturation[:, i]) for i in (usual, much)]
    span = f"from guidance {value.scales[usual]:g} to {value.scales[much]:g}"
    findings = [
        Finding(
            f"{clipped[0][0]:.1%} → {clipped[1][0]:.1%}",
            f"of all colour values are clipped (exactly 0 or 255), {span}: {words(clipped[0], 1, True)}, then "
            f"{words(clipped[1], 1, True)}.",
        ),
        Finding(
            f"{colour[0][0]:.2f} → {colour[1][0]:.2f}",
            f"is the mean saturation, {span}: {words(colour[0])}, then {words(colour[1])}.",
        ),
    ]
    followed = "How well the caption is followed was not measured."
    if value.alignment is not None:
        means = value.alignment.mean(axis=0)
        best = int(means.argmax())
        findings.insert(0, Finding(
            f"guidance {value.scales[best]:g}",
            f"is where the judge is surest of {listed(value.wishes)}: {words(share(value.alignment[:, best]))}; at "
            f"{value.scales[much]:g} it is {words(share(value.alignment[:, much]))}.{not_scored(value.unscored)}",
        ))  # fmt: skip
        followed = "The judge's certainty of what the caption asks for is " + ", ".join(
            f"{certain:.2f} at {scale:g}" for scale, certain in zip(value.scales, means, strict=True)
        ) + "."  # fmt: skip
    else:
        findings.append(Finding("not measured", value.why))
    alt = (
        f"“{value.caption}” at guidance {', '.join(f'{scale:g}' for scale in value.scales)}, {len(seeds)} seeds. "
        f"{followed} Clipped colour values go from {clipped[0][0]:.1%} at {value.scales[usual]:g} to "
        f"{clipped[1][0]:.1%} at {value.scales[much]:g}, saturation from {colour[0][0]:.2f} to {colour[1][0]:.2f}."
    )
    source = Provenance.live(
        painter, began, seeds[0], caption=value.caption, seeds=len(seeds), passes=steps,
        guidance=", ".join(f"{scale:g}" for scale in value.scales),
    )  # fmt: skip
    columns = (
        "guidance scale", "judge's certainty", "low", "high", "saturation", "low", "high", "clipped share", "low",
        "high",
    )  # fmt: skip
    plain = [i for i, scale in enumerate(value.scales) if scale >= 1]
    code = picture_snippets.guidance_sweep(
        painter.source, value.caption, seed=seeds[0], steps=steps, scales=[value.scales[i] for i in plain]
    )
    expected = {value.scales[i]: value.pictures[0, i] for i in plain}
    return Evidence(value, alt, Table(columns, tuple(rows)), source, tuple(findings), code, expected)


def sweep_truth(value: Sweep) -> tuple[int, str] | None:
    """What turning up from the usual scale to the largest bought; None where alignment is not measured."""
    if value.alignment is None:
        return None
    usual, much = value.at(USUAL), value.at(MUCH)
    closer = more(value.alignment[:, much], value.alignment[:, usual]) > 0
    harsher = more(value.clipped[:, much], value.clipped[:, usual]) > 0 or (
        more(value.saturation[:, much], value.saturation[:, usual]) > 0
    )
    moved = [
        mean_interval(kind[:, much] - kind[:, usual]) for kind in (value.alignment, value.clipped, value.saturation)
    ]
    said = "; ".join(
        f"{name} by {words(change)}"
        for name, change in zip(("certainty moved", "clipped share", "saturation"), moved, strict=True)
    )
    return {(True, False): 0, (True, True): 1, (False, True): 2, (False, False): 3}[closer, harsher], said


# --- temperature ------------------------------------------------------------------------------------------


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
    def left(self) -> float:
        """How much of the difference between seeds at the lowest scale is left at the highest."""
        return float(self.spread[-1].mean() / self.spread[0].mean())


def dice(
    painter: Painter,
    caption: str,
    *,
    scales: Sequence[float] = (1.0, 4.0, 12.0),
    seed: int = 7,
    seeds: int = 6,
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
    spreads = [share(row) for row in value.spread]
    rows = tuple(
        (scale, *cells(spread), float(again))
        for scale, spread, again in zip(value.scales, spreads, value.again, strict=True)
    )
    findings = [
        Finding(
            "no difference" if value.again.max() == 0 else f"{value.again.max():.2%}",
            "between a picture and the same picture painted again, at every scale. No dice are thrown on the way.",
        ),
    ]
    if len(value.scales) > 1:
        left = Finding(
            f"{value.left:.0%}",
            f"of the difference between seeds at guidance {value.scales[0]:g} is left at {value.scales[-1]:g}. "
            "At temperature 0 nothing would be left: every seed writes the same text.",
        )
        findings.insert(0, left)
    alt = f"How far apart the pictures of {len(seeds)} seeds are on average: " + "; ".join(
        f"{words(spread, 1, True)} at guidance {scale:g}" for scale, spread in zip(value.scales, spreads, strict=True)
    )
    source = Provenance.live(
        painter, began, seeds[0], caption=value.caption, seeds=len(seeds), passes=steps,
        guidance=", ".join(f"{scale:g}" for scale in value.scales),
    )  # fmt: skip
    code = picture_snippets.denoising(
        painter.source, value.caption, seeds=seeds, steps=steps, guidance_scale=value.scales[-1]
    )
    table = Table(("guidance scale", "distance between seeds", "low", "high", "painted again"), rows)
    return Evidence(value, alt + ".", table, source, tuple(findings), code, value.pictures[-1])


def dice_truth(value: Dice) -> tuple[int, str]:
    left = value.left
    choice = 0 if left < 0.05 else 1 if left < 0.6 else 2
    return choice, f"{left:.0%} of the difference is left"
